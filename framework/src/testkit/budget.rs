//! What a conversation may cost: system calls, wake-ups and allocations for each message, as assertions.
//!
//! Speed is not asserted by a clock, which on a busy machine says more about the machine. Counts are the same everywhere, and a
//! handler that has begun to write in two pieces, or to be woken for nothing, shows in them at once.

use std::fmt;

use crate::{Stats, StatsHandle};

/// The most that each message may cost. What is not set is not looked at.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::thread;
///
/// use socketserver::testkit::budget::Budget;
/// use socketserver::{Conn, Handler, HandlerError, Input, Mode, Server, TcpServer};
///
/// struct Echo;
///
/// impl Handler for Echo {
///     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
///         conn.write(input.take_all());
///         Ok(())
///     }
/// }
///
/// let server = TcpServer::bind("127.0.0.1:0")?.mode(Mode::Reactor { loops: 1 });
/// let (address, stop, stats) = (server.addresses()[0].clone(), server.stop_handle(), server.stats_handle());
/// let serving = thread::spawn(|| server.serve_forever(|_peer| Echo));
///
/// let mut client = TcpStream::connect(address.socket_addr().ok_or("it is TCP")?)?;
/// let mut talk = |messages| {
///     for _ in 0..messages {
///         client.write_all(b"ping")?;
///         client.read_exact(&mut [0; 4])?;
///     }
///     std::io::Result::Ok(())
/// };
/// talk(10)?;
/// // One `recv`, one `send`, and one wait, since a single client never keeps a loop busy. What the server does for a message is
/// // counted a moment after the answer has left, so that there is one message more or less: a little more is allowed.
/// let budget = Budget::new().transfers(2.01).wake_ups(1.1);
/// budget.spend(&stats, 1000, || talk(1000))??;
/// # stop.stop();
/// # serving.join().expect("a server does not panic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    transfers: Option<f64>,
    wake_ups: Option<f64>,
    system_calls: Option<f64>,
}

/// A budget that was not kept: what was spent, and what was allowed, for each message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overspent {
    what: &'static str,
    spent: f64,
    allowed: f64,
}

impl Budget {
    /// A budget without any limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits receiving and sending: `recv`, `send`, `sendmsg`, `sendfile`.
    pub fn transfers(mut self, per_message: f64) -> Self {
        self.transfers = Some(per_message);
        self
    }

    /// Limits waiting: `epoll_wait`, `poll`.
    pub fn wake_ups(mut self, per_message: f64) -> Self {
        self.wake_ups = Some(per_message);
        self
    }

    /// Limits all system calls together.
    pub fn system_calls(mut self, per_message: f64) -> Self {
        self.system_calls = Some(per_message);
        self
    }

    /// Runs a conversation of so many messages with a server, and says whether they kept to the budget. Connections should be open already, and
    /// nobody else talk to the server.
    ///
    /// # Errors
    ///
    /// When the server has spent more than is allowed.
    pub fn spend<T>(
        &self,
        server: &StatsHandle,
        messages: u64,
        conversation: impl FnOnce() -> T,
    ) -> Result<T, Overspent> {
        let before = server.stats();
        let result = conversation();
        self.check(&before, &server.stats(), messages)?;
        Ok(result)
    }

    /// Runs a conversation of so many messages, and says whether `count` has grown by more than is allowed for each: for what only
    /// the program itself can count, such as the allocations of its global allocator.
    ///
    /// # Errors
    ///
    /// When it has grown by more.
    pub fn count<T>(
        what: &'static str,
        allowed: f64,
        count: impl Fn() -> u64,
        messages: u64,
        conversation: impl FnOnce() -> T,
    ) -> Result<T, Overspent> {
        let before = count();
        let result = conversation();
        compare(what, count() - before, Some(allowed), messages)?;
        Ok(result)
    }

    fn check(&self, before: &Stats, after: &Stats, messages: u64) -> Result<(), Overspent> {
        let (old, new) = (before.system_calls, after.system_calls);
        let transfers = (new.receive - old.receive) + (new.send - old.send);
        compare("transfers", transfers, self.transfers, messages)?;
        compare("wake-ups", new.wait - old.wait, self.wake_ups, messages)?;
        let all = new.total() - old.total();
        compare("system calls", all, self.system_calls, messages)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a test are far below what a float tells apart"
)]
fn compare(
    what: &'static str,
    spent: u64,
    allowed: Option<f64>,
    messages: u64,
) -> Result<(), Overspent> {
    let spent = spent as f64 / messages.max(1) as f64;
    match allowed {
        Some(allowed) if spent > allowed => Err(Overspent {
            what,
            spent,
            allowed,
        }),
        _ => Ok(()),
    }
}

impl fmt::Display for Overspent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "each message costs {:.3} {}, and at most {} are allowed (look for writes in pieces, and for wake-ups without work)",
            self.spent, self.what, self.allowed
        )
    }
}

impl std::error::Error for Overspent {}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(receive: u64, send: u64, wait: u64) -> Stats {
        let mut stats = Stats::default();
        stats.system_calls.receive = receive;
        stats.system_calls.send = send;
        stats.system_calls.wait = wait;
        stats
    }

    #[test]
    fn what_is_spent_is_compared_for_each_message() {
        let budget = Budget::new().transfers(2.0).wake_ups(1.0);
        let before = stats(5, 5, 5);
        assert_eq!(budget.check(&before, &stats(15, 15, 15), 10), Ok(()));
        let error = budget.check(&before, &stats(15, 16, 15), 10).unwrap_err();
        assert_eq!(
            error.to_string(),
            "each message costs 2.100 transfers, and at most 2 are allowed (look for writes in pieces, and for wake-ups without work)"
        );
        assert!(budget.check(&before, &stats(15, 15, 16), 10).is_err());
        assert!(
            Budget::new()
                .system_calls(2.9)
                .check(&before, &stats(15, 15, 15), 10)
                .is_err()
        );
    }

    #[test]
    fn what_a_program_counts_itself_has_a_budget_too() {
        let allocations = std::cell::Cell::new(0);
        let work = |more| move |count: &std::cell::Cell<u64>| count.set(count.get() + more);
        let spend = |more: u64| {
            let work = work(more);
            Budget::count(
                "allocations",
                0.5,
                || allocations.get(),
                10,
                || work(&allocations),
            )
        };
        assert!(spend(5).is_ok());
        assert!(spend(6).is_err());
    }
}
