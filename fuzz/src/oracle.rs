//! What every codec owes to any stream of bytes, however it is cut.

use std::iter;

use socketserver::{Codec, Decoded, FrameError};

/// What a connection makes of a stream: its messages, and whether it ended well.
pub type Outcome = (Vec<Vec<u8>>, Result<(), FrameError>);

/// Reads a stream in every way in which it may come, and returns what all of them have made of it.
///
/// `codec` makes a fresh codec each time. `cuts` are places in the stream, in any order; those beyond its end are folded back.
pub fn read(codec: impl Fn() -> Box<dyn Codec>, stream: &[u8], cuts: &[u16]) -> Outcome {
    let whole = feed(&mut *codec(), [stream], Patience::Waits);
    for patience in [Patience::Waits, Patience::Asks] {
        let cut = feed(&mut *codec(), pieces(stream, cuts), patience);
        assert_eq!(cut, whole, "a stream that was cut means something else");
        let trickled = feed(&mut *codec(), stream.chunks(1), patience);
        assert_eq!(trickled, whole, "a stream that trickles means another");
    }
    if let Err(error) = &whole.1 {
        assert_sentence(&error.to_string());
    }
    for message in &whole.0 {
        assert_can_be_passed_on(&codec, message);
    }
    whole
}

/// An error is one line, and nothing that a peer has sent does anything to a terminal.
pub fn assert_sentence(text: &str) {
    assert!(!text.is_empty());
    assert!(!text.contains(char::is_control), "not one line: {text:?}");
}

/// Whether a codec is asked again before there is as much as it wanted.
#[derive(Clone, Copy, Debug)]
enum Patience {
    Waits,
    Asks,
}

/// Gives pieces to a codec as a connection does: what was not complete is kept, and offered again with more behind it.
fn feed<'a>(
    codec: &mut dyn Codec,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    patience: Patience,
) -> Outcome {
    let mut messages = Vec::new();
    let mut input = Input::default();
    for piece in pieces {
        input.kept.extend_from_slice(piece);
        if matches!(patience, Patience::Waits) && input.rest().len() < input.wanted {
            continue;
        }
        if let Err(error) = input.take_messages(codec, &mut messages) {
            return (messages, Err(error));
        }
    }
    let end = input.take_messages(codec, &mut messages).and_then(|()| {
        let rest = input.rest();
        if !rest.is_empty() {
            let payload = codec.decode_end(rest)?;
            messages.push(rest[payload].to_vec());
        }
        Ok(())
    });
    (messages, end)
}

/// What has come.
#[derive(Default)]
struct Input {
    kept: Vec<u8>,
    /// How much of it was taken.
    start: usize,
    /// How many bytes of the message under way there must be.
    wanted: usize,
}

impl Input {
    fn rest(&self) -> &[u8] {
        &self.kept[self.start..]
    }

    fn take_messages(
        &mut self,
        codec: &mut dyn Codec,
        messages: &mut Vec<Vec<u8>>,
    ) -> Result<(), FrameError> {
        let max = codec.frame_bytes_max();
        while self.start < self.kept.len() {
            let offered = &self.kept[self.start..];
            let decoded = codec.decode(offered);
            assert!(
                offered.len() >= self.wanted || matches!(decoded, Ok(Decoded::Incomplete { .. })),
                "{} bytes were wanted, and {} say {decoded:?}",
                self.wanted,
                offered.len()
            );
            match decoded? {
                Decoded::Message { payload, length } => {
                    assert!(payload.start <= payload.end, "the payload is {payload:?}");
                    assert!(
                        payload.end <= length,
                        "the payload goes on beyond the message"
                    );
                    assert!(
                        length > 0 && length <= offered.len(),
                        "a message of {length} bytes"
                    );
                    assert!(length <= max, "a message is longer than the maximum");
                    messages.push(offered[payload].to_vec());
                    self.start += length;
                    self.wanted = 0;
                }
                Decoded::Incomplete { bytes_min } => {
                    assert!(bytes_min > offered.len(), "wants what it has: {bytes_min}");
                    assert!(bytes_min <= max, "wants more than any message has");
                    self.wanted = bytes_min;
                    break;
                }
            }
        }
        Ok(())
    }
}

/// A message that came from one peer can be sent to another, who reads the same.
fn assert_can_be_passed_on(codec: impl Fn() -> Box<dyn Codec>, message: &[u8]) {
    let mut frame = Vec::new();
    let encoded = codec().encode(message, &mut |piece| frame.extend_from_slice(piece));
    assert_eq!(encoded, Ok(()), "{message:?} cannot be passed on");
    match codec().decode(&frame) {
        Ok(Decoded::Message { payload, length }) => {
            assert_eq!((&frame[payload], length), (message, frame.len()));
        }
        other => panic!("{message:?} is passed on as {frame:?} and read as {other:?}"),
    }
}

/// A stream cut at these places.
pub fn pieces<'a>(stream: &'a [u8], cuts: &[u16]) -> Vec<&'a [u8]> {
    let fold = |cut: &u16| usize::from(*cut) % (stream.len() + 1);
    let mut ends: Vec<_> = cuts
        .iter()
        .map(fold)
        .chain(iter::once(stream.len()))
        .collect();
    ends.sort_unstable();
    let starts = iter::once(0).chain(ends.iter().copied());
    starts
        .zip(&ends)
        .map(|(start, &end)| &stream[start..end])
        .collect()
}
