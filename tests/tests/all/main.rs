//! Every behaviour of a stream server, in every mode over every transport.

mod clients;
mod conversation;
mod counts;
mod elsewhere;
mod endpoints;
mod ends;
mod failures;
mod file_by_file;
mod framed;
mod groups;
mod life;
mod limits;
mod loops;
mod messages;
mod offloading;
mod sharing;
mod streams;
mod taking_time;
mod talk;
mod unwinding;
mod waits;
mod writing;
