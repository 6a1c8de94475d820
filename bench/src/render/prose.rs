//! Says in sentences where and how was measured.

use std::fmt::Write;

use crate::report::{Contestant, Kind, Report};

use super::clean;
use super::units::{bytes, counted, number, seconds, thousands, whole};

/// What was compared, as a title.
pub(crate) fn title(report: &Report) -> String {
    let setup = &report.setup;
    let what = [setup.handler.as_str(), setup.transport.as_str()].map(clean::line);
    let what = match (what[0].is_empty(), what[1].is_empty()) {
        (false, false) => format!("{} over {}", what[0], what[1]),
        (false, true) => what[0].clone(),
        _ => "a comparison".to_owned(),
    };
    format!(
        "{what}: {} side by side",
        counted(report.contestants.len(), "server")
    )
}

/// Where and how, each with the word that it is headed by.
pub(crate) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("machine", machine(report)),
        ("load", load(report)),
        ("rounds", rounds(report)),
        ("generator", generator(report)),
    ];
    facts.retain(|(_, fact)| !fact.is_empty());
    facts
}

/// How it was measured, for readers who have not seen the program.
pub(crate) fn method(report: &Report) -> Vec<String> {
    let setup = &report.setup;
    let course = format!(
        "Every server ran in a process of its own and was new for each run. It was under load for {}, and then measured for {}. \
         In each of {} every server had every number of connections once, in an order that was drawn by lot.",
        seconds(setup.warm_up_seconds),
        seconds(setup.seconds),
        counted(setup.rounds, "round")
    );
    let is_control = |contestant: &Contestant| contestant.kind == Kind::Control;
    let interval = if setup.rounds < 6 { RANGE } else { INTERVAL };
    let latency = match setup.load.as_str() {
        "open loop" => OPEN,
        "churn" => CHURN,
        _ if setup.has_files() => FILES,
        _ if setup.has_chat() => CLOSED_CHAT,
        _ => CLOSED,
    };
    let chat = setup.has_chat().then(|| CHAT.to_owned());
    let twice = report.contestants.iter().any(is_control).then_some(TWICE);
    let datagrams = (setup.loss_timeout_seconds).map(|time| {
        format!(
            "A connection is a socket with a name of its own. A datagram without an answer within {} is lost, and counts in the latencies with the \
             time that was waited for it.",
            seconds(time)
        )
    });
    let others = [
        Some(MEDIAN),
        Some(interval),
        Some(latency),
        twice,
        Some(LOCAL),
    ];
    let others = others.into_iter().flatten().map(str::to_owned);
    std::iter::once(course)
        .chain(datagrams)
        .chain(chat)
        .chain(others)
        .collect()
}

const MEDIAN: &str = "A table has the median of the rounds.";

const RANGE: &str = "\
Intervals reach from the lowest to the highest round: fewer than six rounds do not say more.";

const INTERVAL: &str = "\
An interval holds the true median in at least 95 of 100 cases, whatever the distribution.";

const OPEN: &str = "\
The load was offered at a fixed rate, and latency counts from the moment at which sending was due: a server that stalls cannot hide it by \
making its clients wait.";

const CLOSED: &str = "\
A client sent its next message after an answer, so a server that stalls also keeps the load away: latency under a fixed rate may be worse.";

const CLOSED_CHAT: &str = "\
A speaker said its next message when the one before had come to everybody, and latency counts from saying it, so a server that stalls also keeps \
the load away: latency under a fixed rate may be worse.";

const CHAT: &str = "\
Everybody was in one room and heard every message of everybody else; what is served is deliveries, one for each message and each member that it came to.";

const CHURN: &str = "\
Each client connected, sent one message, took the answer and left, again and again; latency counts from the wish to connect.";

const FILES: &str = "\
Each client transferred one file after the other, and latency is that of the last byte, or of the word that the file is stored; throughput counts \
every byte of a file that went, also of transfers that had not ended.";

