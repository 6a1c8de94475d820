//! The command line of `compare`, and the comparison that follows from it.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use socketserver::Mode;
use socketserver_bench::compare::{
    Comparison, Entrant, ForeignCommand, PeerKind, Style, Transport,
};
use socketserver_bench::load::Conversation;
use socketserver_bench::report::{Budget, Contestant, Metric};

use super::subject::Subject;
use crate::exit::{Code, Failure};
use crate::measuring::LoadOptions;
use crate::units;

/// Measures the modes side by side on this machine, and says which one to use and why.
///
/// Every mode and style serves in a process of its own, in rounds whose order is shuffled, and one of them twice, which
/// shows the noise of the machine. Nothing is concluded where the noise is larger than the difference. Control-C keeps what was measured.
#[derive(Args, Debug)]
#[command(after_help = "\
A budget is CONTESTANT.METRIC, an operator and a value, for instance 'reactor.p99 > 5ms' or 'threads@1000.memory > 200MiB'. \
Metrics: served, p50, p90, p99, p99.9, max, cpu, user, system, syscalls, switches, memory, memory-per-connection, \
threads, fairness, errors, over datagrams loss, in parts of a hundred ('reactor.loss > 0.1%'), and of files throughput \
('reactor.throughput < 500MB/s') and cpu-per-gib ('reactor.cpu-per-gib > 2s'). In a chat served are deliveries, and \
served-per-cpu-second is what a second of a processor delivers ('reactor.served-per-cpu-second < 100k').

Exit codes: 0 done, 1 somebody could not be measured, 2 usage, 9 a budget was not met, 130 interrupted.")]
pub(crate) struct Options {
    /// What is served: echo, uppercase, work:TIME (spins for each line) or wait:TIME (blocks for each line); chat, where everybody in a room hears
    /// whoever speaks; files:get or files:put, which transfer files, or files for both, one after the other
    #[arg(default_value = "echo")]
    pub(super) handler: Subject,
    // Not a doc comment, which would take the brackets for links.
    #[arg(long, value_name = "MODES", value_delimiter = ',',
        help = format!("Which modes take part, the first one twice: {}, with commas between them \
            [default: reactor,threads,pool:64,serial; with files reactor:2, too; in a chat reactor,reactor:2,threads]", Mode::FORMS))]
    modes: Vec<Mode>,
    /// Which styles of handlers take part: events, blocking, or both [default: both; over datagrams, with files and in a chat events, which is all they
    /// have]
    #[arg(long, value_name = "STYLES", value_delimiter = ',')]
    styles: Vec<Style>,
    /// Connections that are open at once; each number is a part of its own [default: 1,50,1000; with files 1,8; in a chat 10,100,1000]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', value_parser = units::count::<usize>)]
    conns: Vec<usize>,
    /// How long each run is measured [default: 500ms; with files 1s]
    #[arg(long, value_name = "TIME", value_parser = units::time)]
    duration: Option<Duration>,
    /// Rounds; everybody takes part once in each. Fewer than 6 prove nothing
    #[arg(long, value_name = "N", default_value = "6", value_parser = units::count::<usize>)]
    rounds: usize,
    /// What decides the order of a round
    #[arg(long, value_name = "N", default_value = "1", value_parser = units::count::<u64>)]
    seed: u64,
    /// Over what servers are talked to
    #[arg(long, value_enum, default_value_t)]
    transport: Wire,
    /// Leave it to the system which processors servers and load run on
    #[arg(long)]
    unpinned: bool,
    #[command(flatten)]
    load: LoadOptions,
    /// A server of somebody else as a row: a command in which {port} is the port that it is to listen on at 127.0.0.1, with a
    /// name before it if you like: 'python=python3 server.py {port}'. Several times for several servers
    #[arg(long, value_name = "COMMAND")]
    against: Vec<ForeignCommand>,
    /// Servers of this project's benchmarks as rows, with commas between them
    #[arg(long, value_name = "PEERS", value_delimiter = ',', value_parser = peers())]
    peers: Vec<String>,
    /// End with code 9 when this is so; several times for several budgets
    #[arg(long, value_name = "BUDGET")]
    pub(super) fail_if: Vec<Budget>,
    /// Compare with the JSON file of an earlier comparison, too
    #[arg(long, value_name = "FILE", help_heading = "The report")]
    pub(super) baseline: Option<PathBuf>,
    /// Draw the report of this JSON file again, and measure nothing
    #[arg(long, value_name = "FILE", help_heading = "The report")]
    pub(super) from: Option<PathBuf>,
    /// Which files to write, with commas between them
    #[arg(
        long,
        value_enum,
        value_name = "FORMATS",
        value_delimiter = ',',
        help_heading = "The report"
    )]
    pub(super) out: Vec<Format>,
    /// Where to write them: compare-HANDLER.json and so on
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = ".",
        help_heading = "The report"
    )]
    pub(super) out_dir: PathBuf,
    /// Print the whole report as JSON on standard output, instead of tables
    #[arg(long, help_heading = "The report")]
    pub(super) json: bool,
}

