//! An operator and those who connect: what the operator says goes to all of them or to one, or answers them in turns.
//!
//! There are two sides for an operator, and each makes the handlers of a server, in every mode:
//!
//! * [`Operator`] speaks whenever there is something to say, to all peers or to one.
//! * [`Turns`] is the loop of beginners' tutorials: a peer says a line, the operator answers it, and so on, until the operator says the
//!   quit word. Then the next peer, who has waited meanwhile, has its turn.
//!
//! What happens comes to the operator as [`Event`]s, one after the other, as fast as the operator takes them. Nothing of it is lost, and
//! nothing grows without a limit: whoever says more than the operator takes is not read from, and who comes while far too much
//! waits is let in when there is room. The other way round a peer that does not read is never waited for: what would wait for it
//! beyond 256 KiB is not sent to it, and the operator is told.
//!
//! Messages are lines of UTF-8 of at most [`LINE_BYTES_MAX`] bytes, which end with LF or CR LF. Programs that are written as tutorials write
//! them often send no line ends at all: until a peer has sent its first one, what it sends also ends with 50 ms of silence, and in turns its answers
//! have no line end either. Whatever a peer sends, nothing in a [`Event::Said`] can drive the operator's terminal.
//!
//! # Example
//!
//! Everybody is greeted with what the greeter says, until somebody has said something.
//!
//! ```
//! use std::io::{BufRead, BufReader, Write};
//! use std::net::TcpStream;
//! use std::thread;
//!
//! use socketserver::{Mode, Server, TcpServer};
//! use socketserver_handlers::talk::{Event, Operator};
//!
//! let server = TcpServer::bind("127.0.0.1:0")?.mode(Mode::Reactor { loops: 1 });
//! let (port, stop) = (server.addresses()[0].port().ok_or("a TCP server has a port")?, server.stop_handle());
//! let operator = Operator::new();
//! let handlers = operator.clone();
//! let serving = thread::spawn(move || server.serve_forever(move |_peer| handlers.handler()));
//!
//! let mut client = TcpStream::connect(("127.0.0.1", port))?;
//! let Some(Event::Came { number, .. }) = operator.next_event() else { panic!("somebody has come") };
//! operator.say_to(number, "who are you?")?;
//! let mut question = String::new();
//! BufReader::new(&client).read_line(&mut question)?;
//! assert_eq!(question, "who are you?\n");
//! client.write_all(b"ann\n")?;
//! let Some(Event::Said { text, .. }) = operator.next_event() else { panic!("and has said something") };
//! assert_eq!(text, "ann");
//!
//! stop.stop();
//! serving.join().map_err(|_| "the server panicked")??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod desk;
mod event;
mod handler;
mod operator;
mod turns;

pub use self::event::{Event, Peer, SayError};
pub use self::handler::Talk;
pub use self::operator::{Operator, Told};
pub use self::turns::Turns;

/// The longest line, its end not counted, in either direction: four pages of text, which nobody types in one line.
pub const LINE_BYTES_MAX: usize = 8 * 1024;
