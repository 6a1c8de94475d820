//! From Python's `socketserver`: every class, hook and attribute, the line there and the line here.
//!
//! The plan is the same: a server accepts connections, makes one handler object for each, and runs it. What differs is where
//! decisions are made. In Python the *class* of the server says how connections are scheduled and the class of the handler how
//! they are read; here the server is one type, a [`Mode`] is one setting, and a handler is a plain value that a closure makes.
//!
//! # A server and its handler
//!
//! ```python
//! import socketserver
//!
//! class Upper(socketserver.BaseRequestHandler):
//!     def handle(self):
//!         data = self.request.recv(1024)
//!         self.request.sendall(data.upper())
//!
//! with socketserver.TCPServer(("127.0.0.1", 9000), Upper) as server:
//!     server.serve_forever()
//! ```
//!
//! This is how most of these servers begin, with a fault in them: `recv(1024)` returns what the network happened to deliver,
//! which is not what the client has sent with one call. Here a handler says what it waits for, for instance the end:
//!
//! ```
//! use std::io::{Read, Write};
//! use socketserver::{BlockingHandler, HandlerError, Mode, Server, Stream, TcpServer};
//!
//! struct Upper;
//!
//! impl BlockingHandler for Upper {
//!     fn handle(&mut self, stream: &mut Stream<'_>) -> Result<(), HandlerError> {
//!         let mut text = String::new();
//!         stream.take(64 * 1024).read_to_string(&mut text)?; // to the client's end, and never more than this
//!         stream.write_all(text.to_uppercase().as_bytes())?;
//!         Ok(())
//!     }
//! }
//!
//! let server = TcpServer::bind("127.0.0.1:0")?.mode(Mode::Serial);
//! # let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//! # let client = std::thread::spawn(move || -> std::io::Result<String> {
//! #     let mut stream = Stream::connect(&address)?;
//! #     stream.write_all("grüße".as_bytes())?;
//! #     stream.shutdown_write()?;
//! #     let mut answer = String::new();
//! #     stream.read_to_string(&mut answer)?;
//! #     stop.stop();
//! #     Ok(answer)
//! # });
//! server.serve_forever_blocking(|_peer| Upper)?;
//! # assert_eq!(client.join().expect("the client does not panic")?, "GRÜSSE");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`BlockingHandler::handle`] is Python's `handle()`: straight lines that wait. A [`Handler`] is the same conversation as callbacks, as
//! `asyncio.Protocol` has it; it is never suspended, and so it is the cheaper one. Both run in every mode.
//!
//! # `StreamRequestHandler`: `rfile` and `wfile`
//!
//! ```python
//! class Upper(socketserver.StreamRequestHandler):
//!     def handle(self):
//!         for line in self.rfile:
//!             self.wfile.write(line.upper())
//! ```
//!
//! A [`Stream`] is both: [`Read`](std::io::Read) and [`BufRead`](std::io::BufRead) are `rfile`, and [`Write`](std::io::Write) is `wfile`.
//!
//! ```
//! use std::io::{BufRead, Write};
//! use socketserver::{HandlerError, Stream};
//!
//! fn upper(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
//!     let mut line = String::new();
//!     while stream.read_line(&mut line)? > 0 {
//!         stream.write_all(line.to_uppercase().as_bytes())?;
//!         line.clear();
//!     }
//!     Ok(())
//! }
//! # let _ = upper;
//! ```
//!
//! A line without end fills the memory in Python, and does so here too: from peers that you do not trust, take lines with a
//! codec, which has a maximum (see [`framing`](super::framing)).
//!
//! | `StreamRequestHandler` | Here | What is fixed on the way |
//! |---|---|---|
//! | `rfile.readline()` | [`Stream::read_line`]; [`Stream::receive`] with [`Lines`](crate::Lines) | a line has a maximum, and a time until which it must be whole |
//! | `rfile.read(n)` | [`Stream::read_exact_or_end`] | the end before the first byte and the end amid the bytes are two things |
//! | `wfile.write(b)` | [`Write::write_all`](std::io::Write::write_all) | `wbufsize = 0` makes each write a packet; here an answer in ten pieces is one |
//! | `wfile.flush()` | [`Write::flush`](std::io::Write::flush) | seldom needed: whatever waits sends first |
//! | `timeout = 5` | [`Stream::set_read_timeout`], [`Stream::set_write_timeout`] | after a time-out `rfile` is dead and half a line lost; here nothing is lost and the call may be made again |
//! | | [`Stream::set_deadline`] | a limit for a request as a whole, which a byte now and then does not stretch |
//! | `disable_nagle_algorithm` | [`Config::nodelay`] | on by default; in Python it fails on Unix sockets |
//! | `connection`, `request` | [`Stream`], or [`Conn`] and [`Input`] | |
//! | `rbufsize`, `wbufsize` | none | the buffers belong to the thread, so that an idle connection needs none |
//!
//! # `setup`, `handle`, `finish`
//!
//! ```python
//! class Session(socketserver.BaseRequestHandler):
//!     def setup(self):
//!         self.count = 0
//!         self.server.visitors += 1
//!     def handle(self): ...
//!     def finish(self):
//!         log(self.client_address, self.count)
//! ```
//!
//! What `setup` does is done where the handler is made, and what `finish` does in `Drop`, which runs however the conversation ends, or in
//! [`Handler::closed`], which also says why. In Python `finish` is not called when `setup` has failed. What Python keeps in
//! `self.server` is captured by the closure.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use socketserver::{Address, CloseReason, Conn, Handler, HandlerError, Input};
//!
//! struct Session {
//!     peer: Address,
//!     count: usize,
//! }
//!
//! impl Handler for Session {
//!     fn received(&mut self, input: &mut Input<'_>, _conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         self.count += input.take_all().len();
//!         Ok(())
//!     }
//!
//!     fn closed(&mut self, reason: &CloseReason) {
//!         println!("{}: {} bytes, {reason}", self.peer, self.count);
//!     }
//! }
//!
//! let visitors = Arc::new(AtomicU64::new(0));
//! let factory = move |peer: &Address| {
//!     visitors.fetch_add(1, Ordering::Relaxed);
//!     Session { peer: peer.clone(), count: 0 }
//! };
//! # use std::io::{Read, Write};
//! # use socketserver::{Server, Stream, TcpServer};
//! # let server = TcpServer::bind("127.0.0.1:0")?;
//! # let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//! # let serving = std::thread::spawn(|| server.serve_forever(factory));
//! # let mut client = Stream::connect(&address)?;
//! # client.write_all(b"abc")?;
//! # client.shutdown_write()?;
//! # client.read_to_end(&mut Vec::new())?;
//! # stop.stop();
//! # let report = serving.join().expect("a server does not panic")?;
//! # assert_eq!((report.stats.accepted, report.stats.bytes_delivered), (1, 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | `BaseRequestHandler` | [`BlockingHandler`] | [`Handler`] |
//! |---|---|---|
//! | `__init__` | the factory closure; making a handler does not run it | the same |
//! | `setup()` | the closure, or the beginning of [`handle`](BlockingHandler::handle) | the closure, or [`Handler::opened`] |
//! | `handle()` | [`BlockingHandler::handle`] | [`Handler::received`], [`Handler::ended`] |
//! | `finish()` | the end of `handle`, or `Drop` | [`Handler::closed`], or `Drop` |
//! | `request` | [`Stream`] | [`Input`], [`Conn`] |
//! | `client_address` | [`Stream::peer`] | [`Conn::peer`] |
//! | `server` | what the closure captures | the same |
//!
//! # `ThreadingMixIn`, `ForkingMixIn`, `UnixStreamServer`
//!
//! ```python
//! class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
//!     daemon_threads = True
//!     allow_reuse_address = True
//!     request_queue_size = 100
//! ```
//!
//! ```
//! use socketserver::{Config, Mode, Server, StreamServer};
//!
//! let config = Config {
//!     mode: Mode::Threads,
//!     connections_max: 200,
//!     ..Config::default() // which reuses the address, and has a backlog of 1,024
//! };
//! let server = StreamServer::builder().config(config).endpoint("127.0.0.1:0")?.bind()?;
//! assert_ne!(server.addresses()[0].port(), Some(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Python | Here | What is fixed on the way |
//! |---|---|---|
//! | `TCPServer` | [`TcpServer::bind`], [`Mode::Serial`] | several endpoints fit into one server; the order of mix-ins is no trap |
//! | `ThreadingMixIn` | [`Mode::Threads`] | 300 idle clients are 300 threads without end; here [`Config::connections_max`] holds exactly, and finished threads are used again |
//! | | [`Mode::Pool`] | a fixed number of threads, and a queue that has an end |
//! | | [`Mode::Reactor`] | the same handler for thousands of connections on one thread; in Python that is another library |
//! | `daemon_threads` | none | threads are never left behind, nor killed amid their work: the end of the server is a deadline |
//! | `block_on_close` | [`Config::drain_timeout`] | one silent client keeps `server_close` waiting for ever; here it is ended at once when nothing of its is under way |
//! | the list of threads to join | none | it grew with each request; here a thread that ends is forgotten |
//! | a thread that cannot be started | costs its connection | in Python `server_close` raises afterwards |
//! | `ForkingMixIn` | none: there are no processes yet | a panic ends one connection only, which is most of what a process each is wanted for |
//! | `max_children` | [`Config::connections_max`], or N in `pool:N` | at the limit the accepting loop of Python stands still, and cannot be stopped either |
//! | `active_children`, `collect_children` | [`Stats::live`](crate::Stats::live) | |
//! | `UnixStreamServer` | [`UnixServer::bind`] | the file of a dead server is replaced, that of a live one is not, and only one's own is removed |
//! | `UDPServer`, `UnixDatagramServer`, `ThreadingUDPServer` | [`UdpServer::bind`](crate::UdpServer::bind), [`UnixDatagramServer::bind`](crate::UnixDatagramServer::bind) | the next part |
//!
//! # Datagrams: `UDPServer`, `DatagramRequestHandler`
//!
//! ```python
//! class Upper(socketserver.DatagramRequestHandler):
//!     def handle(self):
//!         self.wfile.write(self.packet.upper())
//!
//! with socketserver.ThreadingUDPServer(("127.0.0.1", 9000), Upper) as server:
//!     server.serve_forever()
//! ```
//!
//! A function is handler enough. It gets the datagram, and the socket to answer from:
//!
//! ```
//! use socketserver::{Datagram, DatagramSocket, HandlerError, Mode, Server, UdpServer};
//!
//! fn upper(datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>) -> Result<(), HandlerError> {
//!     Ok(socket.reply(datagram, &datagram.bytes().to_ascii_uppercase())?)
//! }
//!
//! let server = UdpServer::bind("127.0.0.1:0")?.mode(Mode::Threads);
//! # let address = server.addresses()[0].socket_addr().ok_or("a UDP server has an address")?;
//! # let stop = server.stop_handle();
//! # let client = std::thread::spawn(move || -> std::io::Result<Vec<u8>> {
//! #     let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
//! #     socket.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
//! #     socket.send_to(b"hello", address)?;
//! #     let mut answer = [0; 100];
//! #     let size = socket.recv(&mut answer)?;
//! #     stop.stop();
//! #     Ok(answer[..size].to_vec())
//! # });
//! server.serve_forever(|| upper)?;
//! # assert_eq!(client.join().expect("the client does not panic")?, b"HELLO");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Python | Here | What is fixed on the way |
//! |---|---|---|
//! | `UDPServer` | [`UdpServer::bind`](crate::UdpServer::bind), [`Mode::Serial`] | a batch of datagrams costs one system call on Linux |
//! | `ThreadingUDPServer` | [`Mode::Threads`], [`Mode::Pool`] | threads have a limit. In Python the datagrams of one peer overtake each other; here that is so in `threads` only, and for no [`PeerHandler`](crate::PeerHandler) |
//! | `UnixDatagramServer` | [`UnixDatagramServer::bind`](crate::UnixDatagramServer::bind) | the file of a dead server is replaced; a client without a name is a value, where Python's answer to it is an exception each time |
//! | `DatagramRequestHandler` | [`DatagramHandler`](crate::DatagramHandler), or [`PeerHandler`](crate::PeerHandler) with a memory | one handler for each thread rather than for each datagram |
//! | `packet`, `client_address`, `socket` | [`Datagram::bytes`](crate::Datagram::bytes), [`Datagram::peer`](crate::Datagram::peer), [`DatagramSocket`](crate::DatagramSocket) | |
//! | `rfile` | [`Datagram::bytes`](crate::Datagram::bytes), which is `Read` as a `&[u8]` | |
//! | `wfile`, `finish()` | [`DatagramSocket::reply`](crate::DatagramSocket::reply) | Python sends what is in `wfile` in any case: nothing as an empty datagram, and half an answer after an exception. Here nothing is sent that was not asked for, and a callback that fails sends nothing |
//! | `max_packet_size = 8192` | [`Config::datagram_bytes_max`] | Python cuts without a word; here [`DatagramHandler::truncated`](crate::DatagramHandler::truncated) is called with the true size, and the default is longer than any datagram |
//! | `allow_reuse_address` | none | with datagrams it lets a second server take the port away from a live one, so that it is never set |
//! | `server_close()` while handlers run | the end of `serve_forever` | in Python the socket is closed before the last answers, which are lost; here it is closed behind them |
//! | `verify_request()` | [`Hooks::verify`] | it is asked for each datagram, or once for each peer |
//! | | [`Config::amplification_max`] | an answer has at most three times as many bytes as came, until the peer is proven: a server of Python's can be used to flood others |
//!
//! The chapter [`datagrams`](super::datagrams) says what datagrams promise and what not.
//!
//! # Binding: `server_bind`, `server_activate` and the attributes
//!
//! In Python the constructor binds, so that an attribute that is set on the object comes too late and silently does nothing. Here the
//! settings are complete before anything is bound, and a contradiction among them is an error.
//!
//! | Python | Here | What is fixed on the way |
//! |---|---|---|
//! | `server_bind()`, `server_activate()`, `bind_and_activate` | [`Builder::bind`] | all options are set before `bind`; if one endpoint fails, none is left |
//! | `server_address` | [`Server::addresses`] | the real ports, one for each endpoint |
//! | `request_queue_size = 5` | [`Config::backlog`] | 1,024, since what overflows the backlog is lost for a second or more |
//! | `allow_reuse_address = False` | [`Config::reuse_address`] | on, so that a server can be restarted at once |
//! | `allow_reuse_port` | [`Config::reuse_port`] | |
//! | `address_family` | the endpoint itself | `[::1]:9000` needs no subclass, and [`Config::dual_stack`] is always stated to the system |
//! | `socket_type`, `socket`, `fileno()` | none | [`StreamServer::handle_request`] fits into another loop |
//! | `RequestHandlerClass` | the factory closure | it can hand anything to its handlers |
//!
//! # Running: `serve_forever`, `shutdown`, `handle_request`
//!
//! ```python
//! thread = threading.Thread(target=server.serve_forever)
//! thread.start()
//! ...
//! server.shutdown()       # up to half a second; for ever when called by a handler of a plain TCPServer
//! server.server_close()   # for ever while a client of a ThreadingTCPServer is silent
//! ```
//!
//! ```
//! use std::thread;
//! use socketserver::{Conn, Handler, HandlerError, Input, Mode, Server, State, TcpServer};
//! # struct Echo;
//! # impl Handler for Echo {
//! #     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//! #         conn.write(input.take_all());
//! #         Ok(())
//! #     }
//! # }
//!
//! let server = TcpServer::bind("127.0.0.1:0")?.mode(Mode::Threads);
//! let stop = server.stop_handle();
//! let serving = thread::spawn(|| server.serve_forever(|_peer| Echo));
//!
//! stop.stop(); // returns at once, from anywhere, at any time, as often as you like
//! let report = serving.join().expect("a server does not panic")?;
//! assert_eq!((stop.state(), report.cut), (State::Stopped, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Python | Here | What is fixed on the way |
//! |---|---|---|
//! | `serve_forever(poll_interval=0.5)` | [`StreamServer::serve_forever`], [`serve_forever_blocking`](StreamServer::serve_forever_blocking) | nothing polls; it takes the server by value, so that nobody can run two loops on it |
//! | `shutdown()` | [`StopHandle::stop`] | it never waits, so that it cannot deadlock; before the start it is remembered, and a second one does not poison the next run |
//! | `server_close()`, `with server:` | the end of `serve_forever`, or dropping the server | closing without stopping leaves Python's loop spinning on a dead descriptor |
//! | clients in the queue when a server that runs is stopped | are served | in Python they are reset, and new ones can connect between `shutdown` and `server_close` |
//! | `handle_request()`, `timeout` of the server | [`StreamServer::handle_request`], [`handle_request_blocking`](StreamServer::handle_request_blocking) | a stop interrupts it |
//! | `handle_timeout()` | [`Hooks::handle_timeout`] | |
//! | `service_actions()` | [`Hooks::service_actions`] | an idle server has no turns; a panic does not end the loop |
//! | | [`StopHandle::cut`], [`Report`](crate::Report), [`StatsHandle`](crate::StatsHandle) | what was served, and what had to be cut, is counted |
//!
//! # The way of a request
//!
//! | Python | Here | What is fixed on the way |
//! |---|---|---|
//! | `get_request()` | none | errors of `accept` are told apart: without descriptors Python's loop spins without a word, here the clients are told and one line is logged |
//! | `verify_request()` | [`Hooks::verify`] | an exception there ends Python's server; here it refuses one connection |
//! | `process_request()`, `process_request_thread()` | [`Mode`] | |
//! | `finish_request()` | the factory closure | |
//! | `handle_error()` | [`Hooks::handle_error`] | it gets a [`CloseReason`] and not a traceback, and a peer that hangs up is no error |
//! | `shutdown_request()`, `close_request()` | the server; [`Conn::close`] and [`Conn::abort`] | the last bytes arrive also at a peer that is still sending ([`Config::linger_timeout`]) |
//!
//! ```
//! use socketserver::{Address, CloseReason, Hooks, StreamServer};
//!
//! struct LocalOnly;
//!
//! impl Hooks for LocalOnly {
//!     fn verify(&self, peer: &Address) -> bool {
//!         peer.ip().is_none_or(|ip| ip.is_loopback())
//!     }
//!
//!     fn handle_error(&self, peer: &Address, reason: &CloseReason) {
//!         eprintln!("{peer}: {reason}");
//!     }
//! }
//!
//! let server = StreamServer::builder().hooks(LocalOnly).endpoint("127.0.0.1:0")?.bind()?;
//! # let _ = server;
//! # Ok::<(), socketserver::StartError>(())
//! ```
//!
//! # The other side
//!
//! ```python
//! with socket.create_connection(("127.0.0.1", 9000), timeout=10) as s:
//!     s.sendall(b"hello")
//!     s.shutdown(socket.SHUT_WR)
//!     answer = s.makefile("rb").read()
//! ```
//!
//! [`Stream::connect`] gives a client the very type that blocking handlers have, codecs included:
//!
//! ```
//! use std::io::{self, Read, Write};
//! use socketserver::Stream;
//!
//! fn ask(address: &str) -> io::Result<Vec<u8>> {
//!     let mut stream = Stream::connect(address)?;
//!     stream.write_all(b"hello")?;
//!     stream.shutdown_write()?;
//!     let mut answer = Vec::new();
//!     stream.read_to_end(&mut answer)?;
//!     Ok(answer)
//! }
//! # use socketserver::{HandlerError, Server, TcpServer};
//! # let server = TcpServer::bind("127.0.0.1:0")?;
//! # let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
//! # let serving = std::thread::spawn(|| {
//! #     server.serve_forever_blocking(|_peer| |stream: &mut Stream<'_>| -> Result<(), HandlerError> {
//! #         let mut bytes = Vec::new();
//! #         stream.take(100).read_to_end(&mut bytes)?;
//! #         Ok(stream.write_all(&bytes)?)
//! #     })
//! # });
//! # assert_eq!(ask(&address)?, b"hello");
//! # stop.stop();
//! # serving.join().expect("a server does not panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The tutorials' file transfer
//!
//! ```python
//! name = self.request.recv(1024).decode()
//! with open(name, "rb") as file:
//!     self.request.sendall(file.read())
//! ```
//!
//! From these lines tutorials go on to programs with logins, folders and hashes: a `struct.pack("<i", …)`, a JSON header with `cmd`, `filename`, `size` and
//! `file_hash`, and then the bytes. Both are in the package `socketserver-handlers`, in its module `files`, and their old clients are served unchanged.
//!
//! | Tutorial | Here | What is fixed on the way |
//! |---|---|---|
//! | the downloader: a name comes, the file goes | `NameDownload` | half a name is not a name, `../../etc/passwd` is not in the folder, and the file is not in memory |
//! | its client, with one `recv` for the whole file | `client::download_by_name_to` | all bytes, and a file that is there under its name or not at all |
//! | `open(name)`, `os.path.join(home, name)` | `storage::Folder`, or a `storage::Storage` of your own | nothing outside is touched, whatever links lie in the folder |
//! | the server with `put`, `get`, `login` | `Files` | an upload has its name when it is whole, compared and on the disk; two writers do not mix; a disk that is slow keeps nobody else waiting |
//! | `getattr(self, cmd)(request)` | one table of verbs | nobody calls `__init__`, and nothing is done before a login |
//! | users with passwords in a text file | `Accounts` of a `UsersFile` | Argon2id, on threads of its own; guessing is slow |
//! | `hashlib.md5` at the end | the same in version 1, BLAKE3 in version 2 | computed while the bytes come, compared before the file has its name |
//! | seek and append, to resume | `put` and `get` of version 2 | both sides compare the hash of what they have, so that no file is put together of two |
//! | the client with a progress bar | `client::Client` and `client::Progress`, or `socketserver get` | what a server calls its files is a name or refused |
//!
//! The protocol is written down in `handlers/src/files/PROTOCOL.md`, and the rungs about files in `examples/README.md` have the programs.
//!
//! # From `asyncio.Protocol`
//!
//! | `asyncio` | [`Handler`] | What differs |
//! |---|---|---|
//! | `connection_made`, `data_received`, `eof_received`, `connection_lost` | [`opened`](Handler::opened), [`received`](Handler::received), [`ended`](Handler::ended), [`closed`](Handler::closed) | what is not taken is kept and offered again |
//! | `transport.write` | [`Conn::write`] | what may wait has a maximum |
//! | `pause_writing`, `resume_writing` | none, and [`drained`](Handler::drained) | who does not read is not read from, without a line of yours |
//! | `pause_reading`, `resume_reading` | [`Conn::pause_reading`], [`Conn::resume_reading`] | |
//! | `transport.close`, `transport.abort` | [`Conn::close`], [`Conn::abort`] | a polite close has a deadline |
//! | `loop.call_later` | [`Conn::set_timer`] | |
//! | `loop.call_soon_threadsafe` | [`Remote::write`](crate::Remote::write), [`Remote::wake`](crate::Remote::wake) | |
//! | `loop.run_in_executor` | [`Conn::offload`], [`Conn::offload_to`]; [`Stream::offload`] | the queue before the threads has a maximum, and no future is left behind when the connection ends |

#[cfg(doc)]
use crate::{
    BlockingHandler, Builder, CloseReason, Config, Conn, Handler, Hooks, Input, Mode, Server,
    StopHandle, Stream, StreamServer, TcpServer, UnixServer,
};
