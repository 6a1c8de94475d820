//! Sends back what it receives, in capital letters.

use std::io::{self, BufRead, Write};

use socketserver::{
    BlockingHandler, Conn, Datagram, DatagramHandler, DatagramSocket, Handler, HandlerError, Input,
    Stream,
};

/// Which letters [`Uppercase`] knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alphabet {
    /// The letters a to z, as Python's `bytes.upper` has it; every other byte passes unchanged.
    #[default]
    Ascii,
    /// All letters of Unicode, read as UTF-8, however the stream cuts it. Bytes that are not UTF-8 pass unchanged. Output may be longer or shorter
    /// than input: `ß` becomes `SS`.
    Unicode,
}

/// Sends back what it receives, in capital letters; a datagram as one datagram.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uppercase {
    alphabet: Alphabet,
}

impl Uppercase {
    /// A handler for an alphabet.
    pub fn new(alphabet: Alphabet) -> Self {
        Self { alphabet }
    }
}

impl Handler for Uppercase {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match self.alphabet {
            Alphabet::Ascii => write_ascii(input.take_all(), conn),
            Alphabet::Unicode => {
                let complete = input.len() - unfinished_length(input);
                write_unicode(input.take(complete), |bytes| {
                    conn.write(bytes);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn ended(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        // A character that is cut off by the end is not UTF-8.
        conn.write(input.take_all());
        conn.close();
        Ok(())
    }
}

impl BlockingHandler for Uppercase {
    fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut piece = [0; PIECE];
        // The beginning of a character, which stays in the stream until its rest has come.
        let mut begun = 0;
        loop {
            let input = stream.fill_to(begun + 1)?;
            let is_end = input.len() <= begun;
            let count = input.len().min(PIECE);
            let bytes = &mut piece[..count];
            bytes.copy_from_slice(&input[..count]);
            match self.alphabet {
                Alphabet::Ascii => {
                    bytes.make_ascii_uppercase();
                    stream.write_all(bytes)?;
                }
                Alphabet::Unicode => {
                    // A character that is cut off by the end is not UTF-8.
                    begun = if is_end { 0 } else { unfinished_length(bytes) };
                    let complete = &bytes[..count - begun];
                    write_unicode(complete, |bytes| stream.write_all(bytes))?;
                }
            }
            stream.consume(count - begun);
            if is_end {
                return Ok(());
            }
        }
    }
}

impl DatagramHandler for Uppercase {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        socket: &mut DatagramSocket<'_>,
    ) -> Result<(), HandlerError> {
        let mut upper = Vec::with_capacity(datagram.bytes().len());
        match self.alphabet {
            Alphabet::Ascii => {
                upper.extend_from_slice(datagram.bytes());
                upper.make_ascii_uppercase();
            }
            // A character that is cut off by the end is not UTF-8.
            Alphabet::Unicode => write_unicode(datagram.bytes(), |bytes| {
                upper.extend_from_slice(bytes);
                Ok(())
            })?,
        }
        socket.reply(datagram, &upper)?;
        Ok(())
    }
}

/// How many bytes are turned at once, on the stack.
const PIECE: usize = 1024;

fn write_ascii(bytes: &[u8], conn: &mut Conn<'_>) {
    for piece in bytes.chunks(PIECE) {
        let mut upper = [0; PIECE];
        let upper = &mut upper[..piece.len()];
        upper.copy_from_slice(piece);
        upper.make_ascii_uppercase();
        conn.write(upper);
    }
}

fn write_unicode(bytes: &[u8], mut write: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars().flat_map(char::to_uppercase) {
            write(letter.encode_utf8(&mut [0; 4]).as_bytes())?;
        }
        write(chunk.invalid())?;
    }
    Ok(())
}

/// How many bytes at the end are the beginning of a character whose rest may still come: 0 to 3.
fn unfinished_length(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        Some(last) if is_unfinished(last.invalid()) => last.invalid().len(),
        _ => 0,
    }
}

/// Whether these bytes, which are not UTF-8, could become one character if more followed.
fn is_unfinished(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_character_that_can_still_be_completed_is_waited_for() {
        for (bytes, unfinished) in [
            (b"abc".as_slice(), 0),
            (b"", 0),
            ("é".as_bytes(), 0),
            (b"a\xC3", 1),
            (b"a\xE4\xBD", 2),
            (b"a\xF0\x9F\x98", 3),
            (b"a\xF0\x9F\x98\x80", 0),
            (b"\xFF", 0),
            (b"a\x80", 0),
            (b"\xC0", 0),
            (b"\xED\xA0", 0),
            (b"\xF4\x90", 0),
        ] {
            assert_eq!(unfinished_length(bytes), unfinished, "{bytes:?}");
        }
    }
}
