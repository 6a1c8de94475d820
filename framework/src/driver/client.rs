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
        let mut facts = facts.ok_or(std::io::ErrorKind::NotConnected)?;
        // What this thread writes is limited all the same: it waits at the usual mark.
        facts.output_bytes_max = Config::default().output_high;
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
        // A client that did not read while much of what other threads have written waits would deadlock with a server that writes as it reads.
        output_high: usize::MAX,
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

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;
    use crate::Stream;

    /// Far longer than this takes, so that only what hangs is cut off.
    const DEADLINE: Duration = Duration::from_secs(20);
    /// More than the buffers of a Unix socket take, and less than a `Remote` does.
    const QUESTION_BYTES: usize = 8 * 1024 * 1024;

    /// Sends back what it receives, and reads nothing while it cannot.
    fn echo(mut peer: UnixStream) -> io::Result<()> {
        peer.set_write_timeout(Some(DEADLINE))?;
        let mut buffer = [0; 4096];
        loop {
            match peer.read(&mut buffer)? {
                0 => return Ok(()),
                count => peer.write_all(&buffer[..count])?,
            }
        }
    }

    #[test]
    fn a_client_reads_while_much_that_a_remote_has_written_waits() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let echo = thread::spawn(|| echo(theirs));
        let (client, facts) = Client::new(Socket::new(ours.into()), Address::UnixUnnamed).unwrap();
        let mut stream = Stream::of_client(Box::new(client), facts);
        stream.set_read_timeout(Some(DEADLINE));
        let remote = stream.remote().unwrap();
        assert_eq!(remote.write(vec![b'?'; QUESTION_BYTES]), Ok(()));
        let mut answer = vec![0; QUESTION_BYTES];
        stream.read_exact(&mut answer).unwrap();
        assert!(answer.iter().all(|&byte| byte == b'?'));
        drop(stream);
        echo.join().unwrap().unwrap();
    }
}
