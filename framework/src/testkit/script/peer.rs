//! What a script needs of a connection.

use std::io;
use std::time::Duration;

/// One end of a connection, to which a script can be played: a real socket, or a model of one.
///
/// A script calls these methods one after the other and never from two threads. How time passes is the peer's
/// matter: over a real socket a call waits, and a model may only pretend.
pub trait Peer {
    /// The time, counted from any beginning that stays the same.
    fn now(&self) -> Duration;

    /// Sends some of the bytes, and says how many: at least one, or none when there is something to receive first.
    ///
    /// The other side may take nothing more before its own output is read. So a call that can send nothing returns zero as
    /// soon as there is something to receive.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) when neither was possible for as long as `patience`;
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) or [`ConnectionReset`](io::ErrorKind::ConnectionReset) when the other side is gone.
    fn send(&mut self, bytes: &[u8], patience: Duration) -> io::Result<usize>;

    /// Receives what has come, as much as fits into the buffer, and says how much that was: zero at the end of the stream.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](io::ErrorKind::TimedOut) when nothing came for as long as `patience`;
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset) when the other side has reset the connection.
    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<usize>;

    /// Sends the end of this side; the other one may still send.
    fn half_close(&mut self) -> io::Result<()>;

    /// Leaves at once, so that the other side sees a reset, where the transport has one. Nothing is sent or received after it.
    fn reset(&mut self) -> io::Result<()>;

    /// Lets time pass.
    fn wait(&mut self, time: Duration);
}
