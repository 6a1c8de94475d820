//! Any bytes, for every codec.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver_fuzz::codecs::Choice;
use socketserver_fuzz::oracle;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    codec: Choice,
    cuts: [u16; 3],
    stream: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let (messages, _) = oracle::read(|| input.codec.codec(), input.stream, &input.cuts);
    input.codec.assert_allows(&messages);
});
