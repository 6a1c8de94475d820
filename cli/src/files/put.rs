//! `put`: copies files and folders to a server.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use socketserver_handlers::files::FilePath;
use socketserver_handlers::files::client::Version;
use socketserver_handlers::files::storage::Kind;

use super::local_walk::{LocalFiles, Place};
use super::report::Report;
use super::session::{Sessions, Sites};
use super::shell::the_same_command;
use super::url::Url;
use super::{ConnectOptions, Transfers, interrupt, work};
use crate::console::Console;
use crate::exit::Failure;

/// Copies files to a server.
///
/// A file has its name there once the server has compared its hash and written it to the disk. What has come of a transfer that broke off is kept by
/// the server for a while, and the same command goes on from there. When one of several files fails the others go on, and the exit code is that of
/// the first failure.
#[derive(Args, Debug)]
#[command(after_help = format!("\
Examples:
  socketserver put disk.img files://bob@host/iso/
      under its own name in a folder
  socketserver put disk.img files://bob@host/iso/new.img
      under another name
  socketserver put -r --parallel 4 photos files://bob@host/
      a folder, over four connections

{}", crate::exit::CODES))]
pub(crate) struct Options {
    /// What to copy; links in folders are left out
    #[arg(value_name = "LOCAL", required = true)]
    locals: Vec<PathBuf>,
    /// Where to: a folder (which several files, folders and a / at the end say it is), else the name of the file there
    url: Url,
    #[command(flatten)]
    transfers: Transfers,
    /// Replace nothing that is there already
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    connecting: ConnectOptions,
}

pub(crate) fn run(options: &Options, console: Console) -> Result<(), Failure> {
    let report = Arc::new(Report::new(
        console,
        options.transfers.json,
        the_same_command(),
    ));
    let mut sites = Sites::default();
    let site = sites.add(&options.url, &options.connecting)?;
    interrupt::explain(report.clone())?;
    let into_folder =
        options.url.is_folder || options.transfers.recursive || options.locals.len() > 1;
    let path = options.url.path.clone();
    // Who asks where to goes on with the same connection, since a login is dear.
    let mut sessions = sites.sessions(Some(&report));
    let place = if into_folder {
        Place::Folder(path)
    } else {
        place(path, site, &mut sessions)?
    };
    let mut transfer = options.transfers.options();
    transfer.create = options.create;
    let locals = options.locals.iter().cloned();
    let files = LocalFiles::new(site, locals, place, options.transfers.recursive, transfer);
    work::run(files, &sites, sessions, options.transfers.parallel, &report);
    report.result()
}

/// Where a single file goes: into a folder, if there is one at this path.
///
/// Servers of version 1 are not asked: one that does not know the question would stop listening.
pub(super) fn place(
    path: FilePath,
    site: usize,
    sessions: &mut Sessions<'_>,
) -> Result<Place, Failure> {
    if path.is_root() {
        return Ok(Place::Folder(path));
    }
    let client = sessions.client(site)?;
    if client.version() == Version::Two {
        let there = client.entry(&path);
        if there.is_ok_and(|entry| entry.kind == Kind::Folder) {
            return Ok(Place::Folder(path));
        }
    }
    Ok(Place::File(path))
}
