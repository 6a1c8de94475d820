//! Measures socket servers, ours and others: the library behind `socketserver load` and `socketserver compare`.
//!
//! | Module | What |
//! |---|---|
//! | [`load`] | clients that put a server under load, compare every byte and take the time |
//! | [`watch`] | what the server's processes spend meanwhile, seen from outside |
//! | [`compare`] | the same load for every mode and server, in shuffled rounds |
//! | [`report`] | what was found, as data; how sure it is; what follows from it, in words |
//! | [`render`] | the same as tables, charts and pages |
//!
//! With the cargo feature `peers` there is a program besides, `socketserver-peer`: servers written with other means, to measure ours against.
//!
//! # How to read what it finds
//!
//! Start with time on a processor for each message, and with memory: both say what a server costs, and they hardly depend on what
//! else the machine does. Messages in a second say how fast server *and* clients are together; where the load generator was the bottleneck,
//! a report says so, and no server is called faster. Latency in a closed loop is kind to servers that stall, see [`load`].
//!
//! Over datagrams look at the loss first: every datagram that was lost is counted, and none that was lost was served.
//!
//! A figure is the median of its rounds, with the interval in which it lies in 95 of 100 cases. One server is called better than another only if
//! the ratio within the rounds says so as clearly, and by more than a server differs from itself.
//!
//! # Example
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use socketserver_bench::load::{self, Conversation, Form, Plan};
//!
//! let plan = Plan {
//!     connections: 50,
//!     form: Form::Open { rate: 20_000.0 },
//!     ..Plan::new("tcp://127.0.0.1:9001".parse()?, Conversation::Echo)
//! };
//! let measured = load::run(&plan, &mut (), &AtomicBool::new(false))?;
//! println!("p99 {:?} us, errors {:?}", measured.latency.quantile(0.99), measured.errors);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod compare;
pub mod load;
pub mod render;
pub mod report;
pub mod watch;
