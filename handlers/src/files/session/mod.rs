//! The conversation with one client: which state it is in, and what each callback does there.
//!
//! A session does one thing at a time. While others work for it, and while a file is sent, nothing is read, so that requests which a client sends ahead wait in its own
//! socket and not in memory here.

mod asked;
mod login;
mod receiving;

use std::sync::Arc;
use std::time::Duration;

use socketserver::{
    Address, Codec, Conn, Decoded, FrameError, Handler, HandlerError, Input, Offloaded,
};

pub(super) use self::receiving::BODY_BYTES_MAX;
use self::receiving::{End, Receiving};
use super::accounts::User;
use super::request::Request;
use super::service::Service;
use super::transfer::Transfer;
use super::wire::{self, Id, Number, ReplyFields, RequestFields};
use super::work::{Outcome, Step, Work};
use super::{FilePath, Refusal, Word, verbs};

/// The longest header before login, in bytes: the longest password, even if each of its letters is escaped.
const STRANGERS_FRAME_BYTES_MAX: usize = 4096;
/// How long work is put off that somebody else is doing.
const LATER: Duration = Duration::from_millis(20);

/// The timers of a session.
mod timers {
    /// Nobody has logged in for too long.
    pub(super) const LOGIN: u8 = 0;
    /// Work that was put off is due.
    pub(super) const LATER: u8 = 1;
    /// The answer to a wrong login is due.
    pub(super) const ANSWER: u8 = 2;
}

/// Serves files to one client. [`Files::handler`](super::Files::handler) makes it.
#[derive(Debug)]
pub struct FileHandler {
    service: Arc<Service>,
    peer: Address,
    /// Who may do something: the user, or whoever needs no login.
    who: Option<Box<User>>,
    /// The current folder, below the user's home.
    folder: FilePath,
    state: State,
    /// The upload of version 2 that is open, and what it is called.
    open: Option<(String, Box<Transfer>)>,
    uploads: u64,
    wrong_logins: u32,
    /// What the request under way is called by its sender.
    id: Option<Id>,
    is_stopping: bool,
}

/// What a session is doing.
enum State {
    /// It waits for a request.
    Idle,
    /// Others work for it.
    Working(Offloaded<Step>, Next),
    /// Others will work for it in a moment.
    PutOff(Work, Next),
    /// A file comes.
    Receiving(Box<Receiving>),
    /// The body of a refused request comes: so many bytes are dropped, and then this is the reply.
    Dropping(u64, Box<ReplyFields>),
    /// The answer to a wrong login waits for its time.
    Delayed(Box<ReplyFields>),
    /// A file is being sent.
    Sending,
}

/// What is done with an upload when work has opened or extended it.
enum Next {
    /// It is what version 2 has asked for: the reply says what is there.
    Announce,
    /// The body of a request of version 1 is stored in it.
    Receive { bytes: u64, end: End },
    /// A part of version 2 was added.
    Acknowledge,
    /// There is none.
    Nothing,
}

impl FileHandler {
    pub(super) fn new(service: Arc<Service>, peer: Address) -> Self {
        let who = service.anonymous().map(Box::new);
        Self {
            service,
            peer,
            who,
            folder: FilePath::root(),
            state: State::Idle,
            open: None,
            uploads: 0,
            wrong_logins: 0,
            id: None,
            is_stopping: false,
        }
    }

    /// Reads the next header, if it is whole.
    fn read_request(
        &mut self,
        input: &mut Input<'_>,
        conn: &mut Conn<'_>,
    ) -> Result<(), HandlerError> {
        let max = self.service.settings.frame_bytes_max;
        let max = match self.who {
            Some(_) => max,
            None => max.min(STRANGERS_FRAME_BYTES_MAX),
        };
        let fields = match wire::framing(max).decode(input) {
            Ok(Decoded::Incomplete { bytes_min }) => {
                conn.want(bytes_min);
                return Ok(());
            }
            Ok(Decoded::Message { payload, length }) => {
                wire::read::<RequestFields>(&input.take(length)[payload])
            }
            Err(error) => Err(error),
        };
        match fields {
            Ok(fields) => {
                self.begin(Request::new(fields), conn);
                Ok(())
            }
            Err(error) => Err(refuse_frame(error, conn)),
        }
    }

