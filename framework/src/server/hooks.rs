//! The hooks that Python's `socketserver` has beside the handler.

use crate::CloseReason;
use crate::net::Address;

/// What a server asks and tells besides its handlers, each with the name and the place it has in Python.
///
/// All have defaults. A hook that panics is contained and logged: it cannot end the server.
pub trait Hooks: Send + Sync {
    /// Whether a connection from this peer is served at all (`verify_request`). False closes it before a handler is made.
    ///
    /// It is called by the thread that accepts, so that it must be quick. A panic refuses the connection.
    fn verify(&self, peer: &Address) -> bool {
        let _ = peer;
        true
    }

    /// A connection ended for a reason that is a fault on this side; see [`CloseReason::is_error`]. The default logs it.
    ///
    /// It is called once per such connection, by the thread that ran the handler.
    fn handle_error(&self, peer: &Address, reason: &CloseReason) {
        log::error!("{peer}: {reason}");
    }

    /// Called after every turn of an accepting thread or event loop, for small chores (`service_actions`).
    ///
    /// A server without work has no turns: nothing polls.
    fn service_actions(&self) {}

    /// [`handle_request`](crate::StreamServer::handle_request) waited for its whole time in vain.
    fn handle_timeout(&self) {}
}

/// The defaults alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NoHooks;

impl Hooks for NoHooks {}
