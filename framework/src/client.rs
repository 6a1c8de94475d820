//! The client side: a [`Stream`] that this program has opened itself.

use std::io;
use std::time::Duration;

use crate::driver::Client;
use crate::net::connect;
use crate::{Endpoint, Stream};

/// How long [`Stream::connect`] tries, over all addresses of a host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Stream<'static> {
    /// Connects to a server, trying every address of its host for 10 seconds in all.
    ///
    /// A client's stream has no limits but those that are set on it. What was written and has not left when it is dropped is sent
    /// then, as far as that is possible; [`flush`](std::io::Write::flush) before tells whether it was.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) when the text is not an [`Endpoint`]; otherwise as for [`Endpoint::connect`].
    ///
    /// # Example
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use socketserver::{HandlerError, Server, Stream, TcpServer};
    ///
    /// let server = TcpServer::bind("127.0.0.1:0")?;
    /// let (address, stop) = (server.addresses()[0].to_string(), server.stop_handle());
    /// let serving = std::thread::spawn(|| {
    ///     server.serve_forever_blocking(|_peer| |stream: &mut Stream<'_>| -> Result<(), HandlerError> {
    ///         Ok(stream.write_all(b"welcome")?)
    ///     })
    /// });
    ///
    /// let mut stream = Stream::connect(&address)?;
    /// let mut greeting = String::new();
    /// stream.read_to_string(&mut greeting)?;
    /// assert_eq!(greeting, "welcome");
    /// # drop(stream);
    /// # stop.stop();
    /// # serving.join().expect("a server does not panic")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect(endpoint: &str) -> io::Result<Self> {
        let endpoint: Endpoint = endpoint
            .parse()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Self::connect_to(&endpoint, Some(CONNECT_TIMEOUT))
    }

    /// Connects to a server within a time, which its addresses share; without one, for as long as the system tries.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Stream::connect).
    pub fn connect_to(endpoint: &Endpoint, timeout: Option<Duration>) -> io::Result<Self> {
        let (socket, peer) = connect(endpoint, timeout)?;
        let (client, facts) = Client::new(socket, peer)?;
        Ok(Self::of_client(Box::new(client), facts))
    }
}
