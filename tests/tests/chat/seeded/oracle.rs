//! Whether everybody has received what the hub has decided.

use std::collections::HashSet;

use socketserver::testkit::sim::{ConnectionLog, Run};
use socketserver_handlers::chat::hub::{Departure, Event, Manner, What};

use super::{HISTORY_LINES, NAMES, ROOMS};

/// Judges a run by what has happened in it.
pub(super) fn judge(run: &Run, events: &[Event]) -> Result<(), String> {
    for room in ROOMS {
        check_room(&in_room(events, room)).map_err(|what| format!("in {room}, {what}"))?;
    }
    for (name, log) in NAMES.iter().zip(&run.clients) {
        let client = Client { name, log };
        client
            .check(events)
            .map_err(|what| format!("{name} {what}"))?;
    }
    Ok(())
}

fn in_room<'a>(events: &'a [Event], name: &str) -> Vec<&'a Event> {
    let is_here = |event: &&Event| {
        event
            .room
            .as_ref()
            .is_some_and(|room| room.as_str() == name)
    };
    events.iter().filter(is_here).collect()
}

/// Only members speak, only those who may, and only operators operate; each is heard in the order of its lines, and nobody enters without the key.
fn check_room(events: &[&Event]) -> Result<(), String> {
    let (mut members, mut muted, mut is_keyed) = (HashSet::new(), HashSet::new(), false);
    let mut numbers = [0; NAMES.len()];
    for event in events {
        let by = event.by.as_str();
        if !matches!(event.what, What::Joined) && !members.contains(by) {
            return Err(format!("{by} is not there, and yet '{}'", words(event)));
        }
        let operates = matches!(
            event.what,
            What::Kicked { .. } | What::Muted(_) | What::Unmuted(_) | What::Keyed(_)
        );
        if operates && by != NAMES[0] {
            return Err(format!("{by} is no operator, and yet '{}'", words(event)));
        }
        match &event.what {
            What::Said { text, .. } => {
                if muted.contains(by) {
                    return Err(format!("{by} says '{text}', and may not"));
                }
                let index = NAMES.iter().position(|name| *name == by);
                let last = &mut numbers[index.expect("the observer says nothing")];
                let number = number_of(text);
                if number <= *last {
                    return Err(format!("{by} says '{text}' after number {last}"));
                }
                *last = number;
            }
            What::Joined if is_keyed => return Err(format!("{by} has come in without the key")),
            What::Joined => drop(members.insert(by)),
            What::Left(_) => drop(members.remove(by)),
            What::Kicked { who, .. } => drop(members.remove(who.as_str())),
            What::Muted(who) => drop(muted.insert(who.as_str())),
            What::Unmuted(who) => drop(muted.remove(who.as_str())),
            What::Keyed(keyed) => is_keyed = *keyed,
            _ => {}
        }
    }
    Ok(())
}

/// A client, and what it has sent and received.
struct Client<'a> {
    name: &'a str,
    log: &'a ConnectionLog,
}

/// The time from a client's entering a room to its leaving it, as the hub has it.
struct Stay<'a> {
    /// What was said before, as far as the room remembers.
    history: Vec<String>,
    /// What others do meanwhile.
    events: Vec<&'a Event>,
    /// How it was removed, if it was.
    kicked: Option<String>,
    /// It has lasted until the client left altogether.
    is_last: bool,
}

/// What a client has received of a stay.
#[derive(Default)]
struct Heard {
    history: Vec<String>,
    events: Vec<String>,
}

