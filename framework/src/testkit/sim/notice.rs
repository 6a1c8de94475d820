//! What the simulated system reports of a socket.

use crate::driver::Readiness;

/// An event of the simulated network.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each reported by itself"
)]
pub(super) struct Notice {
    pub(super) token: usize,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) hung_up: bool,
    pub(super) failed: bool,
}

impl Readiness for Notice {
    fn token(self) -> usize {
        self.token
    }

    fn is_readable(self) -> bool {
        self.readable
    }

    fn is_writable(self) -> bool {
        self.writable
    }

    fn is_read_closed(self) -> bool {
        self.hung_up
    }

    fn is_error(self) -> bool {
        self.failed
    }
}
