//! The command `socketserver` as its users see it: arguments, pipes, sockets, signals and exit codes.

// What is tested with is Linux's: abstract names of sockets, and a device that is always full.
#![cfg(target_os = "linux")]

mod chat;
mod chat_datagrams;
mod chat_readme;
mod chat_terminal;
mod connect;
mod datagrams;
mod file_server;
mod files;
mod framing;
#[allow(
    dead_code,
    reason = "the tests of files with the real server use the rest of it"
)]
mod here;
mod measuring;
mod measuring_chat;
mod measuring_files;
mod menu;
mod process;
mod prove;
mod serve;
mod serve_datagrams;
mod signals;
mod talk;
mod talk_client;
#[allow(
    dead_code,
    reason = "the tests of files with the real server use the rest of it"
)]
mod terminal;
mod udp_chat;
mod usage;
mod users;