const TWICE: &str = "One server took part twice: what differs between the two is noise.";

const LOCAL: &str = "\
Clients and servers shared one machine, so no network is in the figures, and they hold for this machine.";

/// What could not be measured, and that it was interrupted.
pub(crate) fn notes(report: &Report) -> Vec<String> {
    let interrupted = (!report.is_complete)
        .then(|| "The comparison was interrupted: some rounds are missing.".to_owned());
    interrupted
        .into_iter()
        .chain(report.notes.iter().map(|note| clean::line(note)))
        .collect()
}

/// Where a contestant comes from, in words.
pub(crate) fn origin(kind: Kind) -> &'static str {
    match kind {
        Kind::Mode => "a mode of this framework",
        Kind::Control => "the first one again, to see the noise",
        Kind::Peer => "comes with this package, to measure against",
        Kind::Foreign => "a server of somebody else",
    }
}

fn machine(report: &Report) -> String {
    let machine = &report.machine;
    let mut parts = vec![clean::line(&machine.processor)];
    if machine.processors > 0 {
        let mut processors = counted(machine.processors, "processor");
        if !machine.server_processors.is_empty() {
            let _ = write!(
                processors,
                " (servers on {}, load on {})",
                list(&machine.server_processors),
                list(&machine.load_processors)
            );
        }
        parts.push(processors);
    }
    if machine.memory_bytes > 0 {
        parts.push(bytes(number(machine.memory_bytes as usize)));
    }
    parts.push(clean::line(&machine.system));
    if machine.load_average >= 0.05 {
        parts.push(format!("load average {:.1} before", machine.load_average));
    }
    joined(parts)
}

fn load(report: &Report) -> String {
    let setup = &report.setup;
    let mut parts = vec![clean::line(&setup.load)];
    if let Some(rate) = setup.rate {
        parts.push(format!("{} messages/s", thousands(whole(rate))));
    } else if setup.window > 1 {
        parts.push(format!("{} messages on their way at once", setup.window));
    }
    parts.push(if setup.has_files() {
        format!(
            "files of {}, one after the other",
            bytes(number(setup.message_bytes))
        )
    } else {
        format!("{}-byte messages", thousands(setup.message_bytes))
    });
    let member = if setup.has_chat() {
        "member"
    } else {
        "connection"
    };
    if setup.think_seconds > 0.0 {
        parts.push(format!(
            "a pause of {} after each answer",
            seconds(setup.think_seconds)
        ));
    }
    if let Some(active) = setup.active {
        let verb = if active == 1 { "speaks" } else { "speak" };
        parts.push(format!("{} of the {member}s {verb}", thousands(active)));
    }
    if setup.stuck > 0 {
        parts.push(format!(
            "{} that never read besides",
            counted(setup.stuck, member)
        ));
    }
    match setup.loss_timeout_seconds {
        Some(time) => parts.push(format!("lost after {}", seconds(time))),
        None if setup.nodelay => parts.push("nodelay on".to_owned()),
        None => parts.push("nodelay off".to_owned()),
    }
    joined(parts)
}

fn rounds(report: &Report) -> String {
    let setup = &report.setup;
    format!(
        "{} of {} after {} of warm-up, order by seed {}",
        counted(setup.rounds, "round"),
        seconds(setup.seconds),
        seconds(setup.warm_up_seconds),
        setup.seed
    )
}

fn generator(report: &Report) -> String {
    let limit = report.generator.messages_per_second;
    if limit > 0.0 {
        let what = if report.setup.has_chat() {
            "deliveries"
        } else {
            "messages"
        };
        format!(
            "at most {} {what}/s on this machine",
            thousands(whole(limit))
        )
    } else {
        String::new()
    }
}

fn list(processors: &[usize]) -> String {
    let words: Vec<_> = processors.iter().map(usize::to_string).collect();
    words.join(" ")
}

fn joined(mut parts: Vec<String>) -> String {
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