/// A form in which a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Everything, for programs and for --from and --baseline.
    Json,
    /// A line for each run.
    Csv,
    /// Tables for a README.
    Md,
    /// A page with charts.
    Html,
    /// The charts in one picture.
    Svg,
}

/// [`Transport`], as a word of the command line.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Wire {
    /// TCP over the loopback interface.
    #[default]
    Tcp,
    /// Unix sockets.
    Unix,
    /// UDP over the loopback interface.
    Udp,
    /// Unix datagram sockets.
    Unixgram,
}

fn peers() -> PossibleValuesParser {
    PossibleValuesParser::new(PeerKind::ALL.map(PeerKind::word))
}

impl Options {
    /// What is to be compared; the programs are not known here.
    pub(super) fn comparison(&self, conversation: Conversation) -> Result<Comparison, Failure> {
        let has_files = conversation.has_files();
        let wrong = |sentence: &str| Err(Failure::new(Code::Usage, sentence));
        if self.rounds == 0 {
            return wrong("nothing is measured in 0 rounds: write --rounds 6");
        }
        let duration = if has_files { 1000 } else { 500 };
        let duration = (self.duration).unwrap_or(Duration::from_millis(duration));
        if duration.is_zero() {
            return wrong("nothing is measured in no time: write --duration 500ms");
        }
        let mut connections = match (self.conns.as_slice(), conversation) {
            ([], Conversation::Files(_)) => vec![1, 8],
            ([], Conversation::Chat) => vec![10, 100, 1000],
            ([], _) => vec![1, 50, 1000],
            (said, _) => said.to_vec(),
        };
        connections.sort_unstable();
        connections.dedup();
        if connections.first() == Some(&0) {
            return wrong("a load needs at least one connection (in --conns)");
        }
        if conversation == Conversation::Chat {
            let members = connections
                .last()
                .map_or(0, |most| most.saturating_add(self.load.stuck));
            self.check_modes_hold(members)?;
        }
        Ok(Comparison {
            program: PathBuf::new(),
            peer_program: None,
            entrants: self.entrants(conversation)?,
            conversation,
            forms: self.load.forms(),
            transport: self.transport(),
            connections,
            active: self.load.active,
            stuck: self.load.stuck,
            message_bytes: self.load.message_bytes(conversation),
            think: self.load.think,
            nodelay: self.load.nodelay,
            loss_timeout: self.load.loss_timeout,
            warm_up: self.load.warm_up,
            duration,
            rounds: self.rounds,
            seed: self.seed,
            is_pinned: !self.unpinned,
            command: Vec::new(),
        })
    }

    fn modes(&self, conversation: Conversation) -> Vec<Mode> {
        if !self.modes.is_empty() {
            return self.modes.clone();
        }
        let reactor = |loops| Mode::Reactor { loops };
        if conversation == Conversation::Chat {
            return vec![reactor(1), reactor(2), Mode::Threads];
        }
        let mut modes = vec![reactor(1)];
        if conversation.has_files() {
            modes.push(reactor(2));
        }
        modes.extend([Mode::Threads, Mode::Pool { workers: 64 }, Mode::Serial]);
        modes
    }

    /// Refuses a mode that serves fewer connections at once than there are members of a chat: those who wait for their turn hear nothing.
    fn check_modes_hold(&self, members: usize) -> Result<(), Failure> {
        for mode in &self.modes {
            let most = match mode {
                Mode::Serial => 1,
                Mode::Pool { workers } => *workers,
                _ => usize::MAX,
            };
            if most < members {
                let sentence = format!(
                    "{mode} serves {most} at a time, and a chat has {members} members at once: leave it out of --modes"
                );
                return Err(Failure::new(Code::Usage, sentence));
            }
        }
        Ok(())
    }

    fn transport(&self) -> Transport {
        match self.transport {
            Wire::Tcp => Transport::Tcp,
            Wire::Unix => Transport::Unix,
            Wire::Udp => Transport::Udp,
            Wire::Unixgram => Transport::Unixgram,
        }
    }

