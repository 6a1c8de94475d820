//! The lines of one connection: what has come of them, and their answers.

use std::io;
use std::ops::Range;

use socketserver::{Codec, Decoded, Lines as Codecs};

/// What has come of the lines of one connection, and was not answered.
#[derive(Debug, Default)]
pub(super) struct Lines {
    codec: Codecs,
    input: Vec<u8>,
    /// How much of the input was answered.
    start: usize,
}

impl Lines {
    /// Bytes have come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.input.drain(..self.start);
        self.start = 0;
        self.input.extend_from_slice(bytes);
    }

    /// How many bytes wait for their turn.
    pub(super) fn len(&self) -> usize {
        self.input.len() - self.start
    }

    /// The answer to the next whole line, if there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.len() == 0 {
            return Ok(None);
        }
        match self.codec.decode(&self.input[self.start..])? {
            Decoded::Incomplete { .. } => Ok(None),
            Decoded::Message { payload, length } => self.answer(payload, length).map(Some),
        }
    }

    /// The answer to what is left when the peer has ended, which is a line without an end.
    pub(super) fn last(&mut self) -> io::Result<Option<Vec<u8>>> {
        let left = self.len();
        if left == 0 {
            return Ok(None);
        }
        let payload = self.codec.decode_end(&self.input[self.start..])?;
        self.answer(payload, left).map(Some)
    }

    fn answer(&mut self, payload: Range<usize>, length: usize) -> io::Result<Vec<u8>> {
        let line = &self.input[self.start..][payload];
        let mut answer = Vec::with_capacity(length + 1);
        self.codec
            .encode(line, &mut |piece| answer.extend_from_slice(piece))?;
        self.start += length;
        Ok(answer)
    }
}
