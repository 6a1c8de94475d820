//! Datagrams: what they promise and what not, who handles them, where, and what becomes of those that cannot be handled or sent.
//!
//! A stream is a conversation that either goes on or ends, and both sides are told. A datagram is one message by itself:
//!
//! | | A stream | A datagram |
//! |---|---|---|
//! | where a message ends | nobody knows; see [`framing`](super::framing) | it is whole, or not there at all |
//! | whether it arrives | yes, or the connection is over | nobody knows |
//! | in which order, and how often | as it was sent, once | in any, and perhaps twice |
//! | how long it may be | as long as you like | 65,507 bytes over IPv4, 65,527 over IPv6; up to some 1,200 it travels in one piece |
//! | who has sent it | whoever has answered the handshake | whoever the sender claims to be, until that is proven |
//! | how many can have it | one peer | one, everybody in a network (broadcast), or all who have joined a group (multicast) |
//! | when it is over | when either side says so | never, so that silence is the only end |
//!
//! Choose datagrams for many short exchanges in which asking once more costs less than a connection (names, times, measurements), for what
//! is worth nothing when it is late (speech, positions), for groups, and for protocols that do their own repeating, such as TFTP and QUIC.
//! Choose a stream for everything else: who builds order, repetition and flow control upon datagrams builds a worse TCP.
//!
//! # Two kinds of handlers
//!
//! | | [`DatagramHandler`] | [`PeerHandler`] |
//! |---|---|---|
//! | sees | every datagram by itself | the datagrams of one peer, in their order |
//! | there is one | for each thread that handles datagrams | for each peer, from its first datagram to its end |
//! | is served by | [`DatagramServer::serve_forever`], [`DatagramServer::handle_request`] | [`DatagramServer::serve_peers`] |
//! | answers with | [`DatagramSocket::reply`], to others [`DatagramSocket::send_to`] | [`Peer::send`] |
//! | remembers | nothing of a peer; what all share is in an [`Arc`](std::sync::Arc) | what its fields hold |
//! | has timers, and a socket of its own | no | [`Peer::set_timer`], [`Peer::open_socket`] |
//! | ends | with the server | when it closes, when the peer is silent for [`Config::peer_idle_timeout`], when it must make room, when the server stops |
//! | Python | `DatagramRequestHandler` | a dictionary by `client_address`, which grows for ever |
//!
//! A function or a closure with the right arguments is a [`DatagramHandler`], and [`Framed`](crate::Framed) makes a [`PeerHandler`] of the
//! same [`MessageHandler`](crate::MessageHandler) that serves streams. There is no blocking style, since a datagram has nothing to wait
//! for. A client needs no more than [`std::net::UdpSocket`], with a timeout for what may never come.
//!
//! # Modes
//!
//! | Mode | Who runs handlers | The order of one peer's datagrams: [`DatagramHandler`] | [`PeerHandler`] |
//! |---|---|---|---|
//! | `serial` | the receiving thread | as they came | as they came |
//! | `reactor` | the same | as they came | as they came |
//! | `reactor:N` | N loops, each with a socket of its own at the same address (Linux, `SO_REUSEPORT`, which gives each peer to one of them) | as they came | as they came |
//! | `threads` | a worker for each datagram, at most [`Config::connections_max`] | none: one that is slow is overtaken | as they came, since a peer has one worker at a time |
//! | `pool:N` | N workers, to one of which all datagrams of a peer go | as they came | as they came |
//!
//! On Linux a batch is received with one system call, its answers leave with as few as possible, and the more datagrams wait, the larger
//! the batches become. In `serial` and `reactor` a handler must be quick, since all others wait for it ([`Config::slow_callback`]).
//! Elsewhere than on Linux, and for Unix sockets, `reactor:N` shares out the endpoints among the loops, so that more loops than endpoints
//! gain nothing; a socket that has joined a group or may broadcast has one loop, too, since each datagram would come once to every socket.
//!
//! The answers are the same in all of them:
//!
//! ```
//! use std::net::UdpSocket;
//! use std::time::Duration;
//! use socketserver::{Datagram, HandlerError, Mode, Peer, PeerHandler, Server, UdpServer};
//!
//! struct Count(u32);
//!
//! impl PeerHandler for Count {
//!     fn received(&mut self, datagram: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
//!         self.0 += 1;
//!         Ok(peer.send(format!("{} {}", self.0, datagram.bytes().escape_ascii()).as_bytes())?)
//!     }
//! }
//!
//! for mode in [Mode::Serial, Mode::Threads, Mode::Pool { workers: 2 }, Mode::Reactor { loops: 2 }] {
//!     let server = UdpServer::bind("127.0.0.1:0")?.mode(mode);
//!     let address = server.addresses()[0].socket_addr().ok_or("a UDP server has an address")?;
//!     let stop = server.stop_handle();
//!     let serving = std::thread::spawn(|| server.serve_peers(|_peer| Count(0)));
//!
//!     let client = UdpSocket::bind("127.0.0.1:0")?;
//!     client.set_read_timeout(Some(Duration::from_secs(10)))?;
//!     for text in ["one", "two", "three"] {
//!         client.send_to(text.as_bytes(), address)?;
//!     }
//!     for expected in ["1 one", "2 two", "3 three"] {
//!         let mut answer = [0; 100];
//!         let (size, from) = client.recv_from(&mut answer)?;
//!         assert_eq!((&answer[..size], from), (expected.as_bytes(), address), "{mode}");
//!     }
//!     stop.stop();
//!     let report = serving.join().expect("a server does not panic")?;
//!     assert_eq!((report.stats.accepted, report.stats.datagrams_in), (1, 3));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Forged senders, and the guard
//!
//! The sender of a datagram is what somebody has written into it. Whoever writes a third party's address there has the answer sent to that
//! party, and a server that answers with much more than it was asked multiplies his flood. So nobody is answered with more than
//! [`Config::amplification_max`] times the bytes that came in his name, nor with more than as many times the datagrams: three, as in QUIC
//! (RFC 9000, section 8). A peer earns with each datagram and keeps what it has not used; for a [`DatagramHandler`] each datagram is for
//! itself.
//!
//! What is more is [`SendError::Unproven`], and nothing of it is sent. It says how many bytes are left, which are enough for a token; who
//! brings that back has received it, and is who it claims to be:
//!
//! ```
//! use socketserver::{Datagram, HandlerError, Peer, PeerHandler, SendError};
//!
//! struct Library {
//!     /// Nobody can guess it, and each peer has its own.
//!     token: [u8; 8],
//! }
//!
//! impl PeerHandler for Library {
//!     fn received(&mut self, datagram: &Datagram<'_>, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
//!         if datagram.bytes() == self.token {
//!             peer.prove();
//!         }
//!         match peer.send(&[b'.'; 1_000]) {
//!             Err(SendError::Unproven { left, .. }) if left < self.token.len() => Ok(()), // ask once more
//!             Err(SendError::Unproven { .. }) => Ok(peer.send(&self.token)?),
//!             sent => Ok(sent?),
//!         }
//!     }
//! }
//! # use std::net::UdpSocket;
//! # use std::time::Duration;
//! # use socketserver::{Server, UdpServer};
//! # let server = UdpServer::bind("127.0.0.1:0")?;
//! # let address = server.addresses()[0].socket_addr().ok_or("a UDP server has an address")?;
//! # let stop = server.stop_handle();
//! # let serving = std::thread::spawn(|| server.serve_peers(|_peer| Library { token: *b"guess me" }));
//! #
//! # let client = UdpSocket::bind("127.0.0.1:0")?;
//! # client.set_read_timeout(Some(Duration::from_secs(10)))?;
//! # client.connect(address)?;
//! # let mut answer = [0; 2_000];
//! # client.send(b"2?")?;
//! # client.send(b"a book, please")?;
//! # assert_eq!(client.recv(&mut answer)?, 8);
//! # client.send(&answer[..8])?;
//! # assert_eq!(client.recv(&mut answer)?, 1_000);
//! # stop.stop();
//! # let report = serving.join().expect("a server does not panic")?;
//! # assert_eq!((report.stats.replies_refused, report.stats.handler_errors), (2, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Mind the short question: one byte is answered with three at most, and with `?` the fourth is an error of the handler. Clients of such
//! protocols fill up what they ask, as QUIC's do; a server whose answers are short in any case raises the number, and one among friends
//! sets it to none. A [`DatagramSender`] has no such limit, since what is sent with it answers nobody.
//!
//! Memory is guarded likewise. There are no more than [`Config::connections_max`] peers, of one network no more than
//! [`Config::peers_per_network_max`], and [`Config::eviction`] says who has to go: nobody, as long as nothing is said; with `unproven`
//! those who have proven themselves are safe from a flood of forged newcomers.
//!
//! # What is too long
//!
//! Nothing is cut in silence. A datagram of more than [`Config::datagram_bytes_max`] bytes comes to another callback than whole ones, with
//! its beginning and with its true size (where the system tells that: elsewhere than on Linux it is only known that there was more). The
//! default is 65,535, which no datagram exceeds.
//!
//! ```
//! use std::net::UdpSocket;
//! use std::sync::mpsc::{Sender, channel};
//! use std::time::Duration;
//! use socketserver::{Config, Datagram, DatagramHandler, DatagramServer, DatagramSocket, HandlerError, SendError, Server};
//!
//! struct Short(Sender<String>);
//!
//! impl DatagramHandler for Short {
//!     fn received(&mut self, datagram: &Datagram<'_>, _: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
//!         Ok(self.0.send(format!("{} bytes", datagram.size()))?)
//!     }
//!     fn truncated(&mut self, datagram: &Datagram<'_>, _: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
//!         Ok(self.0.send(format!("{} of {} bytes", datagram.bytes().len(), datagram.size()))?)
//!     }
//! }
//!
//! let config = Config { datagram_bytes_max: 512, ..Config::default() };
//! let mut server = DatagramServer::builder().config(config).endpoint("udp://127.0.0.1:0")?.bind_datagrams()?;
//! let address = server.addresses()[0].clone();
//!
//! // What is too long for the network is an error at once.
//! let error = server.senders()[0].send_to(&[0; 65_508], &address).unwrap_err();
//! assert!(matches!(error, SendError::TooLong { size: 65_508, max: 65_507 }));
//!
//! let client = UdpSocket::bind("127.0.0.1:0")?;
//! let (sender, seen) = channel();
//! for size in [512, 513, 0] {
//!     client.send_to(&vec![0; size], address.socket_addr().ok_or("a UDP server has an address")?)?;
//!     let sender = sender.clone();
//!     server.handle_request(Some(Duration::from_secs(10)), move || Short(sender.clone()))?;
//! }
//! drop(sender);
//! # #[cfg(target_os = "linux")]
//! assert_eq!(seen.iter().collect::<Vec<_>>(), ["512 bytes", "512 of 513 bytes", "0 bytes"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is told, and what nobody tells
//!
//! | What happens | Who is told |
//! |---|---|
//! | an answer is too long, more than an unproven peer may get, or for a Unix socket without a name | whoever sends: [`SendError`], and nothing is sent |
//! | [`Config::output_bytes_max`] of output waits already | the same: [`SendError::Refused`] |
//! | the system refuses a datagram when its turn comes: no way leads there, the queue of a Unix socket is full | [`DatagramHandler::failed`], [`PeerHandler::failed`], [`Stats::send_errors`](crate::Stats::send_errors) |
//! | the peer's machine answers that nobody receives there any more | [`PeerHandler::failed`] of a peer with a socket of its own ([`Peer::open_socket`]); nobody otherwise |
//! | a callback fails or panics | [`Hooks::handle_error`](crate::Hooks::handle_error). What it had sent is dropped, and the peer is sent nothing; one that is a [`PeerHandler`] is over |
//! | there is no room for the peer, no worker, or [`Config::datagram_queue_max`] wait already | [`Stats::datagrams_dropped`](crate::Stats::datagrams_dropped) |
//! | the system's own queue is full, since the server was too slow or a burst too long | nobody; [`Config::receive_buffer_bytes`] makes it longer |
//! | the network loses, doubles, delays or reorders a datagram | nobody |
//!
//! So an answer that must arrive is asked for again after a time, by whoever wants it, and an answer to a question that came twice must do
//! no harm. The example `lossy` puts a network before a server that does all of this, the same each time by its seed.
//!
//! # Broadcast, multicast
//!
//! Sending to everybody in the network must be allowed with [`Config::broadcast`]. Groups are joined with [`Config::multicast_groups`], or
//! later with [`DatagramSender::join`]; the interface is part of the name (`239.1.2.3@192.0.2.1`), and that through which is sent is
//! [`Config::multicast_interface`]. The endpoint is all addresses, `0.0.0.0`, since what is sent to a group is not sent to an address of
//! the machine. Several programs of one machine can hear a group at the same port only if all set [`Config::reuse_port`]. What is sent to a
//! group passes no router ([`Config::multicast_ttl`]) and is heard on this machine, too ([`Config::multicast_loop`]).
//!
//! ```
//! use std::time::Duration;
//! use socketserver::{Address, Config, Datagram, DatagramServer, DatagramSocket, HandlerError, Server};
//!
//! fn greet(datagram: &Datagram<'_>, _: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
//!     assert_eq!(datagram.bytes(), b"hello, all of you");
//!     Ok(())
//! }
//!
//! let config = Config::from_json(r#"{ "multicast_groups": ["239.255.77.1@127.0.0.1"] }"#)?;
//! let mut member = DatagramServer::builder().config(config).endpoint("udp://0.0.0.0:0")?.bind_datagrams()?;
//! let port = member.addresses()[0].port().ok_or("a UDP server has a port")?;
//!
//! let config = Config::from_json(r#"{ "multicast_interface": "127.0.0.1" }"#)?;
//! let speaker = DatagramServer::builder().config(config).endpoint("udp://127.0.0.1:0")?.bind_datagrams()?;
//! let group = Address::Udp(format!("239.255.77.1:{port}").parse()?);
//! speaker.senders()[0].send_to(b"hello, all of you", &group)?;
//!
//! member.handle_request(Some(Duration::from_secs(10)), || greet)?;
//! assert_eq!(member.stats_handle().stats().datagrams_in, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Unix datagrams
//!
//! They neither get lost nor overtake each other. Two things differ from UDP. A client's socket has no name unless it was bound to one, and
//! then cannot be answered: that is [`Address::UnixgramUnnamed`], a value like any other, and [`SendError::Unnamed`] when it is answered
//! nevertheless. And when the queue of a receiver is full, the system says so and the datagram fails, where UDP would lose it later without
//! a word.
//!
//! ```
//! use std::os::unix::net::UnixDatagram;
//! use socketserver::{Address, Datagram, DatagramSocket, HandlerError, SendError, UnixDatagramServer};
//!
//! fn answer(datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
//!     assert_eq!(*datagram.peer(), Address::UnixgramUnnamed);
//!     assert!(matches!(socket.reply(datagram, b"who are you?"), Err(SendError::Unnamed)));
//!     Ok(())
//! }
//!
//! let path = std::env::temp_dir().join(format!("socketserver-guide-{}", std::process::id()));
//! let mut server = UnixDatagramServer::bind(&path)?;
//! UnixDatagram::unbound()?.send_to(b"hello", &path)?;
//! server.handle_request(None, || answer)?;
//! # use socketserver::Server;
//! # assert_eq!((server.stats_handle().stats().datagrams_in, server.stats_handle().stats().panics), (1, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A stop
//!
//! What has arrived when a server is asked to stop is still received and handled, up to 4,096 datagrams at each socket, and every answer is
//! sent before the sockets are closed; with workers, too. Peers are told with [`PeerHandler::stopping`], which closes unless it is written
//! otherwise, and are cut after [`Config::drain_timeout`].
//!
//! ```
//! use std::net::UdpSocket;
//! use std::time::Duration;
//! use socketserver::{Datagram, DatagramSocket, HandlerError, Mode, Server, UdpServer};
//!
//! fn echo(datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
//!     std::thread::sleep(Duration::from_millis(5)); // as long as a query of a database
//!     Ok(socket.reply(datagram, datagram.bytes())?)
//! }
//!
//! let server = UdpServer::bind("127.0.0.1:0")?.mode(Mode::Threads);
//! let address = server.addresses()[0].socket_addr().ok_or("a UDP server has an address")?;
//! let stop = server.stop_handle();
//! let serving = std::thread::spawn(|| server.serve_forever(|| echo));
//!
//! let client = UdpSocket::bind("127.0.0.1:0")?;
//! client.set_read_timeout(Some(Duration::from_secs(10)))?;
//! # client.send_to(b"are you there?", address)?;
//! # client.recv(&mut [0; 100])?;
//! for number in 0..20 {
//!     client.send_to(&[number], address)?;
//! }
//! stop.stop();
//! let report = serving.join().expect("a server does not panic")?;
//! for _ in 0..20 {
//!     client.recv(&mut [0])?; // in any order, but not one is missing
//! }
//! # assert_eq!(report.stats.datagrams_out, 21);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(doc)]
use crate::{
    Address, Config, DatagramHandler, DatagramSender, DatagramServer, DatagramSocket, Peer,
    PeerHandler, SendError,
};
