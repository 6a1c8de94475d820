//! The client against servers that follow a script, byte for byte, over real sockets.

mod by_name;
mod fake;
mod get;
mod hello;
mod list;
mod put;
