//! The file server: what its protocol says, in every mode, however it is cut, and on the seeded network.

mod proving;
mod scripts;
