//! Codecs that find messages in bytes that have come.

use std::hint::black_box;

use socketserver::{Codec, Decoded, Delimiter, Fixed, LengthPrefix, Lines, Netstring};

use super::{HEAD, LINE, MAX, Subject, TIMES, frame, subject};

pub(crate) fn lines() -> Subject {
    decoding(Lines::new(MAX), LINE)
}

/// A long line, since searching half of a short one twice would hardly show.
pub(crate) fn lines_in_halves() -> Subject {
    decoding_halves(Lines::new(MAX), &LINE.repeat(64))
}

pub(crate) fn delimiter() -> Subject {
    decoding(Delimiter::new("\r\n\r\n", MAX), HEAD)
}

pub(crate) fn delimiter_in_halves() -> Subject {
    decoding_halves(Delimiter::new("\r\n\r\n", MAX), HEAD)
}

pub(crate) fn fixed() -> Subject {
    decoding(Fixed::new(LINE.len()), LINE)
}

pub(crate) fn length_prefix() -> Subject {
    decoding(LengthPrefix::big_endian(4), LINE)
}

pub(crate) fn length_prefix_in_halves() -> Subject {
    decoding_halves(LengthPrefix::big_endian(4), LINE)
}

pub(crate) fn netstring() -> Subject {
    decoding(Netstring::new(MAX), LINE)
}

/// Messages that have come together, taken one after the other.
fn decoding(mut codec: impl Codec + 'static, message: &[u8]) -> Subject {
    let stream = frame(&mut codec, message).repeat(TIMES);
    subject(move || {
        let mut rest = black_box(stream.as_slice());
        while !rest.is_empty() {
            rest = &rest[decode(&mut codec, rest)..];
        }
    })
}

/// A message that comes in two pieces: the codec looks at the first, then at both, and should not search the first again.
fn decoding_halves(mut codec: impl Codec + 'static, message: &[u8]) -> Subject {
    let frame = frame(&mut codec, message);
    subject(move || {
        for _ in 0..TIMES {
            let frame = black_box(frame.as_slice());
            let half = codec.decode(&frame[..frame.len() / 2]);
            assert!(matches!(half, Ok(Decoded::Incomplete { .. })));
            decode(&mut codec, frame);
        }
    })
}

/// Takes the message at the beginning, and says how many bytes it took.
fn decode(codec: &mut impl Codec, input: &[u8]) -> usize {
    match codec.decode(input) {
        Ok(Decoded::Message { payload, length }) => {
            black_box(&input[payload]);
            length
        }
        other => panic!("there is a whole message, and the codec says {other:?}"),
    }
}
