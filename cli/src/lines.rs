//! Lines of standard input, each of which becomes a datagram: none takes more memory than a datagram could.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};

/// How many bytes are read at once.
const CHUNK: usize = 64 * 1024;

/// Lines, found in what is read piece by piece.
pub(crate) struct Lines<R> {
    input: R,
    chunk: Vec<u8>,
    /// What of the chunk belongs to lines that were not given out yet.
    rest: Range<usize>,
    /// The beginning of the next line: at most one byte more than a line may have, since that one may be the first half of its end.
    begun: Vec<u8>,
    /// How long the beginning of the next line is in truth.
    size: usize,
    /// How many lines were given out.
    count: u64,
    max: usize,
    is_ended: bool,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its place in the input, the first one being 1.
    pub(crate) number: u64,
    /// How many bytes it has.
    pub(crate) size: usize,
    /// None when it is longer than a line may be.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Lines<File> {
    /// The lines of standard input. Whoever is interested in them alone reads it without a second buffer.
    pub(crate) fn of_stdin(max: usize) -> io::Result<Self> {
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self::new(File::from(stdin), max))
    }
}

impl<R: Read> Lines<R> {
    /// Lines of at most `max` bytes, their ends apart.
    pub(crate) fn new(input: R, max: usize) -> Self {
        Self {
            input,
            chunk: vec![0; CHUNK],
            rest: 0..0,
            begun: Vec::new(),
            size: 0,
            count: 0,
            max,
            is_ended: false,
        }
    }

    /// The next line, if all of it was read.
    pub(crate) fn next(&mut self) -> Option<Line> {
        let rest = &self.chunk[self.rest.clone()];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let length = end.unwrap_or(rest.len());
        let room = (self.max + 1 - self.begun.len()).min(length);
        self.begun.extend_from_slice(&rest[..room]);
        self.size += length;
        self.rest.start += length + usize::from(end.is_some());
        match end {
            Some(_) => Some(self.finish(true)),
            None if self.is_ended && self.size > 0 => Some(self.finish(false)),
            None => None,
        }
    }

    fn finish(&mut self, has_end: bool) -> Line {
        let mut bytes = std::mem::take(&mut self.begun);
        let mut size = std::mem::take(&mut self.size);
        if has_end && size == bytes.len() && bytes.last() == Some(&b'\r') {
            bytes.pop();
            size -= 1;
        }
        self.count += 1;
        Line {
            number: self.count,
            size,
            bytes: (size <= self.max).then_some(bytes),
        }
    }

    /// Whether a line has begun whose end has not come.
    pub(crate) fn has_begun(&self) -> bool {
        self.size > 0
    }

    /// Takes what has begun for a line, where nothing but silence tells its end.
    pub(crate) fn end_line(&mut self) -> Line {
        self.finish(true)
    }

    /// Waits for more, once; nothing more is the end, and so is an error.
    pub(crate) fn read(&mut self) -> io::Result<()> {
        match self.input.read(&mut self.chunk) {
            Ok(count) => {
                self.rest = 0..count;
                self.is_ended = count == 0;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => {
                self.is_ended = true;
                Err(error)
            }
        }
    }

    /// Whether nothing more will be read.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }
}

impl<R: AsFd> AsFd for Lines<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out its text in pieces of a certain size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(self.0.len());
            let (piece, rest) = self.0.split_at(size);
            buffer[..size].copy_from_slice(piece);
            self.0 = rest;
            Ok(size)
        }
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text = b"one\n\nthree\r\n12345\r\n123456\n1234567890\r\n\r\nlast";
        let expected = [
            (1, 3, Some("one")),
            (2, 0, Some("")),
            (3, 5, Some("three")),
            (4, 5, Some("12345")),
            (5, 6, None),
            // Of a line that is too long the end is not known so well.
            (6, 11, None),
            (7, 0, Some("")),
            (8, 4, Some("last")),
        ];
        for size in 1..=text.len() {
            let mut lines = Lines::new(Pieces(text, size), 5);
            let mut found = Vec::new();
            while !lines.is_ended() {
                lines.read().unwrap();
                found.extend(std::iter::from_fn(|| lines.next()));
            }
            let expected = expected.map(|(number, size, text)| Line {
                number,
                size,
                bytes: text.map(Into::into),
            });
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
