//! File transfer: the tutorials' protocol, finally correct, and a second version of it that resumes and verifies.
//!
//! What travels is written down in `PROTOCOL.md` beside this file.

mod error;
mod hash;
pub mod path;
pub mod storage;
mod wire;

pub use self::error::{Refusal, Word};
pub use self::hash::{Algorithm, Hash, Hasher, UnknownAlgorithm};
pub use self::path::{FilePath, PathError};
