//! Any bytes, where JSON is expected.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver_fuzz::json::{self, Carrier};
use socketserver_fuzz::oracle;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    carrier: Carrier,
    cuts: [u16; 3],
    stream: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let (messages, _) = oracle::read(|| input.carrier.codec(), input.stream, &input.cuts);
    for message in messages {
        json::assert_read_well(&message);
    }
});
