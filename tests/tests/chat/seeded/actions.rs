//! What the simulated clients do.

use std::collections::BTreeSet;
use std::time::Duration;

use socketserver::testkit::random::Random;
use socketserver::testkit::script::{Data, Part, Pattern, Script, Step};

use super::stage::OBSERVER;
use super::{NAMES, ROOMS};

/// How long everybody waits before he leaves, so that everything was said before; what time jumps by is less, and so is it to a deadline for who does not read.
const QUIET: Duration = Duration::from_secs(5);

/// The whole life of a client: it talks and comes and goes in both rooms, reads now and then, waits until everybody has talked, and leaves.
pub(super) fn script(name: &'static str, random: &mut Random) -> Script {
    let mut actor = Actor {
        name,
        said: 0,
        marks: 0,
        rooms: BTreeSet::from(["lobby"]),
        steps: vec![
            Step::Send(format!("{name}\n").as_str().into()),
            until("/help lists what you can do.\n"),
        ],
    };
    for _ in 0..=random.below(5) {
        let lines: String = (0..random.below(8)).map(|_| actor.line(random)).collect();
        if !lines.is_empty() {
            actor.steps.push(Step::Send(lines.as_str().into()));
        }
        match random.below(4) {
            0 => actor.read(),
            1 => actor.wait(random.below(3) as u64 * 10),
            _ => {}
        }
    }
    // What it has sent is heard before everybody waits, and what it is sent is read after that.
    actor.read();
    actor.steps.push(Step::Wait(QUIET));
    actor.read();
    actor.steps.push(Step::Send("/quit\n".into()));
    actor.steps.push(Step::Expect(Pattern::new([Part::Rest])));
    actor.steps.into_iter().collect()
}

/// A client while its script is made.
struct Actor {
    name: &'static str,
    /// How many lines it has said, and so the number of the next one.
    said: usize,
    marks: usize,
    /// Where it is, as far as it has decided that itself.
    rooms: BTreeSet<&'static str>,
    steps: Vec<Step>,
}

impl Actor {
    /// A line that it sends.
    fn line(&mut self, random: &mut Random) -> String {
        match random.below(10) {
            0 | 1 => self.come_or_go(ROOMS[random.below(2)]),
            // Others try to, now and then.
            2 if self.name == NAMES[0] || random.one_in(4) => operate(random),
            number => {
                self.said += 1;
                let manner = if number == 3 { "/me " } else { "" };
                format!("{manner}{}-{}\n", self.name, self.said)
            }
        }
    }

    /// It never enters where it may be already, so that every time that it enters is another stay.
    fn come_or_go(&mut self, room: &'static str) -> String {
        if self.rooms.remove(room) {
            format!("/part {room}\n")
        } else {
            self.rooms.insert(room);
            format!("/join {room}\n")
        }
    }

    /// Reads everything that was sent to it until now.
    fn read(&mut self) {
        self.marks += 1;
        let mark = self.marks;
        let told = format!("/msg {OBSERVER} mark-{mark}\n");
        self.steps.push(Step::Send(told.as_str().into()));
        self.steps
            .push(until(&format!("[{OBSERVER} -> you] mark-{mark}\n")));
    }

    fn wait(&mut self, milliseconds: u64) {
        self.steps
            .push(Step::Wait(Duration::from_millis(milliseconds)));
    }
}

/// What only operators may.
fn operate(random: &mut Random) -> String {
    let who = NAMES[1 + random.below(NAMES.len() - 1)];
    match random.below(6) {
        0 | 1 => format!("/kick {who}\n"),
        2 => format!("/mute {who}\n"),
        3 => format!("/unmute {who}\n"),
        4 => "/key sesame\n".to_owned(),
        _ => "/key\n".to_owned(),
    }
}

fn until(text: &str) -> Step {
    Step::Expect(Pattern::new([Part::Until(Data::text(text))]))
}
