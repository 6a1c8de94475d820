//! The local files that are to be put: those that were named, and all of the folders that were.

use std::collections::VecDeque;
use std::fs::{self, ReadDir};
use std::path::{Path, PathBuf};

use socketserver_handlers::files::client::{Client, Error, TransferOptions};
use socketserver_handlers::files::{FilePath, Word};

use super::failing;
use super::report::Report;
use super::session::Sessions;
use super::work::Work;
use crate::exit::{Code, Failure};

/// Everything that is to be put.
pub(super) struct LocalFiles {
    site: usize,
    left: VecDeque<PathBuf>,
    place: Place,
    is_recursive: bool,
    options: TransferOptions,
    /// From the outermost folder to the present one, each with its path on the server.
    walk: Vec<(ReadDir, FilePath)>,
}

/// Where it goes on the server.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Into this folder, under its own name.
    Folder(FilePath),
    /// To this path.
    File(FilePath),
}

/// A file to put.
pub(super) struct Job {
    site: usize,
    local: PathBuf,
    remote: FilePath,
    options: TransferOptions,
}

impl LocalFiles {
    pub(super) fn new(
        site: usize,
        locals: impl IntoIterator<Item = PathBuf>,
        place: Place,
        is_recursive: bool,
        options: TransferOptions,
    ) -> Self {
        Self {
            site,
            left: locals.into_iter().collect(),
            place,
            is_recursive,
            options,
            walk: Vec::new(),
        }
    }

    /// One file, or none if it is a folder, through which one walks from now on.
    fn take(
        &mut self,
        local: PathBuf,
        sessions: &mut Sessions<'_>,
    ) -> Result<Option<Job>, Failure> {
        let metadata = fs::metadata(&local).map_err(|error| unreadable(&local, &error))?;
        if metadata.is_dir() && !self.is_recursive {
            let sentence = format!(
                "{} is a folder: write -r to put all that is in it",
                local.display()
            );
            return Err(Failure::new(Code::Failed, sentence));
        }
        let remote = match &self.place {
            Place::File(path) => path.clone(),
            Place::Folder(folder) => below(folder, &local)?,
        };
        if metadata.is_dir() {
            self.enter(&local, remote, sessions)?;
            return Ok(None);
        }
        Ok(Some(self.job(local, remote)))
    }

    fn enter(
        &mut self,
        local: &Path,
        remote: FilePath,
        sessions: &mut Sessions<'_>,
    ) -> Result<(), Failure> {
        let entries = fs::read_dir(local).map_err(|error| unreadable(local, &error))?;
        make_folders(sessions.client(self.site)?, &remote)
            .map_err(|error| failing::on(&remote, &error))?;
        self.walk.push((entries, remote));
        Ok(())
    }

    /// The next file of the folder that is being walked through.
    fn step(&mut self, sessions: &mut Sessions<'_>, report: &Report) -> Option<Job> {
        while let Some((entries, folder)) = self.walk.last_mut() {
            let Some(entry) = entries.next() else {
                self.walk.pop();
                continue;
            };
            let folder = folder.clone();
            match self.visit(entry, &folder, sessions, report) {
                Ok(Some(job)) => return Some(job),
                Ok(None) => {}
                Err(failure) => report.fail(failure),
            }
        }
        None
    }

    fn visit(
        &mut self,
        entry: std::io::Result<fs::DirEntry>,
        folder: &FilePath,
        sessions: &mut Sessions<'_>,
        report: &Report,
    ) -> Result<Option<Job>, Failure> {
        let entry = entry.map_err(|error| Failure::system("cannot read a folder", &error))?;
        let local = entry.path();
        let kind = entry.file_type();
        let kind = kind.map_err(|error| unreadable(&local, &error))?;
        if kind.is_dir() {
            let remote = below(folder, &local)?;
            self.enter(&local, remote, sessions)?;
            Ok(None)
        } else if kind.is_file() {
            let remote = below(folder, &local)?;
            Ok(Some(self.job(local, remote)))
        } else {
            // A link could lead to anything, and round in circles.
            let line = format!(
                "{} is neither a file nor a folder, and is left out",
                local.display()
            );
            report.note(&line);
            Ok(None)
        }
    }

    fn job(&self, local: PathBuf, remote: FilePath) -> Job {
        Job {
            site: self.site,
            local,
            remote,
            options: self.options.clone(),
        }
    }
}

impl Work for LocalFiles {
    type Job = Job;

    fn next(&mut self, sessions: &mut Sessions<'_>, report: &Report) -> Option<Job> {
        loop {
            if let Some(job) = self.step(sessions, report) {
                return Some(job);
            }
            let local = self.left.pop_front()?;
            match self.take(local, sessions) {
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
        match client.put(&job.local, &job.remote, &job.options, &mut progress) {
            Ok(transferred) => report.done(job.remote.as_str(), &transferred),
            Err(error) => report.failed(job.remote.as_str(), &error),
        }
    }
}

/// Makes a folder and those on the way to it, unless they are there.
fn make_folders(client: &mut Client, path: &FilePath) -> Result<(), Error> {
    let mut folder = FilePath::root();
    for name in path.names() {
        folder = folder.join(name)?;
        match client.make_folder(&folder) {
            Err(error) if !error.is_refusal(Word::Exists) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The path on the server of what has this name here.
fn below(folder: &FilePath, local: &Path) -> Result<FilePath, Failure> {
    let wrong = |problem: &str| {
        let sentence = format!(
            "{} cannot have its name on the server: {problem}",
            local.display()
        );
        Failure::new(Code::Failed, sentence)
    };
    // The name of `.` and `..` is that of the folder they stand for.
    let path = match local.file_name() {
        Some(_) => local.to_owned(),
        None => local
            .canonicalize()
            .map_err(|error| unreadable(local, &error))?,
    };
    let name = path.file_name().ok_or_else(|| wrong("it has none"))?;
    let name = name.to_str().ok_or_else(|| wrong("it is no UTF-8"))?;
    folder.join(name).map_err(|error| wrong(&error.to_string()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::PermissionDenied => Code::Bind,
        _ => Code::Failed,
    };
    let cause = crate::exit::cause(error);
    Failure::new(code, format!("cannot read {}: {cause}", path.display()))
}
