//! One handler, every concurrency model: a socket server framework in the spirit of Python's `socketserver`.
//!
//! You write a handler: the conversation with one connection, either as callbacks, a [`Handler`], or in straight lines that wait, a
//! [`BlockingHandler`]. A server makes one for each connection it accepts, runs it whenever something happens, and drops it
//! when the connection is over. How connections are scheduled is another matter: a [`Mode`] chooses between one after the
//! other, a thread for each, a pool of threads and event loops, and the handler stays the same.
//!
//! # Example
//!
//! A server that sends back what it receives, and one client of it. The server runs until somebody stops it.
//!
//! ```
//! use std::io::{self, Read, Write};
//! use std::net::{Shutdown, TcpStream};
//! use std::thread;
//!
//! use socketserver::{Conn, Handler, HandlerError, Input, Mode, Server, TcpServer};
//!
//! /// Sends back what it receives.
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         conn.write(input.take_all());
//!         Ok(())
//!     }
//! }
//!
//! /// Says hello, and reads the answer to its end.
//! fn talk(port: u16) -> io::Result<String> {
//!     let mut stream = TcpStream::connect(("127.0.0.1", port))?;
//!     stream.write_all(b"hello")?;
//!     stream.shutdown(Shutdown::Write)?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer)?;
//!     Ok(answer)
//! }
//!
//! let server = TcpServer::bind("127.0.0.1:0")?.mode(Mode::Threads);
//! let port = server.addresses()[0].port().ok_or("a TCP server has a port")?;
//! let stop = server.stop_handle();
//! let client = thread::spawn(move || {
//!     let answer = talk(port);
//!     stop.stop();
//!     answer
//! });
//!
//! let report = server.serve_forever(|_peer| Echo)?;
//! assert_eq!(client.join().expect("the client does not panic")?, "hello");
//! assert_eq!(report.stats.accepted, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same kind of thing in straight lines: [`Stream`] reads and writes as files do, and is what a client has, too. On an event
//! loop the handler is suspended where it waits, so that thousands of them share a thread.
//!
//! ```
//! use std::io::{self, BufRead, Write};
//! use std::thread;
//!
//! use socketserver::{HandlerError, Mode, Server, Stream, TcpServer};
//!
//! /// Greets everybody who says a name.
//! fn greet(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
//!     stream.write_all(b"who are you?\n")?;
//!     let mut name = String::new();
//!     stream.read_line(&mut name)?;
//!     writeln!(stream, "hello {}", name.trim_end())?;
//!     Ok(())
//! }
//!
//! fn introduce(name: &str, address: &str) -> io::Result<Vec<String>> {
//!     let mut stream = Stream::connect(address)?;
//!     writeln!(stream, "{name}")?;
//!     stream.lines().collect()
//! }
//!
//! let server = TcpServer::bind("127.0.0.1:0")?.mode(Mode::Reactor { loops: 1 });
//! let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//! let client = thread::spawn(move || {
//!     let answer = introduce("Ada", &address);
//!     stop.stop();
//!     answer
//! });
//!
//! server.serve_forever_blocking(|_peer| greet)?;
//! assert_eq!(client.join().expect("the client does not panic")?, ["who are you?", "hello Ada"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modes
//!
//! | Mode | Accepts | Runs handlers | Choose it for | Python |
//! |---|---|---|---|---|
//! | [`Mode::Serial`] | the serving thread | the same, one connection to its end, then the next | learning, one short exchange | `TCPServer`, `UDPServer` |
//! | [`Mode::Threads`] | the serving thread | a thread for each connection | handlers that wait | `ThreadingTCPServer`, `ThreadingUDPServer` |
//! | [`Mode::Pool`] | the serving thread | so many threads, each with one connection to its end | handlers that wait, few threads | |
//! | [`Mode::Reactor`] | every loop | the loop that has accepted the connection | many connections, quick callbacks | `asyncio` |
//!
//! The order of the callbacks and the bytes that result are the same in every mode. On a reactor a callback must be quick, and a blocking
//! handler must wait in its [`Stream`] only, since all connections of its loop wait for it; [`Config::slow_callback`] tells which do not. What
//! a handler may assume, whatever the mode, is the chapter [`guide::handlers`].
//!
//! Servers for datagrams take the same words: in `serial` and `reactor` the thread that receives runs the handlers, in `threads` every datagram has a worker,
//! and in `pool` all datagrams of a peer go to the same one.
//!
//! # From Python's names
//!
//! | Python | Here |
//! |---|---|
//! | `TCPServer`, `UnixStreamServer` | [`TcpServer::bind`], [`UnixServer::bind`], [`StreamServer::builder`] |
//! | `UDPServer`, `UnixDatagramServer` | [`UdpServer::bind`], [`UnixDatagramServer::bind`], [`DatagramServer::builder`] |
//! | `ThreadingMixIn` | [`StreamServer::mode`], [`DatagramServer::mode`], [`Builder::mode`] |
//! | `BaseRequestHandler.handle` | [`BlockingHandler::handle`], or [`Handler::received`] |
//! | `setup`, `finish` | the closure that makes handlers, `Drop`; or [`Handler::opened`], [`Handler::closed`] |
//! | `StreamRequestHandler.rfile`, `wfile` | [`Stream`] as [`BufRead`](std::io::BufRead) and [`Write`](std::io::Write) |
//! | `DatagramRequestHandler.packet`, `wfile` | [`Datagram::bytes`], [`DatagramSocket::reply`] in a [`DatagramHandler`]; or [`Peer::send`] in a [`PeerHandler`] |
//! | `max_packet_size` | [`Config::datagram_bytes_max`], [`DatagramHandler::truncated`] |
//! | `request`, `client_address` | [`Stream`], [`Stream::peer`]; or [`Input`] and [`Conn`], [`Conn::peer`] |
//! | `verify_request`, `handle_error`, `service_actions`, `handle_timeout` | [`Hooks`] |
//! | `serve_forever`, `handle_request` | [`StreamServer::serve_forever`], [`StreamServer::serve_forever_blocking`], [`StreamServer::handle_request`] |
//! | `shutdown`, `server_close` | [`StopHandle::stop`], [`StopHandle::cut`], dropping the server |
//! | `server_address` | [`Server::addresses`] |
//! | `request_queue_size`, `allow_reuse_address`, `allow_reuse_port` | [`Config::backlog`], [`Config::reuse_address`], [`Config::reuse_port`] |
//! | `timeout` of a handler | [`Stream::set_read_timeout`]; [`Config::idle_timeout`], [`Config::read_timeout`], [`Config::write_timeout`] |
//! | `max_children`, `block_on_close`, `daemon_threads` | [`Config::connections_max`], [`Config::drain_timeout`] |
//! | `socket.create_connection` | [`Stream::connect`] |
//!
//! The chapter [`guide::from_python`] has all the others, line by line.
//!
//! # Messages
//!
//! A stream has no messages. A [`Handler`] sees bytes as they come; a [`MessageHandler`] sees whole messages, which a [`Codec`] finds for it:
//! lines, length prefixes, JSON. [`Stream::receive`] gives a blocking handler the same. See [`guide::framing`] and [`codec`].
//!
//! # Datagrams
//!
//! A [`DatagramServer`] serves UDP and Unix datagrams. A [`DatagramHandler`], which may be a function, sees each of them by itself; a [`PeerHandler`] holds
//! the conversation with one peer, and a [`MessageHandler`] the same one that it has over streams.
//!
//! ```
//! use std::net::UdpSocket;
//! use std::thread;
//!
//! use socketserver::{Datagram, DatagramSocket, HandlerError, Mode, Server, UdpServer};
//!
//! /// Sends back what it receives, to whoever has sent it.
//! fn echo(datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
//!     Ok(socket.reply(datagram, datagram.bytes())?)
//! }
//!
//! let server = UdpServer::bind("127.0.0.1:0")?.mode(Mode::Pool { workers: 2 });
//! let address = server.addresses()[0].socket_addr().ok_or("a UDP server has an address")?;
//! let stop = server.stop_handle();
//! let serving = thread::spawn(|| server.serve_forever(|| echo));
//!
//! let client = UdpSocket::bind("127.0.0.1:0")?;
//! client.send_to(b"hello", address)?;
//! let mut answer = [0; 100];
//! let (size, from) = client.recv_from(&mut answer)?;
//! assert_eq!((&answer[..size], from), (&b"hello"[..], address));
//!
//! stop.stop();
//! serving.join().expect("a server does not panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A datagram that is cut is told with its true size, an error sends nothing, and nobody gets more than three times what came in his name before he has proven
//! that it is his: see [`guide::datagrams`].
//!
//! # Limits
//!
//! Everything that can grow has a maximum and everything that a peer can delay has a deadline; [`Config`] lists them with
//! their defaults and reasons, and [`Config::memory_bytes_max`] says what they add up to. A connection ends for exactly one
//! [`CloseReason`]. An error or a panic in a handler ends its connection and nothing else, which needs the default
//! `panic = "unwind"`.
//!
//! These servers are for TCP, UDP and Unix sockets, on systems of the Unix family; Linux comes first. They do not speak TLS. There is no async runtime and no
//! `unsafe` code.
//!
//! # Where to go next
//!
//! The [`guide`] has six chapters: [from Python's `socketserver`](guide::from_python), [framing](guide::framing), [what a handler may assume in
//! every mode](guide::handlers), [datagrams](guide::datagrams), [how to know that a handler is right](guide::proving), and [the defaults and
//! why](guide::defaults).
//!
//! [`Group`] writes to many connections at once, [`Remote`] to one from another thread, [`Conn::send_file`] lets the kernel
//! send a file, [`Stream::offload`] and [`Conn::offload`] have long work done elsewhere, and [`Stats`] are what a server counts. With the cargo feature `testkit`
//! the module of that name proves that a handler, or any server, does the same however the network cuts its input.

