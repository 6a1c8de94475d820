//! The oracle of equivalence: the same scripts, in every mode, style and transport, must give the same bytes.
//!
//! Each cell of the matrix is a real server with real sockets, and the scripts run on the seeded network besides. What the first cell
//! gives is what all others are compared with; on the seeded network scripts must go as they are written.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::hex;
use super::script::{Script, SocketPeer, Transcript};
use super::sim::Simulation;
use crate::server::Make;
use crate::{
    Address, BlockingHandler, Config, Endpoint, Handler, Mode, Report, ServeError, Server,
    StreamServer,
};

/// How long connecting, and each step of a script, may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many seeds a script is run with on the seeded network, without faults: only order and cuts vary.
const SEEDS: u64 = 100;
/// The modes of the matrix.
const MODES: [Mode; 5] = [
    Mode::Serial,
    Mode::Threads,
    Mode::Pool { workers: 4 },
    Mode::Reactor { loops: 1 },
    Mode::Reactor { loops: 2 },
];

/// One conversation in as many styles as it is written in, and the scripts that must go the same way in all of them.
///
/// ```
/// use socketserver::testkit::oracle::Oracle;
/// use socketserver::testkit::script::Script;
/// use socketserver::{Conn, Handler, HandlerError, Input};
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
/// let script = Script::parse("send \"hello\"\nexpect \"hello\"\nhalf-close\nexpect end\n")?;
/// let matrix = Oracle::new([script]).events(|_peer| Echo).ask()?;
/// println!("{matrix}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Oracle {
    scripts: Vec<Script>,
    events: Option<Make<Box<dyn Handler>>>,
    blocking: Option<Make<Box<dyn BlockingHandler>>>,
}

/// Where everything was the same: a table of modes, styles and transports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    scripts: usize,
    /// What each row is called, and how many scripts went the same way in each of its cells.
    rows: Vec<(String, Vec<Option<usize>>)>,
}

/// A cell in which something was different.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    cell: String,
    script: usize,
    what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Events,
    Blocking,
}

impl Oracle {
    /// An oracle for these scripts.
    pub fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self {
            scripts: scripts.into_iter().collect(),
            events: None,
            blocking: None,
        }
    }

    /// The conversation with callbacks.
    pub fn events<H: Handler + 'static>(
        mut self,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Self {
        self.events = Some(Arc::new(move |peer| Box::new(factory(peer))));
        self
    }

    /// The conversation in straight lines.
    pub fn blocking<H: BlockingHandler + 'static>(
        mut self,
        factory: impl Fn(&Address) -> H + Send + Sync + 'static,
    ) -> Self {
        self.blocking = Some(Arc::new(move |peer| Box::new(factory(peer))));
        self
    }

    /// Plays every script in every cell.
    ///
    /// # Errors
    ///
    /// At the first cell in which a script fails, or gives other bytes or another end than in the first cell.
    pub fn ask(&self) -> Result<Matrix, Box<Difference>> {
        let mut reference = vec![None; self.scripts.len()];
        let mut rows = Vec::new();
        for style in [Style::Events, Style::Blocking] {
            if !self.is_written_in(style) {
                continue;
            }
            for transport in ["tcp", "unix"] {
                let mut row = Vec::new();
                for mode in MODES {
                    let cell = format!("{mode}, {style}, {transport}");
                    self.play(mode, style, transport, &cell, &mut reference)?;
                    row.push(Some(self.scripts.len()));
                }
                // The seeded network stands for reactors, whatever their sockets are.
                row.push(if transport == "tcp" {
                    self.simulate(style)?;
                    Some(self.scripts.len())
                } else {
                    None
                });
                rows.push((format!("{style}, {transport}"), row));
            }
        }
        let scripts = self.scripts.len();
        Ok(Matrix { scripts, rows })
    }

    fn is_written_in(&self, style: Style) -> bool {
        match style {
            Style::Events => self.events.is_some(),
            Style::Blocking => self.blocking.is_some(),
        }
    }

    fn play(
        &self,
        mode: Mode,
        style: Style,
        transport: &str,
        cell: &str,
        reference: &mut [Option<Transcript>],
    ) -> Result<(), Box<Difference>> {
        let differs = |script, what| Difference::new(cell, script, what);
        let server = Running::start(self, mode, style, transport)
            .map_err(|error| differs(0, format!("the server cannot be started: {error}")))?;
        for (index, script) in self.scripts.iter().enumerate() {
            let mut peer = SocketPeer::connect(&server.endpoint, PATIENCE)
                .map_err(|error| differs(index, format!("it cannot be connected to: {error}")))?;
            let transcript = script
                .play(&mut peer, PATIENCE)
                .map_err(|failure| differs(index, failure.to_string()))?;
            drop(peer);
            match &reference[index] {
                None => reference[index] = Some(transcript),
                Some(first) => {
                    if let Some(what) = difference(first, &transcript) {
                        return Err(differs(index, what));
                    }
                }
            }
        }
        server.end().map_err(|what| differs(0, what))
    }

    /// Runs the scripts on the seeded network.
    fn simulate(&self, style: Style) -> Result<(), Box<Difference>> {
        for (index, script) in self.scripts.iter().enumerate() {
            let simulation = match (style, &self.events, &self.blocking) {
                (Style::Events, Some(make), _) => {
                    let make = make.clone();
                    Simulation::events(move |peer| make(peer))
                }
                (Style::Blocking, _, Some(make)) => {
                    let make = make.clone();
                    Simulation::blocking(move |peer| make(peer))
                }
                _ => return Ok(()),
            };
            let simulation = simulation.without_faults().script(script);
            let cell = format!("seeded network, {style}");
            (simulation.check(0..SEEDS))
                .map_err(|failure| Difference::new(&cell, index, failure.to_string()))?;
        }
        Ok(())
    }
}

