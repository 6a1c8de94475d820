//! The files that are to be got: those that were named, and all of the folders that were.

use std::collections::VecDeque;

use socketserver_handlers::files::client::{
    Error, Found, LocalFolder, TransferOptions, Version, Walk,
};
use socketserver_handlers::files::storage::Kind;
use socketserver_handlers::files::{FilePath, Word};

use super::failing;
use super::report::Report;
use super::session::Sessions;
use super::target::{Destination, Target, output};
use super::work::Work;
use crate::exit::{Code, Failure};

/// A file or folder that was asked for.
pub(super) struct Wanted {
    pub(super) site: usize,
    pub(super) path: FilePath,
}

/// Everything that was asked for.
pub(super) struct WantedFiles {
    left: VecDeque<Wanted>,
    destination: Destination,
    is_recursive: bool,
    options: TransferOptions,
    /// The folder that is being walked through.
    walk: Option<Walking>,
}

struct Walking {
    site: usize,
    walk: Walk,
    /// What is found goes below this one.
    folder: LocalFolder,
}

/// A file to get.
pub(super) struct Job {
    site: usize,
    remote: FilePath,
    target: Target,
    options: TransferOptions,
}

impl WantedFiles {
    pub(super) fn new(
        wanted: impl IntoIterator<Item = Wanted>,
        destination: Destination,
        is_recursive: bool,
        options: TransferOptions,
    ) -> Self {
        Self {
            left: wanted.into_iter().collect(),
            destination,
            is_recursive,
            options,
            walk: None,
        }
    }

    /// One file, or none if it is a folder, through which one walks from now on.
    fn take(
        &mut self,
        wanted: &Wanted,
        sessions: &mut Sessions<'_>,
    ) -> Result<Option<Job>, Failure> {
        let named = |error: Error| failing::on(&wanted.path, &error);
        if self.is_recursive && is_folder(wanted, sessions)? {
            let Destination::Folder(folder) = &self.destination else {
                let sentence = "a folder cannot go into a file: write -o FOLDER/";
                return Err(Failure::new(Code::Usage, sentence));
            };
            let name = wanted.path.split().map(|(_, name)| name.parse());
            let name = name
                .transpose()
                .map_err(|problem| named(Error::Name(problem)))?;
            self.walk = Some(Walking {
                site: wanted.site,
                walk: Walk::new(wanted.path.clone()),
                folder: folder.below(&name.unwrap_or_default()).map_err(named)?,
            });
            return Ok(None);
        }
        let Some((_, name)) = wanted.path.split() else {
            let sentence = "this is the home folder and no file: write -r to get everything";
            return Err(Failure::new(Code::Usage, sentence));
        };
        Ok(Some(Job {
            site: wanted.site,
            remote: wanted.path.clone(),
            target: self.destination.target(name).map_err(named)?,
            options: self.options.clone(),
        }))
    }

    /// The next file of the folder that is being walked through.
    fn step(&mut self, sessions: &mut Sessions<'_>, report: &Report) -> Option<Job> {
        let walking = self.walk.as_mut()?;
        loop {
            let client = match sessions.client(walking.site) {
                Ok(client) => client,
                Err(failure) => {
                    report.fail(failure);
                    break;
                }
            };
            let has_kinds = client.version() == Version::Two;
            match walking.walk.step(client) {
                None => break,
                Some(Err(error)) => report.failed("a folder", &error),
                Some(Ok(found)) => match walking.visit(&found, has_kinds, report) {
                    Ok(Some(target)) => {
                        return Some(Job {
                            site: walking.site,
                            remote: found.remote,
                            target,
                            options: self.options.clone(),
                        });
                    }
                    Ok(None) => {}
                    Err(error) => report.failed(found.remote.as_str(), &error),
                },
            }
        }
        self.walk = None;
        None
    }
}

impl Walking {
    /// Where a file goes that was found; folders are made, and what is neither is left out.
    fn visit(
        &self,
        found: &Found,
        has_kinds: bool,
        report: &Report,
    ) -> Result<Option<Target>, Error> {
        match found.entry.kind {
            Kind::Folder => self.folder.below(&found.path).map(|_| None),
            // A list of version 1 may have names only.
            Kind::Other if has_kinds => {
                report.note(&format!(
                    "{} is neither a file nor a folder, and is left out",
                    found.remote
                ));
                Ok(None)
            }
            _ => self
                .folder
                .file_below(&found.path)
                .map(|file| Some(Target::File(file))),
        }
    }
}

impl Work for WantedFiles {
    type Job = Job;

    fn next(&mut self, sessions: &mut Sessions<'_>, report: &Report) -> Option<Job> {
        loop {
            if let Some(job) = self.step(sessions, report) {
                return Some(job);
            }
            let wanted = self.left.pop_front()?;
            match self.take(&wanted, sessions) {
                Ok(Some(job)) => return Some(job),
                Ok(None) => {}
                Err(failure) => report.fail(failure),
            }
        }
    }

    fn transfer(job: Job, sessions: &mut Sessions<'_>, report: &Report) {
        let client = match sessions.client(job.site) {
            Ok(client) => client,
            Err(failure) => return report.fail(failure),
        };
        let mut progress = report.progress();
        let transferred = match &job.target {
            Target::File(file) => client.get(&job.remote, file, &job.options, &mut progress),
            Target::Output => client.get_into(&job.remote, &mut output(), &mut progress),
        };
        match transferred {
            Ok(transferred) => report.done(job.remote.as_str(), &transferred),
            Err(error) => report.failed(job.remote.as_str(), &error),
        }
    }
}

/// Whether what was asked for is a folder, as far as the server says it.
fn is_folder(wanted: &Wanted, sessions: &mut Sessions<'_>) -> Result<bool, Failure> {
    if wanted.path.is_root() {
        return Ok(true);
    }
    match sessions.client(wanted.site)?.entry(&wanted.path) {
        // A server of version 1 need not know the kinds.
        Ok(entry) => Ok(entry.kind != Kind::File),
        // A server of version 1 need not know what is asked.
        Err(error) if error.is_refusal(Word::Unknown) => Ok(true),
        Err(error) => Err(failing::on(&wanted.path, &error)),
    }
}
