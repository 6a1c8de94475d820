//! The client's side of a connection: the same machinery as on a server's thread, without a server.

use std::sync::Arc;
use std::time::Duration;

use super::conversation::{Conversation, Talk};
use super::straight::{self, Relay};
use super::worker::Worker;
use crate::Config;
use crate::net::{Address, Socket};
use crate::server::Shared;
use crate::session::{Core, Session};
use crate::stream::{Facts, Held, Line, Wait, Wake};

/// A connection that a client has made, and what its thread needs to wait for it.
pub(crate) struct Client {
    worker: Worker,
    /// There until it is dropped.
    talk: Option<Talk<Relay>>,
}

impl Client {
    /// Takes over a socket that is connected; says what a stream must know of it.
    pub(crate) fn new(socket: Socket, peer: Address) -> std::io::Result<(Self, Facts)> {
        let shared = Shared::new(config(), vec![socket.local_address()?], None);
        let mut worker = Worker::new(&shared);
        let core = Core::new(shared.next_id(), 0, peer, 0, &worker.turn);
        let mut talk = Talk::new(Session::new(Relay::default(), core), Arc::new(socket));
        let facts = straight::begin(&mut Conversation::new(&mut worker, &mut talk));
        let facts = facts.ok_or(std::io::ErrorKind::NotConnected)?;
        let talk = Some(talk);
        Ok((Self { worker, talk }, facts))
    }
}

/// A client waits for as long as it says itself, and does not wait for its peer when it is through.
fn config() -> Config {
    Config {
        idle_timeout: None,
        read_timeout: None,
        write_timeout: None,
        linger_timeout: Duration::ZERO,
        ..Config::default()
    }
}

impl Line for Client {
    fn wait(&mut self, wait: Wait, buffers: &mut Held) -> Wake {
        match &mut self.talk {
            Some(talk) => Conversation::straight(&mut self.worker, talk).wait(wait, buffers),
            None => Wake::Ended,
        }
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(mut talk) = self.talk.take() {
            // Who holds a `Remote` learns that there is nobody any more.
            talk.session.finish(&mut self.worker.turn);
        }
    }
}
