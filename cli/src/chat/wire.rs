//! The ways to a server: a stream of lines, or datagrams with a cookie before each line.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};
use socketserver::Endpoint;
use socketserver_handlers::chat::Text;

use crate::connect::datagrams::DATAGRAM_BYTES_MAX;
use crate::connect::datagrams::channel::Channel;
use crate::connect::unreachable;
use crate::exit::{Code, Failure};
use crate::incoming::{Came, Incoming, is_silent};
use crate::udp_chat::membership::is_cookie;

/// How long a datagram may take to be answered before it is sent again, and how often it is sent: either may be lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPTS_MAX: u32 = 5;
/// How long an idle connection may be without a sign of life. Without that, nobody would learn that a server's machine is gone.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A way to a server that does not know us yet.
pub(super) enum Wire {
    Stream(Incoming, Arc<Socket>),
    Datagrams(Box<Channel>),
}

/// Where lines go.
pub(super) enum Sender {
    Stream(Arc<Socket>),
    Datagrams {
        channel: Arc<Channel>,
        cookie: String,
    },
}

/// Where lines come from.
pub(super) enum Receiver {
    Stream(Incoming),
    Datagrams {
        channel: Arc<Channel>,
        buffer: Vec<u8>,
        /// The datagram that asks to be let in, while it was not answered, and how often it was sent.
        unanswered: Option<(String, u32)>,
    },
}

/// What came of waiting for a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A line, in which nothing can drive a terminal.
    Line(String),
    /// Nothing, for as long as was waited.
    Nothing,
    /// The server has ended the connection.
    End,
}

impl Wire {
    pub(super) fn open(endpoint: &Endpoint, timeout: Option<Duration>) -> Result<Self, Failure> {
        let cannot = |error: io::Error| unreachable(endpoint, &error);
        if endpoint.is_datagram() {
            return Ok(Self::Datagrams(Box::new(
                Channel::open(endpoint).map_err(cannot)?,
            )));
        }
        let socket = Socket::from(endpoint.connect(timeout).map_err(cannot)?);
        if matches!(endpoint, Endpoint::Tcp { .. }) {
            // A system without it tells later.
            let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
        }
        let socket = Arc::new(socket);
        Ok(Self::Stream(Incoming::new(socket.clone()), socket))
    }

    /// Says who we are, on datagrams with a cookie, which takes a round trip. Whether we may come in is in the lines that follow.
    pub(super) fn introduce(
        self,
        name: &str,
        endpoint: &Endpoint,
    ) -> Result<(Arc<Sender>, Receiver), Failure> {
        match self {
            Self::Stream(incoming, socket) => {
                let sender = Arc::new(Sender::Stream(socket));
                // Where it cannot be sent, the receiver knows why.
                let _ = sender.introduce(name);
                Ok((sender, Receiver::Stream(incoming)))
            }
            Self::Datagrams(mut channel) => {
                let cookie = fetch_cookie(&mut channel, name, endpoint)?;
                let channel = Arc::new(*channel);
                let entry = format!("/nick {name} {cookie}");
                let sent = channel.send(entry.as_bytes());
                sent.map_err(|error| unreachable(endpoint, &error))?;
                let receiver = Receiver::Datagrams {
                    channel: channel.clone(),
                    buffer: vec![0; DATAGRAM_BYTES_MAX],
                    unanswered: Some((entry, 1)),
                };
                Ok((Arc::new(Sender::Datagrams { channel, cookie }), receiver))
            }
        }
    }
}

/// Asks for a cookie until one comes.
fn fetch_cookie(channel: &mut Channel, name: &str, endpoint: &Endpoint) -> Result<String, Failure> {
    let question = format!("/nick {name}");
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let cannot = |error: io::Error| unreachable(endpoint, &error);
    for _ in 0..ATTEMPTS_MAX {
        let answer = channel
            .send(question.as_bytes())
            .and_then(|()| is_silent(&*channel, ANSWER_TIMEOUT))
            .and_then(|is_silent| {
                if is_silent {
                    return Ok(None);
                }
                channel.receive(&mut buffer).map(Some)
            });
        match answer {
            Ok(None) => {}
            Ok(Some(size)) => {
                let line = Text::clean_lossy(&buffer[..size]).to_string();
                if let Some(cookie) = line.strip_prefix(&format!("{question} "))
                    && is_cookie(cookie.trim())
                {
                    return Ok(cookie.trim().to_owned());
                }
                // What a server says that is no cookie is why there is none.
                if let Some(why) = line.strip_prefix("!! ") {
                    return Err(refused(name, why));
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Another address of the host may have a server.
            Err(error) => {
                if !channel.turn_to_next() {
                    return Err(cannot(error));
                }
            }
        }
    }
    Err(Failure::new(
        Code::Connect,
        format!("cannot enter the chat at {endpoint}: no cookie comes (is it a chat?)"),
    ))
}

/// Why we do not come in.
pub(super) fn refused(name: &str, why: &str) -> Failure {
    Failure::new(
        Code::Login,
        format!("the server refuses the name '{name}': {why} (see --nick)"),
    )
}

impl Sender {
    /// Says who we are, where that is a line like any other.
    pub(super) fn introduce(&self, name: &str) -> io::Result<()> {
        match self {
            Self::Stream(_) => self.send(name),
            Self::Datagrams { .. } => Ok(()),
        }
    }

    pub(super) fn send(&self, line: &str) -> io::Result<()> {
        match self {
            Self::Stream(socket) => (&**socket).write_all(format!("{line}\n").as_bytes()),
            Self::Datagrams { channel, cookie } => {
                let datagram = format!("{cookie} {line}");
                channel.send(datagram.trim_end().as_bytes())
            }
        }
    }

    /// Says that we are still there, where silence would make us leave.
    pub(super) fn keep_alive(&self) -> io::Result<()> {
        match self {
            Self::Stream(_) => Ok(()),
            Self::Datagrams { .. } => self.send(""),
        }
    }

    pub(super) fn is_for_datagrams(&self) -> bool {
        matches!(self, Self::Datagrams { .. })
    }
}

impl Receiver {
    /// Waits for the next line, for so long at most.
    pub(super) fn next(&mut self, limit: Duration) -> io::Result<Heard> {
        match self {
            Self::Stream(incoming) => Ok(match incoming.next_within(Some(limit))? {
                Came::Line(line) => match line.bytes {
                    Some(bytes) => Heard::Line(Text::clean_lossy(&bytes).to_string()),
                    None => Heard::Line(format!("(a line of {} bytes was left out)", line.size)),
                },
                Came::Nothing => Heard::Nothing,
                Came::End => Heard::End,
            }),
            Self::Datagrams {
                channel,
                buffer,
                unanswered,
            } => {
                let wait = match unanswered {
                    Some(_) => limit.min(ANSWER_TIMEOUT),
                    None => limit,
                };
                if is_silent(&**channel, wait)? {
                    if let Some((entry, count)) = unanswered {
                        if *count == ATTEMPTS_MAX {
                            return Err(ErrorKind::TimedOut.into());
                        }
                        *count += 1;
                        channel.send(entry.as_bytes())?;
                    }
                    return Ok(Heard::Nothing);
                }
                match channel.receive(buffer) {
                    Ok(size) => {
                        let line = Text::clean_lossy(&buffer[..size]).to_string();
                        // A second copy of the cookie is no answer to it.
                        if line.starts_with("/nick ") {
                            return Ok(Heard::Nothing);
                        }
                        *unanswered = None;
                        Ok(Heard::Line(line))
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Heard::Nothing),
                    Err(error) => Err(error),
                }
            }
        }
    }
}
