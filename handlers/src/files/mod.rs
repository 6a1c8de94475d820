//! File transfer: the tutorials' protocol, finally correct, and a second version of it that resumes and verifies.
//!
//! What travels is written down in `PROTOCOL.md` beside this file.

mod accounts;
mod command_line;
mod digests;
mod downloader;
mod error;
mod hash;
pub mod path;
mod request;
mod service;
mod session;
pub mod storage;
mod transfer;
mod verbs;
mod wire;
mod work;

pub use self::accounts::{Access, Accounts, User};
pub use self::command_line::{UnclosedQuote, words};
pub use self::downloader::NameDownload;
pub use self::error::{Refusal, Word};
pub use self::hash::{Algorithm, Hash, Hasher, UnknownAlgorithm};
pub use self::path::{FilePath, PathError};
pub use self::service::{Files, Settings};
pub use self::session::FileHandler;
