//! The proving kit: how to know that a server is right, before the network shows that it is not.
//!
//! On the developer's machine every message arrives whole, at once and in order of the test's lines. In the field it
//! arrives cut inside a number or a letter, two come together, the peer hangs up in the middle. Almost every
//! first server has a bug there, and almost no test finds it, since the network of a test never cuts.
//! This kit does. It needs none of our servers: whatever listens on TCP or on a Unix socket can be proved with it.
//!
//! * [`script`]: a conversation as a plain text, one step a line, that can be played to any server.
//! * [`prover`]: plays a script with its input cut in every way, and finds the cut at which a server gives itself away.
//!   A handler of ours is driven without sockets, threads or time, thousands of connections in some milliseconds.
//! * [`sim`]: runs a handler, of streams or of datagrams, on the loops of this crate that serve, over a network in memory whose time, faults and
//!   order of events a seed decides.
//! * [`oracle`]: plays scripts in every mode, style and transport and compares the bytes.
//! * [`budget`]: what each message may cost in system calls, wake-ups and allocations, as assertions.
//! * [`offline`]: a handler's messages without a network, to time them and to count their instructions.
//!
//! It is compiled with the cargo feature `testkit` only, which belongs among the `dev-dependencies`:
//!
//! ```toml
//! [dev-dependencies]
//! socketserver = { version = "0.1", features = ["testkit"] }
//! ```
//!
//! # Example
//!
//! The bug of almost every tutorial, found in a test: one read is taken for one line.
//!
//! ```
//! use socketserver::testkit::prover::Prover;
//! use socketserver::testkit::script::Script;
//! use socketserver::{Conn, Handler, HandlerError, Input};
//!
//! struct Greeter;
//!
//! impl Handler for Greeter {
//!     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         let name = String::from_utf8_lossy(input.take_all());
//!         conn.write(format!("hello {}\n", name.trim_end()).as_bytes());
//!         Ok(())
//!     }
//! }
//!
//! let script = Script::parse(r#"
//!     send "world\n"
//!     expect "hello world\n"
//! "#)?;
//! let disproof = Prover::new(script).prove(|_peer| Greeter).unwrap_err();
//! assert_eq!(disproof.cuts(), [1], "it takes `w` for the name, and the rest for another one");
//! # Ok::<(), socketserver::testkit::script::ScriptError>(())
//! ```

pub mod budget;
mod hex;
pub mod offline;
pub mod oracle;
pub mod prover;
pub mod random;
pub mod script;
pub mod sim;
