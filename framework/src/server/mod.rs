//! The server: bound to its endpoints, configured, and ready to serve with a handler.

mod config;
mod datagram;
mod hooks;
mod life;
mod offload;
mod shared;
mod stats;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
pub(crate) use self::config::PEER_BYTES;
pub use self::config::{AtCapacity, Config, Eviction, Mode};
pub use self::datagram::{DatagramServer, UdpServer, UnixDatagramServer};
pub use self::hooks::Hooks;
pub(crate) use self::life::Stage;
pub use self::life::{State, StopHandle};
pub use self::offload::OffloadPool;
pub(crate) use self::shared::{Factory, Make, Refusal, Shared};
pub(crate) use self::stats::{Counters, Published};
pub use self::stats::{Report, Stats, SystemCalls};
use crate::driver;
use crate::error::{BindError, ConfigError, ServeError};
use crate::net::{Address, Endpoint, EndpointError, Listener, Port, bind_datagrams};
use crate::{BlockingHandler, CloseReason, Handler};

/// What all kinds of servers have in common.
pub trait Server {
    /// Where the server listens, with real ports.
    fn addresses(&self) -> &[Address];

    /// A handle that stops the server.
    fn stop_handle(&self) -> StopHandle;

    /// A handle that looks at what the server counts, while it serves and afterwards.
    fn stats_handle(&self) -> StatsHandle;

    /// The settings in force.
    fn config(&self) -> &Config;
}

/// A server for streams: TCP and Unix sockets, as many endpoints as you like.
///
/// It listens from the moment it is made, so that its addresses are known and clients may connect; it serves when
/// [`serve_forever`](StreamServer::serve_forever) is called. Dropping it closes its listeners.
///
/// # Example
///
/// ```
/// use socketserver::{Conn, Handler, HandlerError, Input, Mode, Server, TcpServer};
///
/// struct Echo;
///
/// impl Handler for Echo {
///     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
///         conn.write(input.take_all());
///         Ok(())
///     }
/// }
///
/// let server = TcpServer::bind("127.0.0.1:0")?.mode(Mode::Threads);
/// let stop = server.stop_handle();
/// # stop.stop();
/// // Until some other thread calls `stop.stop()`:
/// let report = server.serve_forever(|_peer| Echo)?;
/// println!("served {} connections", report.stats.accepted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StreamServer {
    listeners: Vec<Arc<Listener>>,
    /// Taken apart and made anew by the setters, and shared from the first handle on.
    shared: Arc<Shared>,
}

/// The door to a server for TCP; it makes a [`StreamServer`].
#[derive(Clone, Copy, Debug)]
pub struct TcpServer;

/// The door to a server for Unix sockets; it makes a [`StreamServer`].
#[derive(Clone, Copy, Debug)]
pub struct UnixServer;

impl TcpServer {
    /// Listens on `HOST:PORT` with the default settings. Port 0 picks a free port; see [`Server::addresses`].
    pub fn bind(address: &str) -> Result<StreamServer, StartError> {
        let address = address.strip_prefix("tcp://").unwrap_or(address);
        StreamServer::builder()
            .endpoint(&format!("tcp://{address}"))?
            .bind()
    }

    /// Listens on an address.
    pub fn bind_to(address: SocketAddr) -> Result<StreamServer, StartError> {
        StreamServer::builder().endpoints([address.into()]).bind()
    }
}

impl UnixServer {
    /// Listens on a path. A socket file that a dead server left there is replaced.
    pub fn bind(path: impl AsRef<Path>) -> Result<StreamServer, StartError> {
        StreamServer::builder()
            .endpoints([Endpoint::Unix(path.as_ref().to_owned())])
            .bind()
    }
}

/// Collects what must be known before a server is bound.
#[derive(Default)]
pub struct Builder {
    config: Config,
    endpoints: Vec<Endpoint>,
    hooks: Option<Box<dyn Hooks>>,
}

