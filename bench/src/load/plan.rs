//! What the load generator is to do.

use std::time::Duration;

use socketserver::Endpoint;

use super::connection::OUTSTANDING_MAX;
use super::{Conversation, LoadError};

/// A load: to whom, by how many, in which form, for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// What is said, and what the answer must be.
    pub conversation: Conversation,
    /// In which form.
    pub form: Form,
    /// Bytes of a message, at least one; at least two where the conversation has lines.
    pub message_bytes: usize,
    /// How many connections are open at once.
    pub connections: usize,
    /// How many of them speak, if not all: the others are open and silent.
    pub active: Option<usize>,
    /// Connections besides, that send as much as they can and never read.
    pub stuck: usize,
    /// How long a connection waits after an answer before it sends again. Only closed loops wait.
    pub think: Duration,
    /// Whether small messages leave at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// How long the load lasts before anything is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub duration: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
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
        }
    }

    /// How many connections speak.
    pub fn speakers(&self) -> usize {
        self.active
            .unwrap_or(self.connections)
            .min(self.connections)
    }

    /// Refuses what contradicts itself.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        let contradiction = match self.form {
            _ if self.message_bytes == 0 => "a message has at least one byte",
            _ if self.conversation.has_lines() && self.message_bytes < 2 => {
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
