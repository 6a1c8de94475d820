//! The load generator: clients that talk to a server in a form that was decided beforehand, compare every byte, and take the time.
//!
//! It runs on one thread, over one poll, so that its own share of a message is about the same as that of a lean server. Two
//! processors are therefore enough, and [`GeneratorLimit`](crate::report::GeneratorLimit) says what it can do at most.
//!
//! # Two forms of load that give different answers
//!
//! In a **closed loop** ([`Form::Closed`]) each connection waits for its answer before it sends again. It shows what a server can do
//! at most. But a server that stalls also stops the clients, so that they send less and hardly notice: of a stall of 200 ms
//! each connection sees one long answer, and none of all those that it would have asked for meanwhile.
//!
//! In an **open loop** ([`Form::Open`]) messages are due at fixed times, as they are when clients do not know of each other. The latency counts
//! from the time at which a message was *due*, not from when it could be sent, so that a stall is seen by everybody who would have been
//! there. Leaving those out is known as coordinated omission, and makes the worst percentiles look many times better than they are.
//!
//! **Churn** ([`Form::Churn`]) connects, exchanges one message and closes, again and again.
//!
//! # What is compared
//!
//! Each message of each connection is another piece of a text, so that an answer that was meant for somebody else is wrong too.
//! A connection with a wrong answer is closed and counted, and the load goes on with the others.
//!
//! # Datagrams
//!
//! Over UDP and Unix datagram sockets a connection is a connected socket with a name of its own, and a message is a datagram. Here a
//! message may be lost, and a server that loses much must not look fast for it. So every datagram carries its number, as far as its size
//! allows, and [`Datagrams`](crate::report::Datagrams) counts what became of each: answered, lost, late, duplicated, reordered, corrupted,
//! or asked for by nobody. What is not answered within [`Plan::loss_timeout`] is lost and no more waited for; its latency counts as the time that was
//! waited. Loss is no fault by itself, and is told wherever it is above zero.
//!
//! Churn, silent and stuck connections are for streams: a server of datagrams does not know who has a socket.
//!
//! # Files
//!
//! A load of files ([`Conversation::Files`]) is a closed loop in which an answer is a file: each connection transfers one after the other, in version 2 of the
//! file protocol, and the latency is that of the last byte. Every connection has a file of its own with bytes of its own, [`Plan::message_bytes`] of
//! them, which no side of the load ever holds as a whole. What is got is compared byte by byte; what is put is stored under its hash, and got back when
//! measuring is over. [`Measurement::bytes`] counts the bytes that went while it was measured, those of transfers that had not ended among them: of large
//! files only a few end in that time.
//!
//! # Chat
//!
//! In a load of chat ([`Conversation::Chat`]) an answer is a *delivery*: a message of one member that comes to another one. All members enter one room, made
//! for this load, and those of them that speak ([`Plan::active`], a single one if nothing is said) say messages that carry their number and the time at
//! which they were due. Every other member must get each of them whole, in order and once. In a closed loop a message is followed by the next one when it has come
//! to everybody; in an open loop messages are due at fixed times, and latency counts from then to each delivery. What is wrong is counted and named with
//! the member and the message: `lost`, `out_of_order`, `doubled`, `wrong_bytes`, `wrong_room`, `own`, `unexpected`, `refused`. Members besides that never
//! read ([`Plan::stuck`]) may be cut by the server, which [`Chat`](crate::report::Chat) counts and is no fault.

mod chat;
mod clients;
mod clock;
mod connection;
mod datagrams;
mod error;
mod files;
mod payload;
mod plan;
mod resource;
mod schedule;
mod socket;
mod tally;

use std::sync::atomic::AtomicBool;

pub use self::error::LoadError;
pub(crate) use self::error::cause;
pub use self::payload::{Conversation, Direction, UnknownConversation};
pub use self::plan::{Form, Plan};
pub(crate) use self::plan::{chat_contradiction, datagram_contradiction, files_contradiction};
pub use self::tally::Measurement;

/// Who is told when measuring begins and ends, so that the server can be looked at in the same moments.
pub trait Phases {
    /// The warm-up is over. The time that this takes is not measured.
    fn begin(&mut self) {}
    /// Measuring has ended. The connections are still open.
    fn end(&mut self) {}
}

/// Nobody.
impl Phases for () {}

/// Makes a load, and says what came of it. It ends early, with what was measured, when `stop` becomes true.
///
/// # Errors
///
/// When the load cannot be made at all. Whatever a server does wrong is no error but a finding.
pub fn run(
    plan: &Plan,
    phases: &mut dyn Phases,
    stop: &AtomicBool,
) -> Result<Measurement, LoadError> {
    plan.check()?;
    resource::make_room(plan)?;
    match plan.conversation {
        Conversation::Chat => chat::Load::new(plan, stop)?.run(phases),
        Conversation::Files(direction) => files::Load::new(plan, direction, stop)?.run(phases),
        _ if plan.endpoint.is_datagram() => datagrams::Load::new(plan, stop)?.run(phases),
        _ => clients::Clients::new(plan, stop)?.run(phases),
    }
}