    /// Has something done by others, and reads nothing meanwhile.
    fn have_done(
        &mut self,
        work: impl FnOnce() -> Step + Send + 'static,
        next: Next,
        conn: &mut Conn<'_>,
    ) {
        if let Ok(result) = conn.offload(work) {
            self.state = State::Working(result, next);
            conn.pause_reading();
            return;
        }
        let body_bytes = match next {
            Next::Receive { bytes, .. } => bytes,
            _ => 0,
        };
        self.refuse(too_busy(), body_bytes, conn);
    }

    /// A piece of work is done.
    fn go_on(&mut self, step: Step, next: Next, conn: &mut Conn<'_>) {
        match step {
            Step::More(work) => self.have_done(work, next, conn),
            Step::Later(work) => {
                self.state = State::PutOff(work, next);
                conn.set_timer(timers::LATER, LATER);
            }
            Step::Done(outcome) => self.conclude(outcome, next, conn),
        }
    }

    /// All work for a request is done, or for as much of its body as had come.
    fn conclude(&mut self, outcome: Outcome, next: Next, conn: &mut Conn<'_>) {
        match (outcome, next) {
            (Outcome::Reply(reply), _) => self.reply(*reply, conn),
            (Outcome::Refused(refusal), Next::Receive { bytes, .. }) => {
                self.refuse(self.as_seen_from_home(refusal), bytes, conn);
            }
            (Outcome::Refused(refusal), _) => {
                self.refuse(self.as_seen_from_home(refusal), 0, conn);
            }
            (Outcome::Moved(reply, folder), _) => {
                self.folder = folder;
                self.reply(*reply, conn);
            }
            (Outcome::File(reply, file, range), _) => {
                self.write(*reply, conn);
                conn.send_file(file, range);
                // What comes next is read when the file is sent: else a client could have any number of them open.
                self.state = State::Sending;
                conn.pause_until_sent();
            }
            (Outcome::Opened(transfer), Next::Receive { bytes, end }) => {
                self.receive(transfer, bytes, end, conn);
            }
            (Outcome::Opened(transfer), _) => {
                self.uploads += 1;
                let token = self.uploads.to_string();
                let reply = verbs::opened(&transfer, &token);
                self.open = Some((token, transfer));
                self.reply(reply, conn);
            }
            (Outcome::Appended(transfer), _) => {
                let reply = ReplyFields {
                    offset: Some(Number::from(transfer.held())),
                    ..ReplyFields::new(200, "received")
                };
                self.open = Some((self.uploads.to_string(), transfer));
                self.reply(reply, conn);
            }
            (Outcome::Verified(user), _) => self.verified(user, conn),
            (Outcome::AtHome(user), _) => self.admit(user, conn),
        }
    }

    /// Answers a request, and waits for the next one.
    fn reply(&mut self, reply: ReplyFields, conn: &mut Conn<'_>) {
        self.write(reply, conn);
        self.rest(conn);
    }

    fn write(&mut self, mut reply: ReplyFields, conn: &mut Conn<'_>) {
        reply.id = self.id.take();
        conn.write(&wire::write(&reply));
    }

    /// Waits for the next request.
    fn rest(&mut self, conn: &mut Conn<'_>) {
        self.state = State::Idle;
        conn.resume_reading();
        if self.is_stopping {
            conn.finish();
        }
    }

