//! How a stream is written: bytes, files, messages, and the end.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;

use super::{Stream, Wait};

impl Write for Stream<'_> {
    /// Takes bytes to be sent when the stream next waits. It waits itself only when
    /// [`Config::output_high`](crate::Config::output_high) bytes are there already.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check_writable()?;
        let max = self.facts.output_bytes_max;
        if self.buffers.output.len() >= max {
            self.flush()?;
        }
        let output = &mut self.buffers.output;
        let count = bytes.len().min(max - output.len());
        output.extend_from_slice(&bytes[..count]);
        self.unanswered = false;
        self.refusals = 0;
        Ok(count)
    }

    #[inline]
    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write(bytes)?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Returns when the system has taken everything that was written.
    fn flush(&mut self) -> io::Result<()> {
        let until = self.until(self.write_timeout);
        self.wait(Wait::Sent { until }).map(drop)
    }
}

impl Stream<'_> {
    /// Sends a range of bytes of a file, after everything that was written before, and returns when the system has taken it all.
    ///
    /// On Linux the kernel moves the pages itself (`sendfile(2)`). A file that turns out to be shorter than the range ends the
    /// connection with [`CloseReason::FileTruncated`](crate::CloseReason::FileTruncated).
    ///
    /// # Errors
    ///
    /// As for writing. When its time is over, the file is on its way all the same: what waits for the rest is [`flush`](Write::flush), and a second
    /// call would send the file again.
    pub fn send_file(&mut self, file: File, range: Range<u64>) -> io::Result<()> {
        self.check_writable()?;
        self.unanswered = false;
        self.wait(Wait::File(Box::new((file, range))))?;
        self.flush()
    }

    /// Sends the end of our side after everything that was written; the peer may still send.
    pub fn shutdown_write(&mut self) -> io::Result<()> {
        if !self.own_end {
            self.flush()?;
            self.wait(Wait::OwnEnd)?;
            self.own_end = true;
        }
        Ok(())
    }

    pub(super) fn check_writable(&mut self) -> io::Result<()> {
        if self.over.is_some() {
            return Err(self.refuse());
        }
        if self.own_end {
            return Err(ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}
