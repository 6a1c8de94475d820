//! A connected stream socket, TCP or Unix.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown};
use socket2::SockRef;

use super::{Address, Link};

/// The most bytes that the portable twin of `sendfile` moves at once.
#[cfg(not(target_os = "linux"))]
const COPY_BYTES_MAX: usize = 64 * 1024;

/// A connected stream socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
}

impl Socket {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// Reads what is there, and never waits.
    pub(crate) fn receive_now(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.receive_with(buffer, RecvFlags::DONTWAIT)
    }

    fn receive_with(&self, buffer: &mut [u8], flags: RecvFlags) -> Result<usize, Errno> {
        loop {
            match rustix::net::recv(&self.fd, &mut *buffer, flags) {
                Ok((_, count)) => return Ok(count),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes a thread that waits in a read see an end.
    pub(crate) fn interrupt_read(&self) {
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Read);
    }

    /// Makes every waiting call on this socket return, in any thread.
    pub(crate) fn cut(&self) {
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Both);
    }

    pub(crate) fn set_nonblocking(&self) -> io::Result<()> {
        SockRef::from(&self.fd).set_nonblocking(true)
    }

    /// Limits how long one blocking read or write waits; `None` means for ever.
    pub(crate) fn set_timeouts(
        &self,
        read: Option<Duration>,
        write: Option<Duration>,
    ) -> io::Result<()> {
        SockRef::from(&self.fd).set_read_timeout(read)?;
        SockRef::from(&self.fd).set_write_timeout(write)
    }

    /// Linux: the kernel moves the pages itself.
    #[cfg(target_os = "linux")]
    fn send_file_part(&self, file: &File, mut offset: u64, count: u64) -> io::Result<usize> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(rustix::io::retry_on_intr(|| {
            rustix::fs::sendfile(&self.fd, file, Some(&mut offset), count)
        })?)
    }

    /// Elsewhere: a copy through a small buffer.
    #[cfg(not(target_os = "linux"))]
    fn send_file_part(&self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let count = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(COPY_BYTES_MAX);
        let mut buffer = vec![0; count];
        let read = file.read_at(&mut buffer, offset)?;
        if read == 0 {
            Ok(0)
        } else {
            self.send_bytes(&buffer[..read])
        }
    }

    fn send_bytes(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| {
            rustix::net::send(&self.fd, bytes, NO_SIGNAL)
        })?)
    }
}

/// Sending to a peer that is gone is an error to look at, never a signal that ends the process.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
/// Apple's systems say this per socket, not per call: see `Listener::accept`.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

impl Link for Socket {
    fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.receive_with(buffer, RecvFlags::empty())
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send_bytes(bytes)
    }

    fn send_gathered(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut nothing = SendAncillaryBuffer::default();
        Ok(rustix::io::retry_on_intr(|| {
            rustix::net::sendmsg(&self.fd, pieces, &mut nothing, NO_SIGNAL)
        })?)
    }

    fn send_file(&self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        self.send_file_part(file, offset, count)
    }

    fn shutdown_write(&self) {
        // An error means that the connection is gone already, which the next read tells better.
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Write);
    }

    fn reset_on_close(&self) {
        // Unix sockets have no reset: their peer sees an end.
        let _ = SockRef::from(&self.fd).set_linger(Some(Duration::ZERO));
    }

    fn take_error(&self) -> Option<io::Error> {
        SockRef::from(&self.fd).take_error().unwrap_or_else(Some)
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::from_any(Some(rustix::net::getsockname(&self.fd)?)))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