    /// Refuses a request whose body is still to come, all of it or so many bytes.
    fn refuse(&mut self, refusal: Refusal, body_bytes: u64, conn: &mut Conn<'_>) {
        log::debug!("#{} {}: refused: {}", conn.id(), self.peer, refusal);
        let reply = ReplyFields::from(refusal);
        if body_bytes == 0 {
            self.reply(reply, conn);
        } else if body_bytes <= self.service.settings.drain_bytes_max {
            self.state = State::Dropping(body_bytes, Box::new(reply));
            conn.resume_reading();
        } else {
            self.write(reply, conn);
            conn.close();
        }
    }

    /// What the storage says, which knows nothing of homes: users need not know where theirs are.
    fn as_seen_from_home(&self, mut refusal: Refusal) -> Refusal {
        if let Some(user) = self.who.as_ref().filter(|user| !user.home.is_root()) {
            let above = format!("{}/", user.home);
            refusal.sentence = refusal.sentence.replacen(&above, "/", 1);
        }
        refusal
    }
}

impl Handler for FileHandler {
    fn opened(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if self.who.is_none() {
            conn.set_timer(timers::LOGIN, self.service.settings.login_timeout);
        }
        Ok(())
    }

    fn received(&mut self, input: &mut Input<'_>, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match &mut self.state {
            State::Idle => self.read_request(input, conn),
            State::Receiving(receiving) => {
                receiving.take(input);
                self.store(conn);
                Ok(())
            }
            State::Dropping(bytes, reply) => {
                let taken = input.take(
                    usize::try_from(*bytes).map_or(input.len(), |bytes| bytes.min(input.len())),
                );
                *bytes -= taken.len() as u64;
                if *bytes == 0 {
                    let reply = std::mem::take(&mut **reply);
                    self.reply(reply, conn);
                }
                Ok(())
            }
            // Nothing is read there.
            State::Working(..) | State::PutOff(..) | State::Delayed(_) | State::Sending => Ok(()),
        }
    }

    fn drained(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        if matches!(self.state, State::Sending) {
            self.rest(conn);
        }
        Ok(())
    }

    fn woken(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match &mut self.state {
            State::Working(result, next) => {
                if let Some(step) = result.take() {
                    let next = std::mem::replace(next, Next::Nothing);
                    self.go_on(step, next, conn);
                }
            }
            State::Receiving(receiving) => {
                if let Some(result) = receiving.take_result() {
                    self.stored(result, conn);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn timer(&mut self, timer: u8, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        match (timer, std::mem::replace(&mut self.state, State::Idle)) {
            (timers::LATER, State::PutOff(work, next)) => self.have_done(work, next, conn),
            (timers::ANSWER, State::Delayed(reply)) => self.answer_wrong_login(*reply, conn),
            (timers::LOGIN, state) => {
                self.state = state;
                self.press_for_login(conn);
            }
            (_, state) => self.state = state,
        }
        Ok(())
    }

    fn stopping(&mut self, conn: &mut Conn<'_>) -> Result<(), HandlerError> {
        self.is_stopping = true;
        match self.state {
            State::Idle => conn.finish(),
            // Nobody waits for whoever guesses passwords.
            State::Delayed(_) => conn.close(),
            _ => {}
        }
        Ok(())
    }
}

/// Answers what is no frame, and gives the error that ends the connection.
fn refuse_frame(error: FrameError, conn: &mut Conn<'_>) -> HandlerError {
    let word = match error {
        FrameError::LengthTooLarge { .. } => Word::TooBig,
        _ => Word::BadFrame,
    };
    let refusal = Refusal::new(word, error.to_string());
    conn.write(&wire::write(&ReplyFields::from(refusal)));
    error.into()
}

fn too_busy() -> Refusal {
    Refusal::new(
        Word::Busy,
        "the server has too much to do (try again in a moment)",
    )
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::Working(..) => "Working",
            Self::PutOff(..) => "PutOff",
            Self::Receiving(_) => "Receiving",
            Self::Dropping(..) => "Dropping",
            Self::Delayed(_) => "Delayed",
            Self::Sending => "Sending",
        })
    }
}