impl Client<'_> {
    fn check(&self, events: &[Event]) -> Result<(), String> {
        for room in ROOMS {
            let stays = self.stays(&in_room(events, room));
            let heard = self.heard(room)?;
            // Who was struck may not have heard of the last ones.
            if heard.len() > stays.len() || (heard.len() < stays.len() && !self.log.is_struck) {
                return Err(format!(
                    "was {} times in {room}, and heard of {}",
                    stays.len(),
                    heard.len()
                ));
            }
            let mut kicked_before = None;
            for (stay, heard) in stays.iter().zip(&heard) {
                self.compare(stay, heard, kicked_before)
                    .map_err(|what| format!("in {room}: {what}"))?;
                kicked_before = stay.kicked.as_ref();
            }
        }
        if self.log.is_struck {
            return Ok(());
        }
        self.count_removals(events)?;
        self.count_lines(events)
    }

    /// When it was in a room.
    fn stays<'e>(&self, events: &[&'e Event]) -> Vec<Stay<'e>> {
        let mut stays: Vec<Stay<'e>> = Vec::new();
        let (mut is_in, mut said) = (false, Vec::new());
        for event in events {
            let is_own = event.by.as_str() == self.name;
            match &event.what {
                What::Joined if is_own => {
                    is_in = true;
                    let skipped = said.len() - said.len().min(HISTORY_LINES);
                    stays.push(Stay {
                        history: said[skipped..].to_vec(),
                        events: Vec::new(),
                        kicked: None,
                        is_last: true,
                    });
                }
                What::Left(departure) if is_own => {
                    is_in = false;
                    if let Some(stay) = stays.last_mut() {
                        stay.is_last = !matches!(departure, Departure::Parted(_));
                    }
                }
                What::Kicked { who, .. } if who.as_str() == self.name => {
                    is_in = false;
                    if let Some(stay) = stays.last_mut() {
                        stay.kicked = Some(words(event));
                        stay.is_last = false;
                    }
                }
                _ if is_in && !is_own => {
                    if let Some(stay) = stays.last_mut() {
                        stay.events.push(*event);
                    }
                }
                _ => {}
            }
            if matches!(event.what, What::Said { .. }) {
                said.push(words(event));
            }
        }
        stays
    }

    /// What it has received of each of its stays in a room.
    fn heard(&self, room: &str) -> Result<Vec<Heard>, String> {
        let text = String::from_utf8_lossy(&self.log.received);
        // The last line may have been cut off.
        let end = text.rfind('\n').map_or(0, |end| end + 1);
        let mut stays: Vec<Heard> = Vec::new();
        let greeting = format!("-- Hello, {}. You are in {room};", self.name);
        let entered = format!("-- You are in {room}.");
        let of_room = format!("[{room}] ");
        for line in text[..end].lines() {
            if line.starts_with(&greeting) || line == entered {
                stays.push(Heard::default());
            } else if let Some(what) = line.strip_prefix(&of_room) {
                let Some(stay) = stays.last_mut() else {
                    return Err(format!("hears '{line}' before it is in"));
                };
                match what.strip_prefix("(just now) ") {
                    Some(_) if !stay.events.is_empty() => {
                        return Err(format!("is told '{line}' after what has happened since"));
                    }
                    Some(said) => stay.history.push(said.to_owned()),
                    None => stay.events.push(what.to_owned()),
                }
            }
        }
        Ok(stays)
    }

    fn compare(
        &self,
        stay: &Stay<'_>,
        heard: &Heard,
        kicked_before: Option<&String>,
    ) -> Result<(), String> {
        let is_complete = !self.log.is_struck;
        if !stay.history.starts_with(&heard.history)
            || (is_complete && heard.history.len() < stay.history.len())
        {
            return Err(format!(
                "{:?} was said before, and it is told {:?}",
                stay.history, heard.history
            ));
        }
        let mut events = &heard.events[..];
        // Who comes again at once may hear only then that he was removed.
        if let (Some(kicked), [first, rest @ ..]) = (kicked_before, events)
            && first == kicked
        {
            events = rest;
        }
        if let (Some(kicked), [rest @ .., last]) = (&stay.kicked, events)
            && last == kicked
        {
            events = rest;
        }
        let expected: Vec<_> = stay.events.iter().map(|event| words(event)).collect();
        if !expected.starts_with(events) {
            return Err(format!("{expected:?} happens, and it hears {events:?}"));
        }
        // What others say last is long before anybody leaves; what happens while it leaves itself need not reach it.
        let left = &stay.events[events.len()..];
        let unheard = left
            .iter()
            .find(|event| matches!(event.what, What::Said { .. }));
        match unheard {
            Some(event) if is_complete && stay.is_last => {
                Err(format!("it does not hear '{}'", words(event)))
            }
            _ => Ok(()),
        }
    }

    /// Whether it has heard of every time that it was removed.
    fn count_removals(&self, events: &[Event]) -> Result<(), String> {
        let removals = events.iter().filter(
            |event| matches!(&event.what, What::Kicked { who, .. } if who.as_str() == self.name),
        );
        let text = String::from_utf8_lossy(&self.log.received);
        let removed = format!("] -- {} has removed {}", NAMES[0], self.name);
        let heard = text.lines().filter(|line| line.ends_with(&removed));
        let (removals, heard) = (removals.count(), heard.count());
        if removals == heard {
            Ok(())
        } else {
            Err(format!(
                "was removed {removals} times, and hears of {heard}"
            ))
        }
    }

    /// Whether every line that it has sent was said, or refused with an answer.
    fn count_lines(&self, events: &[Event]) -> Result<(), String> {
        if self.name == NAMES[0] {
            // The answers to its other commands look the same.
            return Ok(());
        }
        let sent = String::from_utf8_lossy(&self.log.sent);
        let begins = |line: &str, with: &[&str]| with.iter().any(|one| line.starts_with(one));
        let said = format!("{}-", self.name);
        let needs_a_room = [&said, "/part", "/me", "/kick", "/mute", "/unmute", "/key"];
        let lines = sent.lines().filter(|line| begins(line, &needs_a_room));
        let own = events.iter().filter(|event| {
            let is_done = matches!(
                event.what,
                What::Said { .. } | What::Left(Departure::Parted(_))
            );
            is_done && event.by.as_str() == self.name
        });
        let received = String::from_utf8_lossy(&self.log.received);
        let refusals = [
            "!! you are not in ",
            "!! you may not speak in ",
            "!! only operators of ",
        ];
        let refused = received.lines().filter(|line| begins(line, &refusals));
        let (sent, done, refused) = (lines.count(), own.count(), refused.count());
        if sent == done + refused {
            Ok(())
        } else {
            Err(format!(
                "has sent {sent} lines, of which {done} were heard and {refused} refused"
            ))
        }
    }
}

