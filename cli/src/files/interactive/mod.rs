//! `files`: the interactive client, which also takes its commands from a pipe.

mod commands;
mod complete;
mod remote;
mod words;

use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal};
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Behavior, CompletionType, Config, Editor};
use socketserver::Endpoint;
use socketserver_handlers::files::FilePath;

use self::commands::{Commands, Flow};
use self::complete::Completion;
use self::remote::Remote;
use super::report::Report;
use super::session::Sites;
use super::url::Url;
use super::{ConnectOptions, interrupt};
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::shown;

/// What is told to those whose transfer breaks off.
const AGAIN: &str = "the same command goes on from there";

/// Talks with a file server, command by command: help lists them.
///
/// On a terminal lines can be edited, the keys up and down bring earlier ones back, and the tabulator completes verbs and paths. When commands come through a pipe, it
/// stops at the first that fails, with that one's exit code.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct Options {
    /// Where the server listens: HOST:PORT, :PORT (on 127.0.0.1), unix:PATH, or files://[USER@]HOST[:PORT]/PATH to begin in a folder
    #[arg(value_name = "ENDPOINT")]
    place: PlaceToBegin,
    #[command(flatten)]
    connecting: ConnectOptions,
}

/// A server, and perhaps a user and a folder there.
#[derive(Clone, Debug)]
struct PlaceToBegin {
    endpoint: Endpoint,
    user: Option<String>,
    folder: FilePath,
}

impl FromStr for PlaceToBegin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if Url::is_meant(text) {
            let url: Url = text
                .parse()
                .map_err(|error: super::url::UrlError| error.to_string())?;
            return Ok(Self {
                endpoint: url.endpoint,
                user: url.user,
                folder: url.path,
            });
        }
        let endpoint: Endpoint = text
            .parse()
            .map_err(|error: socketserver::EndpointError| error.to_string())?;
        if endpoint.is_datagram() {
            return Err(format!(
                "files travel over streams, and {endpoint} has datagrams"
            ));
        }
        Ok(Self {
            endpoint,
            user: None,
            folder: FilePath::root(),
        })
    }
}

pub(crate) fn run(options: &Options, console: Console) -> Result<(), Failure> {
    let place = &options.place;
    let report = Arc::new(Report::new(console, false, AGAIN.to_owned()));
    let mut sites = Sites::default();
    let user = place.user.as_ref().or(options.connecting.user.as_ref());
    let site = sites.add_endpoint(&place.endpoint, user, &options.connecting)?;
    let mut remote = Remote::new(sites.sessions(Some(&report)), site);
    // Whoever cannot be reached or does not let us in is to be told at once.
    remote.client()?;
    remote.change_folder(&place.folder)?;
    interrupt::explain(report.clone())?;
    let remote = Rc::new(RefCell::new(remote));
    let mut commands = Commands::new(remote.clone(), &report);
    if io::stdin().is_terminal() {
        talk(&mut commands, &remote, &report, console)
    } else {
        obey(&mut commands, &report)
    }
}

/// Commands from a person, who sees what fails and goes on.
fn talk(
    commands: &mut Commands<'_>,
    remote: &Rc<RefCell<Remote<'_>>>,
    report: &Report,
    console: Console,
) -> Result<(), Failure> {
    let cannot =
        |error: ReadlineError| Failure::new(Code::Failed, format!("cannot read lines: {error}"));
    let config = Config::builder()
        // Standard output may go elsewhere, and is for results.
        .behavior(Behavior::PreferTerm)
        .completion_type(CompletionType::List)
        .auto_add_history(true)
        .build();
    let history = MemHistory::with_config(&config);
    let editor = Editor::<Completion<'_>, MemHistory>::with_history(config, history);
    let mut editor = editor.map_err(cannot)?;
    editor.set_helper(Some(Completion::new(remote.clone())));
    loop {
        let folder = shown::line(remote.borrow().folder().to_string().as_bytes());
        match editor.readline(&format!("{folder}> ")) {
            Ok(line) => match commands.run(&line) {
                Ok(Flow::Goes) => {}
                Ok(Flow::Ends) => return Ok(()),
                Err(failure) => drop(failure.say()),
            },
            Err(ReadlineError::Interrupted) => console.say("write quit to leave"),
            Err(ReadlineError::Eof) => {
                commands.quit();
                return Ok(());
            }
            Err(error) => return Err(cannot(error)),
        }
        // What has failed was said.
        let _ = report.result();
    }
}

/// Commands from a program, for which the first failure is the end.
fn obey(commands: &mut Commands<'_>, report: &Report) -> Result<(), Failure> {
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::system("cannot read standard input", &error))?;
        let flow = commands.run(&line)?;
        report.result()?;
        if flow == Flow::Ends {
            return Ok(());
        }
    }
    commands.quit();
    Ok(())
}
