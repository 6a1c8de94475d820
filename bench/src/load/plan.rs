//! What the load generator is to do.

use std::time::Duration;

use socketserver::Endpoint;

use super::connection::OUTSTANDING_MAX;
use super::{Conversation, LoadError, chat};

/// What a UDP datagram holds over IPv4: 65,535 less the headers of IP and UDP (RFC 768, RFC 791).
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// A load: to whom, by how many, in which form, for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// What is said, and what the answer must be.
    pub conversation: Conversation,
    /// In which form.
    pub form: Form,
    /// Bytes of a message or of a file, at least one; at least two where the conversation has lines, at most 65,507 in a datagram, and from 26 to 2,000
    /// in a chat, with the end of its line.
    pub message_bytes: usize,
    /// How many connections are open at once.
    pub connections: usize,
    /// How many of them speak, if not all, or in a chat if not one: the others are open and silent. Streams only.
    pub active: Option<usize>,
    /// Connections besides, that send as much as they can and never read; in a chat they say nothing. Streams only.
    pub stuck: usize,
    /// How long a connection waits after an answer before it sends again. Only closed loops wait.
    pub think: Duration,
    /// Whether small messages leave at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// How long the load lasts before anything is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub duration: Duration,
    /// How long connecting may take; of datagrams, how long nothing at all may come back before nobody is thought to be there.
    pub connect_timeout: Duration,
    /// After how long a datagram without an answer counts as lost: above zero. It is noticed up to a thirtieth, and up to 50 ms, later.
    pub loss_timeout: Duration,
    /// How the names of the files begin that are transferred, which then stay there for the next load. Without it they have names that nobody else has,
    /// and are removed in the end.
    pub files_prefix: Option<String>,
}

/// The form of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// Each connection has so many messages on their way, and sends the next one when an answer has come.
    Closed {
        /// How many, at least one.
        window: usize,
    },
    /// So many messages are due in a second, by all connections together, whether answers come or not.
    Open {
        /// How many: above zero.
        rate: f64,
    },
    /// Each connection exchanges one message and is followed by another connection.
    Churn,
}

impl Form {
    /// The rate of an open loop.
    pub fn rate(self) -> Option<f64> {
        match self {
            Self::Open { rate } => Some(rate),
            _ => None,
        }
    }

    /// The words for it in a report.
    pub fn words(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed loop",
            Self::Open { .. } => "open loop",
            Self::Churn => "churn",
        }
    }
}

impl Plan {
    /// A closed loop of one connection with messages of 64 bytes, for a second.
    pub fn new(endpoint: Endpoint, conversation: Conversation) -> Self {
        Self {
            endpoint,
            conversation,
            form: Form::Closed { window: 1 },
            message_bytes: 64,
            connections: 1,
            active: None,
            stuck: 0,
            think: Duration::ZERO,
            nodelay: true,
            warm_up: Duration::from_millis(200),
            duration: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(10),
            loss_timeout: Duration::from_secs(1),
            files_prefix: None,
        }
    }

    /// How many connections speak.
    pub fn speakers(&self) -> usize {
        self.conversation.speakers(self.active, self.connections)
    }

