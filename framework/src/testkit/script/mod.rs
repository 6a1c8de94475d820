//! Network scripts: a conversation with a server as a plain text, one step a line.
//!
//! ```text
//! # A comment reaches to the end of its line.
//! send "HELO example\r\n"
//! expect "250 " until "\r\n"
//! send "DATA\r\n" hex 00ff "x" * 1000 file "letter.txt"
//! expect any 4 "ok" rest
//! wait 50ms
//! half-close
//! expect closed
//! ```
//!
//! | Step | Does |
//! |---|---|
//! | `send` *data* | sends bytes |
//! | `expect` *pattern* | receives bytes, which must be like this |
//! | `expect closed`, `expect reset`, `expect end` | receives nothing more but the end: an orderly one, a reset, or either |
//! | `wait 50ms` | lets time pass |
//! | `half-close` | sends the end of our side; the server may still send |
//! | `reset` | leaves at once, so that the server sees a reset, where the transport has one |
//!
//! *Data* is any number of these, one behind the other, each of which `* 3` repeats three times:
//!
//! | Piece | Is |
//! |---|---|
//! | `"text"` | the text in UTF-8, with the escapes `\n` `\r` `\t` `\0` `\"` `\\` `\xff` `\u{20ac}` |
//! | `hex 00 ff 0d0a` | bytes in pairs of hexadecimal digits, spaced as you like |
//! | `file "name"` | what is in a file, named from the folder of the script |
//!
//! A *pattern* is made of the same pieces, which must come exactly so, and of these:
//!
//! | Piece | Matches |
//! |---|---|
//! | `any 4` | so many bytes, whichever they are |
//! | `until "\r\n"` | everything up to this, and this |
//! | `rest` | everything up to the end of the connection; only at the end of a pattern |
//! | `skip until "\r\n"` | the same as without `skip`, but a [prover](super::prover) lets it be different each time: a date, say |
//!
//! A stream has no messages, so an expectation takes what it matches and leaves what follows to the next one: `expect "250"` is
//! satisfied by `250 hello` too, `expect "250" until "\n"` takes that whole line, and only `expect closed` says that nothing may follow.
//!
//! # Data and running are two things
//!
//! A [`Script`] is a list of [`Step`]s and does nothing. [`Script::play`] plays it to a [`Peer`], which is a real connection
//! ([`SocketPeer`]) or whatever else can send and receive bytes.
//!
//! ```no_run
//! use std::time::Duration;
//! use socketserver::Endpoint;
//! use socketserver::testkit::script::{Script, SocketPeer};
//!
//! let script = Script::load("greeting.script")?;
//! let server: Endpoint = "tcp://192.0.2.1:25".parse()?;
//! let mut peer = SocketPeer::connect(&server, Duration::from_secs(10))?;
//! let transcript = script.play(&mut peer, Duration::from_secs(5))?;
//! println!("{} bytes came", transcript.output.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod data;
mod error;
mod failure;
mod layout;
mod parse;
mod pattern;
mod peer;
mod play;
mod socket;
mod step;
mod transcript;
mod words;

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

pub use self::data::Data;
pub use self::error::ScriptError;
pub use self::failure::Failure;
pub(crate) use self::layout::Layout;
pub(crate) use self::pattern::{Matching, Verdict};
pub use self::pattern::{Part, Pattern};
pub use self::peer::Peer;
pub(crate) use self::play::Player;
pub use self::socket::SocketPeer;
pub use self::step::{End, Step};
pub use self::transcript::Transcript;

/// The most bytes that a script may send, or name in one expectation, after repeats and files: they are kept in memory.
pub const SCRIPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A conversation: what one side sends, and what it expects.
///
/// One that was read prints as a text that can be read again. Of those that are made of values, some cannot be written: an empty pattern, for instance.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: Vec<Step>,
    /// Where each step was written, so that what fails can be found.
    lines: Vec<usize>,
}

impl Script {
    /// Reads a script. Files in it are named from the current folder.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        parse::script(text, Path::new(""))
    }

    /// Reads a script from a file. Files in it are named from its folder.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ScriptError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| ScriptError::unreadable(path, &error))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        parse::bytes(&bytes, folder).map_err(|error| error.in_file(path))
    }

    /// The steps, in their order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// In which line a step was written, counted from one.
    ///
    /// # Panics
    ///
    /// When there is no such step.
    pub fn line(&self, step: usize) -> usize {
        self.lines[step]
    }

    /// Everything that it sends.
    pub fn input(&self) -> Vec<u8> {
        let data = self.steps.iter().filter_map(|step| match step {
            Step::Send(data) => Some(data.bytes()),
            _ => None,
        });
        data.collect::<Vec<_>>().concat()
    }

    /// Plays it: sends what it sends, step by step, and compares what comes with what it expects.
    ///
    /// `patience` is how long each step may take.
    ///
    /// # Errors
    ///
    /// At the first expectation that is not met. It says which line that is, and how what came differs.
    pub fn play(
        &self,
        peer: &mut impl Peer,
        patience: Duration,
    ) -> Result<Transcript, Box<Failure>> {
        let layout = Layout::new(self);
        let mut player = Player::new(self, &layout, &[], patience, Duration::ZERO);
        let result = player.play(peer);
        result.map(|()| player.into_transcript())
    }
}

/// Steps of which the first is in line 1.
impl FromIterator<Step> for Script {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        let steps: Vec<_> = steps.into_iter().collect();
        let lines = (1..=steps.len()).collect();
        Self { steps, lines }
    }
}

/// Scripts are equal when their steps are, wherever these were written.
impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps
    }
}

impl Eq for Script {}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        Self::parse(text)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}