/// The number of a line, which is said in its order.
fn number_of(text: &str) -> u32 {
    let number = text
        .rsplit('-')
        .next()
        .and_then(|number| number.parse().ok());
    number.expect("every line that is said has a number")
}

/// An event as members of the room read it, without the name of the room.
fn words(event: &Event) -> String {
    let by = &event.by;
    match &event.what {
        What::Said {
            text,
            manner: Manner::Plain,
        } => format!("{by}: {text}"),
        What::Said {
            text,
            manner: Manner::Action,
        } => format!("* {by} {text}"),
        What::Joined => format!("-- {by} has joined"),
        What::Left(Departure::Parted(None) | Departure::Quit(None)) => format!("-- {by} has left"),
        What::Left(Departure::Lost) => format!("-- {by} has left (connection lost)"),
        What::Left(Departure::DidNotRead) => format!("-- {by} has left (did not read)"),
        What::Left(Departure::Silent) => format!("-- {by} has left (was silent for too long)"),
        What::Kicked { who, why: None } => format!("-- {by} has removed {who}"),
        What::Muted(who) => format!("-- {by} does not let {who} speak"),
        What::Unmuted(who) => format!("-- {by} lets {who} speak"),
        What::Operator(who) => format!("-- {by} has made {who} an operator"),
        What::Keyed(true) => format!("-- {by} has given the room a key"),
        What::Keyed(false) => format!("-- {by} has opened the room to everybody"),
        other => format!("-- {by} does what nobody should do here: {other:?}"),
    }
}
