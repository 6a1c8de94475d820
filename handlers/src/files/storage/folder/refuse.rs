//! What the operating system says, as a refusal: a sentence for whoever asked, and the rest for the log.

use std::io;

use rustix::io::Errno;

use crate::files::{FilePath, Refusal, Word};

/// Turns an error into a refusal to do something with a path: `doing` is a verb, as in "read".
pub(super) fn refuse(path: &FilePath, doing: &str, error: &io::Error) -> Refusal {
    let Some(errno) = Errno::from_io_error(error) else {
        return refuse_without_number(path, doing, error);
    };
    match errno {
        Errno::NOENT => not_found(path),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => {
            log::warn!("cannot {doing} {path}: {error}");
            Refusal::new(Word::Denied, format!("the server may not {doing} {path}"))
        }
        Errno::NOTDIR => Refusal::new(
            Word::NotAFile,
            format!(
                "{path} is no folder, or does not lie in one (nothing is changed through a link)"
            ),
        ),
        Errno::ISDIR => Refusal::new(Word::NotAFile, format!("{path} is a folder, and no file")),
        Errno::LOOP => Refusal::new(
            Word::NotAFile,
            format!("{path} is a link that is not followed, or lies behind one"),
        ),
        Errno::NXIO | Errno::NODEV => not_a_file(path),
        Errno::EXIST => exists(path),
        Errno::NOTEMPTY => not_empty(path),
        Errno::NAMETOOLONG | Errno::ILSEQ => Refusal::new(
            Word::BadName,
            format!("the server's disk cannot have the name {path} (take a shorter, plainer one)"),
        ),
        Errno::NOSPC | Errno::FBIG => {
            log::warn!("cannot {doing} {path}: {error}");
            no_space(path)
        }
        Errno::DQUOT => no_room(path),
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN | Errno::BUSY => {
            log::warn!("cannot {doing} {path}: {error}");
            Refusal::new(
                Word::Busy,
                format!("the server has too much to do to {doing} {path} (try again later)"),
            )
        }
        _ => failed(path, doing, error),
    }
}

/// Errors that this library or `cap-std` made up.
fn refuse_without_number(path: &FilePath, doing: &str, error: &io::Error) -> Refusal {
    if leads_out(error) {
        Refusal::new(
            Word::Denied,
            format!("{path} is a link that leads out of the server's folder, or lies behind one"),
        )
    } else {
        failed(path, doing, error)
    }
}

/// Whether a link led out of the folder: `cap-std` says it with an error that no system call gives.
pub(super) fn leads_out(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

pub(super) fn failed(path: &FilePath, doing: &str, cause: &dyn std::fmt::Display) -> Refusal {
    log::error!("cannot {doing} {path}: {cause}");
    Refusal::new(
        Word::Failed,
        format!("the server could not {doing} {path}; its log says why"),
    )
}

pub(super) fn not_found(path: &FilePath) -> Refusal {
    Refusal::new(Word::NotFound, format!("{path} is not there"))
}

pub(super) fn not_a_file(path: &FilePath) -> Refusal {
    Refusal::new(Word::NotAFile, format!("{path} is no regular file"))
}

pub(super) fn exists(path: &FilePath) -> Refusal {
    Refusal::new(
        Word::Exists,
        format!("{path} is there already (take another name, or remove it first)"),
    )
}

pub(super) fn not_empty(path: &FilePath) -> Refusal {
    Refusal::new(
        Word::Exists,
        format!("the folder is not empty: {path} (remove first what is in it)"),
    )
}

pub(super) fn being_written(path: &FilePath) -> Refusal {
    Refusal::new(
        Word::Busy,
        format!("somebody else is writing {path} (try again later)"),
    )
}

pub(super) fn no_space(path: &FilePath) -> Refusal {
    Refusal::new(
        Word::NoSpace,
        format!(
            "the server's disk has no room for {path} (remove what is not needed, or ask its operator)"
        ),
    )
}

pub(super) fn no_room(path: &FilePath) -> Refusal {
    let sentence = format!("there is no room left for {path} (remove what is not needed)");
    Refusal::new(Word::Quota, sentence)
}

pub(super) fn root_is_no_file() -> Refusal {
    Refusal::new(
        Word::NotAFile,
        "/ is the folder itself (name something in it)",
    )
}
