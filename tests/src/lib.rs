//! What black-box tests share: servers in every mode and style over every transport, and clients that speak bytes to them.
//!
//! A behaviour is written once, as a function of a [`Case`], and [`matrix!`] makes one test of it for every mode, style and
//! transport. Its handler is one type that says the same in both styles. Nothing here sleeps to wait: what must become true is
//! asked for until it is, with a deadline.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_panics_doc,
    reason = "what helps tests panics when the test has failed"
)]

mod client;
mod datagrams;
pub mod files;
mod memory;
mod probe;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socketserver::{
    Address, BlockingHandler, Config, Endpoint, Handled, Handler, Hooks, Mode, Report, ServeError,
    Server, Stats, StatsHandle, StopHandle, StreamServer,
};

pub use client::{Client, End};
pub use datagrams::{Caller, Carrier, DatagramCase};
pub use memory::Memory;
pub use probe::{Event, Probe, Teller, Watcher};

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Over what a test's bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// A Unix socket with a path.
    Unix,
}

/// How a test's handlers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As callbacks.
    Events,
    /// In straight lines.
    Blocking,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// How connections are scheduled.
    pub mode: Mode,
    /// As what the server sees handlers that can be both.
    pub style: Style,
    /// Over what they come.
    pub transport: Transport,
}

impl Case {
    /// A configuration for this case, with the defaults.
    pub fn config(&self) -> Config {
        Config {
            mode: self.mode,
            ..Config::default()
        }
    }

    /// Whether several connections are served at once.
    pub fn is_concurrent(&self) -> bool {
        self.mode != Mode::Serial
    }

    /// Whether connections share event loops.
    pub fn is_reactor(&self) -> bool {
        matches!(self.mode, Mode::Reactor { .. })
    }

    /// An endpoint that no other test uses.
    pub fn endpoint(&self) -> Endpoint {
        match self.transport {
            Transport::TcpV4 => Endpoint::Tcp {
                host: "127.0.0.1".into(),
                port: 0,
            },
            Transport::TcpV6 => Endpoint::Tcp {
                host: "::1".into(),
                port: 0,
            },
            Transport::Unix => Endpoint::Unix(fresh_path()),
        }
    }

    /// Whether handlers have callbacks.
    pub fn has_callbacks(&self) -> bool {
        self.style == Style::Events
    }

    /// Serves in the style of this case, with the default configuration.
    pub fn serve<H: Handler + BlockingHandler + 'static>(
        &self,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        self.serve_with(self.config(), factory)
    }

    /// Serves in the style of this case, with a configuration.
    pub fn serve_with<H: Handler + BlockingHandler + 'static>(
        &self,
        config: Config,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        self.start(self.bind(config), factory)
    }

    /// Serves in the style of this case, with a configuration and hooks.
    pub fn serve_hooked<H: Handler + BlockingHandler + 'static>(
        &self,
        config: Config,
        hooks: impl Hooks + 'static,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        let builder = StreamServer::builder()
            .config(config)
            .endpoints([self.endpoint()])
            .hooks(hooks);
        let server = builder.bind().expect("a fresh endpoint can be bound");
        self.start(server, factory)
    }

    /// Serves in the style of this case, with a server that is bound.
    pub fn start<H: Handler + BlockingHandler + 'static>(
        &self,
        server: StreamServer,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        let case = *self;
        Running::spawn(server, move |server| case.run(server, factory))
    }

    /// Serves in the style of this case, on the calling thread.
    pub fn run<H: Handler + BlockingHandler + 'static>(
        &self,
        server: StreamServer,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Result<Report, ServeError> {
        match self.style {
            Style::Events => server.serve_forever(factory),
            Style::Blocking => server.serve_forever_blocking(factory),
        }
    }

    /// Serves one connection in the style of this case, on the calling thread.
    pub fn handle_request<H: Handler + BlockingHandler + 'static>(
        &self,
        server: &mut StreamServer,
        timeout: Option<Duration>,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Result<Handled, ServeError> {
        match self.style {
            Style::Events => server.handle_request(timeout, factory),
            Style::Blocking => server.handle_request_blocking(timeout, factory),
        }
    }

    /// Serves handlers that have callbacks only, with the default configuration.
    pub fn serve_events<H: Handler + 'static>(
        &self,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        self.serve_events_with(self.config(), factory)
    }

    /// Serves handlers that have callbacks only, with a configuration.
    pub fn serve_events_with<H: Handler + 'static>(
        &self,
        config: Config,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        Running::start(self.bind(config), factory)
    }

    /// Serves handlers that are blocking only, with the default configuration.
    pub fn serve_blocking<H: BlockingHandler + 'static>(
        &self,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        self.serve_blocking_with(self.config(), factory)
    }

    /// Serves handlers that are blocking only, with a configuration.
    pub fn serve_blocking_with<H: BlockingHandler + 'static>(
        &self,
        config: Config,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        Running::start_blocking(self.bind(config), factory)
    }

    /// A server that listens and does not serve yet.
    pub fn bind(&self, config: Config) -> StreamServer {
        let builder = StreamServer::builder()
            .config(config)
            .endpoints([self.endpoint()]);
        builder.bind().expect("a fresh endpoint can be bound")
    }
}

