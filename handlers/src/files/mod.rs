//! File transfer: the tutorials' protocol, finally correct, and a second version of it that resumes and verifies.
//!
//! [`Files`] serves a [`Storage`](storage::Storage), usually a [`Folder`](storage::Folder), to users with [`Accounts`] or to everybody, in every mode.
//! What travels is written down in `PROTOCOL.md` beside this file.
//!
//! | Part | Is about |
//! |---|---|
//! | `session` | one connection: what it does now, and what each request makes it do |
//! | `request`, `wire`, `command_line` | what travels, and what it means |
//! | `verbs`, `work`, `transfer`, `digests` | what blocks, done by other threads in pieces |
//! | [`accounts`] | who may log in, and what guessing costs |
//! | [`storage`] | where files are, and that nothing outside is touched |
//! | [`client`] | the other side: a client for programs |
//! | [`path`] | which names there may be |

pub mod accounts;
pub mod client;
mod command_line;
mod digests;
mod downloader;
mod error;
mod hash;
mod holes;
pub mod path;
mod request;
mod service;
mod session;
pub mod storage;
mod transfer;
mod verbs;
mod wire;
mod work;

pub use self::accounts::{Access, Accounts, Password, PasswordError, User, UsersError, UsersFile};
pub use self::command_line::{UnclosedQuote, words};
pub use self::downloader::NameDownload;
pub use self::error::{Refusal, Word};
pub use self::hash::{Algorithm, Hash, Hasher, UnknownAlgorithm};
pub use self::path::{FilePath, PathError};
pub use self::service::{Files, Settings};
pub use self::session::FileHandler;
pub use self::wire::FRAME_BYTES_MAX;
