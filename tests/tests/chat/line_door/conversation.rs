//! A conversation of one client with a chat of its own, as a script.

use std::time::Duration;

use socketserver::testkit::script::{Data, End, Pattern, Script, Step};
use socketserver_handlers::chat::{Rate, Settings};

pub(super) const WELCOME: &str = "-- Welcome. What is your name?";

/// A conversation with a chat in which nobody else is.
pub(super) struct Conversation {
    /// What it is about.
    pub(super) name: &'static str,
    pub(super) settings: Settings,
    /// How fast it may speak.
    pub(super) rate: Option<Rate>,
    steps: Vec<Step>,
    /// Whether it takes minutes: those that pass in no time where time is made up are too long for a real network.
    pub(super) takes_minutes: bool,
    /// Whether there is so much to send that few ways to cut it must do.
    pub(super) is_long: bool,
}

impl Conversation {
    /// One that has not begun yet.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            settings: Settings::default(),
            rate: None,
            steps: Vec::new(),
            takes_minutes: false,
            is_long: false,
        }
    }

    /// One with ann, who is alone in the lobby and its operator.
    pub(super) fn with_ann(name: &'static str) -> Self {
        Self::new(name)
            .hear(WELCOME)
            .say("ann")
            .hear("-- Hello, ann. You are in lobby; /help lists what you can do.")
            .hear("-- You are an operator here.")
    }

    /// The same under other limits.
    pub(super) fn under(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// The same, no faster than that.
    pub(super) fn at_rate(mut self, rate: &str) -> Self {
        self.rate = Some(rate.parse().expect("it is a rate"));
        self
    }

    /// The same with few cuts.
    pub(super) fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    /// Sends a line.
    pub(super) fn say(self, line: &str) -> Self {
        self.send(format!("{line}\n"))
    }

    /// Sends bytes as they are.
    pub(super) fn send(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Send(Data::hex(bytes)));
        self
    }

    /// Receives exactly this line.
    pub(super) fn hear(mut self, line: &str) -> Self {
        let line = Data::text(format!("{line}\n"));
        self.steps.push(Step::Expect(Pattern::from(line)));
        self
    }

    /// Says something, and hears this line and no other.
    pub(super) fn ask(self, line: &str, answer: &str) -> Self {
        self.say(line).hear(answer)
    }

    /// Lets time pass, of which there are minutes.
    pub(super) fn wait_minutes(mut self, minutes: u64) -> Self {
        self.steps
            .push(Step::Wait(Duration::from_secs(minutes * 60)));
        self.minutes_later()
    }

    /// What follows takes a minute to come.
    pub(super) fn minutes_later(mut self) -> Self {
        self.takes_minutes = true;
        self
    }

    /// Ends the client's side; the server may still speak.
    pub(super) fn half_close(mut self) -> Self {
        self.steps.push(Step::HalfClose);
        self
    }

    /// Sees the server end, in order.
    pub(super) fn closed(mut self) -> Self {
        self.steps.push(Step::ExpectEnd(Some(End::Closed)));
        self
    }

    /// Sees the server end in some way.
    pub(super) fn over(mut self) -> Self {
        self.steps.push(Step::ExpectEnd(None));
        self
    }

    /// Ends the client's side, and hears nothing more.
    pub(super) fn end(self) -> Self {
        self.half_close().closed()
    }

    pub(super) fn script(&self) -> Script {
        self.steps.iter().cloned().collect()
    }
}
