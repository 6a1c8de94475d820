//! Connections without sockets: how they come and go, and the least that a message costs.

use std::hint::black_box;
use std::io::{BufRead, Write};

use socketserver::testkit::offline::{Connected, Offline};
use socketserver::{Config, Conn, Handler, HandlerError, Input, Lines, Stream};

use super::{LINE, MAX, Subject, TIMES, frame, subject};

/// A connection that says nothing: opened, and closed since its peer has ended.
pub(crate) fn life() -> Subject {
    living(|_connected| {})
}

/// A connection for one message, as a client has it that connects for each.
pub(crate) fn life_with_a_message() -> Subject {
    living(|connected| {
        black_box(connected.exchange(black_box(LINE)));
    })
}

/// The least that a message can cost: it goes back as it is.
pub(crate) fn message() -> Subject {
    talking(echo(), LINE.to_vec())
}

/// The same message to a handler in straight lines, which waits in a coroutine.
pub(crate) fn message_to_a_blocking_handler() -> Subject {
    fn handle(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line)? > 0 {
            stream.write_all(&line)?;
            line.clear();
        }
        Ok(())
    }
    talking(
        Offline::new_blocking(Config::default(), |_peer| handle),
        frame(&mut Lines::new(MAX), LINE),
    )
}

/// Sends a message and gets its answer, on one connection.
pub(super) fn talking(server: Offline, message: Vec<u8>) -> Subject {
    let mut connected = server.connect();
    subject(move || {
        for _ in 0..TIMES {
            let answer = connected.exchange(black_box(&message));
            assert!(!answer.is_empty());
        }
    })
}

/// Connects, does something and leaves.
fn living(mut act: impl FnMut(&mut Connected) + 'static) -> Subject {
    // It is away only while it is connected.
    let mut server = Some(echo());
    subject(move || {
        for _ in 0..TIMES {
            if let Some(offline) = server.take() {
                let mut connected = offline.connect();
                act(&mut connected);
                server = Some(connected.leave().0);
            }
        }
    })
}

struct Echo;

impl Handler for Echo {
    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        conn.write(input.take_all());
        Ok(())
    }
}

fn echo() -> Offline {
    Offline::new(Config::default(), |_peer| Echo)
}
