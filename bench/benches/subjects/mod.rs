//! What is measured: by the clock in `micro.rs`, by counting instructions in `instructions.rs`. Both take it from here, so that they mean the same.
//!
//! A module is a group, and a public function in it makes a subject of its name.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod framed;
pub(crate) mod session;
pub(crate) mod wheel;

use socketserver::Codec;

/// How often a subject does its one thing when it is called: a hundred messages, connections or timers.
///
/// A single message costs some dozens of instructions, of which two in a hundred are none. A hundred make every instruction visible, and the
/// cost of one is read off by moving the point.
pub(crate) const TIMES: usize = 100;

/// Does its one thing [`TIMES`] times, and the same instructions whenever it is called.
pub(crate) type Subject = Box<dyn FnMut()>;

/// Gives the names of all groups and subjects to a macro, so that no list of them can forget one.
macro_rules! with_subjects {
    ($macro:ident) => {
        $macro! {
            decode {
                lines, lines_in_halves, delimiter, delimiter_in_halves, fixed, length_prefix, length_prefix_in_halves,
                netstring
            }
            encode { lines, delimiter, fixed, length_prefix, netstring }
            framed { line, line_in_halves, lines_together, length_prefix, json }
            session { life, life_with_a_message, message, message_to_a_blocking_handler }
            wheel { schedule_and_cancel, reschedule, expire, advance }
        }
    };
}
pub(crate) use with_subjects;

/// A line as programs write it: a typical message, also for codecs that do not look at it.
const LINE: &[u8] = b"2026-01-05T12:34:56.789Z INFO request 4711 was served in 1.25 ms";
/// What a browser says first: a long message, and half of the delimiter at the end of each of its lines.
const HEAD: &[u8] = b"GET /index.html HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
    Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive";
/// The longest message that codecs allow here, to which no message comes near.
const MAX: usize = 64 * 1024;

/// A subject that has run, so that buffers have grown and what is measured is the steady state.
fn subject(mut work: impl FnMut() + 'static) -> Subject {
    work();
    Box::new(work)
}

/// A message as it travels.
fn frame(codec: &mut impl Codec, message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let result = codec.encode(message, &mut |piece| frame.extend_from_slice(piece));
    assert!(result.is_ok(), "every message here can be sent");
    frame
}