/// Makes sure that this process may have so many descriptors open.
///
/// # Panics
///
/// When the hard limit is below that.
pub fn raise_descriptor_limit(descriptors: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < descriptors) {
        limit.current = Some(descriptors);
        setrlimit(Resource::Nofile, limit).expect("the hard limit on open files is high enough");
    }
}

/// A path in the folder for temporary files that no other test uses.
pub fn fresh_path() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("socketserver-test-{}-{number}", std::process::id()))
}

/// A server on a thread of its own. Dropping it cuts it.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<Address>,
    stop: StopHandle,
    stats: StatsHandle,
    thread: Option<JoinHandle<Result<Report, ServeError>>>,
}

impl Running {
    /// Serves with a server that is bound.
    pub fn start<H: Handler + 'static>(
        server: StreamServer,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Self {
        Self::spawn(server, move |server| server.serve_forever(factory))
    }

    /// Serves blocking handlers with a server that is bound.
    pub fn start_blocking<H: BlockingHandler + 'static>(
        server: StreamServer,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Self {
        Self::spawn(server, move |server| server.serve_forever_blocking(factory))
    }

    /// Serves with a server that is bound, in a way of its own.
    pub fn spawn<S: Server + Send + 'static>(
        server: S,
        serve: impl FnOnce(S) -> Result<Report, ServeError> + Send + 'static,
    ) -> Self {
        Self {
            addresses: server.addresses().to_vec(),
            stop: server.stop_handle(),
            stats: server.stats_handle(),
            thread: Some(thread::spawn(move || serve(server))),
        }
    }

    /// Where it listens first.
    pub fn address(&self) -> &Address {
        &self.addresses[0]
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// A new client, of a server for datagrams.
    pub fn caller(&self) -> Caller {
        Caller::new(self.address())
    }

    /// A handle that stops it.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// What it counts at this moment; the laws that hold at any moment are checked at every look.
    pub fn stats(&self) -> Stats {
        let stats = self.stats.stats();
        check_laws(&stats);
        stats
    }

    /// Waits until its counts are as described.
    pub fn until(&self, what: &str, condition: impl Fn(&Stats) -> bool) -> Stats {
        eventually(what, || Some(self.stats()).filter(|stats| condition(stats)))
    }

    /// Waits until a connection has ended, and says in one word why the first one did.
    #[track_caller]
    pub fn wait_for_close(&self) -> &'static str {
        let over = |stats: &Stats| !stats.closed.is_empty();
        let words = self.until("a connection to end", over).closed;
        assert_eq!(words.len(), 1, "one connection ends first: {words:?}");
        words.into_keys().next().expect("there is one")
    }

    /// Stops it, waits for its end and checks the final laws.
    pub fn stop(mut self) -> Report {
        self.stop.stop();
        self.join()
    }

    /// Waits for an end that somebody else brings about.
    pub fn join(&mut self) -> Report {
        let thread = self.thread.take().expect("a server is joined once");
        eventually("the server to return", || {
            thread.is_finished().then_some(())
        });
        let report = thread
            .join()
            .expect("a server does not panic")
            .expect("a server does not fail");
        check_laws(&report.stats);
        assert_eq!(
            report.stats.live, 0,
            "nothing is open after a stop: {report:?}"
        );
        assert_eq!(
            report.stats.bytes_held, 0,
            "nothing is held after a stop: {report:?}"
        );
        report
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop.cut();
        }
    }
}

fn check_laws(stats: &Stats) {
    assert_eq!(
        stats.accepted,
        stats.live + stats.closed.values().sum::<u64>(),
        "{stats:?}"
    );
    assert_eq!(
        stats.bytes_in,
        stats.bytes_delivered + stats.bytes_discarded + stats.bytes_held,
        "{stats:?}"
    );
    if stats.datagrams_in > 0 {
        assert_eq!(
            stats.datagrams_in,
            stats.received_calls + stats.datagrams_truncated + stats.datagrams_dropped,
            "{stats:?}"
        );
    }
}

