//! Several clients of one chat, each of whom hears exactly what it should, in its order.

use std::io::Read;
use std::ops::Range;

use socketserver::Config;
use socketserver_handlers::chat::hub::Hub;
use socketserver_handlers::chat::{Chat, Rate, Settings};
use socketserver_tests::{Case, Client, End, Running};

use super::conversation::WELCOME;

/// A server of a chat.
pub(crate) struct Company {
    hub: Hub,
    pub(crate) server: Running,
}

impl Company {
    /// A chat with the default limits, in which everybody may be as fast as he can.
    pub(crate) fn new(case: &Case) -> Self {
        Self::under(case, |_| {})
    }

    /// The same with other limits.
    pub(crate) fn under(case: &Case, change: impl FnOnce(&mut Settings)) -> Self {
        Self::with(case, case.config(), None, change)
    }

    /// A chat with everything of one's own.
    pub(crate) fn with(
        case: &Case,
        config: Config,
        rate: Option<Rate>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let chat = Chat::new(settings, rate);
        let hub = chat.hub().clone();
        let config = chat.config(config);
        let server = case.serve_events_with(config, move |peer| chat.line_door(peer));
        Self { hub, server }
    }

    /// Somebody who has connected, and was asked for a name.
    pub(crate) fn visit(&self) -> Speaker {
        let mut speaker = Speaker {
            client: self.server.connect(),
        };
        speaker.hear(WELCOME);
        speaker
    }

    /// The first one, who is alone in the lobby and its operator.
    pub(crate) fn first(&self, name: &str) -> Speaker {
        let mut speaker = self.visit();
        speaker.say(name).hear(&hello(name)).hear(OPERATOR);
        speaker
    }

    /// Somebody who enters the lobby, of which everybody else there hears.
    pub(crate) fn enter(&self, name: &str, others: &mut [&mut Speaker]) -> Speaker {
        let mut speaker = self.visit();
        speaker.say(name).hear(&hello(name));
        all_hear(others, &format!("[lobby] -- {name} has joined"));
        speaker
    }

    /// The server stops, of which everybody hears once, and nobody of anything else.
    pub(crate) fn stop<const COUNT: usize>(self, speakers: [Speaker; COUNT]) {
        let Self { hub, mut server } = self;
        server.stop_handle().stop();
        for mut speaker in speakers {
            speaker.hear("-- The server stops. Bye.");
            speaker.over();
        }
        server.join();
        let stats = hub.stats();
        assert_eq!(
            (stats.members, stats.rooms),
            (0, 0),
            "nobody is left, and no room"
        );
    }
}

pub(crate) const OPERATOR: &str = "-- You are an operator here.";

fn hello(name: &str) -> String {
    format!("-- Hello, {name}. You are in lobby; /help lists what you can do.")
}

/// The numbers of a range as lines.
pub(crate) fn numbered(numbers: Range<u32>) -> String {
    numbers.map(|number| number.to_string() + "\n").collect()
}

/// Each of them hears this line next.
#[track_caller]
pub(crate) fn all_hear(speakers: &mut [&mut Speaker], line: &str) {
    for speaker in speakers {
        speaker.hear(line);
    }
}

/// A client of the line door.
pub(crate) struct Speaker {
    pub(crate) client: Client,
}

impl Speaker {
    /// Sends a line.
    #[track_caller]
    pub(crate) fn say(&mut self, line: &str) -> &mut Self {
        self.client.send(format!("{line}\n"));
        self
    }

    /// Receives this line next.
    #[track_caller]
    pub(crate) fn hear(&mut self, line: &str) -> &mut Self {
        self.client.expect(format!("{line}\n"));
        self
    }

    /// Says something, and hears this line next.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str, answer: &str) -> &mut Self {
        self.say(line).hear(answer)
    }

    /// Says something, and hears these lines next.
    #[track_caller]
    pub(crate) fn ask_for(&mut self, line: &str, answers: &[&str]) -> &mut Self {
        self.say(line).hear_all(answers)
    }

    /// Receives these lines next.
    #[track_caller]
    pub(crate) fn hear_all(&mut self, lines: &[&str]) -> &mut Self {
        for line in lines {
            self.hear(line);
        }
        self
    }

    /// Enters a room that does not exist, and is its operator.
    #[track_caller]
    pub(crate) fn begin(&mut self, room: &str) -> &mut Self {
        self.ask_for(
            &format!("/join {room}"),
            &[&format!("-- You are in {room}."), OPERATOR],
        )
    }

    /// Receives the next line, whatever it is.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            self.client.read_exact(&mut byte).expect("a line comes");
            if byte == *b"\n" {
                return String::from_utf8(line).expect("it is text");
            }
            line.push(byte[0]);
        }
    }

    /// Tells something to another one, who has therefore heard everything that was sent to it before, and hears this next.
    #[track_caller]
    pub(crate) fn fence(&mut self, own_name: &str, name: &str, other: &mut Speaker) -> &mut Self {
        self.ask(&format!("/msg {name} now"), &format!("[you -> {name}] now"));
        other.hear(&format!("[{own_name} -> you] now"));
        self
    }

    /// Leaves, and is told so.
    #[track_caller]
    pub(crate) fn quit(self) {
        self.leave("/quit");
    }

    /// Leaves with this line, and is told so.
    #[track_caller]
    pub(crate) fn leave(mut self, line: &str) {
        self.ask(line, "-- Bye.");
        self.closed();
    }

    /// Hears nothing more but an end in order, and goes, since a server waits for that.
    #[track_caller]
    pub(crate) fn closed(mut self) {
        assert_eq!(self.client.expect_end(), End::Closed);
    }

    /// Hears nothing more but an end.
    #[track_caller]
    pub(crate) fn over(mut self) {
        self.client.expect_end();
    }
}
