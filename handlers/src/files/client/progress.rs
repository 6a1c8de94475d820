//! Who is told how far a transfer is.

/// Somebody who is told how far a transfer is. The client calls, on its own thread, and goes on once the call returns; `()` listens to nothing.
pub trait Progress {
    /// The transfer of a file begins: its bytes, and how many of them are there from before.
    ///
    /// Called at most once for a file; never for one that is refused.
    fn begin(&mut self, name: &str, total: u64, resumed_at: u64) {
        let _ = (name, total, resumed_at);
    }

    /// So many more bytes have been sent or received, about 256 KiB at a time.
    fn advance(&mut self, bytes: u64) {
        let _ = bytes;
    }

    /// The transfer is over, well or not. Called once for each file, also for one that never began.
    fn end(&mut self) {}
}

impl Progress for () {}
