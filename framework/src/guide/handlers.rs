//! What a handler may assume in every mode: order, threads, waiting, stops, errors, and what it all costs.
//!
//! There are two ways to write the same conversation, and four modes that run either:
//!
//! | | [`Handler`] | [`BlockingHandler`] |
//! |---|---|---|
//! | is written | as callbacks | in straight lines |
//! | is served by | [`StreamServer::serve_forever`] | [`StreamServer::serve_forever_blocking`] |
//! | reads and writes | [`Input`] and [`Conn`], which never wait | a [`Stream`], which waits |
//! | in `serial`, `threads`, `pool` | is called on the thread of its connection | runs on it |
//! | in `reactor` | is called on the loop of its connection | runs there in a coroutine, which is suspended while its stream waits |
//! | can be in a [`Group`](crate::Group) | yes | no; other threads write to it with a [`Remote`](crate::Remote) |
//!
//! # The order of callbacks
//!
//! ```text
//! factory ─▶ opened ─▶ received · drained · timer · woken ─▶ closed ─▶ Drop
//!                      at most once each: ended, stopping
//! ```
//!
//! `closed` is called exactly once for every handler that was made, also when `opened` failed, and nothing is called after it.
//! `received` is called with whatever has come; how that was cut differs from run to run, and nothing else does:
//!
//! ```
//! use std::io::{Read, Write};
//! use std::sync::mpsc::{Sender, channel};
//! use socketserver::{CloseReason, Conn, Handler, HandlerError, Input, Mode, Server, Stream, TcpServer};
//!
//! struct Diary(Sender<&'static str>);
//!
//! impl Handler for Diary {
//!     fn opened(&mut self, _: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         Ok(self.0.send("opened")?)
//!     }
//!     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         conn.write(input.take_all());
//!         Ok(self.0.send("received")?)
//!     }
//!     fn ended(&mut self, _: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         conn.close();
//!         Ok(self.0.send("ended")?)
//!     }
//!     fn closed(&mut self, reason: &CloseReason) {
//!         let _ = self.0.send(reason.word());
//!     }
//! }
//!
//! for mode in [Mode::Serial, Mode::Threads, Mode::Pool { workers: 2 }, Mode::Reactor { loops: 1 }] {
//!     let (sender, diary) = channel();
//!     let server = TcpServer::bind("127.0.0.1:0")?.mode(mode);
//!     let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//!     let serving = std::thread::spawn(|| server.serve_forever(move |_peer| Diary(sender.clone())));
//!
//!     let mut client = Stream::connect(&address)?;
//!     client.write_all(b"hello")?;
//!     client.shutdown_write()?;
//!     let mut answer = String::new();
//!     client.read_to_string(&mut answer)?;
//!     stop.stop();
//!     serving.join().expect("a server does not panic")?;
//!
//!     assert_eq!(answer, "hello");
//!     let mut events: Vec<_> = diary.iter().collect();
//!     events.dedup(); // in case that "hello" came in pieces
//!     assert_eq!(events, ["opened", "received", "ended", "peer_closed"], "{mode}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Threads
//!
//! * One handler is run by one thread at a time, and in every mode by the same one from its first callback to its `Drop`. It need not
//!   be `Sync`, and its fields need no lock.
//! * Handlers of different connections run at the same time in all modes but `serial` and `reactor:1`, so that what they share needs one.
//! * A thread runs many connections, at once or one after the other. What a thread-local variable holds belongs to none of them.
//! * In `serial` and `pool` a connection that stays open keeps its thread, and later ones wait. Only `threads` and `reactor`
//!   promise that no handler waits for another one's peer.
//!
//! # Waiting
//!
//! A [`Handler`] never waits for its peer: it says what it wants to be called for, and returns. Whether it may wait for anything
//! else, such as a file or a lock, depends on who waits with it. On a thread of its own nobody does. On a reactor every
//! connection of the loop does.
//!
//! A [`BlockingHandler`] waits in its [`Stream`], in every mode. On a reactor it must not wait, nor compute for long, anywhere else:
//!
//! | Instead of | Write |
//! |---|---|
//! | `std::thread::sleep` | [`Stream::sleep`] |
//! | reading a file, asking a database, hashing a password | [`Stream::offload`]; in callbacks [`Conn::offload`], of which the next section tells |
//! | a socket of its own | `offload`, or the mode `threads` |
//! | a lock held across a call of the stream | a lock that is released before: the next handler that wants it would stop the thread on which the first one is suspended |
//! | large arrays and deep recursion | a `Vec`, or a larger [`Config::coroutine_stack_bytes`]: below each stack lies a guard page, which ends the process |
//! | the stream given to a scoped thread | [`Stream::remote`] |
//!
//! ## Work that others do
//!
//! A callback cannot wait, but it can have something done and be called when it is:
//!
//! | What is to be done | With | Because |
//! |---|---|---|
//! | a file opened or written, a database asked | [`Conn::offload`], in a [`Stream`] [`Stream::offload`] | the server has threads that may wait, [`Config::offload_threads_max`] of them for all its connections |
//! | what is dear: a password hashed, an image made smaller | [`Conn::offload_to`] an [`OffloadPool`](crate::OffloadPool) | it has threads and a queue of its own, so that a flood of logins does not keep those waiting who only want their files; servers can share it |
//! | a file sent | [`Conn::send_file`], and [`Conn::pause_until_sent`] behind it | until it is sent nothing more is read, so that a peer which asks for a thousand files and reads none has one of them open |
//!
//! When the work is done, [`Handler::woken`] is called, and the result is in the [`Offloaded`](crate::Offloaded) that the handler has kept. A queue that is full is an
//! error at once, for the handler to pass on to its peer or to end the connection with. Two things are the handler's to decide:
//!
//! * **What comes meanwhile.** A handler that answers in order calls [`Conn::pause_reading`] with the work and [`Conn::resume_reading`] with its
//!   answer: what a peer sends ahead then waits in the peer's own socket. An end of the input waits with it.
//! * **A stop meanwhile.** The default of [`Handler::stopping`] closes, with the answer not yet written. A handler that owes one says `conn.finish()`
//!   only when it owes none, and again once it has answered if [`Conn::is_stopping`].
//!
//! ```
//! use std::io::{Read, Write};
//! use socketserver::{
//!     Conn, Handler, HandlerError, Input, Mode, OffloadPool, Offloaded, Server, Stream, TcpServer,
//! };
//!
//! /// Answers each byte with a number that takes long to find.
//! struct Search {
//!     pool: OffloadPool,
//!     found: Option<Offloaded<u64>>,
//! }
//!
//! impl Handler for Search {
//!     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         let start = u64::from(input.take(1)[0]);
//!         let search = move || (start..).find(|number| number % 9973 == 0).unwrap_or(0);
//!         self.found = Some(conn.offload_to(&self.pool, search)?);
//!         conn.pause_reading();
//!         Ok(())
//!     }
//!
//!     fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         if let Some(number) = self.found.as_mut().and_then(Offloaded::take) {
//!             self.found = None;
//!             conn.write(format!("{number}\n").as_bytes());
//!             conn.resume_reading();
//!             if conn.is_stopping() {
//!                 conn.finish();
//!             }
//!         }
//!         Ok(())
//!     }
//!
//!     fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         if self.found.is_none() {
//!             conn.finish();
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let server = TcpServer::bind("127.0.0.1:0")?.mode(Mode::Reactor { loops: 1 });
//! let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//! let pool = OffloadPool::new(2, 100); // two at a time, and a hundred who wait
//! let serving = std::thread::spawn(|| {
//!     server.serve_forever(move |_peer| Search { pool: pool.clone(), found: None })
//! });
//! let mut client = Stream::connect(&address)?;
//! client.write_all(&[1, 0, 2])?;
//! client.shutdown_write()?;
//! let mut answers = String::new();
//! client.read_to_string(&mut answers)?;
//! stop.stop();
//! serving.join().expect("a server does not panic")?;
//! assert_eq!(answers, "9973\n0\n9973\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## What keeps a loop
//!
//! What keeps a loop for longer than [`Config::slow_callback`] is counted in
//! [`Stats::slow_callbacks`](crate::Stats::slow_callbacks), and the log names the connection. Of a blocking handler it says
//!
//! ```text
//! `handle` kept its loop for … without waiting in its `Stream`, and every other connection of the loop waited meanwhile
//! (wait with `Stream::sleep`, do long work in `Stream::offload`, or use the mode `threads`)
//! ```
//!
//! and of a callback
//!
//! ```text
//! … took …, and every other connection of its loop waited meanwhile
//! (do long work on another thread, or use the mode `threads`)
//! ```
//!
//! On threads nothing is watched, since nobody waits:
//!
//! ```
//! use std::io::Read;
//! use std::time::Duration;
//! use socketserver::{HandlerError, Mode, Server, Stream, TcpServer};
//!
//! fn sleepy(_stream: &mut Stream<'_>) -> Result<(), HandlerError> {
//!     std::thread::sleep(Duration::from_millis(200)); // stream.sleep(…)? would be right
//!     Ok(())
//! }
//!
//! for (mode, is_watched) in [(Mode::Reactor { loops: 1 }, true), (Mode::Threads, false)] {
//!     let server = TcpServer::bind("127.0.0.1:0")?.mode(mode);
//!     let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//!     let serving = std::thread::spawn(|| server.serve_forever_blocking(|_peer| sleepy));
//!     Stream::connect(&address)?.read_to_end(&mut Vec::new())?;
//!     stop.stop();
//!     let report = serving.join().expect("a server does not panic")?;
//!     assert_eq!(report.stats.slow_callbacks > 0, is_watched, "{mode}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A peer that does not read
//!
//! | Waiting output | [`Handler`] | [`BlockingHandler`] |
//! |---|---|---|
//! | any | [`Conn::write`] never waits and never fails | a write is kept until the stream waits |
//! | [`Config::output_high`] | the peer is not read from until [`Config::output_low`], when [`Handler::drained`] is called | the next write waits until it has been taken |
//! | [`Config::output_bytes_max`] | the connection is cut: [`CloseReason::OutputOverflow`] | cannot be reached by writing |
//! | none taken for [`Config::write_timeout`] | [`CloseReason::WriteTimeout`] | the same, or sooner by [`Stream::set_write_timeout`] |
//!
//! # When the server stops
//!
//! No connection is taken any more, those who wait at the listeners are served, and what has arrived is handed over. Then it
//! matters whether a connection is *between two messages* or *amid* one:
//!
//! | | [`Handler`] | [`BlockingHandler`] |
//! |---|---|---|
//! | amid means | it has left input, or asked for more with [`Conn::want`] | it has read something and written nothing since, or not read all that has come |
//! | between two messages | [`Handler::stopping`], which closes by default | its read sees the end of input |
//! | amid a message | is closed when it has taken the rest | its read goes on; the next one sees the end |
//! | still open at [`Config::drain_timeout`] | is cut: [`CloseReason::DrainCut`] | the same; its call fails with [`ConnectionAborted`](std::io::ErrorKind::ConnectionAborted) |
//!
//! A request that was answered is therefore never lost, one that is half received may be completed, and a silent client delays
//! nothing. One exception: on threads, a message whose first bytes come at the very moment of the stop is treated as ended. And a
//! server that is cut ([`StopHandle::cut`]) goes straight to the last row.
//!
//! ```
//! use std::io::Write;
//! use socketserver::{HandlerError, Lines, Server, Stream, TcpServer};
//!
//! fn upper(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
//!     let mut lines = Lines::default();
//!     while let Some(line) = stream.receive(&mut lines)? {
//!         let answer = line.to_ascii_uppercase();
//!         stream.send(&answer, &mut lines)?;
//!     }
//!     Ok(())
//! }
//!
//! let server = TcpServer::bind("127.0.0.1:0")?;
//! let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//! let serving = std::thread::spawn(|| server.serve_forever_blocking(|_peer| upper));
//!
//! let (mut client, mut lines) = (Stream::connect(&address)?, Lines::default());
//! client.send(b"first", &mut lines)?;
//! assert_eq!(client.receive(&mut lines)?, Some(&b"FIRST"[..]));
//!
//! client.write_all(b"hel")?;
//! client.flush()?;
//! stop.stop();
//! client.write_all(b"lo\n")?; // the line was under way
//! assert_eq!(client.receive(&mut lines)?, Some(&b"HELLO"[..]));
//! assert_eq!(client.receive(&mut lines)?, None);
//! drop(client);
//! assert_eq!(serving.join().expect("a server does not panic")?.cut, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a connection ends
//!
//! For exactly one [`CloseReason`], which [`Handler::closed`] is told and [`Stats::closed`](crate::Stats::closed) counts:
//!
//! | What happens | Reason | Counted as a fault of this side |
//! |---|---|---|
//! | the peer ends, and the handler has nothing more to say | `peer_closed` | no |
//! | the peer resets | `peer_reset` | no |
//! | the handler closes, or returns from `handle` | `handler_closed` | no |
//! | a limit of [`Config`] is reached by the peer | `idle_timeout`, `read_timeout`, `write_timeout`, `input_overflow`, `lifetime_over` | no |
//! | the peer sends what the protocol does not allow | `protocol_error` | no |
//! | a callback or `handle` returns an error | `handler_error` | yes |
//! | it panics, also in `Drop` | `panic` | yes |
//! | it writes without end | `output_overflow` | yes |
//! | the server stops | `drained`, `drain_cut` | no |
//!
//! * What was written before a close, an error or a panic is still sent, as long as the peer takes it.
//! * An error ends its connection and nothing else. So does a panic, which needs the default `panic = "unwind"`.
//! * An error *of the stream* that `handle` passes on is no fault: a peer that has reset is `peer_reset`, a time set on the
//!   stream that is over is `read_timeout` or `write_timeout`, and the end amid a message of
//!   [`read_exact`](std::io::Read::read_exact) is `peer_closed`.
//! * **Destructors run**, on every path: when `handle` returns or panics, when its connection is cut while it is suspended, and
//!   when it does not end although its connection has (after a hundred calls that fail its stack is unwound). Only a stack
//!   overflow and `panic = "abort"` end the process instead.
//! * [`Hooks::handle_error`](crate::Hooks::handle_error) is called for what is a fault of this side, and for nothing else.
//!
//! # What a `Stream` guarantees
//!
//! * **A time-out loses nothing.** What has come stays, what was written stays, and the same call may be made again.
//! * **[`Stream::receive`] and [`Stream::read_exact_or_end`] take all or nothing**, for up to [`Config::input_bytes_max`]: after
//!   any error the beginning of the message is still there.
//! * **Whatever waits sends first**, so that nobody waits for an answer to what has not left. There is no flush to forget.
//! * **The end is told apart**: between two messages it is no error, amid one it is.
//! * **An error of the system keeps its number**, in [`raw_os_error`](std::io::Error::raw_os_error).
//! * **After the connection is over** what had come can still be read, and everything else fails.
//! * **A suspended handler that has read everything owns no buffer.** They go back to the loop.
//!
//! # What it costs
//!
//! | | Events, `reactor` | Blocking, `reactor` | `threads` |
//! |---|---|---|---|
//! | system calls for a message and its answer | 2, and a share of the wait | the same | 2 |
//! | memory of an idle connection, of 10,000 | 246 B | about 4.5 KiB | 22 KiB |
//! | allocations for a message | none | none | none |
//!
//! The memory of a blocking handler on a reactor is the one page of its stack that it has touched, so that an array of some
//! kilobytes on the stack shows at once. The kernel's own memory for a socket comes on top in every mode.

#[cfg(doc)]
use crate::{
    BlockingHandler, CloseReason, Config, Conn, Handler, Input, StopHandle, Stream, StreamServer,
};

#[cfg(test)]
mod tests {
    /// A text without what line ends and indentation make of it.
    fn words(text: &str) -> String {
        let text = text.replace("//!", " ").replace("\\\n", " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_warnings_are_quoted_as_they_are() {
        let source = words(include_str!("../session/mod.rs"));
        let chapter = include_str!("handlers.rs");
        let quoted: Vec<_> = chapter.split("```text").skip(2).take(2).collect();
        for warning in quoted {
            let warning = words(warning.split("```").next().unwrap());
            for part in warning.split('…').filter(|part| part.len() > 10) {
                assert!(source.contains(part.trim()), "nothing warns of: {part}");
            }
        }
    }
}
