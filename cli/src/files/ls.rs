//! `ls`: what is in a folder on a server.

use std::io::{self, ErrorKind, Write};
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use serde_json::json;
use socketserver_handlers::files::client::{Client, Error};
use socketserver_handlers::files::storage::{Entry, Kind};
use socketserver_handlers::files::{FilePath, Word};

use super::session::Sites;
use super::url::Url;
use super::{ConnectOptions, failing};
use crate::connect::exit_when_interrupted;
use crate::console::Console;
use crate::exit::Failure;
use crate::shown;

/// Lists a folder on a server, one name a line; the names of folders have a / behind them.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct Options {
    /// Which folder, or a file: files://[USER@]HOST[:PORT]/PATH or files+unix:SOCKET:/PATH
    url: Url,
    /// With sizes in bytes and times
    #[arg(short, long)]
    long: bool,
    /// Print one JSON object for each entry
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connecting: ConnectOptions,
}

/// How entries are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Names,
    Long,
    Json,
}

pub(crate) fn run(options: &Options, _console: Console) -> Result<(), Failure> {
    exit_when_interrupted().map_err(|error| Failure::system("cannot listen to signals", &error))?;
    let mut client = Sites::connect_one(&options.url, &options.connecting)?;
    let form = match (options.json, options.long) {
        (true, _) => Form::Json,
        (false, true) => Form::Long,
        (false, false) => Form::Names,
    };
    list(&mut client, &options.url.path, form)
}

/// Prints what is in a folder, or a file alone.
pub(super) fn list(client: &mut Client, path: &FilePath, form: Form) -> Result<(), Failure> {
    let named = |error: &Error| failing::on(path, error);
    let mut output = Lines::new();
    for entry in client.list(path) {
        match entry {
            Ok(entry) => output.write(&form.line(&entry))?,
            Err(error) if error.is_refusal(Word::NotAFile) && !path.is_root() => {
                return match client.entry(path) {
                    Ok(entry) => output.write(&form.line(&entry)),
                    Err(error) => Err(named(&error)),
                }
                .and_then(|()| output.end());
            }
            Err(error) => {
                output.end()?;
                return Err(named(&error));
            }
        }
        if output.is_closed {
            // Who has seen enough is no failure; the rest need not be asked for.
            return Ok(());
        }
    }
    output.end()
}

impl Form {
    fn line(self, entry: &Entry) -> String {
        let name = shown::line(entry.name.as_bytes());
        let end = if entry.kind == Kind::Folder { "/" } else { "" };
        match self {
            Self::Names => name + end,
            Self::Long => format!("{:>14}  {}  {name}{end}", entry.size, time(entry.mtime)),
            Self::Json => json!({
                "schema": 1,
                "name": entry.name,
                "type": entry.kind,
                "size": entry.size,
                "mtime": entry.mtime,
            })
            .to_string(),
        }
    }
}

/// A time as people read it and programs sort it.
pub(super) fn time(seconds: u64) -> String {
    // The last second that can be written.
    const YEAR_9999: u64 = 253_402_300_799;
    let time = UNIX_EPOCH + Duration::from_secs(seconds.min(YEAR_9999));
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Standard output, collected, since a folder may have a million entries.
struct Lines {
    output: io::BufWriter<io::Stdout>,
    /// The reader has gone.
    is_closed: bool,
}

impl Lines {
    fn new() -> Self {
        Self {
            output: io::BufWriter::new(io::stdout()),
            is_closed: false,
        }
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        let written = writeln!(self.output, "{line}");
        self.check(written)
    }

    fn end(&mut self) -> Result<(), Failure> {
        let flushed = self.output.flush();
        self.check(flushed)
    }

    fn check(&mut self, result: io::Result<()>) -> Result<(), Failure> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            result => {
                result.map_err(|error| Failure::system("cannot write to standard output", &error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_lines_whatever_they_are_called() {
        let mut entry = Entry {
            name: "a\n\u{1b}[2J".into(),
            kind: Kind::Folder,
            size: 5,
            mtime: 1_700_000_000,
        };
        assert_eq!(Form::Names.line(&entry), "a\\n\\u{1b}[2J/");
        entry.kind = Kind::File;
        assert_eq!(
            Form::Long.line(&entry),
            "             5  2023-11-14T22:13:20Z  a\\n\\u{1b}[2J"
        );
        let line = Form::Json.line(&entry);
        assert!(line.contains(r#""name":"a\n\u001b[2J""#), "{line}");
        assert_eq!(time(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
