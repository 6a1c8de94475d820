//! The client's side of a conversation, in texts.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::DEADLINE;

/// A client in the middle of its conversation.
pub(crate) struct Talk {
    pub(crate) stream: TcpStream,
}

impl Talk {
    pub(crate) fn to(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(Self { stream })
    }

    pub(crate) fn says(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.stream.write_all(text.as_bytes())?)
    }

    #[track_caller]
    pub(crate) fn hears(&mut self, text: &str) {
        let mut heard = vec![0; text.len()];
        let result = self.stream.read_exact(&mut heard);
        assert!(result.is_ok(), "waiting for {text:?}: {result:?}");
        assert_eq!(String::from_utf8_lossy(&heard), text);
    }

    /// Whether nothing has come so far.
    pub(crate) fn has_heard_nothing(&self) -> Result<bool, Box<dyn Error>> {
        self.stream.set_nonblocking(true)?;
        let result = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock))
    }

    pub(crate) fn says_no_more(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Reads to the end.
    pub(crate) fn hears_the_rest(mut self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }
}
