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

mod clients;
mod connection;
mod error;
mod payload;
mod plan;
mod resource;
mod socket;
mod tally;

pub use self::clients::{Phases, run};
pub use self::error::LoadError;
pub(crate) use self::error::cause;
pub use self::payload::{Conversation, UnknownConversation};
pub use self::plan::{Form, Plan};
pub use self::tally::Measurement;
