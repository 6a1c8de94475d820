//! Comparing: the same load for every mode, style and server, each in a process of its own, in rounds whose order is shuffled.
//!
//! # What makes it fair
//!
//! * Every server is a fresh process, measured alone, on processors that the load does not use.
//! * A machine is as fast as it is only for a while, so that nobody is measured ten times in a row: each round takes everybody
//!   once, in an order that a seed decides, and a ratio is taken within its round.
//! * The first contestant takes part twice. Whatever differs between a server and itself is noise, and a difference
//!   between two servers must be larger than that to be one.
//! * What the load generator can do at most is measured first, and a run in which it was the bottleneck says so.
//! * Files lie in one folder for all, and are the same for everybody. Each server is asked for each of them once before it is measured.
//! * In a chat every server has a room of its own, and is measured once everybody is in it.
//! * Over datagrams whatever is lost is counted, and said beside the figures: a server that drops is not faster.

mod calibrate;
mod entrant;
mod error;
mod server;
mod talk;
mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

pub use self::calibrate::generator_limit;
pub use self::entrant::{Entrant, ForeignCommand, ForeignError, PeerKind, Style, UnknownStyle};
pub use self::error::StartServerError;
use self::server::{Life, Server};
use self::watch::Watch;
use crate::load::{
    self, Conversation, Form, LoadError, Plan, chat_contradiction, datagram_contradiction,
    files_contradiction,
};
use crate::report::{Cost, GeneratorLimit, Report, Run, SCHEMA, Setup};
use crate::watch::{Processors, as_on, machine};

/// Over what servers are talked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TCP, over the loopback interface.
    #[default]
    Tcp,
    /// Unix sockets.
    Unix,
    /// UDP, over the loopback interface.
    Udp,
    /// Unix datagram sockets.
    Unixgram,
}

/// A comparison to be made.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The program `socketserver`, which serves the modes.
    pub program: PathBuf,
    /// The program `socketserver-peer`, if peers take part.
    pub peer_program: Option<PathBuf>,
    /// Who takes part. No two may have the same name.
    pub entrants: Vec<Entrant>,
    /// What is said.
    pub conversation: Conversation,
    /// In which forms: one, or open loops at several rates, in rising order.
    pub forms: Vec<Form>,
    /// Over what.
    pub transport: Transport,
    /// With how many connections: each number is a part of its own.
    pub connections: Vec<usize>,
    /// How many of the connections speak, if not all, or in a chat if not one. Streams only.
    pub active: Option<usize>,
    /// Connections besides, that send and never read; in a chat they only do not read. Streams only.
    pub stuck: usize,
    /// Bytes of a message, or of a file.
    pub message_bytes: usize,
    /// How long a connection waits after an answer.
    pub think: Duration,
    /// Whether small messages leave at once, on both sides.
    pub nodelay: bool,
    /// After how long a datagram without an answer counts as lost.
    pub loss_timeout: Duration,
    /// How long each server is under load before it is measured.
    pub warm_up: Duration,
    /// How long each run is measured.
    pub duration: Duration,
    /// How many rounds there are.
    pub rounds: usize,
    /// What decides the order.
    pub seed: u64,
    /// Whether servers and load get processors of their own.
    pub is_pinned: bool,
    /// The command that repeats the comparison, word by word.
    pub command: Vec<String>,
}

