//! `prove`: plays a script to any server, with its input cut in every way.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use socketserver::Endpoint;
use socketserver::testkit::prover::{Cuts, Disproof, Progress, Prover, Unproven};
use socketserver::testkit::script::{Script, SocketPeer};

use crate::connect::{exit_when_interrupted, unreachable};
use crate::console::Console;
use crate::exit::{Code, Failure, cause};
use crate::units::{self, Limit};

/// Proves that a server, ours or not, does the same however the network cuts its input.
///
/// It plays a script whole, then again and again with the script's input cut in other ways, each time over a new connection.
/// Neither the output nor the end of the connection may differ. A fault is shown with the fewest cuts that make it.
#[derive(Args, Debug)]
#[command(after_help = SCRIPTS)]
pub(crate) struct Options {
    /// Where the server listens: tcp://HOST:PORT, HOST:PORT, :PORT (on 127.0.0.1), unix:PATH or unix:@NAME
    endpoint: Endpoint,
    /// The file with the script
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// Which cuts to try: single:N at most so many single ones, pairs:N all pairs of an input of at most N bytes, bytes a
    /// cut before every byte, random:N so many times at random places; or none
    #[arg(long, value_name = "KINDS", default_value_t = Cuts::SERVER)]
    cuts: Cuts,
    /// How much time lies between two pieces, so that the server reads them one by one
    #[arg(long, value_name = "TIME", default_value = "2ms", value_parser = units::time)]
    gap: Duration,
    /// What repeats the choice of random places
    #[arg(long, value_name = "N", default_value = "1", value_parser = units::count::<u64>)]
    seed: u64,
    /// Cut before these bytes and nowhere else, as a failed proof says
    #[arg(long, value_name = "BYTES", value_delimiter = ',', conflicts_with = "cuts", value_parser = units::count::<usize>)]
    replay: Vec<usize>,
    /// How long each step of the script may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::time)]
    patience: Duration,
    /// How long everything together may take, or none; what is left out then is said
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = units::time_limit)]
    time_max: Limit<Duration>,
    /// How long connecting may take
    #[arg(long, value_name = "TIME", env = "SOCKETSERVER_CONNECT_TIMEOUT", default_value = "10s",
        value_parser = units::time_limit)]
    connect_timeout: Limit<Duration>,
}

/// What a script is, as the help has it.
const SCRIPTS: &str = r#"A script has one step a line, and # begins a comment:

  send "HELO me\r\n" hex 0d0a "x" * 1000 file "body.txt"
  expect "250 " until "\n"      # exactly this, then anything up to this
  expect any 4 rest             # four bytes, then all up to the end
  expect skip until "\n"        # may be different each time, such as a date
  expect closed                 # or reset, or end for either
  wait 50ms
  half-close
  reset

Exit codes: 0 proved, 1 disproved, 2 usage or a broken script, 3 cannot connect or resolve, 130 interrupted."#;

/// How long connecting takes at most where there is no limit.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);
/// How much time lies between two pieces where nothing else is said.
const GAP: Duration = Duration::from_millis(2);
/// How often those who watch are told how far things are.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn run(options: &Options, console: Console) -> Result<(), Failure> {
    let script = Script::load(&options.script)
        .map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    check_cuts(&options.replay, script.input().len())?;
    exit_when_interrupted().map_err(|error| Failure::system("cannot listen to signals", &error))?;
    let mut prover = Prover::new(script)
        .cuts(options.cuts)
        .gap(options.gap)
        .seed(options.seed)
        .patience(options.patience)
        .time_max(options.time_max.0);
    if !options.replay.is_empty() {
        prover = prover.replay(options.replay.iter().copied());
    }
    if console.is_watched() {
        prover = prover.progress(watched());
    }
    let timeout = options.connect_timeout.0.unwrap_or(FOR_EVER);
    let proof = prover.prove_peers(|| SocketPeer::connect(&options.endpoint, timeout));
    if console.is_watched() {
        // Removes the line of the progress.
        let _ = io::stderr().write_all(b"\r\x1b[K");
    }
    match proof {
        Ok(proof) => print(&proof.to_string()),
        Err(Unproven::Disproved(disproof)) => {
            print(&report(&disproof, options))?;
            Err(Failure::told(Code::Failed))
        }
        Err(Unproven::Unreachable { source, runs: 0 }) => {
            Err(unreachable(&options.endpoint, &source))
        }
        Err(Unproven::Unreachable { source, runs }) => {
            let (endpoint, cause) = (&options.endpoint, cause(&source));
            let sentence = format!(
                "cannot connect to {endpoint} any more after {runs} runs: {cause} (has the server ended?)"
            );
            Err(Failure::new(Code::Connect, sentence))
        }
        Err(other) => Err(Failure::new(Code::Failed, other.to_string())),
    }
}

fn check_cuts(cuts: &[usize], input_bytes: usize) -> Result<(), Failure> {
    match cuts.iter().find(|&&cut| cut == 0 || cut >= input_bytes) {
        None => Ok(()),
        Some(cut) => Err(Failure::new(
            Code::Usage,
            format!(
                "there is nothing to cut before byte {cut}: the script sends {input_bytes} bytes (in --replay)"
            ),
        )),
    }
}

/// What is wrong, where, and the command that shows it again.
fn report(disproof: &Disproof, options: &Options) -> String {
    let (sentence, view, endpoint) = (disproof.sentence(), disproof.view(), &options.endpoint);
    let script = options.script.display();
    let cuts = if disproof.cuts().is_empty() {
        "--cuts none".to_owned()
    } else {
        format!("--replay {}", disproof.replay())
    };
    let gap = if options.gap == GAP {
        String::new()
    } else {
        format!(" --gap {}", units::written(Some(options.gap)))
    };
    format!(
        "{sentence}\n{view}  replay    socketserver prove {endpoint} --script {script} {cuts}{gap}"
    )
}

/// Tells those who watch how far things are, in one line.
fn watched() -> impl FnMut(Progress) {
    let mut told = Instant::now();
    move |progress| {
        if told.elapsed() >= PROGRESS_INTERVAL {
            told = Instant::now();
            let Progress { done, total, .. } = progress;
            let _ = write!(io::stderr(), "\r\x1b[K{done} of {total} runs");
        }
    }
}

/// Prints the result; a reader who has seen enough is no failure.
fn print(result: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{result}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::system("cannot write to standard output", &error))
        }
        _ => Ok(()),
    }
}
