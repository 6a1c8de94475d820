//! `mkdir`, `rm`, `mv`, `stat` and `hash`: one question to a server each.

use clap::Args;
use serde_json::json;
use socketserver_handlers::files::client::{Client, Error};
use socketserver_handlers::files::storage::{Entry, Kind};
use socketserver_handlers::files::{Algorithm, FilePath, Hash as FileHash};

use super::ls::time;
use super::report::Report;
use super::session::Sites;
use super::url::Url;
use super::{ConnectOptions, failing};
use crate::connect::exit_when_interrupted;
use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::load::print;
use crate::shown;

/// Makes a folder on a server.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct MakeFolder {
    /// Which one; the folder in which it lies must be there
    url: Url,
    #[command(flatten)]
    connecting: ConnectOptions,
}

/// Removes files and empty folders from a server.
///
/// When one of several cannot be removed the others are, and the exit code is that of the first failure.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct Remove {
    /// Which ones
    #[arg(value_name = "URL", required = true)]
    urls: Vec<Url>,
    #[command(flatten)]
    connecting: ConnectOptions,
}

/// Gives a file or folder on a server another path, at which there is nothing yet.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct Rename {
    /// Which one
    url: Url,
    /// Its new path from the user's home, which is no URL: a/b.txt; with a / behind it, the folder into which it goes
    #[arg(value_name = "NEWPATH")]
    to: String,
    #[command(flatten)]
    connecting: ConnectOptions,
}

/// Says what a file or folder on a server is: its type, its size, when it was changed last.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct Stat {
    /// Which one
    url: Url,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connecting: ConnectOptions,
}

/// Prints the hash of a file on a server, which computes it.
#[derive(Args, Debug)]
#[command(after_help = crate::exit::CODES)]
pub(crate) struct Hash {
    /// Which file
    url: Url,
    /// Which hash: blake3, sha256 or md5 [default: blake3, and md5 from a server of version 1]
    #[arg(long, value_name = "ALGORITHM")]
    algorithm: Option<Algorithm>,
    /// Print one JSON object instead
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connecting: ConnectOptions,
}

pub(crate) fn make_folder(options: &MakeFolder) -> Result<(), Failure> {
    about(&options.url, &options.connecting, Client::make_folder)
}

pub(crate) fn remove(options: &Remove, console: Console) -> Result<(), Failure> {
    exit_at_control_c()?;
    let report = Report::new(console, false, String::new());
    let mut sites = Sites::default();
    let mut known = Vec::new();
    for url in &options.urls {
        known.push(sites.add(url, &options.connecting)?);
    }
    let mut sessions = sites.sessions(None);
    for (url, site) in options.urls.iter().zip(known) {
        let removed = sessions.client(site).and_then(|client| {
            let removed = client.remove(&url.path);
            removed.map_err(|error| failing::on(&url.path, &error))
        });
        if let Err(failure) = removed {
            report.fail(failure);
        }
    }
    report.result()
}

pub(crate) fn rename(options: &Rename) -> Result<(), Failure> {
    let to = new_path(&options.url.path, &FilePath::root(), &options.to)?;
    about(&options.url, &options.connecting, |client, path| {
        client.rename(path, &to)
    })
}

pub(crate) fn stat(options: &Stat) -> Result<(), Failure> {
    let entry = about(&options.url, &options.connecting, Client::entry)?;
    print(&if options.json {
        json!({
            "schema": 1,
            "name": entry.name,
            "type": entry.kind,
            "size": entry.size,
            "mtime": entry.mtime,
        })
        .to_string()
    } else {
        described(&entry)
    })
}

pub(crate) fn hash(options: &Hash) -> Result<(), Failure> {
    let hash = about(&options.url, &options.connecting, |client, path| {
        let algorithm = options.algorithm.unwrap_or(client.algorithm());
        client.hash(path, algorithm, None)
    })?;
    print(&if options.json {
        json!({
            "schema": 1,
            "name": options.url.path.as_str(),
            "hash": hash.as_str(),
            "hash_alg": hash.algorithm(),
        })
        .to_string()
    } else {
        hash_line(&hash, &options.url.path)
    })
}

/// Asks one question about one path.
fn about<T>(
    url: &Url,
    connecting: &ConnectOptions,
    ask: impl FnOnce(&mut Client, &FilePath) -> Result<T, Error>,
) -> Result<T, Failure> {
    exit_at_control_c()?;
    let mut client = Sites::connect_one(url, connecting)?;
    ask(&mut client, &url.path).map_err(|error| failing::on(&url.path, &error))
}

fn exit_at_control_c() -> Result<(), Failure> {
    exit_when_interrupted().map_err(|error| Failure::system("cannot listen to signals", &error))
}

/// Where something goes that is renamed, as it is written.
pub(super) fn new_path(
    from: &FilePath,
    folder: &FilePath,
    text: &str,
) -> Result<FilePath, Failure> {
    let to = resolve(folder, text)?;
    match from.split() {
        Some((_, name)) if text.ends_with('/') => {
            let below = to.join(name);
            below.map_err(|error| Failure::new(Code::Usage, format!("{text}: {error}")))
        }
        _ => Ok(to),
    }
}

/// A path as people write it, seen from a folder: with `/` or `~` for the home, and with `..`.
pub(super) fn resolve(folder: &FilePath, text: &str) -> Result<FilePath, Failure> {
    let wrong = |error| Failure::new(Code::Usage, format!("'{text}' is no path: {error}"));
    let (start, rest) = match text.strip_prefix('/') {
        Some(rest) => (FilePath::root(), rest),
        None if text == "~" => (FilePath::root(), ""),
        None => match text.strip_prefix("~/") {
            Some(rest) => (FilePath::root(), rest),
            None => (folder.clone(), text),
        },
    };
    let mut path = start;
    for name in rest.split('/') {
        path = match name {
            "" | "." => path,
            // Above the home there is nothing.
            ".." => path
                .split()
                .map_or_else(FilePath::root, |(folder, _)| folder),
            name => path.join(name).map_err(wrong)?,
        };
    }
    Ok(path)
}

/// An entry, a line for each thing that is known of it.
pub(super) fn described(entry: &Entry) -> String {
    let kind = match entry.kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Other => "other",
    };
    format!(
        "name      {}\ntype      {kind}\nsize      {} bytes\nmodified  {}",
        shown::line(entry.name.as_bytes()),
        entry.size,
        time(entry.mtime)
    )
}

/// A hash as `b3sum`, `sha256sum` and `md5sum` print it.
pub(super) fn hash_line(hash: &FileHash, path: &FilePath) -> String {
    format!("{hash}  {}", path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_a_folder() {
        let folder = FilePath::parse("a/b").unwrap();
        for (text, path) in [
            ("c", "/a/b/c"),
            ("c/d", "/a/b/c/d"),
            ("./c/", "/a/b/c"),
            ("..", "/a"),
            ("../../..", "/"),
            ("../c", "/a/c"),
            ("/c", "/c"),
            ("/", "/"),
            ("~", "/"),
            ("~/c", "/c"),
            ("~c", "/a/b/~c"),
            ("", "/a/b"),
        ] {
            assert_eq!(resolve(&folder, text).unwrap().to_string(), path, "{text}");
        }
        assert!(resolve(&folder, "a\\b").is_err());
        let from = FilePath::parse("x/y").unwrap();
        for (text, path) in [("c", "/a/b/c"), ("c/", "/a/b/c/y"), ("/", "/y")] {
            assert_eq!(
                new_path(&from, &folder, text).unwrap().to_string(),
                path,
                "{text}"
            );
        }
    }
}
