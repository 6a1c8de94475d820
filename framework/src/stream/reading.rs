//! How a stream is read: byte by byte, or as messages.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use super::{Stream, Wait, Wake};
use crate::CloseReason;
use crate::timer::Time;

impl Read for Stream<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Stream<'_> {
    #[inline]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffers.is_read() {
            if self.ended {
                self.note_vain_try();
            } else {
                self.await_input()?;
            }
        }
        Ok(self.input())
    }

    #[inline]
    fn consume(&mut self, count: usize) {
        if count > 0 {
            let left = self.input().len();
            assert!(
                count <= left,
                "cannot consume {count} bytes of input: there are {left}"
            );
            self.buffers.start += count;
            self.unanswered = true;
            self.message_by = Time::NEVER;
        }
    }
}

impl Stream<'_> {
    /// Fills a buffer. False when the input ends before its first byte.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](ErrorKind::UnexpectedEof) when the input ends after the first byte, and before the last one. Of up to
    /// [`Config::input_bytes_max`](crate::Config::input_bytes_max) bytes nothing is lost by any error.
    pub fn read_exact_or_end(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            let left = buffer.len() - filled;
            let count = left.min(self.facts.input_bytes_max);
            self.fill_more(count)?;
            match self.read(&mut buffer[filled..filled + count])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
        }
        Ok(true)
    }

    /// Reads a line with its end (LF) and appends it to `line`; returns how many bytes that were, which is 0 at the end of the input.
    ///
    /// It is what [`BufRead::read_line`] is, and bounded: a line that has begun must be complete within
    /// [`Config::read_timeout`](crate::Config::read_timeout), and may have [`Config::input_bytes_max`](crate::Config::input_bytes_max) bytes.
    /// [`Lines`](crate::Lines) knows CR LF too, and a limit of its own.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](ErrorKind::InvalidData) when the line is not UTF-8 or is too long. Nothing of it is lost.
    pub fn read_line(&mut self, line: &mut String) -> io::Result<usize> {
        let mut searched = 0;
        let length = loop {
            let input = self.input();
            // What lies beyond the longest line does not count, however much has come.
            let window = &input[..input.len().min(self.facts.input_bytes_max)];
            if let Some(end) = memchr::memchr(b'\n', &window[searched..]) {
                break searched + end + 1;
            }
            searched = window.len();
            if self.ended && searched == input.len() {
                break searched;
            }
            self.fill_more(searched + 1)?;
        };
        if length == 0 {
            self.note_vain_try();
        }
        match std::str::from_utf8(&self.input()[..length]) {
            Ok(text) => line.push_str(text),
            Err(error) => {
                self.note_vain_try();
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        }
        self.consume(length);
        Ok(length)
    }

    /// Waits until at least so many bytes are there, or the input ends, and lends everything that is there. [`consume`](BufRead::consume) says
    /// afterwards how much of it was used.
    ///
    /// It is for parsers that leave what is not complete where it is: a message is then under way, with the deadline and the
    /// limit that messages have, and a stop of the server lets it be completed.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](ErrorKind::InvalidData) for more than [`Config::input_bytes_max`](crate::Config::input_bytes_max) bytes; otherwise as for
    /// reading.
    pub fn fill_to(&mut self, bytes: usize) -> io::Result<&[u8]> {
        self.fill_more(bytes)?;
        if self.input().len() < bytes {
            self.note_vain_try();
        }
        Ok(self.input())
    }

    /// What has come and was not read.
    pub(super) fn input(&self) -> &[u8] {
        let buffers = &*self.buffers;
        &buffers.input[buffers.start..]
    }

    /// Waits until so many bytes of one message are there, or the input ends.
    pub(super) fn fill_more(&mut self, bytes: usize) -> io::Result<()> {
        if bytes > self.facts.input_bytes_max {
            self.note_vain_try();
            self.verdict = Some((ErrorKind::InvalidData, CloseReason::InputOverflow));
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "the message is longer than input_bytes_max",
            ));
        }
        while self.input().len() < bytes && !self.ended {
            if !self.input().is_empty() && self.message_by == Time::NEVER {
                self.message_by = self.now().after_limit(self.facts.message_timeout);
            }
            self.await_input()?;
        }
        Ok(())
    }

    /// Waits for more input than there is.
    fn await_input(&mut self) -> io::Result<()> {
        if self.write_timeout.is_some() {
            // Input may be waited for longer than output.
            self.flush()?;
        }
        let until = self.until(self.read_timeout).min(self.message_by);
        let amid = self.unanswered || !self.input().is_empty();
        if matches!(self.wait(Wait::Input { until, amid })?, Wake::Ended) {
            self.ended = true;
        }
        Ok(())
    }
}
