//! A copy of a codec with one mistake, which shows whether the targets can find mistakes.

use serde_json::Value;
use socketserver::{Codec, Decoded, EncodeError, FrameError, LengthPrefix};

/// Messages behind a little-endian length of four bytes.
///
/// The mistake: it looks into the message, as some programs do, for a field `size` that announces raw bytes behind it, and then counts the
/// first of these to the message.
#[derive(Debug)]
pub(crate) struct Planted(LengthPrefix);

impl Default for Planted {
    fn default() -> Self {
        Self(LengthPrefix::little_endian(4).signed())
    }
}

impl Codec for Planted {
    fn decode(&mut self, input: &[u8]) -> Result<Decoded, FrameError> {
        Ok(match self.0.decode(input)? {
            Decoded::Message { payload, length } if announces(&input[payload.clone()]) => {
                let payload = payload.start..payload.end + 1;
                Decoded::Message { payload, length }
            }
            decoded => decoded,
        })
    }

    fn encode(&mut self, message: &[u8], output: &mut dyn FnMut(&[u8])) -> Result<(), EncodeError> {
        self.0.encode(message, output)
    }

    fn frame_bytes_max(&self) -> usize {
        self.0.frame_bytes_max()
    }
}

/// Whether a message is JSON with a field `size` above zero.
fn announces(message: &[u8]) -> bool {
    serde_json::from_slice::<Value>(message)
        .is_ok_and(|value| value["size"].as_u64().is_some_and(|size| size > 0))
}
