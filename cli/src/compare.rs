//! `compare`: measures modes, styles and other servers side by side, and says which mode to use and why.

mod options;
mod output;
mod subject;
mod watching;

use std::env;
use std::iter;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use socketserver_bench::compare::Comparison;
use socketserver_bench::load::Conversation;
use socketserver_bench::report::Report;

pub(crate) use self::options::Options;
use self::output::Output;
use self::watching::Watching;
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::load;
use crate::measuring::stop_when_interrupted;

pub(crate) fn run(options: &Options, console: Console) -> Result<(), Failure> {
    let baseline = (options.baseline.as_deref())
        .map(Report::load)
        .transpose()
        .map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let output = Output::new(options)?;
    let write = |report: &Report| {
        options.check_budgets(&report.contestants)?;
        output.write(report, baseline.as_ref(), console)?;
        judge(options, report)
    };
    if let Some(file) = &options.from {
        let report = Report::load(file);
        return write(&report.map_err(|error| Failure::new(Code::Usage, error.to_string()))?);
    }
    let conversations = options.handler.conversations();
    if conversations.len() > 1 && (options.json || baseline.is_some()) {
        let sentence = "files are compared in both directions, with a report for each: write files:get or files:put with --json and --baseline";
        return Err(Failure::new(Code::Usage, sentence));
    }
    let stop = stop_when_interrupted()?;
    let mut ended = Ok(());
    for &conversation in conversations {
        let report = measure(options, conversation, &stop, console)?;
        // A budget that is broken in one direction is told after the other one was measured, too.
        ended = ended.and(write(&report));
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    ended
}

/// Makes the comparison.
fn measure(
    options: &Options,
    conversation: Conversation,
    stop: &AtomicBool,
    console: Console,
) -> Result<Report, Failure> {
    let comparison = Comparison {
        program: env::current_exe()
            .map_err(|error| Failure::system("cannot find this program itself", &error))?,
        peer_program: peer_program(),
        command: command(),
        ..options.comparison(conversation)?
    };
    options.check_budgets_of(&comparison)?;
    let mut watching = Watching::new(console);
    let report = comparison.run(stop, &mut |progress| watching.note(progress));
    watching.end();
    let report = report.map_err(|error| load::failure(&error))?;
    if report.runs.is_empty() {
        let interrupted = stop.load(Ordering::Relaxed);
        return Err(if interrupted {
            Failure::new(
                Code::Interrupted,
                "it was interrupted before anything was measured",
            )
        } else {
            let notes = report.notes.join("; ");
            Failure::new(Code::Failed, format!("nothing could be measured: {notes}"))
        });
    }
    Ok(report)
}

/// The command as it would be written again: where this program lies is nobody's business.
fn command() -> Vec<String> {
    let words = env::args_os().skip(1);
    let words = words.map(|word| word.to_string_lossy().into_owned());
    iter::once("socketserver".to_owned()).chain(words).collect()
}

/// The program with the peers, if it was built: it lies beside this one.
fn peer_program() -> Option<PathBuf> {
    let name = format!("socketserver-peer{}", env::consts::EXE_SUFFIX);
    let program = env::current_exe().ok()?.with_file_name(name);
    program.exists().then_some(program)
}

/// How the program ends after everything was printed.
fn judge(options: &Options, report: &Report) -> Result<(), Failure> {
    let broken: Vec<_> = (options.fail_if.iter())
        .flat_map(|budget| budget.broken(report))
        .collect();
    if !broken.is_empty() {
        return Err(Failure::new(Code::Budget, broken.join("; ")));
    }
    if !report.is_complete && options.from.is_none() {
        return Err(Failure::told(Code::Interrupted));
    }
    if options.from.is_some() {
        return Ok(());
    }
    let wrong = report.runs.iter().find_map(|run| {
        let fault = run.fault.as_ref()?;
        let (name, connections) = (&run.contestant, run.connections);
        Some(format!("{name} at {connections}: {fault}"))
    });
    match (wrong, report.notes.as_slice()) {
        (Some(wrong), _) => Err(Failure::new(Code::Failed, wrong)),
        (None, []) => Ok(()),
        // Whoever takes no part was named before.
        (None, _) => Err(Failure::told(Code::Failed)),
    }
}