    /// The styles that take part: handlers of datagrams are written in one only, and the peers serve streams only.
    fn styles(&self, conversation: Conversation) -> Result<Vec<Style>, Failure> {
        let transport = self.transport();
        if let Conversation::Files(_) | Conversation::Chat = conversation {
            let (what, are) = match conversation {
                Conversation::Chat => ("a chat", "is"),
                _ => ("files", "are"),
            };
            let sentence = if self.styles.contains(&Style::Blocking) {
                format!("{what} {are} served with callbacks only: leave --styles out")
            } else if !self.peers.is_empty() {
                format!("the servers of --peers do not serve {what}: leave the peers out")
            } else {
                return Ok(vec![Style::Events]);
            };
            return Err(Failure::new(Code::Usage, sentence));
        }
        if !transport.is_datagram() {
            let both = vec![Style::Events, Style::Blocking];
            return Ok(if self.styles.is_empty() {
                both
            } else {
                self.styles.clone()
            });
        }
        let word = transport.word();
        let wrong = if self.styles.contains(&Style::Blocking) {
            format!(
                "--styles blocking is for streams, and --transport {word} has datagrams: leave the styles out"
            )
        } else if !self.peers.is_empty() {
            format!(
                "the servers of --peers are for streams, and --transport {word} has datagrams: leave the peers out"
            )
        } else {
            return Ok(vec![Style::Events]);
        };
        Err(Failure::new(Code::Usage, wrong))
    }

    /// Everybody who takes part; the first mode twice.
    fn entrants(&self, conversation: Conversation) -> Result<Vec<Entrant>, Failure> {
        let styles = self.styles(conversation)?;
        let mut entrants = Vec::new();
        for mode in self.modes(conversation) {
            for &style in &styles {
                entrants.push(Entrant::Mode(mode, style));
            }
        }
        if let Some(&Entrant::Mode(mode, style)) = entrants.first() {
            entrants.push(Entrant::Control(mode, style));
        }
        let kinds = PeerKind::ALL.into_iter();
        let wanted = kinds.filter(|kind| self.peers.iter().any(|word| word == kind.word()));
        entrants.extend(wanted.map(Entrant::Peer));
        entrants.extend(self.against.iter().cloned().map(Entrant::Foreign));
        let names: Vec<_> = entrants.iter().map(Entrant::name).collect();
        let twice = (names.iter().enumerate()).find(|(index, name)| names[..*index].contains(name));
        match twice {
            None => Ok(entrants),
            Some((_, name)) => Err(Failure::new(
                Code::Usage,
                format!(
                    "'{name}' would take part twice: name each once, a command with NAME=COMMAND"
                ),
            )),
        }
    }

    /// Whether the budgets are about somebody who takes part.
    pub(super) fn check_budgets_of(&self, comparison: &Comparison) -> Result<(), Failure> {
        let names: Vec<_> = comparison.entrants.iter().map(Entrant::name).collect();
        let mut budgets = self.fail_if.iter();
        let of_loss = budgets.find(|budget| budget.metric() == Metric::Loss);
        if let (Some(budget), false) = (of_loss, comparison.transport.is_datagram()) {
            let word = comparison.transport.word();
            let sentence = format!(
                "the budget '{budget}' cannot be kept: nothing is lost over {word}, write --transport udp with it"
            );
            return Err(Failure::new(Code::Usage, sentence));
        }
        let is_of_files = |metric: Metric| matches!(metric, Metric::Throughput | Metric::CpuPerGib);
        let of_files = (self.fail_if.iter()).find(|budget| is_of_files(budget.metric()));
        if let (Some(budget), false) = (of_files, comparison.conversation.has_files()) {
            let sentence = format!(
                "the budget '{budget}' cannot be kept: {} transfers no files, compare files with it",
                comparison.conversation
            );
            return Err(Failure::new(Code::Usage, sentence));
        }
        (self.fail_if.iter())
            .try_for_each(|budget| budget.check_connections(&comparison.connections))
            .map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
        self.check_names(&names)
    }

    /// The same for a report that is drawn again.
    pub(super) fn check_budgets(&self, contestants: &[Contestant]) -> Result<(), Failure> {
        let names: Vec<_> = contestants.iter().map(|one| one.name.clone()).collect();
        self.check_names(&names)
    }

    fn check_names(&self, names: &[String]) -> Result<(), Failure> {
        (self.fail_if.iter())
            .try_for_each(|budget| budget.check_names(names))
            .map_err(|error| Failure::new(Code::Usage, error.to_string()))
    }
}