    /// Refuses what contradicts itself, which [`run`](super::run) does, too.
    ///
    /// # Errors
    ///
    /// [`LoadError::Plan`], with a sentence for people.
    pub fn check(&self) -> Result<(), LoadError> {
        let active = self.active.is_some_and(|active| active < self.connections);
        let has_datagrams = self.endpoint.is_datagram();
        let contradiction = if self.conversation == Conversation::Chat {
            chat_contradiction(
                self.form,
                self.connections,
                self.speakers(),
                self.message_bytes,
                has_datagrams,
            )
        } else if self.conversation.has_files() {
            let besides = active || self.stuck > 0;
            files_contradiction(self.form, besides, self.think, has_datagrams)
        } else if has_datagrams {
            datagram_contradiction(
                self.form,
                active,
                self.stuck > 0,
                self.message_bytes,
                self.loss_timeout,
            )
        } else {
            None
        };
        contradiction.map_or(Ok(()), |what| Err(LoadError::Plan(what)))?;
        let has_lines = self.conversation.has_lines() && !has_datagrams;
        let contradiction = match self.form {
            _ if self.message_bytes == 0 => "a message has at least one byte",
            _ if has_lines && self.message_bytes < 2 => {
                "a line has at least two bytes, a letter and its end: send larger messages"
            }
            _ if self.speakers() == 0 => "a load needs at least one connection that speaks",
            Form::Closed { window: 0 } => "a window has at least one message",
            Form::Closed { window } if window > OUTSTANDING_MAX => {
                "a window has at most 4096 messages"
            }
            Form::Open { rate } if rate.is_nan() || rate <= 0.0 || rate > 1e8 => {
                "a rate lies above zero and below a hundred million messages in a second"
            }
            _ => return Ok(()),
        };
        Err(LoadError::Plan(contradiction))
    }
}

/// What contradicts itself in a load of chat: somebody speaks, somebody else listens, and what is said fits into a line.
pub(crate) fn chat_contradiction(
    form: Form,
    members: usize,
    speakers: usize,
    message_bytes: usize,
    has_datagrams: bool,
) -> Option<&'static str> {
    let window = match form {
        Form::Closed { window } => window,
        Form::Open { .. } | Form::Churn => 1,
    };
    if has_datagrams {
        Some("a chat is measured through its line door: use TCP or Unix sockets")
    } else if form == Form::Churn {
        Some("members of a chat stay until the end: churn is for messages")
    } else if members < 2 {
        Some("a chat needs at least two members that read: one speaks, and another one hears it")
    } else if message_bytes < chat::MESSAGE_BYTES_MIN {
        Some(
            "a message of a chat says its number and its time, and has at least 26 bytes: send larger messages",
        )
    } else if message_bytes > chat::MESSAGE_BYTES_MAX {
        Some("a line of a chat has at most 2000 bytes: send smaller messages")
    } else if speakers.saturating_mul(members) > chat::PAIRS_MAX {
        Some("a chat has at most 8388608 pairs of a speaker and a member: let fewer of them speak")
    } else if speakers.saturating_mul(window) > chat::OUTSTANDING_MAX {
        Some("a chat has at most 65536 messages on their way: a smaller window, or fewer speakers")
    } else {
        None
    }
}

/// What contradicts itself in a load of files: they have one form only.
pub(crate) fn files_contradiction(
    form: Form,
    has_silent_or_stuck: bool,
    think: Duration,
    has_datagrams: bool,
) -> Option<&'static str> {
    if has_datagrams {
        Some("files need a stream: measure them over TCP or Unix sockets")
    } else if form != (Form::Closed { window: 1 }) {
        Some(
            "each connection transfers one file after the other: a window, a rate and churn are for messages",
        )
    } else if has_silent_or_stuck {
        Some("with files every connection transfers: silent and stuck ones are for messages")
    } else if !think.is_zero() {
        Some("files follow each other at once: thinking is for messages")
    } else {
        None
    }
}

/// What contradicts itself in a load of datagrams: who is silent or stuck, a form that is for streams, or a message that no datagram holds.
pub(crate) fn datagram_contradiction(
    form: Form,
    has_silent: bool,
    has_stuck: bool,
    message_bytes: usize,
    loss_timeout: Duration,
) -> Option<&'static str> {
    if form == Form::Churn {
        Some("churn is for streams: with datagrams there is no connection to make anew")
    } else if has_silent {
        Some(
            "silent connections are for streams: a server of datagrams knows nothing of sockets that send nothing",
        )
    } else if has_stuck {
        Some(
            "connections that never read are for streams: datagrams that nobody takes are dropped, and hold up nobody",
        )
    } else if loss_timeout.is_zero() {
        Some("an answer takes some time: wait longer before a datagram counts as lost")
    } else if message_bytes > DATAGRAM_BYTES_MAX {
        Some("a datagram has at most 65507 bytes: send smaller messages")
    } else {
        None
    }
}
