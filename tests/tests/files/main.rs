//! The file server: what its protocol says, in every mode, however it is cut, and on the seeded network.

mod bodies;
mod damage;
mod flood;
mod guessing;
mod killed;
mod login;
mod proving;
mod resuming;
mod room;
mod scripts;
mod sending;
mod stopping;
