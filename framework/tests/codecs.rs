//! What holds for every codec, whatever is sent and however it is cut.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use socketserver::codec::json;
use socketserver::{
    Codec, Decoded, Delimiter, EncodeError, Fixed, FrameError, LengthPrefix, Lines, Netstring,
};

/// The longest message of the codecs here: short, so that messages around the maximum are common.
const MAX: usize = 16;

fn codecs() -> Vec<Box<dyn Codec>> {
    vec![
        Box::new(Lines::new(MAX)),
        Box::new(Lines::new(MAX).crlf()),
        Box::new(Delimiter::new("\0", MAX)),
        Box::new(Delimiter::new("\n\n", MAX)),
        Box::new(Delimiter::new("\r\n\r\n", MAX)),
        Box::new(Fixed::new(1)),
        Box::new(Fixed::new(4)),
        Box::new(LengthPrefix::big_endian(1).max(MAX)),
        Box::new(LengthPrefix::big_endian(2).max(MAX)),
        Box::new(LengthPrefix::big_endian(8).signed().max(MAX)),
        Box::new(LengthPrefix::little_endian(4).signed().max(MAX)),
        Box::new(Netstring::new(MAX)),
    ]
}

/// What a connection makes of a stream: its messages, and whether it ended well.
type Outcome = (Vec<Vec<u8>>, Result<(), FrameError>);

/// Gives pieces to a codec as a connection does: what was not complete is kept, and offered again when there is as much as the codec wants.
fn feed<'a>(codec: &mut dyn Codec, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut kept, mut messages, mut want) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        kept.extend_from_slice(piece);
        if kept.len() >= want {
            match take_messages(codec, &mut kept, &mut messages) {
                Ok(bytes_min) => want = bytes_min,
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    let end = take_messages(codec, &mut kept, &mut messages).and_then(|_| {
        if !kept.is_empty() {
            let payload = codec.decode_end(&kept)?;
            messages.push(kept[payload].to_vec());
        }
        Ok(())
    });
    (messages, end)
}

/// Takes the messages that are complete, and says how many bytes there must be for the next.
fn take_messages(
    codec: &mut dyn Codec,
    kept: &mut Vec<u8>,
    messages: &mut Vec<Vec<u8>>,
) -> Result<usize, FrameError> {
    while !kept.is_empty() {
        match codec.decode(kept)? {
            Decoded::Message { payload, length } => {
                assert!(payload.start <= payload.end && payload.end <= length);
                assert!(0 < length && length <= kept.len() && length <= codec.frame_bytes_max());
                messages.push(kept[payload].to_vec());
                kept.drain(..length);
            }
            Decoded::Incomplete { bytes_min } => {
                assert!(kept.len() < bytes_min && bytes_min <= codec.frame_bytes_max());
                return Ok(bytes_min);
            }
        }
    }
    Ok(0)
}

/// A message as it travels.
fn frame(codec: &mut dyn Codec, message: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    let result = codec.encode(message, &mut |piece| bytes.extend_from_slice(piece));
    assert!(
        result.is_ok() || bytes.is_empty(),
        "half a message was sent"
    );
    result.map(|()| bytes)
}

/// A stream cut at these places.
fn pieces<'a>(stream: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    ends.push(stream.len());
    ends.sort_unstable();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts
        .zip(&ends)
        .map(|(start, &end)| &stream[start..end])
        .collect()
}

/// Bytes of which many mean something to one of the codecs.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![select(&b"\r\n\0:,0123456789-\xff\x04"[..]), any::<u8>()]
}

/// Messages of lengths around the maximum, and of the one size that some codecs want.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(byte(), 0..MAX + 3),
        vec(byte(), 4),
        vec(byte(), 1),
        vec(select(&b"\r\n"[..]), 0..5)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_is_received_however_it_is_cut(messages in vec(message(), 0..6), cuts in vec(any::<Index>(), 0..8)) {
        for (number, mut codec) in codecs().into_iter().enumerate() {
            let (mut stream, mut sent) = (Vec::new(), Vec::new());
            for message in &messages {
                if let Ok(frame) = frame(&mut codec, message) {
                    prop_assert!(frame.len() <= codec.frame_bytes_max());
                    stream.extend_from_slice(&frame);
                    sent.push(message.clone());
                }
            }
            let expected = (sent, Ok(()));
            prop_assert_eq!(&feed(&mut codec, [stream.as_slice()]), &expected, "codec {}", number);
            prop_assert_eq!(&feed(&mut codec, stream.chunks(1)), &expected, "codec {}", number);
            prop_assert_eq!(&feed(&mut codec, pieces(&stream, &cuts)), &expected, "codec {}", number);
        }
    }

    #[test]
    fn any_bytes_mean_the_same_however_they_are_cut(stream in vec(byte(), 0..100), cuts in vec(any::<Index>(), 0..8)) {
        for (number, (mut whole, mut cut)) in codecs().into_iter().zip(codecs()).enumerate() {
            let mut trickled = codecs().swap_remove(number);
            let expected = feed(&mut whole, [stream.as_slice()]);
            prop_assert_eq!(&feed(&mut cut, pieces(&stream, &cuts)), &expected, "codec {}", number);
            prop_assert_eq!(&feed(&mut trickled, stream.chunks(1)), &expected, "codec {}", number);
        }
    }

    #[test]
    fn what_cannot_be_sent_is_too_long_of_another_size_or_ambiguous(message in message()) {
        for mut codec in codecs() {
            match frame(&mut codec, &message) {
                Ok(_) => {}
                Err(EncodeError::TooLong { length, max }) => {
                    prop_assert_eq!((length, max), (message.len(), MAX));
                    prop_assert!(length > MAX);
                }
                Err(EncodeError::WrongSize { length, size }) => prop_assert_ne!(length, size),
                Err(error) => {
                    prop_assert_eq!(error, EncodeError::ContainsDelimiter);
                    let delimiters = message.iter().any(|byte| b"\r\n\0".contains(byte));
                    prop_assert!(delimiters);
                }
            }
        }
    }
}

