//! How a blocking handler ends, and what that means for its connection.

use std::any::Any;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::{Buffers, Stream};
use crate::{BlockingHandler, CloseReason, Conn, HandlerError};

/// How a blocking handler ended.
pub(crate) enum Outcome {
    /// It has returned.
    Returned,
    /// It has passed on an error that stands for this.
    Verdict(CloseReason),
    Failed(HandlerError),
    Panicked(Box<dyn Any + Send>),
}

/// What unwinds the stack of a handler that does not end by itself.
pub(super) struct Unwound;

impl Outcome {
    /// Ends the connection accordingly, after sending what was written.
    pub(crate) fn apply(
        self,
        output: &mut Vec<u8>,
        conn: &mut Conn<'_>,
    ) -> Result<(), HandlerError> {
        conn.write_buffer(output);
        match self {
            Self::Returned => conn.close(),
            Self::Verdict(reason) => conn.close_because(reason),
            Self::Failed(error) => return Err(error),
            Self::Panicked(panic) => resume_unwind(panic),
        }
        Ok(())
    }
}

impl Stream<'_> {
    /// Runs a handler to its end. What it has written last is in the buffers.
    pub(crate) fn run(mut self, mut handler: Box<dyn BlockingHandler>) -> (Outcome, Box<Buffers>) {
        let stream = &mut self;
        let result = catch_unwind(AssertUnwindSafe(move || {
            let result = handler.handle(stream);
            // Dropped here, so that a panic in `Drop` is contained too.
            drop(handler);
            result
        }));
        let outcome = match result {
            Ok(Ok(())) => Outcome::Returned,
            Ok(Err(error)) => self.judge(error),
            Err(panic) if panic.is::<Unwound>() => Outcome::Returned,
            Err(panic) => Outcome::Panicked(panic),
        };
        (outcome, self.buffers.give())
    }

    /// What an error that the handler has returned stands for: a fault of the peer that the stream itself has met, or a failure of the handler.
    fn judge(&mut self, error: HandlerError) -> Outcome {
        let kind = error
            .inner()
            .downcast_ref::<io::Error>()
            .map(io::Error::kind);
        match (kind, self.verdict.take()) {
            // The peer has hung up amid a message, which is its right.
            (Some(ErrorKind::UnexpectedEof), _) if self.ended => Outcome::Returned,
            (Some(kind), Some((same, reason))) if kind == same => Outcome::Verdict(reason),
            _ => Outcome::Failed(error),
        }
    }
}