/// A server could not be made.
#[non_exhaustive]
pub enum StartError {
    /// Occurs when a text is not an endpoint.
    Endpoint(EndpointError),
    /// Occurs when the settings contradict each other.
    Config(ConfigError),
    /// Occurs when an endpoint cannot be listened on.
    Bind(BindError),
}

impl Builder {
    /// Sets everything at once.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets how connections are scheduled.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.config.mode = mode;
        self
    }

    /// Adds an endpoint, as it is written: `tcp://127.0.0.1:9000`, `:9000`, `unix:/run/echo.sock`, `udp://127.0.0.1:9000`, `unixgram:/run/echo.sock`.
    pub fn endpoint(mut self, endpoint: &str) -> Result<Self, StartError> {
        self.endpoints
            .push(endpoint.parse().map_err(StartError::Endpoint)?);
        Ok(self)
    }

    /// Adds endpoints.
    pub fn endpoints(mut self, endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        self.endpoints.extend(endpoints);
        self
    }

    /// Sets the hooks.
    pub fn hooks(mut self, hooks: impl Hooks + 'static) -> Self {
        self.hooks = Some(Box::new(hooks));
        self
    }

    /// Listens on every endpoint, for a server of streams. If one fails, none is left listening.
    pub fn bind(self) -> Result<StreamServer, StartError> {
        let listeners =
            self.bind_each(|endpoint, config| Listener::bind(endpoint, config).map(Arc::new))?;
        let addresses = listeners.iter().map(|listener| listener.address().clone());
        let shared = Shared::new(self.config, addresses.collect(), self.hooks);
        shared.reserve.fill();
        Ok(StreamServer { listeners, shared })
    }

    /// Receives at every endpoint, for a server of datagrams. If one fails, none is left.
    pub fn bind_datagrams(self) -> Result<DatagramServer, StartError> {
        let links = self.bind_each(bind_datagrams)?;
        let addresses = links.iter().map(|link| link.address().clone());
        let shared = Shared::new(self.config, addresses.collect(), self.hooks);
        Ok(DatagramServer::new(links, shared))
    }

    fn bind_each<T>(
        &self,
        bind: impl Fn(&Endpoint, &Config) -> Result<T, BindError>,
    ) -> Result<Vec<T>, StartError> {
        self.config.check().map_err(StartError::Config)?;
        if self.endpoints.is_empty() {
            return Err(StartError::Config(ConfigError(
                "no endpoint to listen on (name at least one)".into(),
            )));
        }
        if cfg!(panic = "abort") {
            log::warn!(
                "this program is built with panic=\"abort\": a panic in one handler will end the whole server"
            );
        }
        let endpoints = self.endpoints.iter();
        endpoints
            .map(|endpoint| bind(endpoint, &self.config))
            .collect::<Result<_, _>>()
            .map_err(StartError::Bind)
    }
}

/// What became of the one request that [`StreamServer::handle_request`] or [`DatagramServer::handle_request`] waited for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Handled {
    /// A connection was served to its end, which came for this reason.
    Served(CloseReason),
    /// A datagram was handled.
    Received,
    /// A connection came and was refused.
    Refused,
    /// Nobody came in time.
    TimedOut,
    /// The server was stopped.
    Stopped,
}

/// Looks at what a server counts, from any thread, also after the server has ended.
#[derive(Clone, Debug)]
pub struct StatsHandle {
    shared: Arc<Shared>,
}

impl StatsHandle {
    /// The counts at this moment.
    pub fn stats(&self) -> Stats {
        self.shared.ledger.stats()
    }
}