/// What has just happened in a comparison.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// It is known what the load generator can do.
    Calibrated(GeneratorLimit),
    /// A run begins.
    Begins {
        /// How many runs are done.
        done: usize,
        /// How many there will be.
        total: usize,
        /// Whose turn it is.
        contestant: &'a str,
        /// With how many connections.
        connections: usize,
        /// The round, counted from one.
        round: usize,
        /// How many rounds there will be.
        rounds: usize,
    },
    /// A run has ended.
    Ended(&'a Run),
    /// Somebody takes part no more, for this reason.
    Dropped(&'a str),
}

impl Comparison {
    /// Makes it. When `stop` becomes true it ends with the runs that are complete.
    ///
    /// # Errors
    ///
    /// When the load generator itself cannot work, or the transport has no such load. Servers that do not start are noted in the report, and
    /// the others go on.
    pub fn run(
        &self,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Report, LoadError> {
        self.check()?;
        let processors = if self.is_pinned {
            Processors::divide()
        } else {
            Processors::default()
        };
        let mut report = self.empty_report(&processors);
        // Files have no such limit: how busy it was stands beside each run.
        if !self.conversation.has_files() {
            report.generator = generator_limit(
                self.conversation,
                self.form(),
                self.transport.is_datagram(),
                self.message_bytes,
                &processors,
                stop,
            )?;
            progress(Progress::Calibrated(report.generator));
        }
        let root = self.root()?;
        let place = Place {
            processors: &processors,
            root: root.as_ref().map(TempDir::path),
        };

        let mut absent = BTreeSet::new();
        let total = self.rounds * self.turns().len();
        let mut done = 0;
        let mut random = fastrand::Rng::with_seed(self.seed);
        for round in 1..=self.rounds {
            let mut turns = self.turns();
            random.shuffle(&mut turns);
            for (index, connections, form) in turns {
                let entrant = &self.entrants[index];
                let contestant = &entrant.name();
                done += 1;
                if absent.contains(&(index, connections)) {
                    continue;
                }
                if stop.load(Ordering::Relaxed) {
                    report.is_complete = false;
                    return Ok(report);
                }
                progress(Progress::Begins {
                    done: done - 1,
                    total,
                    contestant,
                    connections,
                    round,
                    rounds: self.rounds,
                });
                match self.measure(entrant, (connections, form), round, &place, stop) {
                    // What was interrupted is no measurement.
                    _ if stop.load(Ordering::Relaxed) => {}
                    Ok(run) => {
                        progress(Progress::Ended(&run));
                        report.runs.push(run);
                    }
                    Err(error) => {
                        let with = counted(connections);
                        let note = format!("{contestant} takes no part {with}: {error}");
                        progress(Progress::Dropped(&note));
                        report.notes.push(note);
                        absent.insert((index, connections));
                    }
                }
            }
        }
        report.is_complete = !stop.load(Ordering::Relaxed);
        Ok(report)
    }

    /// The folder of the files, if there are any. It goes with the value.
    fn root(&self) -> Result<Option<TempDir>, LoadError> {
        let has_files = self.conversation.has_files();
        (has_files.then(TempDir::new).transpose()).map_err(LoadError::System)
    }

    /// Refuses a load that the transport does not have, before any server is started for it.
    fn check(&self) -> Result<(), LoadError> {
        if self.conversation == Conversation::Chat {
            let contradiction = |&members: &usize| {
                chat_contradiction(
                    self.form(),
                    members,
                    self.conversation.speakers(self.active, members),
                    self.message_bytes,
                    self.transport.is_datagram(),
                )
            };
            let contradiction = self.connections.iter().find_map(contradiction);
            return contradiction.map_or(Ok(()), |what| Err(LoadError::Plan(what)));
        }
        if self.conversation.has_files() {
            let contradiction = files_contradiction(
                self.form(),
                self.active.is_some() || self.stuck > 0,
                self.think,
                self.transport.is_datagram(),
            );
            return contradiction.map_or(Ok(()), |what| Err(LoadError::Plan(what)));
        }
        if !self.transport.is_datagram() {
            return Ok(());
        }
        let contradiction = datagram_contradiction(
            self.form(),
            self.active.is_some(),
            self.stuck > 0,
            self.message_bytes,
            self.loss_timeout,
        );
        contradiction.map_or(Ok(()), |what| Err(LoadError::Plan(what)))
    }

    /// Everybody with every number of connections in every form.
    fn turns(&self) -> Vec<(usize, usize, Form)> {
        let mut turns = Vec::new();
        for index in 0..self.entrants.len() {
            for &connections in &self.connections {
                let forms = self.forms.iter();
                turns.extend(forms.map(|&form| (index, connections, form)));
            }
        }
        turns
    }

    /// The form that tables speak of: the only one, or the open loop with the highest rate.
    fn form(&self) -> Form {
        self.forms
            .last()
            .copied()
            .unwrap_or(Form::Closed { window: 1 })
    }

    /// All rates, in an open loop.
    fn rates(&self) -> Vec<f64> {
        self.forms.iter().filter_map(|form| form.rate()).collect()
    }

    fn empty_report(&self, processors: &Processors) -> Report {
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        let window = match self.form() {
            Form::Closed { window } => window,
            Form::Open { .. } => 0,
            Form::Churn => 1,
        };
        Report {
            schema: SCHEMA,
            when: now.to_string(),
            command: self.command.clone(),
            machine: machine(processors),
            setup: Setup {
                handler: self.conversation.to_string(),
                transport: self.transport.word().to_owned(),
                load: self.form().words().to_owned(),
                message_bytes: self.message_bytes,
                window,
                rate: self.form().rate(),
                rates: self.rates(),
                loss_timeout_seconds: (self.transport.is_datagram())
                    .then_some(self.loss_timeout.as_secs_f64()),
                think_seconds: self.think.as_secs_f64(),
                active: match self.conversation {
                    Conversation::Chat => Some(self.active.unwrap_or(1)),
                    _ => self.active,
                },
                stuck: self.stuck,
                nodelay: self.nodelay,
                connections: self.connections.clone(),
                seconds: self.duration.as_secs_f64(),
                warm_up_seconds: self.warm_up.as_secs_f64(),
                rounds: self.rounds,
                seed: self.seed,
            },
            generator: GeneratorLimit::default(),
            contestants: (self.entrants.iter())
                .map(|entrant| entrant.contestant(self))
                .collect(),
            runs: Vec::new(),
            notes: Vec::new(),
            is_complete: true,
        }
    }

    /// One run: a fresh server, its load, and what both have spent.
    fn measure(
        &self,
        entrant: &Entrant,
        (connections, form): (usize, Form),
        round: usize,
        place: &Place<'_>,
        stop: &AtomicBool,
    ) -> Result<Run, StartServerError> {
        let server = as_on(&place.processors.server, || {
            Server::start(self, entrant, connections, place.root, stop)
        })?;
        let mut watch = Watch::new(server.process());
        let plan = self.plan(&server, connections, form);
        let measured = as_on(&place.processors.load, || {
            load::run(&plan, &mut watch, stop)
        });
        let life = server.end();
        let mut run = Run {
            contestant: entrant.name(),
            connections,
            round,
            rate: form.rate(),
            ..Run::default()
        };
        match measured {
            Err(error) => {
                run.fault = Some(error.to_string());
                run.unserved = plan.speakers();
                run.errors
                    .insert("connect".to_owned(), plan.speakers() as u64);
            }
            Ok(measured) => {
                run.server = self.cost(&watch, &life, measured.answered, connections);
                run.seconds = measured.seconds;
                run.served = measured.served;
                run.offered = measured.offered;
                run.bytes = measured.bytes;
                run.datagrams = measured.datagrams;
                run.chat = measured.chat;
                run.latency = measured.latency;
                run.series = measured.series;
                run.generator = measured.generator;
                run.fairness = measured.fairness;
                run.unserved = measured.unserved;
                run.errors = (measured.errors.into_iter())
                    .map(|(word, count)| (word.to_owned(), count))
                    .collect();
                run.fault = measured.fault;
            }
        }
        Ok(run)
    }

    fn plan(&self, server: &Server, connections: usize, form: Form) -> Plan {
        Plan {
            form,
            message_bytes: self.message_bytes,
            connections,
            active: self.active,
            stuck: self.stuck,
            think: self.think,
            nodelay: self.nodelay,
            warm_up: self.warm_up,
            duration: self.duration,
            loss_timeout: self.loss_timeout,
            files_prefix: (self.conversation.has_files()).then(|| FILES.to_owned()),
            ..Plan::new(server.endpoint().clone(), self.conversation)
        }
    }

    /// What the server has spent, as far as it could be seen.
    #[expect(clippy::cast_precision_loss, reason = "bytes and calls of a run")]
    fn cost(&self, watch: &Watch, life: &Life, answered: u64, connections: usize) -> Option<Cost> {
        let (before, begin, end) = (
            watch.before.as_ref()?,
            watch.begin.as_ref()?,
            watch.end.as_ref()?,
        );
        let grown = end.resident_bytes() as f64 - before.resident_bytes() as f64;
        // Whoever never reads is written to as often as the server likes, so that nothing follows from its calls.
        let calls = match self.form() {
            Form::Churn => life.system_calls,
            _ => life.transfers,
        };
        // A file takes many of each, and preparing took some besides, as entering a chat does.
        let has_others = self.conversation.has_files() || self.conversation == Conversation::Chat;
        let is_told = answered > 0 && self.stuck == 0 && !has_others;
        let calls = calls.filter(|_| is_told);
        Some(Cost {
            bytes_per_connection: grown.max(0.0) / (connections + self.stuck) as f64,
            system_calls_per_message: calls.map(|calls| calls as f64 / answered as f64),
            ..end.since(begin)
        })
    }
}

/// How the names of the files begin in the folder that all servers are given.
const FILES: &str = "file";

/// Where a server runs, and what it has there.
struct Place<'a> {
    processors: &'a Processors,
    /// The folder whose files it serves, if it serves any.
    root: Option<&'a Path>,
}

/// `with 1 connection`.
fn counted(connections: usize) -> String {
    let plural = if connections == 1 { "" } else { "s" };
    format!("with {connections} connection{plural}")
}

impl Transport {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Unix => "unix",
            Self::Udp => "udp",
            Self::Unixgram => "unixgram",
        }
    }

    /// Whether it carries datagrams rather than streams.
    pub fn is_datagram(self) -> bool {
        matches!(self, Self::Udp | Self::Unixgram)
    }
}
