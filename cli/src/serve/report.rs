//! The final report: one line for each handler, and everything as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use serde_json::{Map, Value};
use socketserver::{Address, Report};
use socketserver_handlers::chat;

use super::service::Service;
use crate::exit::{Code, Failure, cause};
use crate::units;

/// What a server has done in its life.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) service: Service,
    pub(crate) addresses: Vec<Address>,
    pub(crate) report: Report,
}

impl Served {
    /// Who has counted this, and the counts.
    fn to_json(&self, counts: Map<String, Value>) -> Value {
        let addresses: Vec<_> = self.addresses.iter().map(Address::to_string).collect();
        let mut object = Map::new();
        object.insert("handler".into(), self.service.to_string().into());
        object.insert("addresses".into(), addresses.into());
        object.extend(counts);
        Value::Object(object)
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.service)?;
        if self.addresses.iter().any(is_for_datagrams) {
            self.write_datagrams(f)?;
        } else {
            self.write_connections(f)?;
        }
        let stats = &self.report.stats;
        let (errors, panics) = (stats.handler_errors, stats.panics);
        write!(
            f,
            "; {}, {}",
            counted(errors, "handler error"),
            counted(panics, "panic")
        )
    }
}

impl Served {
    fn write_connections(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.report.stats;
        write!(f, "served {}", counted(stats.accepted, "connection"))?;
        write_reasons(f, &stats.closed)?;
        write!(
            f,
            ", refused {}, cut {}; received {}, sent {}",
            stats.refused,
            self.report.cut,
            units::bytes(stats.bytes_in),
            units::bytes(stats.bytes_out)
        )
    }

    fn write_datagrams(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.report.stats;
        // A handler that is called with every datagram by itself knows no peers.
        if stats.accepted > 0 {
            write!(f, "served {}", counted(stats.accepted, "peer"))?;
            write_reasons(f, &stats.closed)?;
            f.write_str("; ")?;
        }
        write!(
            f,
            "received {} ({}), sent {} ({}); truncated {}, dropped {}, answers refused {}, not sent {}",
            counted(stats.datagrams_in, "datagram"),
            units::bytes(stats.bytes_in),
            stats.datagrams_out,
            units::bytes(stats.bytes_out),
            stats.datagrams_truncated,
            stats.datagrams_dropped,
            stats.replies_refused,
            stats.send_errors,
        )
    }
}

fn is_for_datagrams(address: &Address) -> bool {
    matches!(
        address,
        Address::Udp(_)
            | Address::UnixgramPath(_)
            | Address::UnixgramAbstract(_)
            | Address::UnixgramUnnamed
    )
}

/// ` (12 peer_closed, 1 idle_timeout)`, or nothing.
fn write_reasons(f: &mut fmt::Formatter<'_>, closed: &BTreeMap<&str, u64>) -> fmt::Result {
    let mut separator = " (";
    for (reason, count) in closed {
        write!(f, "{separator}{count} {reason}")?;
        separator = ", ";
    }
    f.write_str(if closed.is_empty() { "" } else { ")" })
}

fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Finds out at the start whether the report can be written at the end, when it would be too late.
pub(crate) fn check_writable(path: &Path) -> Result<(), Failure> {
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    opened.map(drop).map_err(|error| {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        let code = if denied { Code::Bind } else { Code::Usage };
        Failure::new(
            code,
            format!(
                "cannot write the report to {}: {}",
                path.display(),
                cause(&error)
            ),
        )
    })
}

/// What has gone on in a chat, in one line.
pub(crate) fn of_chat(chat: &chat::hub::Stats) -> String {
    let members = counted(chat.entered, "member");
    let (said, told, refused, slow) = (chat.said, chat.told, chat.refused, chat.slow);
    format!(
        "chat: {members} entered; said {said}, told {told}, refused {refused}; cut since they did not read: {slow}"
    )
}

/// Writes the counts of all servers together, under `servers` those of each, and under `chat` those of the chat that was served.
pub(crate) fn write(
    path: &Path,
    served: &[Served],
    chat: Option<&chat::hub::Stats>,
) -> Result<(), Failure> {
    let written = to_json(served, chat)
        .map_err(io::Error::other)
        .and_then(|json| fs::write(path, json + "\n"));
    written.map_err(|error| {
        Failure::system(
            format_args!("cannot write the report to {}", path.display()),
            &error,
        )
    })
}

fn to_json(served: &[Served], chat: Option<&chat::hub::Stats>) -> serde_json::Result<String> {
    let mut sum = Map::new();
    let mut each = Vec::new();
    for one in served {
        let Value::Object(counts) = serde_json::to_value(&one.report)? else {
            continue;
        };
        add(&mut sum, &counts);
        each.push(one.to_json(counts));
    }
    sum.insert("servers".into(), each.into());
    if let Some(chat) = chat {
        sum.insert("chat".into(), serde_json::to_value(chat)?);
    }
    serde_json::to_string_pretty(&sum)
}

/// Adds numbers to those of the same name, at every depth.
fn add(sum: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        match (sum.get_mut(name), value) {
            (Some(Value::Object(sum)), Value::Object(more)) => add(sum, more),
            (Some(sum), more) => {
                *sum = (sum.as_u64().unwrap_or(0) + more.as_u64().unwrap_or(0)).into();
            }
            (None, value) => {
                sum.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn numbers_of_the_same_name_are_added_at_every_depth() {
        let mut sum = object(&json!({ "accepted": 1, "closed": { "aborted": 2 } }));
        add(
            &mut sum,
            &object(&json!({ "accepted": 3, "closed": { "aborted": 4, "drained": 5 } })),
        );
        assert_eq!(
            sum,
            object(&json!({ "accepted": 4, "closed": { "aborted": 6, "drained": 5 } }))
        );
    }

    #[test]
    fn a_report_is_one_line_even_when_nothing_has_happened() {
        let served = Served {
            service: Service::Echo,
            addresses: Vec::new(),
            report: Report::default(),
        };
        assert_eq!(
            served.to_string(),
            "echo: served 0 connections, refused 0, cut 0; received 0 B, sent 0 B; 0 handler errors, 0 panics"
        );
        let of_datagrams = Served {
            addresses: vec![Address::UnixgramUnnamed],
            ..served
        };
        assert_eq!(
            of_datagrams.to_string(),
            "echo: received 0 datagrams (0 B), sent 0 (0 B); truncated 0, dropped 0, answers refused 0, not sent 0; \
             0 handler errors, 0 panics"
        );
    }
}
