//! All files of a folder and of those below it.

use super::super::storage::{Entry, Kind};
use super::super::{FilePath, PathError};
use super::entries::Pages;
use super::{Client, Error};

/// A walk through a folder on the server and those below it: each folder comes before what is in it. At most one page for each level is in memory.
///
/// The client is handed over at each step, so that between two steps it can get what was found; another client of the same server will do as
/// well.
#[derive(Debug)]
pub struct Walk {
    /// From the outermost folder to the present one.
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    /// The folder, from the one where the walk began.
    folder: FilePath,
    /// The folder, as the server is asked.
    remote: FilePath,
    pages: Pages,
}

/// What a walk has come to.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its path from the folder where the walk began.
    pub path: FilePath,
    /// Its path on the server, from the current folder.
    pub remote: FilePath,
    /// What it is.
    pub entry: Entry,
}

impl Walk {
    /// A walk that begins with what is in this folder.
    pub fn new(folder: FilePath) -> Self {
        Self {
            levels: vec![Level {
                folder: FilePath::root(),
                remote: folder,
                pages: Pages::default(),
            }],
        }
    }

    /// The next entry; none at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Hostile`] for a name that is none; what else a list fails with. The walk goes on behind it: with the next entry, or with the folder
    /// above.
    pub fn step(&mut self, client: &mut Client) -> Option<Result<Found, Error>> {
        loop {
            let level = self.levels.last_mut()?;
            let entry = match level.pages.next(client, &level.remote) {
                Some(Ok(entry)) => entry,
                Some(Err(error)) => {
                    self.levels.pop();
                    return Some(Err(error));
                }
                None => {
                    self.levels.pop();
                    continue;
                }
            };
            return Some(self.enter(entry));
        }
    }

    /// Finds where an entry is, and goes into it if it is a folder.
    fn enter(&mut self, entry: Entry) -> Result<Found, Error> {
        let level = self.levels.last().expect("an entry is in a folder");
        let name = single(&entry.name)?;
        let too_deep = |problem| hostile(name, problem);
        let path = level.folder.join(name).map_err(too_deep)?;
        let remote = level.remote.join(name).map_err(too_deep)?;
        if entry.kind == Kind::Folder {
            self.levels.push(Level {
                folder: path.clone(),
                remote: remote.clone(),
                pages: Pages::default(),
            });
        }
        Ok(Found {
            path,
            remote,
            entry,
        })
    }
}

/// A name that a server sends, which must be one name and nothing else.
fn single(name: &str) -> Result<&str, Error> {
    if allowed(name)?.names().count() == 1 {
        Ok(name)
    } else {
        Err(hostile(name, PathError::Empty))
    }
}

/// A path that a server sends.
pub(super) fn allowed(path: &str) -> Result<FilePath, Error> {
    FilePath::parse(path).map_err(|problem| hostile(path, problem))
}

fn hostile(name: &str, problem: PathError) -> Error {
    Error::Hostile {
        name: name.to_owned(),
        problem,
    }
}
