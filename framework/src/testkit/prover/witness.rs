//! A hook by which a handler under test tells what it has understood, and not only what it answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Notes what a handler under test has understood, so that a proof compares that too.
///
/// A handler that stores what it is sent, and answers little, can go wrong without a byte of its output telling. Give
/// such a handler a clone of a witness, and let it note each message.
///
/// ```
/// use socketserver::testkit::prover::{Prover, Witness};
/// use socketserver::testkit::script::Script;
/// use socketserver::{Framed, HandlerError, Lines, Replies};
///
/// let witness = Witness::new();
/// let noting = witness.clone();
/// let script = Script::parse(r#"send "one\ntwo\n""#)?;
/// let proof = Prover::new(script).witness(&witness).prove(move |_peer| {
///     let witness = noting.clone();
///     Framed::new(Lines::default(), move |line: &[u8], _: &mut Replies<'_>| -> Result<(), HandlerError> {
///         witness.note(String::from_utf8_lossy(line));
///         Ok(())
///     })
/// });
/// assert!(proof.is_ok());
/// # Ok::<(), socketserver::testkit::script::ScriptError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Witness {
    events: Arc<Mutex<Vec<String>>>,
}

impl Witness {
    /// A witness that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes something, in the order in which it happens.
    pub fn note(&self, event: impl Into<String>) {
        self.lock().push(event.into());
    }

    /// Everything that was noted since the last time this was asked.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
