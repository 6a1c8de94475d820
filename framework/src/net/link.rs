//! What drivers need of a connected stream and of a place where connections arrive, so that a network in memory can stand in for both.

use std::fs::File;
use std::io::{self, IoSlice};

use rustix::io::Errno;

use super::{Address, NewSockets};

/// A connected stream. Dropping it closes it.
pub(crate) trait Link {
    /// Reads what is there. Whether it waits for something depends on the socket: non-blocking ones never do.
    fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno>;

    /// Sends what there is room for. A peer that is gone is an error to look at, never a signal that ends the process.
    fn send(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends what there is room for, from several pieces.
    fn send_gathered(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Sends a part of a file; zero means that the file ends before `offset`.
    fn send_file(&self, file: &File, offset: u64, count: u64) -> io::Result<usize>;

    /// Sends the end of our stream; the peer may still send.
    fn shutdown_write(&self);

    /// Makes the close that follows a reset instead of an end, so that the peer knows that something is missing.
    fn reset_on_close(&self);

    /// The error that has come since the last one was asked for.
    fn take_error(&self) -> Option<io::Error>;

    /// Where the connection arrived.
    fn local_address(&self) -> io::Result<Address>;
}

/// Where connections arrive.
pub(crate) trait Port {
    type Link: Link;

    /// Where it listens, with the real port.
    fn address(&self) -> &Address;

    /// Takes the next connection. It never waits.
    fn accept(&self, sockets: NewSockets) -> Result<(Self::Link, Address), Errno>;

    /// Whether accepted sockets have the limits on their waiting already.
    fn bequeaths_timeouts(&self) -> bool;
}
