//! Messages for every codec, framed, damaged a little and cut anywhere.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver_fuzz::codecs::{Choice, Message};
use socketserver_fuzz::exchange::{self, Change, FRAMES_MAX, Frame};

#[derive(Arbitrary, Debug)]
struct Input {
    codec: Choice,
    changes: Vec<Change>,
    cuts: Vec<u16>,
    messages: Vec<Message>,
}

fuzz_target!(|input: Input| {
    let Input {
        codec,
        changes,
        cuts,
        messages,
    } = input;
    let framed =
        |message: Message| Frame::new(&mut *codec.codec(), &message.bytes(codec.size())).ok();
    let frames = messages.into_iter().take(FRAMES_MAX).filter_map(framed);
    let ((messages, _), _) = exchange::send(
        || codec.codec(),
        codec.ending(),
        frames.collect(),
        &changes,
        &cuts,
    );
    codec.assert_allows(&messages);
});
