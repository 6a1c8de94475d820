//! What each command does, and how it is answered.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::command::{COMMANDS, Command};
use super::wire::{For, Reply, of_old};
use super::{Session, note};
use crate::chat::hub::{Entrance, Event, Manner, Member, Presence, Refusal, RoomSummary};
use crate::chat::{Name, RoomName, Text};

/// How many rooms or members are listed at most: whoever asks must also read.
const LISTED_MAX: usize = 200;
/// Who has done nothing for so long is said to be idle.
const IDLE: Duration = Duration::from_secs(60);

impl Session {
    pub(super) fn run(
        &mut self,
        command: Command<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Refusal> {
        let Some(member) = &self.member else {
            return Ok(());
        };
        match command {
            Command::Nothing | Command::Quit(_) => Ok(()),
            Command::Say(text) => member.say(self.current()?, Text::clean(text), Manner::Plain),
            Command::Act(text) => member.say(self.current()?, Text::clean(text), Manner::Action),
            Command::Tell { to, text } => tell(member, to, text, reply),
            Command::Nick(name) => rename(member, name, reply),
            Command::Join { room, key } => self.join(room, key, reply),
            Command::Part(room) => self.part(room, reply),
            Command::Rooms => {
                list_rooms(&member.rooms(LISTED_MAX), reply);
                Ok(())
            }
            Command::Who(room) => who(member, &self.room(room)?, reply),
            Command::Topic(None) => show_topic(member, self.current()?, reply),
            Command::Topic(Some(topic)) => set_topic(member, self.current()?, topic, reply),
            Command::History(count) => history(member, self.current()?, count, reply),
            Command::Away(why) => set_away(member, why, reply),
            Command::Help => {
                help(reply);
                Ok(())
            }
            Command::Key(key) => set_key(member, self.current()?, key, reply),
            Command::Kick { who, why } => {
                let who = Name::parse(who)?;
                member.kick(self.current()?, &who, note(why))?;
                reply.say(format_args!("You have removed {who}."));
                Ok(())
            }
            Command::Mute(who) => {
                let who = Name::parse(who)?;
                member.mute(self.current()?, &who)?;
                reply.say(format_args!("{who} may not speak any more."));
                Ok(())
            }
            Command::Unmute(who) => {
                let who = Name::parse(who)?;
                member.unmute(self.current()?, &who)?;
                reply.say(format_args!("{who} may speak again."));
                Ok(())
            }
            Command::Promote(who) => {
                let who = Name::parse(who)?;
                member.promote(self.current()?, &who)?;
                reply.say(format_args!("{who} is an operator."));
                Ok(())
            }
        }
    }

    /// Where the member speaks.
    fn current(&self) -> Result<&RoomName, Refusal> {
        self.current
            .as_ref()
            .ok_or_else(|| Refusal::NotIn(self.lobby.clone()))
    }

    /// A room that is named, or the current one.
    fn room(&self, named: Option<&str>) -> Result<RoomName, Refusal> {
        match named {
            Some(name) => Ok(RoomName::parse(name)?),
            None => self.current().cloned(),
        }
    }

    fn join(
        &mut self,
        room: &str,
        key: Option<&str>,
        reply: &mut Reply<'_>,
    ) -> Result<(), Refusal> {
        let room = RoomName::parse(room)?;
        let Some(member) = &self.member else {
            return Ok(());
        };
        let entrance = member.join(&room, key.map(Text::clean).as_deref())?;
        reply.say(format_args!("You are in {}.", entrance.room));
        describe(&entrance, reply);
        self.current = Some(room);
        Ok(())
    }

    fn part(&mut self, room: Option<&str>, reply: &mut Reply<'_>) -> Result<(), Refusal> {
        let room = self.room(room)?;
        let Some(member) = &self.member else {
            return Ok(());
        };
        member.part(&room, None)?;
        if self.current.as_ref() == Some(&room) {
            self.current = member.own_rooms().pop();
        }
        match &self.current {
            Some(current) => reply.say(format_args!(
                "You have left {room}, and speak in {current}."
            )),
            None => reply.say(format_args!(
                "You have left {room}, and are in no room (/join one)."
            )),
        }
        Ok(())
    }
}

/// What somebody should know who has entered a room.
pub(super) fn describe(entrance: &Entrance, reply: &mut Reply<'_>) {
    if entrance.is_operator {
        reply.say("You are an operator here.");
    }
    if let Some(topic) = &entrance.topic {
        reply.say(format_args!("This is about: {topic}"));
    }
    repeat(&entrance.history, reply);
}

fn repeat(events: &[Arc<Event>], reply: &mut Reply<'_>) {
    let now = SystemTime::now();
    for event in events {
        reply.line(of_old(event, now));
    }
}

fn tell(member: &Member, to: &str, text: &str, reply: &mut Reply<'_>) -> Result<(), Refusal> {
    let to = Name::parse(to)?;
    let text = Text::clean(text);
    let away = member.tell_to(&to, text.clone())?;
    reply.line(format_args!("[you -> {to}] {text}"));
    if let Some(why) = away {
        reply.say(format_args!("{to} is away: {why}"));
    }
    Ok(())
}

fn rename(member: &Member, name: &str, reply: &mut Reply<'_>) -> Result<(), Refusal> {
    let name = Name::parse(name)?;
    member.rename(name.clone())?;
    reply.say(format_args!("You are now {name}."));
    Ok(())
}

fn who(member: &Member, room: &RoomName, reply: &mut Reply<'_>) -> Result<(), Refusal> {
    let (present, all) = member.who(room, LISTED_MAX)?;
    reply.say(format_args!("In {room}: {all}"));
    for presence in &present {
        reply.say(Described(presence));
    }
    more(all - present.len(), reply);
    Ok(())
}

fn show_topic(member: &Member, room: &RoomName, reply: &mut Reply<'_>) -> Result<(), Refusal> {
    match member.topic(room)? {
        Some(topic) => reply.say(format_args!("{room} is about: {topic}")),
        None => reply.say(format_args!("{room} is about nothing in particular.")),
    }
    Ok(())
}

fn set_topic(
    member: &Member,
    room: &RoomName,
    topic: &str,
    reply: &mut Reply<'_>,
) -> Result<(), Refusal> {
    member.set_topic(room, note(Some(topic)))?;
    show_topic(member, room, reply)
}

fn set_key(
    member: &Member,
    room: &RoomName,
    key: Option<&str>,
    reply: &mut Reply<'_>,
) -> Result<(), Refusal> {
    let key = note(key);
    let is_keyed = key.is_some();
    member.set_key(room, key)?;
    reply.say(if is_keyed {
        "Who does not know the key stays out from now on."
    } else {
        "Everybody may enter."
    });
    Ok(())
}

fn history(
    member: &Member,
    room: &RoomName,
    count: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<(), Refusal> {
    let events = member.history(room, count.unwrap_or(usize::MAX))?;
    if events.is_empty() {
        reply.say("Nothing was said yet.");
    }
    repeat(&events, reply);
    Ok(())
}

fn set_away(member: &Member, why: Option<&str>, reply: &mut Reply<'_>) -> Result<(), Refusal> {
    let why = note(why);
    let is_away = why.is_some();
    member.set_away(why)?;
    reply.say(if is_away {
        "You are away."
    } else {
        "You are back."
    });
    Ok(())
}

fn list_rooms((rooms, all): &(Vec<RoomSummary>, usize), reply: &mut Reply<'_>) {
    reply.say(format_args!("Rooms: {all}"));
    for RoomSummary {
        name,
        members,
        topic,
        is_keyed,
    } in rooms
    {
        let key = if *is_keyed { ", with a key" } else { "" };
        match topic {
            Some(topic) => reply.say(format_args!("  {name} ({members}{key}): {topic}")),
            None => reply.say(format_args!("  {name} ({members}{key})")),
        }
    }
    more(all - rooms.len(), reply);
}

fn more(count: usize, reply: &mut Reply<'_>) {
    if count > 0 {
        reply.say(format_args!("  and {count} more"));
    }
}

fn help(reply: &mut Reply<'_>) {
    reply.say("What you type is said in your room. What begins with / is a command:");
    for (usage, purpose) in COMMANDS {
        reply.say(format_args!("  {usage}: {purpose}"));
    }
}

/// A member as a list shows it.
struct Described<'a>(&'a Presence);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Presence {
            name,
            is_operator,
            is_muted,
            away,
            idle,
        } = self.0;
        write!(f, "  {name}")?;
        let mut separator = " (";
        let mut note = |f: &mut fmt::Formatter<'_>, text: &dyn fmt::Display| {
            write!(f, "{}{text}", std::mem::replace(&mut separator, ", "))
        };
        if *is_operator {
            note(f, &"operator")?;
        }
        if *is_muted {
            note(f, &"may not speak")?;
        }
        if *idle >= IDLE {
            note(f, &format_args!("idle for {}", For(*idle)))?;
        }
        if let Some(why) = away {
            note(f, &format_args!("away: {why}"))?;
        }
        f.write_str(if separator == ", " { ")" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_does_nothing_for_a_minute_is_idle() {
        let described = |is_operator, seconds, away: Option<&str>| {
            let presence = Presence {
                name: Name::parse("ann").unwrap(),
                is_operator,
                is_muted: is_operator,
                away: away.map(Text::clean),
                idle: Duration::from_secs(seconds),
            };
            Described(&presence).to_string()
        };
        assert_eq!(described(false, 59, None), "  ann");
        assert_eq!(described(false, 60, None), "  ann (idle for 1 min)");
        assert_eq!(described(false, 0, Some("out")), "  ann (away: out)");
        assert_eq!(
            described(true, 7_300, Some("out")),
            "  ann (operator, may not speak, idle for 2 h, away: out)"
        );
    }
}