impl StreamServer {
    /// Begins a server with settings of its own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Sets how connections are scheduled: the one setting that can change after binding, until a handle is taken.
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
        self
    }

    /// Serves until it is stopped, with one handler per connection, made by `factory` from the peer's address.
    ///
    /// The calling thread accepts connections (and in the modes `serial` and `reactor` runs handlers); it returns when the server was stopped and has drained. A factory that
    /// panics costs that one connection.
    ///
    /// # Errors
    ///
    /// When the system refuses what the server itself needs, or when all listeners have failed. Nothing that a client does is an error.
    pub fn serve_forever<H, F>(self, factory: F) -> Result<Report, ServeError>
    where
        H: Handler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        self.serve(Factory::Events(Arc::new(move |peer| {
            Box::new(factory(peer))
        })))
    }

    /// Serves until it is stopped, with one [`BlockingHandler`] per connection: otherwise as [`serve_forever`](StreamServer::serve_forever).
    ///
    /// On a reactor, Linux's limit on memory mappings (`vm.max_map_count`, proc(5)) limits the number of coroutines, to some
    /// 31,000 by default. Where [`Config::connections_max`] is above that, it is lowered, and a warning logged.
    ///
    /// # Errors
    ///
    /// As for [`serve_forever`](StreamServer::serve_forever).
    ///
    /// # Example
    ///
    /// ```
    /// use std::io::{BufRead, Write};
    /// use socketserver::{HandlerError, Server, Stream, TcpServer};
    ///
    /// fn greet(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
    ///     let mut name = String::new();
    ///     stream.read_line(&mut name)?;
    ///     writeln!(stream, "hello {}", name.trim_end())?;
    ///     Ok(())
    /// }
    ///
    /// let server = TcpServer::bind("127.0.0.1:0")?;
    /// # server.stop_handle().stop();
    /// server.serve_forever_blocking(|_peer| greet)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn serve_forever_blocking<H, F>(self, factory: F) -> Result<Report, ServeError>
    where
        H: BlockingHandler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        self.serve(Factory::Blocking(Arc::new(move |peer| {
            Box::new(factory(peer))
        })))
    }

    fn serve(self, factory: Factory) -> Result<Report, ServeError> {
        let Self { listeners, shared } = self;
        shared.life.set_state(State::Running);
        let result = if shared.life.stage() == Stage::Serve {
            driver::serve(listeners, &shared, factory)
        } else {
            Ok(())
        };
        shared.life.set_state(State::Stopped);
        result.map(|()| Report::new(shared.ledger.stats()))
    }

    /// Waits for one connection, serves it to its end on the calling thread, and returns: for a server that does one thing
    /// at a time, or that lives inside another loop.
    ///
    /// It works the same in every mode. Without a `timeout` it waits for ever; `Duration::ZERO` only looks. When nobody comes in time, the hook
    /// [`handle_timeout`](Hooks::handle_timeout) is called. A [`StopHandle`] interrupts it.
    pub fn handle_request<H, F>(
        &mut self,
        timeout: Option<Duration>,
        factory: F,
    ) -> Result<Handled, ServeError>
    where
        H: Handler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        let factory = Factory::Events(Arc::new(move |peer| Box::new(factory(peer))));
        self.handle_one(timeout, &factory)
    }

    /// As [`handle_request`](StreamServer::handle_request), with a [`BlockingHandler`].
    pub fn handle_request_blocking<H, F>(
        &mut self,
        timeout: Option<Duration>,
        factory: F,
    ) -> Result<Handled, ServeError>
    where
        H: BlockingHandler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        let factory = Factory::Blocking(Arc::new(move |peer| Box::new(factory(peer))));
        self.handle_one(timeout, &factory)
    }

    fn handle_one(
        &mut self,
        timeout: Option<Duration>,
        factory: &Factory,
    ) -> Result<Handled, ServeError> {
        let handled = driver::handle_request(&self.listeners, &self.shared, factory, timeout)?;
        if matches!(handled, Handled::TimedOut) {
            self.shared
                .hook("handle_timeout", (), |hooks| hooks.handle_timeout());
        }
        Ok(handled)
    }
}

impl Server for StreamServer {
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

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// As a program that returns it from `main` shows it: the sentence.
impl std::fmt::Debug for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endpoint(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
            Self::Bind(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Endpoint(error) => Some(error),
            Self::Config(error) => Some(error),
            Self::Bind(error) => Some(error),
        }
    }
}
