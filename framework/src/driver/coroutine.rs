//! Blocking handlers on a reactor: each in a coroutine of its own, which is suspended while its stream waits.
//!
//! To its session a coroutine is a [`Handler`] like any other: every callback that ends a wait resumes it. It goes to and fro between the
//! loop and the handler with the buffers in hand, by value, so that a suspended handler owns none, and that everything it does own
//! is on its stack and is dropped with it. It never leaves the thread on which it began.

mod stacks;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use corosensei::{CoroutineResult, Yielder};
use fragile::Fragile;

pub(crate) use self::stacks::Stacks;
use crate::stream::{Buffers, Facts, Held, Line, Outcome, Over, Stream, Wait, Waiter, Wake};
use crate::{BlockingHandler, CloseReason, Conn, Handler, HandlerError, Input};

type Routine = corosensei::Coroutine<Given, Taken, Returned>;

/// What a coroutine is given when it is resumed.
struct Given {
    wake: Wake,
    /// With the input that has come.
    buffers: Box<Buffers>,
}

/// What a coroutine hands over when it is suspended.
struct Taken {
    wait: Wait,
    /// With the output that was written.
    buffers: Box<Buffers>,
}

/// What a coroutine leaves when it has ended.
struct Returned {
    outcome: Outcome,
    buffers: Box<Buffers>,
}

/// A blocking handler as its session sees it.
pub(crate) struct Suspended {
    state: State,
    waiter: Waiter,
    stacks: Arc<Stacks>,
}

enum State {
    New(Box<dyn BlockingHandler>),
    Begun(Fragile<Routine>),
    Over,
}

impl Suspended {
    pub(crate) fn new(handler: Box<dyn BlockingHandler>, stacks: &Arc<Stacks>) -> Self {
        Self {
            state: State::New(handler),
            waiter: Waiter::default(),
            stacks: stacks.clone(),
        }
    }

    /// Resumes the handler if its wait is over, with input if some has come.
    #[inline]
    fn go_on(
        &mut self,
        wake: Option<Wake>,
        input: &[u8],
        conn: &mut Conn<'_>,
    ) -> Result<(), HandlerError> {
        let (Some(mut wake), State::Begun(routine)) = (wake, &mut self.state) else {
            return Ok(());
        };
        let routine = routine.get_mut();
        let mut buffers = conn.lend_buffers();
        buffers.input.extend_from_slice(input);
        buffers.stopping = conn.is_stopping();
        loop {
            match routine.resume(Given { wake, buffers }) {
                CoroutineResult::Yield(mut taken) => {
                    let output = &mut taken.buffers.output;
                    let Some(next) = self.waiter.begin(taken.wait, output, conn) else {
                        conn.take_back_buffers(taken.buffers);
                        return Ok(());
                    };
                    (wake, buffers) = (next, taken.buffers);
                }
                CoroutineResult::Return(mut returned) => {
                    self.end();
                    let output = &mut returned.buffers.output;
                    let result = returned.outcome.apply(output, conn);
                    conn.take_back_buffers(returned.buffers);
                    return result;
                }
            }
        }
    }

    /// Gives the stack back; a handler that is still suspended is unwound.
    fn end(&mut self) {
        if let State::Begun(routine) = std::mem::replace(&mut self.state, State::Over) {
            let mut routine = routine.into_inner();
            routine.force_unwind();
            self.stacks.take_back(routine.into_stack());
        }
    }
}

impl Handler for Suspended {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let stack = self.stacks.lend()?;
        let State::New(handler) = std::mem::replace(&mut self.state, State::Over) else {
            return Ok(());
        };
        let facts = Facts::of(conn);
        let routine = Routine::with_stack(stack, move |yielder, given| {
            let mut line = Suspending {
                yielder: Fragile::new(yielder),
                spare: Vec::new(),
            };
            let (outcome, buffers) = Stream::new(&mut line, facts, given.buffers).run(handler);
            Returned { outcome, buffers }
        });
        self.state = State::Begun(Fragile::new(routine));
        self.go_on(Some(Wake::Ready), &[], conn)
    }

    #[inline]
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.received();
        self.go_on(Some(wake), input.take_all(), conn)
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.ended();
        self.go_on(Some(wake), input.take_all(), conn)
    }

    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.drained();
        self.go_on(wake, &[], conn)
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.timer(timer, conn);
        self.go_on(wake, &[], conn)
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.woken();
        self.go_on(wake, &[], conn)
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        let wake = self.waiter.stopping(conn);
        self.go_on(wake, &[], conn)
    }

    /// A handler that still waits sees an error in its call, and ends by itself; its connection is gone.
    fn closed(&mut self, reason: &CloseReason) {
        if let State::Begun(routine) = &mut self.state {
            let given = Given {
                wake: Wake::Over(Box::new(Over {
                    reason: reason.clone(),
                    os_error: None,
                })),
                buffers: Box::default(),
            };
            let result = routine.get_mut().resume(given);
            self.end();
            if let CoroutineResult::Return(Returned {
                outcome: Outcome::Panicked(panic),
                ..
            }) = result
            {
                resume_unwind(panic);
            }
        }
    }
}