/// A protocol that is spoken by programs in Python: the length as `struct.pack("<i", …)` has it, then JSON; behind some messages
/// raw bytes, whose number a field `size` tells.
mod python {
    use super::*;

    const LOGIN: &[u8] = b"\x2c\0\0\0{\"cmd\": \"login\", \"user\": \"bob\", \"psd\": \"pw\"}";
    const OK: &[u8] = b"\x0d\0\0\0{\"res\": \"ok\"}";
    const PUT: &[u8] = b"\x59\0\0\0{\"cmd\": \"put a.txt\", \"filename\": \"a.txt\", \
        \"src_dir\": \"a.txt\", \"dst_dir\": \"up\", \"size\": 3}abc";
    const GET: &[u8] =
        b"\x6f\0\0\0{\"res\": \"ok\", \"filename\": \"a.txt\", \"dst_dir\": \"dl\", \
        \"size\": 3, \"file_hash\": \"900150983cd24fb0d6963f7d28e17f72\"}abc";
    const NULL: &[u8] = b"\x04\0\0\0null";

    fn codec() -> LengthPrefix {
        LengthPrefix::little_endian(4).signed()
    }

    /// Reads messages and the bodies behind them, in pieces, and what is left over at the end.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, usize) {
        let (mut codec, mut kept, mut parts, mut body) = (codec(), Vec::new(), Vec::new(), 0);
        for piece in pieces {
            kept.extend_from_slice(piece);
            while kept.len() >= body.max(1) {
                if body > 0 {
                    parts.push(kept.drain(..body).collect());
                    body = 0;
                    continue;
                }
                match codec.decode(&kept).expect("the peer is right") {
                    Decoded::Incomplete { .. } => break,
                    Decoded::Message { payload, length } => {
                        let message = &kept[payload];
                        let value: serde_json::Value = json::from_frame(message).unwrap();
                        body = value["size"].as_u64().unwrap_or(0) as usize;
                        parts.push(message.to_vec());
                        kept.drain(..length);
                    }
                }
            }
        }
        (parts, kept.len())
    }

    #[test]
    fn each_message_is_read_wherever_it_is_cut() {
        for (vector, parts) in [(LOGIN, 1), (OK, 1), (PUT, 2), (GET, 2), (NULL, 1)] {
            let whole = read([vector]);
            assert_eq!((whole.0.len(), whole.1), (parts, 0));
            assert_eq!(whole.0.concat(), vector[4..]);
            for cut in 0..=vector.len() {
                let (first, second) = vector.split_at(cut);
                assert_eq!(read([first, second]), whole, "cut at {cut}");
            }
            assert_eq!(read(vector.chunks(1)), whole);
        }
    }

    #[test]
    fn all_of_them_glued_together_are_read_wherever_they_are_cut() {
        let stream = [LOGIN, OK, PUT, GET, NULL].concat();
        let whole = read([stream.as_slice()]);
        assert_eq!((whole.0.len(), whole.1), (7, 0));
        for cut in 0..=stream.len() {
            let (first, second) = stream.split_at(cut);
            assert_eq!(read([first, second]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_message_is_written_as_python_writes_it() {
        let text = &LOGIN[4..];
        assert_eq!(frame(&mut codec(), text).unwrap(), LOGIN);
        assert_eq!(frame(&mut codec(), b"null").unwrap(), NULL);
    }

    #[test]
    fn hostile_lengths_are_refused_without_waiting_for_what_they_announce() {
        for (prefix, error) in [
            (
                b"\xff\xff\xff\x7f",
                FrameError::LengthTooLarge {
                    length: 0x7fff_ffff,
                    max: 1024 * 1024 - 16,
                    swapped: false,
                },
            ),
            (
                b"\xff\xff\xff\xff",
                FrameError::LengthNegative {
                    length: -1,
                    swapped: false,
                },
            ),
        ] {
            assert_eq!(codec().decode(prefix), Err(error.clone()));
            assert_eq!(
                codec().decode(&prefix[..3]),
                Ok(Decoded::Incomplete { bytes_min: 4 })
            );
        }
    }

    #[test]
    fn what_is_framed_well_and_is_no_request_is_refused_as_json() {
        for (frame, cause) in [
            (b"\0\0\0\0".as_slice(), "EOF"),
            (b"\x03\0\0\0[]\n", "invalid type: sequence"),
        ] {
            let (messages, end) = feed(&mut codec(), [frame]);
            assert_eq!((messages.len(), end), (1, Ok(())));
            let request =
                json::from_frame::<std::collections::BTreeMap<String, String>>(&messages[0]);
            assert!(
                matches!(&request, Err(FrameError::Json(text)) if text.contains(cause)),
                "{request:?}"
            );
        }
        let cut = feed(&mut codec(), [b"\x02\0\0\0{".as_slice()]);
        assert_eq!(cut.1, Err(FrameError::EndsInside { bytes: 5 }));
    }
}
