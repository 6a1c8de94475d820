//! The server for datagrams: bound to its endpoints, configured, and ready to serve with a handler.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Builder, Config, Handled, Mode, Report, Server, Shared, Stage, StartError, State, StatsHandle,
    StopHandle,
};
use crate::driver::datagram::{self as driver, DatagramFactory, Links};
use crate::error::ServeError;
use crate::net::{Address, Endpoint};
use crate::{DatagramHandler, DatagramSender, PeerHandler};

/// A server for datagrams: UDP and Unix datagram sockets, as many endpoints as you like.
///
/// Its sockets receive from the moment it is made; it serves when [`serve_forever`](DatagramServer::serve_forever) or
/// [`serve_peers`](DatagramServer::serve_peers) is called. Dropping it closes them. No second server can be started at the same UDP address by
/// mistake, since that address is never shared (`SO_REUSEADDR` is off; see also [`Config::reuse_port`]).
///
/// # Example
///
/// ```
/// use std::net::UdpSocket;
/// use std::thread;
///
/// use socketserver::{Datagram, DatagramSocket, HandlerError, Mode, Server, UdpServer};
///
/// let server = UdpServer::bind("127.0.0.1:0")?.mode(Mode::Threads);
/// let address = server.addresses()[0].socket_addr().ok_or("a UDP server has an address")?;
/// let stop = server.stop_handle();
///
/// let client = thread::spawn(move || -> std::io::Result<Vec<u8>> {
///     let socket = UdpSocket::bind("127.0.0.1:0")?;
///     socket.send_to(b"hello", address)?;
///     let mut answer = [0; 100];
///     let (size, _) = socket.recv_from(&mut answer)?;
///     stop.stop();
///     Ok(answer[..size].to_vec())
/// });
///
/// let report = server.serve_forever(|| {
///     |datagram: &Datagram<'_>, socket: &mut DatagramSocket<'_>| -> Result<(), HandlerError> {
///         socket.reply(datagram, &datagram.bytes().to_ascii_uppercase())?;
///         Ok(())
///     }
/// })?;
/// assert_eq!(client.join().expect("the client does not panic")?, b"HELLO");
/// assert_eq!(report.stats.datagrams_in, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DatagramServer {
    /// The sockets of each endpoint: one, or one for each loop.
    endpoints: Vec<Links>,
    /// Why there are too few.
    trouble: Option<io::Error>,
    /// Taken apart and made anew by the setters, and shared from the first handle on.
    shared: Arc<Shared>,
}

/// The door to a server for UDP; it makes a [`DatagramServer`].
#[derive(Clone, Copy, Debug)]
pub struct UdpServer;

/// The door to a server for Unix datagram sockets; it makes a [`DatagramServer`].
#[derive(Clone, Copy, Debug)]
pub struct UnixDatagramServer;

impl UdpServer {
    /// Receives at `HOST:PORT` with the default settings. Port 0 picks a free port; see [`Server::addresses`].
    pub fn bind(address: &str) -> Result<DatagramServer, StartError> {
        let address = address.strip_prefix("udp://").unwrap_or(address);
        DatagramServer::builder()
            .endpoint(&format!("udp://{address}"))?
            .bind_datagrams()
    }

    /// Receives at an address.
    pub fn bind_to(address: SocketAddr) -> Result<DatagramServer, StartError> {
        Self::bind(&address.to_string())
    }
}

impl UnixDatagramServer {
    /// Receives at a path. A socket file that a dead server left there is replaced.
    pub fn bind(path: impl AsRef<Path>) -> Result<DatagramServer, StartError> {
        DatagramServer::builder()
            .endpoints([Endpoint::Unixgram(path.as_ref().to_owned())])
            .bind_datagrams()
    }
}