/// The handler's end of a coroutine.
struct Suspending<'a> {
    yielder: Fragile<&'a Yielder<Given, Taken>>,
    /// What the loop's buffers get instead of input that was not read, as long as some is left at each wait.
    spare: Vec<u8>,
}

/// Input that a handler has not read when it waits.
struct Unread {
    input: Vec<u8>,
    start: usize,
}

impl Suspending<'_> {
    /// Leaves buffers without input; what was not read stays with the handler.
    #[inline]
    fn keep_unread(&mut self, buffers: &mut Buffers) -> Option<Unread> {
        let start = std::mem::take(&mut buffers.start);
        if start < buffers.input.len() {
            let input = std::mem::replace(&mut buffers.input, std::mem::take(&mut self.spare));
            return Some(Unread { input, start });
        }
        buffers.input.clear();
        if self.spare.capacity() > 0 {
            self.spare = Vec::new();
        }
        None
    }

    /// Puts what was not read before what has come.
    #[cold]
    fn add_behind(&mut self, left: Unread, buffers: &mut Buffers) {
        let mut new = std::mem::replace(&mut buffers.input, left.input);
        buffers.start = left.start;
        buffers.append(&new);
        new.clear();
        self.spare = new;
    }
}

/// Buffers that are there again however a wait ends: a handler that is unwound from it may have destructors that write.
struct Refilled<'a>(&'a mut Held);

impl Drop for Refilled<'_> {
    fn drop(&mut self) {
        self.0.refill();
    }
}

impl Line for Suspending<'_> {
    fn wait(&mut self, wait: Wait, held: &mut Held) -> Wake {
        if thread::panicking() {
            // Who is suspended while unwinding would make the whole thread look as if it were.
            return Wake::Unwinding;
        }
        let held = Refilled(held);
        let mut buffers = held.0.give();
        let left = self.keep_unread(&mut buffers);
        let mut given = self.yielder.get().suspend(Taken { wait, buffers });
        if let Some(left) = left {
            self.add_behind(left, &mut given.buffers);
        }
        held.0.take_back(given.buffers);
        given.wake
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::conn::ConnectionId;
    use crate::mail::Place;
    use crate::net::Address;
    use crate::server::Shared;
    use crate::session::{Core, Session, Turn};
    use crate::{Config, Stream};

    /// Writes when it is dropped, as a lock that says goodbye would.
    struct Farewell<'a, 'b>(&'a mut Stream<'b>);

    impl Drop for Farewell<'_, '_> {
        fn drop(&mut self) {
            // The connection is gone, or about to go: there is nobody to tell.
            let _ = self.0.write_all(b"bye");
            let _ = self.0.flush();
        }
    }

    #[test]
    fn a_handler_that_is_unwound_from_a_wait_may_have_destructors_that_write() {
        let shared = Shared::new(Config::default(), vec![Address::UnixUnnamed], None);
        let mut turn = Turn::new(Place::new(), shared);
        let stacks = Arc::new(Stacks::new(64 * 1024));
        let handler = |stream: &mut Stream<'_>| -> Result<(), HandlerError> {
            let farewell = Farewell(stream);
            farewell.0.sleep(std::time::Duration::from_secs(1))?;
            Ok(())
        };
        let handler: Box<dyn Handler> = Box::new(Suspended::new(Box::new(handler), &stacks));
        let core = Core::new(ConnectionId(1), 0, Address::UnixUnnamed, 0, &turn);
        let mut session = Session::new(handler, core);
        session.open(&mut turn);
        // Dropped without having been closed, as only a loop that is lost does.
        drop(session);
    }
}
