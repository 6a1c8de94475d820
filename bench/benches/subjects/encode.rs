//! Codecs that put around a message what it needs on its way.

use std::hint::black_box;

use socketserver::{Codec, Delimiter, Fixed, LengthPrefix, Lines, Netstring};

use super::{HEAD, LINE, MAX, Subject, TIMES, subject};

pub(crate) fn lines() -> Subject {
    encoding(Lines::new(MAX), LINE)
}

pub(crate) fn delimiter() -> Subject {
    encoding(Delimiter::new("\r\n\r\n", MAX), HEAD)
}

pub(crate) fn fixed() -> Subject {
    encoding(Fixed::new(LINE.len()), LINE)
}

pub(crate) fn length_prefix() -> Subject {
    encoding(LengthPrefix::big_endian(4), LINE)
}

pub(crate) fn netstring() -> Subject {
    encoding(Netstring::new(MAX), LINE)
}

fn encoding(mut codec: impl Codec + 'static, message: &'static [u8]) -> Subject {
    subject(move || {
        for _ in 0..TIMES {
            let result = codec.encode(black_box(message), &mut |piece| {
                black_box(piece);
            });
            assert!(result.is_ok());
        }
    })
}
