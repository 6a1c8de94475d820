//! `get`: copies files and folders from servers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
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
#[command(override_usage = "socketserver get [OPTIONS] <URL>... [LOCAL]", after_help = format!("\
Examples:
  socketserver get files://127.0.0.1:9004/disk.img
      into the current folder
  socketserver get files://bob@host/a files://bob@host/b copies/
      two files into a folder
  socketserver get -r --parallel 4 files://bob@host/photos
      a folder, over four connections
  socketserver get files://bob@host/log.gz - | gunzip
      to standard output

{}", crate::exit::CODES))]
pub(crate) struct Options {
    /// What to copy: files://[USER@]HOST[:PORT]/PATH or files+unix:SOCKET:/PATH; several at once. Behind them, LOCAL says the same as -o, as
    /// long as it does not begin with files: or files+unix:
    #[arg(value_name = "URL", required = true)]
    words: Vec<OsString>,
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
    let (urls, output) = options.places()?;
    options.check(&urls)?;
    let is_single = urls.len() == 1 && !options.transfers.recursive;
    let report = Arc::new(Report::new(
        console,
        options.transfers.json,
        the_same_command(),
    ));
    if options.protocol == Protocol::Name {
        let destination = Destination::find(output, is_single)?;
        interrupt::explain(report.clone())?;
        let client_options = options.connecting.client_options();
        for url in &urls {
            by_name::get(url, &destination, options.compat, &client_options, &report);
        }
        return report.result();
    }
    let mut sites = Sites::default();
    let mut wanted = Vec::new();
    for url in &urls {
        wanted.push(Wanted {
            site: sites.add(url, &options.connecting)?,
            path: url.path.clone(),
        });
    }
    let destination = Destination::find(output, is_single)?;
    let transfer = options.transfers.options();
    let files = WantedFiles::new(wanted, destination, options.transfers.recursive, transfer);
    interrupt::explain(report.clone())?;
    let sessions = sites.sessions(Some(&report));
    work::run(files, &sites, sessions, options.transfers.parallel, &report);
    report.result()
}

impl Options {
    /// What is copied, and where to.
    fn places(&self) -> Result<(Vec<Url>, Option<&Path>), Failure> {
        let (mut urls, mut output) = (&*self.words, self.output.as_deref());
        // As with cp and scp, the last word may be the destination; a single one cannot.
        if let [sources @ .., last] = urls
            && !sources.is_empty()
            && !Url::is_meant(&last.to_string_lossy())
        {
            if output.is_some() {
                let sentence = format!(
                    "{} and -o both say where to copy to: leave one of them out",
                    Path::new(last).display()
                );
                return Err(Failure::new(Code::Usage, sentence));
            }
            (urls, output) = (sources, Some(Path::new(last)));
        }
        let parsed: Result<_, _> = urls
            .iter()
            .map(|word| word.to_string_lossy().parse::<Url>())
            .collect();
        let urls = parsed.map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
        Ok((urls, output))
    }

    fn check(&self, urls: &[Url]) -> Result<(), Failure> {
        let wrong = |sentence: String| Err(Failure::new(Code::Usage, sentence));
        if self.protocol == Protocol::Framed && self.compat {
            return wrong("--compat is for --protocol name".to_owned());
        }
        if self.protocol == Protocol::Name && self.transfers.recursive {
            return wrong("--protocol name knows no folders: leave out -r".to_owned());
        }
        let is_wrong = |url: &&Url| url.is_folder && !self.transfers.recursive;
        match urls.iter().find(is_wrong) {
            Some(url) => wrong(format!(
                "{} is a folder: write -r to get all that is in it",
                url.path
            )),
            None => Ok(()),
        }
    }
}