/// How two transcripts of a script differ.
fn difference(first: &Transcript, other: &Transcript) -> Option<String> {
    if first.end != other.end {
        return Some(format!(
            "the end is {:?}, and {:?} elsewhere",
            other.end, first.end
        ));
    }
    let (expected, received) = (first.steady_output(), other.steady_output());
    if expected == received {
        return None;
    }
    let mark = (expected.iter().zip(&received))
        .position(|(one, two)| one != two)
        .unwrap_or(expected.len().min(received.len()));
    Some(format!(
        "the output differs from byte {mark} on\n{}{}",
        hex::view("elsewhere", &expected, &[mark]),
        hex::view("here", &received, &[mark])
    ))
}

/// A server of one cell.
struct Running {
    endpoint: Endpoint,
    stop: crate::StopHandle,
    /// There until it is waited for.
    thread: Option<thread::JoinHandle<Result<Report, ServeError>>>,
}

impl Running {
    fn start(
        oracle: &Oracle,
        mode: Mode,
        style: Style,
        transport: &str,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let endpoint = match transport {
            "unix" => Endpoint::Unix(fresh_path()),
            _ => "127.0.0.1:0".parse()?,
        };
        let config = Config {
            mode,
            ..Config::default()
        };
        let server = StreamServer::builder()
            .config(config)
            .endpoints([endpoint])
            .bind()?;
        let endpoint = server.addresses()[0].to_string().parse()?;
        let stop = server.stop_handle();
        let (events, blocking) = (oracle.events.clone(), oracle.blocking.clone());
        let thread = thread::spawn(move || match (style, events, blocking) {
            (Style::Events, Some(make), _) => server.serve_forever(move |peer| make(peer)),
            (Style::Blocking, _, Some(make)) => {
                server.serve_forever_blocking(move |peer| make(peer))
            }
            _ => Err(ServeError::NoListenerLeft),
        });
        Ok(Self {
            endpoint,
            stop,
            thread: Some(thread),
        })
    }

    fn end(mut self) -> Result<(), String> {
        self.stop.stop();
        match self.thread.take().map(thread::JoinHandle::join) {
            None | Some(Ok(Ok(_))) => Ok(()),
            Some(Ok(Err(error))) => Err(error.to_string()),
            Some(Err(_)) => Err("the server panicked".to_owned()),
        }
    }
}

/// A server whose cell has failed ends too.
impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cut();
    }
}

/// A path that nobody else uses.
fn fresh_path() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    std::env::temp_dir().join(format!("socketserver-oracle-{process}-{number}"))
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::Blocking => "blocking",
        })
    }
}

/// A table in Markdown.
impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} scripts |", self.scripts)?;
        for mode in MODES {
            write!(f, " `{mode}` |")?;
        }
        writeln!(f, " seeded network |")?;
        writeln!(f, "|---|{}", "---|".repeat(MODES.len() + 1))?;
        for (name, cells) in &self.rows {
            write!(f, "| {name} |")?;
            for cell in cells {
                match cell {
                    Some(count) => write!(f, " {count} the same |")?,
                    None => write!(f, " |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Difference {
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "it is the error of results that are seldom one"
    )]
    fn new(cell: &str, script: usize, what: String) -> Box<Self> {
        Box::new(Self {
            cell: cell.to_owned(),
            script,
            what,
        })
    }

    /// Where it was different: the mode, the style and the transport.
    pub fn cell(&self) -> &str {
        &self.cell
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "script {} goes another way in {}: {}",
            self.script + 1,
            self.cell,
            self.what
        )
    }
}

/// As a test that returns it shows it: the sentences.
impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Difference {}

impl fmt::Debug for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oracle")
            .field("scripts", &self.scripts.len())
            .finish_non_exhaustive()
    }
}