/// Asks until there is an answer, and fails when there is none within [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// Makes one test of each function for every mode, style and transport, with the path `mode::style::transport::name`.
///
/// ```ignore
/// socketserver_tests::matrix! {
///     all: in_every_mode, in_every_mode_too;
///     concurrent: where_connections_are_served_at_once;
///     reactor: where_they_share_event_loops;
///     events: in_every_mode_with_callbacks;
///     blocking: in_every_mode_in_straight_lines;
///     blocking reactor: only_in_coroutines;
/// }
/// ```
///
/// Sections may be missing, but not change places. Those of one style are for what the other one does not have.
#[macro_export]
macro_rules! matrix {
    (
        $(all: $($all:ident),+;)?
        $(concurrent: $($concurrent:ident),+;)?
        $(reactor: $($reactor:ident),+;)?
        $(events: $($events_all:ident),+;)?
        $(events concurrent: $($events_concurrent:ident),+;)?
        $(events reactor: $($events_reactor:ident),+;)?
        $(blocking: $($blocking_all:ident),+;)?
        $(blocking concurrent: $($blocking_concurrent:ident),+;)?
        $(blocking reactor: $($blocking_reactor:ident),+;)?
    ) => {
        mod serial {
            $crate::styles! {
                socketserver::Mode::Serial;
                [$($($all,)+)?]
                [$($($events_all,)+)?]
                [$($($blocking_all,)+)?]
            }
        }
        mod threads {
            $crate::styles! {
                socketserver::Mode::Threads;
                [$($($all,)+)? $($($concurrent,)+)?]
                [$($($events_all,)+)? $($($events_concurrent,)+)?]
                [$($($blocking_all,)+)? $($($blocking_concurrent,)+)?]
            }
        }
        mod pool {
            $crate::styles! {
                socketserver::Mode::Pool { workers: 4 };
                [$($($all,)+)? $($($concurrent,)+)?]
                [$($($events_all,)+)? $($($events_concurrent,)+)?]
                [$($($blocking_all,)+)? $($($blocking_concurrent,)+)?]
            }
        }
        mod reactor {
            $crate::styles! {
                socketserver::Mode::Reactor { loops: 1 };
                [$($($all,)+)? $($($concurrent,)+)? $($($reactor,)+)?]
                [$($($events_all,)+)? $($($events_concurrent,)+)? $($($events_reactor,)+)?]
                [$($($blocking_all,)+)? $($($blocking_concurrent,)+)? $($($blocking_reactor,)+)?]
            }
        }
        mod reactors {
            $crate::styles! {
                socketserver::Mode::Reactor { loops: 2 };
                [$($($all,)+)? $($($concurrent,)+)? $($($reactor,)+)?]
                [$($($events_all,)+)? $($($events_concurrent,)+)? $($($events_reactor,)+)?]
                [$($($blocking_all,)+)? $($($blocking_concurrent,)+)? $($($blocking_reactor,)+)?]
            }
        }
    };
}

/// The part of [`matrix!`] that belongs to one mode.
#[macro_export]
macro_rules! styles {
    ($mode:expr; [$($both:ident,)*] [$($events:ident,)*] [$($blocking:ident,)*]) => {
        mod events { $crate::transports! { $mode, Events; $($both,)* $($events,)* } }
        mod blocking { $crate::transports! { $mode, Blocking; $($both,)* $($blocking,)* } }
    };
}

/// The part of [`matrix!`] that belongs to one mode and one style.
#[macro_export]
macro_rules! transports {
    ($mode:expr, $style:ident; $($body:ident,)*) => {
        mod tcp_v4 { $crate::cell! { $mode, $style, TcpV4; $($body,)* } }
        mod tcp_v6 { $crate::cell! { $mode, $style, TcpV6; $($body,)* } }
        mod unix { $crate::cell! { $mode, $style, Unix; $($body,)* } }
    };
}

/// The part of [`matrix!`] that belongs to one mode, one style and one transport.
#[macro_export]
macro_rules! cell {
    ($mode:expr, $style:ident, $transport:ident; $($body:ident,)*) => {
        $(
            #[test]
            fn $body() {
                super::super::super::$body(&$crate::Case {
                    mode: $mode,
                    style: $crate::Style::$style,
                    transport: $crate::Transport::$transport,
                });
            }
        )*
    };
}
