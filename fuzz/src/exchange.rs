//! Messages that are framed, damaged a little and cut anywhere: what was not damaged must arrive.

use std::ops::Range;
use std::ptr;

use arbitrary::Arbitrary;
use socketserver::{Codec, EncodeError, FrameError};

use crate::codecs::Ending;
use crate::oracle::{self, Outcome};

/// The most frames in one stream: more of them find nothing new, and take longer.
pub const FRAMES_MAX: usize = 12;

/// A message as it travels.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Vec<u8>,
    payload: Range<usize>,
    damage: Damage,
}

/// What was done to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    None,
    /// Its message is another one, of the same length.
    Content,
    /// It may end elsewhere, and everything behind it begins elsewhere.
    Framing,
}

impl Frame {
    /// Frames a message.
    ///
    /// # Errors
    ///
    /// When the codec refuses it.
    pub fn new(codec: &mut dyn Codec, message: &[u8]) -> Result<Self, EncodeError> {
        let (mut bytes, mut payload) = (Vec::new(), None);
        let encoded = codec.encode(message, &mut |piece| {
            if ptr::eq(piece, message) {
                payload = Some(bytes.len()..bytes.len() + piece.len());
            }
            bytes.extend_from_slice(piece);
        });
        assert!(
            encoded.is_ok() || bytes.is_empty(),
            "half a message was sent"
        );
        encoded?;
        assert!(bytes.len() <= codec.frame_bytes_max());
        Ok(Self {
            payload: payload.expect("a message is sent in one piece, and not copied"),
            bytes,
            damage: Damage::None,
        })
    }

    /// All of its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message in it, as it is after all damage.
    fn message(&self) -> &[u8] {
        &self.bytes[self.payload.clone()]
    }

    /// Where what is around the message is.
    fn around(&self) -> Vec<usize> {
        (0..self.bytes.len())
            .filter(|index| !self.payload.contains(index))
            .collect()
    }

    fn flip(&mut self, index: usize, bit: u8, damage: Damage) {
        self.bytes[index] ^= 1 << (bit % 8);
        self.damage = self.damage.max(damage);
    }
}

/// A small damage to a stream.
#[derive(Arbitrary, Clone, Debug)]
#[expect(
    missing_docs,
    reason = "which frame, which byte of it, which bit of it"
)]
pub enum Change {
    /// A bit of a length or of a terminator is another one.
    Around { frame: u8, byte: u8, bit: u8 },
    /// A bit of a message is another one.
    Inside { frame: u8, byte: u16, bit: u8 },
    /// The last byte is missing: most often of a terminator.
    Shortened { frame: u8 },
    /// The peer ends here.
    EndsEarly { byte: u16 },
}

/// Sends frames with changes and cuts, and asserts that what was not changed has arrived.
///
/// Returns what was read, and for how many messages from the first one on it is known that they are as they were sent.
pub fn send(
    codec: impl Fn() -> Box<dyn Codec>,
    ending: Ending,
    mut frames: Vec<Frame>,
    changes: &[Change],
    cuts: &[u16],
) -> (Outcome, usize) {
    let mut bytes_left = usize::MAX;
    for change in changes {
        bytes_left = bytes_left.min(apply(change, ending, &mut frames));
    }
    let mut stream: Vec<u8> = frames.iter().flat_map(Frame::bytes).copied().collect();
    stream.truncate(bytes_left);
    let outcome = oracle::read(codec, &stream, cuts);

    let (mut arrived, mut end) = (Vec::new(), 0);
    let mut is_framed = true;
    for frame in &frames {
        is_framed = frame.damage < Damage::Framing;
        if !is_framed || end + frame.bytes.len() > stream.len() {
            break;
        }
        end += frame.bytes.len();
        arrived.push(frame.message().to_vec());
    }
    assert!(
        outcome.0.starts_with(&arrived),
        "{arrived:?} were sent, and read was {outcome:?}"
    );
    if is_framed {
        // What is left is the beginning of a frame, and nothing else.
        assert_ends(ending, &outcome, arrived.len(), stream.len() - end);
    }
    let same = |frame: &Frame| frame.damage == Damage::None;
    let unchanged = frames
        .iter()
        .take(arrived.len())
        .take_while(|frame| same(frame));
    let unchanged = unchanged.count();
    (outcome, unchanged)
}

/// Damages one frame, or says how many bytes of the stream are left.
fn apply(change: &Change, ending: Ending, frames: &mut [Frame]) -> usize {
    let all = frames.iter().map(|frame| frame.bytes.len()).sum::<usize>();
    let index = |number: u8| usize::from(number) % frames.len().max(1);
    match *change {
        Change::EndsEarly { byte } => return usize::from(byte) % (all + 1),
        Change::Around { frame, byte, bit } => {
            if let Some(frame) = frames.get_mut(index(frame)) {
                let around = frame.around();
                if !around.is_empty() {
                    let index = around[usize::from(byte) % around.len()];
                    frame.flip(index, bit, Damage::Framing);
                }
            }
        }
        Change::Inside { frame, byte, bit } => {
            let damage = match ending {
                Ending::Count => Damage::Content,
                Ending::Mark | Ending::Line => Damage::Framing,
            };
            if let Some(frame) = frames.get_mut(index(frame))
                && !frame.message().is_empty()
            {
                let index = frame.payload.start + usize::from(byte) % frame.payload.len();
                frame.flip(index, bit, damage);
            }
        }
        Change::Shortened { frame } => {
            if let Some(frame) = frames.get_mut(index(frame)) {
                frame.bytes.pop();
                frame.payload.end = frame.payload.end.min(frame.bytes.len());
                frame.payload.start = frame.payload.start.min(frame.payload.end);
                frame.damage = Damage::Framing;
            }
        }
    }
    usize::MAX
}

/// How a stream ends of which so many bytes are left behind so many messages.
fn assert_ends(ending: Ending, (messages, end): &Outcome, arrived: usize, bytes: usize) {
    let expected = match ending {
        _ if bytes == 0 => (arrived, Ok(())),
        Ending::Line => (arrived + 1, Ok(())),
        Ending::Count | Ending::Mark => (arrived, Err(FrameError::EndsInside { bytes })),
    };
    assert_eq!((messages.len(), end), (expected.0, &expected.1));
}
