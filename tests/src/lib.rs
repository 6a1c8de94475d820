//! What black-box tests share: servers in every mode over every transport, and clients that speak bytes to them.
//!
//! A behaviour is written once, as a function of a [`Case`], and [`matrix!`] makes one test of it for every mode and
//! transport. Nothing here sleeps to wait: what must become true is asked for until it is, with a deadline.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_panics_doc,
    reason = "what helps tests panics when the test has failed"
)]

mod client;
mod probe;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socketserver::{
    Address, BlockingHandler, Config, Endpoint, Handler, Hooks, Mode, Report, ServeError, Server,
    Stats, StatsHandle, StopHandle, StreamServer,
};

pub use client::{Client, End};
pub use probe::{Event, Probe, Watcher};

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

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// How connections are scheduled.
    pub mode: Mode,
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

    /// Serves with the default configuration.
    pub fn serve<H: Handler + 'static>(
        &self,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        self.serve_with(self.config(), factory)
    }

    /// Serves with a configuration.
    pub fn serve_with<H: Handler + 'static>(
        &self,
        config: Config,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        Running::start(self.bind(config), factory)
    }

    /// Serves blocking handlers with the default configuration.
    pub fn serve_blocking<H: BlockingHandler + 'static>(
        &self,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        self.serve_blocking_with(self.config(), factory)
    }

    /// Serves blocking handlers with a configuration.
    pub fn serve_blocking_with<H: BlockingHandler + 'static>(
        &self,
        config: Config,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        Running::start_blocking(self.bind(config), factory)
    }

    /// Serves with a configuration and hooks.
    pub fn serve_hooked<H: Handler + 'static>(
        &self,
        config: Config,
        hooks: impl Hooks + 'static,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Running {
        let builder = StreamServer::builder()
            .config(config)
            .endpoints([self.endpoint()])
            .hooks(hooks);
        Running::start(
            builder.bind().expect("a fresh endpoint can be bound"),
            factory,
        )
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

    fn spawn(
        server: StreamServer,
        serve: impl FnOnce(StreamServer) -> Result<Report, ServeError> + Send + 'static,
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

/// Makes one test of each function for every mode and transport: `matrix! { all: a, b; concurrent: c; reactor: d }`.
#[macro_export]
macro_rules! matrix {
    (all: $($all:ident),*; concurrent: $($concurrent:ident),*; reactor: $($reactor:ident),*) => {
        mod serial { $crate::transports! { socketserver::Mode::Serial; $($all),* } }
        mod threads { $crate::transports! { socketserver::Mode::Threads; $($all,)* $($concurrent),* } }
        mod pool { $crate::transports! { socketserver::Mode::Pool { workers: 4 }; $($all,)* $($concurrent),* } }
        mod reactor { $crate::transports! { socketserver::Mode::Reactor { loops: 1 }; $($all,)* $($concurrent,)* $($reactor),* } }
        mod reactors { $crate::transports! { socketserver::Mode::Reactor { loops: 2 }; $($all,)* $($concurrent,)* $($reactor),* } }
    };
}

/// The part of [`matrix!`] that belongs to one mode.
#[macro_export]
macro_rules! transports {
    ($mode:expr; $($body:ident),* $(,)?) => {
        mod tcp_v4 { $crate::cell! { super::super, $mode, TcpV4; $($body),* } }
        mod tcp_v6 { $crate::cell! { super::super, $mode, TcpV6; $($body),* } }
        mod unix { $crate::cell! { super::super, $mode, Unix; $($body),* } }
    };
}

/// The part of [`matrix!`] that belongs to one mode and one transport.
#[macro_export]
macro_rules! cell {
    ($home:path, $mode:expr, $transport:ident; $($body:ident),*) => {
        $(
            #[test]
            fn $body() {
                super::super::$body(&$crate::Case { mode: $mode, transport: $crate::Transport::$transport });
            }
        )*
    };
}