#![forbid(unsafe_code)]

mod client;
mod close;
pub mod codec;
mod conn;
mod datagram;
mod delivery;
mod driver;
mod error;
mod group;
pub mod guide;
mod handler;
mod input;
mod mail;
mod net;
mod offloaded;
mod remote;
mod server;
mod session;
mod stream;
#[cfg(feature = "testkit")]
pub mod testkit;
mod timer;

pub use bytes::Bytes;

pub use close::CloseReason;
pub use codec::json::{Json, JsonHandler, JsonReplies};
pub use codec::{
    Codec, Decoded, Delimiter, EncodeError, Fixed, FrameError, Framed, LengthPrefix, Lines,
    MessageHandler, Netstring, Replies,
};
pub use conn::{Conn, ConnectionId};
pub use datagram::{
    Datagram, DatagramHandler, DatagramSender, DatagramSocket, Peer, PeerHandler, SendError,
};
pub use error::{BindError, ConfigError, HandlerError, ServeError};
pub use group::{Group, SlowMember};
pub use handler::{BlockingHandler, Handler};
pub use input::Input;
pub use net::{
    Address, Endpoint, EndpointError, MulticastError, MulticastGroup, MulticastInterface,
};
pub use offloaded::Offloaded;
pub use remote::{Remote, RemoteError};
pub use server::{
    AtCapacity, Builder, Config, DatagramServer, Eviction, Handled, Hooks, Mode, OffloadPool,
    Report, Server, StartError, State, Stats, StatsHandle, StopHandle, StreamServer, SystemCalls,
    TcpServer, UdpServer, UnixDatagramServer, UnixServer,
};
pub use stream::Stream;
