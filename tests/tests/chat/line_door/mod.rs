//! The line door: conversations of one client, byte by byte, and of several, each of whom sees what the others do.

mod company;
mod conversation;
mod departures;
mod flood;
mod lines;
mod operators;
mod proving;
mod refusals;
mod rooms;
mod scripts;
mod talking;