impl DatagramServer {
    /// Begins a server with settings of its own; [`Builder::bind_datagrams`] ends it.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn new(links: Links, shared: Arc<Shared>) -> Self {
        let endpoints = links.into_iter().map(|link| vec![link]).collect();
        let server = Self {
            endpoints,
            trouble: None,
            shared,
        };
        server.with_sockets_for_loops()
    }

    /// Opens the sockets that the loops of the mode need, or closes those that they do not.
    ///
    /// This is done before anybody knows the port: with each further socket the system spreads peers anew, and a peer that changes its loop loses its handler.
    fn with_sockets_for_loops(mut self) -> Self {
        let loops = match self.shared.config.mode {
            Mode::Reactor { loops } => loops,
            _ => 1,
        };
        for links in &mut self.endpoints {
            links.truncate(loops);
            while links.len() < loops {
                match links[0].open_beside() {
                    Ok(Some(link)) => links.push(link),
                    Ok(None) => break,
                    Err(error) => {
                        self.trouble = Some(error);
                        break;
                    }
                }
            }
        }
        self
    }

    /// Sets how datagrams are scheduled: the one setting that can change after binding, until a handle is taken.
    ///
    /// # Panics
    ///
    /// When a [`StopHandle`] or a [`StatsHandle`] was taken before: say the mode first.
    pub fn mode(mut self, mode: Mode) -> Self {
        let shared = Arc::get_mut(&mut self.shared);
        shared
            .expect("the mode must be set before a handle of the server is taken")
            .config
            .mode = mode;
        self.with_sockets_for_loops()
    }

    /// Sends from the sockets of the server, in the order of its endpoints, from any thread.
    pub fn senders(&self) -> Vec<DatagramSender> {
        let links = self.endpoints.iter().map(|links| links[0].clone());
        links.map(|link| DatagramSender::new(link, None)).collect()
    }

    /// Serves until it is stopped, each datagram by itself. `factory` makes a handler for each thread that handles datagrams.
    ///
    /// The calling thread receives (and in the modes `serial` and `reactor` runs handlers); it returns when the server was stopped, what
    /// had come was handled, and the answers were sent.
    ///
    /// # Errors
    ///
    /// When the system refuses what the server itself needs. Nothing that comes from the network is an error.
    pub fn serve_forever<H, F>(self, factory: F) -> Result<Report, ServeError>
    where
        H: DatagramHandler + 'static,
        F: Fn() -> H + Send + Sync + 'static,
    {
        self.serve(&plain(factory))
    }

    /// Serves until it is stopped, with one handler per peer, made by `factory` from the peer's address when its first datagram comes; otherwise
    /// as [`serve_forever`](DatagramServer::serve_forever).
    ///
    /// A factory that panics costs that one datagram.
    ///
    /// # Errors
    ///
    /// As for [`serve_forever`](DatagramServer::serve_forever).
    ///
    /// # Example
    ///
    /// The same conversation in messages that a stream server would have:
    ///
    /// ```
    /// use socketserver::{Framed, HandlerError, Lines, Replies, Server, UdpServer};
    ///
    /// let server = UdpServer::bind("127.0.0.1:0")?;
    /// # server.stop_handle().stop();
    /// server.serve_peers(|_peer| {
    ///     Framed::new(Lines::default(), |line: &[u8], replies: &mut Replies<'_>| -> Result<(), HandlerError> {
    ///         Ok(replies.send(line)?)
    ///     })
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn serve_peers<H, F>(self, factory: F) -> Result<Report, ServeError>
    where
        H: PeerHandler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        self.serve(&DatagramFactory::Peers(Arc::new(move |peer| {
            Box::new(factory(peer))
        })))
    }

    fn serve(self, factory: &DatagramFactory) -> Result<Report, ServeError> {
        let Self {
            endpoints,
            trouble,
            shared,
        } = self;
        if let Some(source) = trouble {
            let what = "opening a socket for each loop";
            return Err(ServeError::Resource { what, source });
        }
        shared.life.set_state(State::Running);
        let result = if shared.life.stage() == Stage::Serve {
            driver::serve(endpoints, &shared, factory)
        } else {
            Ok(())
        };
        shared.life.set_state(State::Stopped);
        result.map(|()| Report::new(shared.ledger.stats()))
    }

    /// Waits for one datagram, has it handled on the calling thread, and returns.
    ///
    /// It works the same in every mode. Without a `timeout` it waits for ever; `Duration::ZERO` only looks. When nothing comes in time, the hook
    /// [`handle_timeout`](crate::Hooks::handle_timeout) is called. A [`StopHandle`] interrupts it.
    pub fn handle_request<H, F>(
        &mut self,
        timeout: Option<Duration>,
        factory: F,
    ) -> Result<Handled, ServeError>
    where
        H: DatagramHandler + 'static,
        F: Fn() -> H + Send + Sync + 'static,
    {
        let links = self.endpoints.concat();
        if driver::handle_request(links, &self.shared, &plain(factory), timeout)? {
            return Ok(Handled::Received);
        }
        if self.shared.is_stopping() {
            return Ok(Handled::Stopped);
        }
        self.shared
            .hook("handle_timeout", (), |hooks| hooks.handle_timeout());
        Ok(Handled::TimedOut)
    }
}

fn plain<H, F>(factory: F) -> DatagramFactory
where
    H: DatagramHandler + 'static,
    F: Fn() -> H + Send + Sync + 'static,
{
    DatagramFactory::Plain(Arc::new(move || Box::new(factory())))
}

impl Server for DatagramServer {
    fn addresses(&self) -> &[Address] {
        &self.shared.addresses
    }

    fn stop_handle(&self) -> StopHandle {
        StopHandle::new(self.shared.clone())
    }

    fn stats_handle(&self) -> StatsHandle {
        StatsHandle {
            shared: self.shared.clone(),
        }
    }

    fn config(&self) -> &Config {
        &self.shared.config
    }
}

impl fmt::Debug for DatagramServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramServer")
            .field("addresses", &self.shared.addresses)
            .finish_non_exhaustive()
    }
}
