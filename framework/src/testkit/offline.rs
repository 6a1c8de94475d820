//! A server without a network, for those who measure: what a message costs in the handler and in this crate, and nowhere else.
//!
//! Over a socket a message costs two system calls, beside which everything that a handler does is small and lost in the noise. Whoever wants to know
//! what *their* part costs, and whether the last change has made it dearer, must leave the kernel out. [`Offline`] does: a message is a
//! call, and the same calls execute the same instructions, which a benchmark can time and `valgrind` can count.
//!
//! The connection is a real one up to where its socket would be: its limits, its buffers, what it keeps of half a message, and how it
//! ends are those of every mode, since they are in the same session. It is the driver of the [prover](super::prover) underneath. What is not there is time, which
//! stands still, so that no deadline comes and no timer rings; and what is measured besides is a copy of the bytes on their way in and on
//! their way out, where a driver has `recv` and `send`.
//!
//! There is one connection at a time, and the types say which calls make sense: an [`Offline`] has none and can
//! [connect](Offline::connect), a [`Connected`] has one, which can [talk](Connected::exchange) and [leave](Connected::leave).
//!
//! ```
//! use socketserver::testkit::offline::Offline;
//! use socketserver::{CloseReason, Config, Conn, Handler, HandlerError, Input};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
//!         conn.write(input.take_all());
//!         Ok(())
//!     }
//! }
//!
//! let mut peer = Offline::new(Config::default(), |_peer| Echo).connect();
//! // This line is what a benchmark repeats.
//! assert_eq!(peer.exchange(b"ping"), b"ping");
//! let (offline, reason) = peer.leave();
//! assert!(matches!(reason, CloseReason::PeerClosed));
//! # let _ = offline.connect();
//! ```

use std::fmt;
use std::sync::Arc;

use super::prover::memory::{Factory, Memory};
use crate::driver::{Stacks, Suspended};
use crate::net::Address;
use crate::server::Config;
use crate::{BlockingHandler, CloseReason, Handler};

/// A server without a network, to which nobody is connected.
pub struct Offline {
    /// In a box, since it goes to and fro between the two types, and to move a kilobyte is not what should be measured.
    memory: Box<Memory>,
}

/// A server without a network, and its one connection.
pub struct Connected {
    memory: Box<Memory>,
    key: usize,
}

impl Offline {
    /// A server with these settings, for which `factory` makes the handler of each connection.
    ///
    /// The mode among the settings does not matter, and what is offloaded is done at once.
    pub fn new<H, F>(config: Config, factory: F) -> Self
    where
        H: Handler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        Self::with_factory(config, Arc::new(move |peer| Box::new(factory(peer))))
    }

    /// A server of blocking handlers, which wait in coroutines as they do on a reactor.
    pub fn new_blocking<H, F>(config: Config, factory: F) -> Self
    where
        H: BlockingHandler + 'static,
        F: Fn(&Address) -> H + Send + Sync + 'static,
    {
        let stacks = Arc::new(Stacks::new(config.coroutine_stack_bytes));
        Self::with_factory(
            config,
            Arc::new(move |peer| Box::new(Suspended::new(Box::new(factory(peer)), &stacks))),
        )
    }

    fn with_factory(config: Config, factory: Factory) -> Self {
        Self {
            memory: Box::new(Memory::new(config, factory)),
        }
    }

    /// A peer connects: the handler is made and opened.
    pub fn connect(mut self) -> Connected {
        self.memory.begin(usize::MAX);
        Connected {
            key: self.memory.connect(),
            memory: self.memory,
        }
    }
}

impl Connected {
    /// The peer sends these bytes in one piece, and receives everything that was sent to it since the last exchange.
    ///
    /// Once the connection is over, what is sent is lost, as on a network.
    pub fn exchange(&mut self, bytes: &[u8]) -> &[u8] {
        self.memory.forget_received(self.key);
        self.memory.send(self.key, bytes);
        self.memory.received(self.key)
    }

    /// The peer ends its side and waits for the end of the other one; says why the connection ended.
    ///
    /// A handler that stays although its peer has ended is aborted.
    pub fn leave(mut self) -> (Offline, CloseReason) {
        let reason = self.memory.leave(self.key);
        let memory = self.memory;
        (Offline { memory }, reason.unwrap_or(CloseReason::Aborted))
    }
}

impl fmt::Debug for Offline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offline").finish_non_exhaustive()
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{Conn, Framed, HandlerError, Input, Lines, Replies, Stream};

    fn shout(line: &[u8], replies: &mut Replies<'_>) -> Result<(), HandlerError> {
        replies.send(&line.to_ascii_uppercase())?;
        if line == b"quit" {
            replies.close();
        }
        Ok(())
    }

    #[test]
    fn one_connection_after_the_other_says_what_it_would_say_over_a_network() {
        let mut offline = Offline::new(Config::default(), |_peer| {
            Framed::new(Lines::default(), shout)
        });
        for _ in 0..3 {
            let mut peer = offline.connect();
            assert_eq!(peer.exchange(b"one\ntw"), b"ONE\n");
            assert_eq!(peer.exchange(b"o\nthree\n"), b"TWO\nTHREE\n");
            let reason;
            (offline, reason) = peer.leave();
            assert!(matches!(reason, CloseReason::PeerClosed), "{reason}");
        }
    }

    #[test]
    fn what_is_sent_to_a_connection_that_is_over_is_lost() {
        let offline = Offline::new(Config::default(), |_peer| {
            Framed::new(Lines::default(), shout)
        });
        let mut peer = offline.connect();
        assert_eq!(peer.exchange(b"quit\nmore\n"), b"QUIT\n");
        assert_eq!(peer.exchange(b"more\n"), b"");
        assert!(matches!(peer.leave().1, CloseReason::HandlerClosed));
    }

    #[test]
    fn a_blocking_handler_waits_between_exchanges() {
        fn greet(stream: &mut Stream<'_>) -> Result<(), HandlerError> {
            stream.write_all(b"who?\n")?;
            let mut name = String::new();
            stream.read_line(&mut name)?;
            write!(stream, "hello {name}")?;
            Ok(())
        }
        let mut peer = Offline::new_blocking(Config::default(), |_peer| greet).connect();
        assert_eq!(peer.exchange(b"Ada\n"), b"hello Ada\n");
    }

    #[test]
    fn a_handler_that_stays_is_aborted() {
        struct Stubborn;
        impl Handler for Stubborn {
            fn received(
                &mut self,
                _: &mut Input<'_>,
                _: &mut Conn<'_>,
            ) -> Result<(), HandlerError> {
                Ok(())
            }
            fn ended(&mut self, _: &mut Input<'_>, _: &mut Conn<'_>) -> Result<(), HandlerError> {
                Ok(())
            }
        }
        let peer = Offline::new(Config::default(), |_peer| Stubborn).connect();
        assert!(matches!(peer.leave().1, CloseReason::Aborted));
    }
}
