//! What comes: the way in, what others say, and the way back when the connection was lost.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use socketserver::Endpoint;

use super::club::{Club, Stage};
use super::seen::Seen;
use super::wire::{Heard, Receiver, Sender, Wire, refused};
use crate::exit::{Code, Failure, cause};
use crate::keyboard::Above;

/// How long a server may take to let us in.
const ENTRY_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a server for datagrams is told that we are still there; it forgets us after a minute.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(20);
/// How long to wait before the first further try, and before any.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Shows what comes.
pub(super) struct Hearing {
    pub(super) club: Arc<Club>,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) above: Above,
    pub(super) endpoint: Endpoint,
    pub(super) timeout: Option<Duration>,
    /// How often to try again in a row.
    pub(super) tries_max: Option<u32>,
    pub(super) is_terminal: bool,
}

/// How a visit has ended.
enum Visit {
    /// As it should, or for good.
    Over(Result<(), Failure>),
    /// It may be tried again; whether we had been in, and why we are out.
    Lost(bool, Failure),
}

impl Hearing {
    pub(super) fn run(self) {
        let (mut tries, mut was_in) = (0, false);
        let result = loop {
            let visit = self.visit(was_in);
            self.club.set_stage(Stage::Away);
            let failure = match visit {
                Visit::Over(result) => break result,
                Visit::Lost(is_news, failure) => {
                    // A visit that has led in was none in vain.
                    tries = if is_news { 0 } else { tries };
                    was_in |= is_news;
                    failure
                }
            };
            if self.club.is_leaving() {
                break Ok(());
            }
            if !was_in || self.tries_max.is_some_and(|max| tries >= max) {
                break Err(failure);
            }
            let pause = pause(tries);
            tries += 1;
            self.above.note(&format!(
                "{}; trying again in {:.1} s",
                failure.sentence(),
                pause.as_secs_f32()
            ));
            if self.club.wait_or_leave(pause) {
                break Ok(());
            }
        };
        self.club.end(result);
    }

    fn visit(&self, was_in: bool) -> Visit {
        let (sender, receiver, hello) = match self.enter(was_in) {
            Ok(entered) => entered,
            Err(visit) => return visit,
        };
        for command in self.club.way_back() {
            // What cannot be sent is seen by whoever receives.
            let _ = sender.send(&command);
        }
        // Whoever sees that we are in can speak.
        self.club.set_stage(Stage::In(sender.clone()));
        if was_in {
            self.above.note("connected again");
        }
        if let Err(error) = self.show(&hello) {
            return unseen(&error);
        }
        self.listen(&sender, receiver)
    }

    /// Connects and says who we are, until the server says hello, which comes along; else how the visit has ended.
    fn enter(&self, was_in: bool) -> Result<(Arc<Sender>, Receiver, String), Visit> {
        let lost = |failure| Visit::Lost(false, failure);
        let mut name = self.club.name();
        let (mut sender, mut receiver) = self.introduce(&name).map_err(lost)?;
        let mut deadline = Instant::now() + ENTRY_TIMEOUT;
        loop {
            let heard = receiver.next(Duration::from_secs(1));
            let line = match heard.map_err(|error| lost(self.lost(&error)))? {
                Heard::Line(line) => line,
                Heard::End => return Err(lost(ended())),
                Heard::Nothing if Instant::now() < deadline => continue,
                Heard::Nothing => {
                    let sentence = format!("{} lets nobody in (is it a chat?)", self.endpoint);
                    return Err(lost(Failure::new(Code::Failed, sentence)));
                }
            };
            if line.starts_with("-- Hello") {
                self.club.is_known();
                return Ok((sender, receiver, line));
            }
            if let Some(why) = line.strip_prefix("!! ") {
                if was_in {
                    // It may be our own former self, which the server has not let go yet.
                    self.club.rename_back();
                    return Err(lost(refused(&name, why)));
                }
                if !self.is_terminal {
                    return Err(lost(refused(&name, why)));
                }
                // Whoever sees that another name is wanted can say it.
                self.club.set_stage(Stage::Nameless);
                self.show(&line).map_err(|error| unseen(&error))?;
                self.above.note("which name shall it be?");
                name = self.club.wait_for_name().ok_or(Visit::Over(Ok(())))?;
                if sender.is_for_datagrams() {
                    // Each name needs a cookie of its own.
                    (sender, receiver) = self.introduce(&name).map_err(lost)?;
                } else {
                    let _ = sender.introduce(&name);
                }
                deadline = Instant::now() + ENTRY_TIMEOUT;
            } else if !line.starts_with("-- Welcome") {
                self.show(&line).map_err(|error| unseen(&error))?;
            }
        }
    }

    fn introduce(&self, name: &str) -> Result<(Arc<Sender>, Receiver), Failure> {
        Wire::open(&self.endpoint, self.timeout)?.introduce(name, &self.endpoint)
    }

    /// Shows what comes until nothing does any more.
    fn listen(&self, sender: &Sender, mut receiver: Receiver) -> Visit {
        let mut sign_of_life = Instant::now() + KEEP_ALIVE_EVERY;
        loop {
            let now = Instant::now();
            if now >= sign_of_life {
                sign_of_life = now + KEEP_ALIVE_EVERY;
                if let Err(error) = sender.keep_alive() {
                    return Visit::Lost(true, self.lost(&error));
                }
            }
            match receiver.next(sign_of_life - now) {
                Ok(Heard::Line(line)) => {
                    if let Err(error) = self.show(&line) {
                        return unseen(&error);
                    }
                }
                Ok(Heard::Nothing) => {}
                Ok(Heard::End) => return Visit::Lost(true, ended()),
                Err(error) => return Visit::Lost(true, self.lost(&error)),
            }
        }
    }

    fn show(&self, line: &str) -> io::Result<()> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(line);
        let shown = self.above.show(line);
        self.club.hear();
        shown
    }

    fn lost(&self, error: &io::Error) -> Failure {
        let sentence = match error.kind() {
            ErrorKind::ConnectionReset => "the server has reset the connection".to_owned(),
            ErrorKind::ConnectionRefused => {
                format!("nobody receives at {} any more", self.endpoint)
            }
            ErrorKind::TimedOut => format!("{} does not answer", self.endpoint),
            _ => format!("the connection broke: {}", cause(error)),
        };
        Failure::new(Code::Failed, sentence)
    }
}

fn ended() -> Failure {
    Failure::new(Code::Failed, "the server has ended the connection")
}

/// The visit is over, since nobody sees what comes.
fn unseen(error: &io::Error) -> Visit {
    Visit::Over(match error.kind() {
        // Whoever reads no further knows enough.
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::system("cannot write to standard output", error)),
    })
}

/// How long to wait before a further try: longer each time, and not at the same time as all others whom the same server has lost.
fn pause(tries: u32) -> Duration {
    let most = PAUSE_MIN
        .saturating_mul(2_u32.saturating_pow(tries))
        .min(PAUSE_MAX);
    most.mul_f32(0.5 + fastrand::f32() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_become_longer_up_to_a_limit_and_are_never_all_the_same() {
        for (tries, most) in [(0, 1), (1, 2), (4, 16), (5, 30), (40, 30), (u32::MAX, 30)] {
            let pauses: Vec<_> = (0..100).map(|_| pause(tries)).collect();
            let most = Duration::from_secs(most);
            assert!(pauses.iter().all(|pause| (most / 2..=most).contains(pause)));
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
