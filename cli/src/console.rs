//! What people read while the program runs: notes and the log, both on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args};
use log::LevelFilter;

/// How much is said.
#[derive(Args, Debug)]
#[command(next_help_heading = "Messages")]
pub(crate) struct Options {
    /// What is logged on standard error [default: warn]
    #[arg(long, global = true, value_name = "LEVEL", env = "SOCKETSERVER_LOG", value_parser = levels())]
    log: Option<LevelFilter>,
    /// Log more: -v is info, -vv debug, -vvv trace; wins over --log
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Log errors only, and leave out the notes about what goes on; wins over --log
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

fn levels() -> impl TypedValueParser<Value = LevelFilter> {
    PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"]).map(|level| {
        level
            .parse()
            .expect("every word of the list above is a level")
    })
}

impl Options {
    fn level(&self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::Error,
            (false, 0) => self.log.unwrap_or(LevelFilter::Warn),
            (false, 1) => LevelFilter::Info,
            (false, 2) => LevelFilter::Debug,
            (false, _) => LevelFilter::Trace,
        }
    }
}

/// Where notes for people go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    quiet: bool,
}

impl Console {
    /// Starts the log, and makes the place for notes.
    pub(crate) fn open(options: &Options) -> Self {
        env_logger::Builder::new()
            .filter_level(options.level())
            .init();
        Self {
            quiet: options.quiet,
        }
    }

    /// Says one line, unless the user wants it quiet.
    pub(crate) fn say(self, line: impl Display) {
        if !self.quiet {
            // One write for the whole line, so that lines of several threads do not mix. When nobody can read any more,
            // the server goes on.
            let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Whether the user wants no notes, for who shows them elsewhere.
    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether somebody watches who wants to see how far things are.
    pub(crate) fn is_watched(self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}
