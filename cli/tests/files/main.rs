//! The commands for files at the real file server, in both directions and whatever happens on the way.
//!
//! They are apart from the other tests of the command, since they keep processors busy, which those would notice that measure.

#![cfg(target_os = "linux")]

mod downloads;
mod gate;
#[path = "../command/here.rs"]
mod here;
#[path = "../command/process.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod process;
mod readme;
mod resumed;
mod served;
#[allow(dead_code, reason = "the tests of talks and chats use the rest of it")]
#[path = "../command/terminal.rs"]
mod terminal;
mod typed;
mod with_server;
