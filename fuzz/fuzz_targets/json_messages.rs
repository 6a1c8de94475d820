//! Values as JSON, framed, damaged a little and cut anywhere.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver::codec::json::write;
use socketserver_fuzz::exchange::{self, Change, FRAMES_MAX, Frame};
use socketserver_fuzz::json::{self, Carrier, Tree};

#[derive(Arbitrary, Debug)]
struct Input {
    carrier: Carrier,
    changes: Vec<Change>,
    cuts: Vec<u16>,
    values: Vec<Tree>,
}

fuzz_target!(|input: Input| {
    let Input {
        carrier,
        changes,
        cuts,
        values,
    } = input;
    let (mut sent, mut frames) = (Vec::new(), Vec::new());
    for tree in values.into_iter().take(FRAMES_MAX) {
        let value = tree.value();
        let text = serde_json::to_vec(&value).expect("a value is written as JSON");
        let mut written = Vec::new();
        let result = write(&value, &mut *carrier.codec(), &mut written);
        let frame = Frame::new(&mut *carrier.codec(), &text);
        assert_eq!(result.is_ok(), frame.is_ok());
        if let Ok(frame) = frame {
            assert_eq!(written, frame.bytes());
            sent.push(tree);
            frames.push(frame);
        }
    }
    let ((messages, _), unchanged) = exchange::send(
        || carrier.codec(),
        carrier.ending(),
        frames,
        &changes,
        &cuts,
    );
    for (message, tree) in messages.iter().zip(&sent).take(unchanged) {
        tree.assert_is(message);
    }
    for message in &messages {
        json::assert_read_well(message);
    }
});
