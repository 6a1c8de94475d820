//! Every behaviour of a stream server, in every mode over every transport.

mod conversation;
mod counts;
mod endpoints;
mod ends;
mod framed;
mod life;
mod limits;
mod loops;
mod sharing;
