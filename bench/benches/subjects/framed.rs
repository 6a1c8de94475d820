//! Messages that go through a codec to a handler of messages, and their answers back.

use std::hint::black_box;

use serde::{Deserialize, Serialize};
use socketserver::testkit::offline::Offline;
use socketserver::{Codec, Config, Framed, HandlerError, Json, LengthPrefix, Lines, Replies};

use super::session::talking;
use super::{LINE, MAX, Subject, TIMES, frame, subject};

/// A line through a codec to a handler of messages, and its answer through the codec back.
pub(crate) fn line() -> Subject {
    talking(
        framed(|| Lines::new(MAX)),
        frame(&mut Lines::new(MAX), LINE),
    )
}

/// The same in two pieces, of which the connection keeps the first.
pub(crate) fn line_in_halves() -> Subject {
    let mut connected = framed(|| Lines::new(MAX)).connect();
    let line = frame(&mut Lines::new(MAX), LINE);
    subject(move || {
        let (first, second) = line.split_at(line.len() / 2);
        for _ in 0..TIMES {
            assert!(connected.exchange(black_box(first)).is_empty());
            assert_eq!(connected.exchange(black_box(second)).len(), line.len());
        }
    })
}

/// All the lines at once, which is what a client causes that does not wait for answers.
pub(crate) fn lines_together() -> Subject {
    let mut connected = framed(|| Lines::new(MAX)).connect();
    let lines = frame(&mut Lines::new(MAX), LINE).repeat(TIMES);
    subject(move || {
        let answers = connected.exchange(black_box(&lines));
        assert_eq!(answers.len(), lines.len());
    })
}

pub(crate) fn length_prefix() -> Subject {
    let frame = frame(&mut LengthPrefix::big_endian(4), LINE);
    talking(framed(|| LengthPrefix::big_endian(4)), frame)
}

/// A request in JSON, read into a value and answered with another one.
pub(crate) fn json() -> Subject {
    #[derive(Deserialize)]
    struct Order {
        item: String,
        pieces: u32,
        price: f64,
    }
    #[derive(Serialize)]
    struct Bill {
        item: String,
        total: f64,
    }
    let server = Offline::new(Config::default(), |_peer| {
        let bill = |order: Order| {
            let total = f64::from(order.pieces) * order.price;
            let item = order.item;
            Ok(Bill { item, total })
        };
        Framed::new(Lines::new(MAX), Json::answering(bill))
    });
    let request = br#"{"item": "a box of paper clips", "pieces": 12, "price": 1.25}"#;
    talking(server, frame(&mut Lines::new(MAX), request))
}

fn framed<C: Codec + 'static>(codec: impl Fn() -> C + Send + Sync + 'static) -> Offline {
    fn answer(message: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        Ok(replies.send(message)?)
    }
    Offline::new(Config::default(), move |_peer| Framed::new(codec(), answer))
}
