//! `get`: copies files and folders from servers.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::report::Report;
use super::session::Sites;
use super::shell::the_same_command;
use super::target::Destination;
use super::url::Url;
use super::wanted::{Wanted, WantedFiles};
use super::{ConnectOptions, Transfers, by_name, interrupt, work};
use crate::console::Console;
use crate::exit::{Code, Failure};

/// Copies files from a server.
///
/// A file has its name here once its hash was compared and it is on the disk. What has come of a transfer that broke off is kept beside it, and the same
/// command goes on from there. When one of several files fails the others go on, and the exit code is that of the first failure.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct Options {
    /// What to copy: files://[USER@]HOST[:PORT]/PATH or files+unix:SOCKET:/PATH; several at once
    #[arg(value_name = "URL", required = true)]
    urls: Vec<Url>,
    /// Where to: a folder, or for a single file its name here; - for standard output [default: the current folder]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    #[command(flatten)]
    transfers: Transfers,
    /// How the server is asked
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value = "framed")]
    protocol: Protocol,
    /// With --protocol name: do as the tutorials' client does, which sends a name without a line end, and stores the file under a name that
    /// begins with [接收]
    #[arg(long)]
    compat: bool,
    #[command(flatten)]
    connecting: ConnectOptions,
}

/// How a server is asked for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// The file protocol, in whichever version the server speaks
    Framed,
    /// A name is sent, and the bytes come until the end, without a hash
    Name,
}

pub(crate) fn run(options: &Options, console: Console) -> Result<(), Failure> {
    options.check()?;
    let is_single = options.urls.len() == 1 && !options.transfers.recursive;
    let report = Arc::new(Report::new(
        console,
        options.transfers.json,
        the_same_command(),
    ));
    if options.protocol == Protocol::Name {
        let destination = Destination::find(options.output.as_deref(), is_single)?;
        interrupt::explain(report.clone())?;
        let client_options = options.connecting.client_options();
        for url in &options.urls {
            by_name::get(url, &destination, options.compat, &client_options, &report);
        }
        return report.result();
    }
    let mut sites = Sites::default();
    let mut wanted = Vec::new();
    for url in &options.urls {
        wanted.push(Wanted {
            site: sites.add(url, &options.connecting)?,
            path: url.path.clone(),
        });
    }
    let destination = Destination::find(options.output.as_deref(), is_single)?;
    let transfer = options.transfers.options();
    let files = WantedFiles::new(wanted, destination, options.transfers.recursive, transfer);
    interrupt::explain(report.clone())?;
    work::run(files, &sites, options.transfers.parallel, &report);
    report.result()
}

impl Options {
    fn check(&self) -> Result<(), Failure> {
        let wrong = |sentence: String| Err(Failure::new(Code::Usage, sentence));
        if self.protocol == Protocol::Framed && self.compat {
            return wrong("--compat is for --protocol name".to_owned());
        }
        if self.protocol == Protocol::Name && self.transfers.recursive {
            return wrong("--protocol name knows no folders: leave out -r".to_owned());
        }
        let is_wrong = |url: &&Url| url.is_folder && !self.transfers.recursive;
        match self.urls.iter().find(is_wrong) {
            Some(url) => wrong(format!(
                "{} is a folder: write -r to get all that is in it",
                url.path
            )),
            None => Ok(()),
        }
    }
}
