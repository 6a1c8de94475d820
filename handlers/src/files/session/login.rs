//! Logging in: at most a few tries, none of them cheap for who guesses, and nothing before.

use std::time::{Duration, Instant};

use socketserver::Conn;

use super::{FileHandler, Next, State, timers, too_busy};
use crate::files::accounts::User;
use crate::files::request::Secret;
use crate::files::wire::{self, ReplyFields};
use crate::files::work::{Outcome, Step};
use crate::files::{FilePath, Refusal, Word};

/// How many wrong logins end a connection.
const TRIES_MAX: u32 = 3;
/// How long somebody who is just logging in is waited for once more.
const GRACE: Duration = Duration::from_secs(1);

impl FileHandler {
    pub(super) fn log_in(&mut self, user: String, password: Secret, conn: &mut Conn<'_>) {
        self.log_out(conn);
        let accounts = self.service.settings.accounts.clone();
        if let Err(refusal) = accounts.admit(&self.peer, Instant::now()) {
            return self.refuse(refusal, 0, conn);
        }
        let pool = accounts.pool().clone();
        let verify = move || Step::Done(Outcome::Verified(accounts.verify(&user, &password.0)));
        match conn.offload_to(&pool, verify) {
            Ok(result) => {
                self.state = State::Working(result, Next::Nothing);
                conn.pause_reading();
            }
            Err(_) => self.refuse(too_busy(), 0, conn),
        }
    }

    /// Whoever tries to be somebody else is who he was when he came, until it is known who he is.
    fn log_out(&mut self, conn: &mut Conn<'_>) {
        let was_somebody = self.who.is_some();
        self.who = self.service.anonymous().map(Box::new);
        self.folder = FilePath::root();
        self.open = None;
        if was_somebody && self.who.is_none() {
            conn.set_timer(timers::LOGIN, self.service.settings.login_timeout);
        }
    }

    /// It is known whether name and password are right.
    pub(super) fn verified(&mut self, user: Option<User>, conn: &mut Conn<'_>) {
        let accounts = &self.service.settings.accounts;
        let Some(user) = user else {
            let delay = accounts.failed(&self.peer, Instant::now());
            log::warn!("#{} {}: wrong name or password", conn.id(), self.peer);
            if self.is_stopping {
                return conn.close();
            }
            self.wrong_logins += 1;
            let sentence = "wrong name or password";
            let reply = ReplyFields::from(Refusal::new(Word::Auth, sentence));
            self.state = State::Delayed(Box::new(reply));
            conn.set_timer(timers::ANSWER, delay);
            return;
        };
        accounts.succeeded(&self.peer);
        let service = self.service.clone();
        let go_home = move || match service.storage.make_home(&user.home) {
            Ok(()) => Step::Done(Outcome::AtHome(user)),
            Err(refusal) => Step::refused(refusal),
        };
        self.have_done(go_home, Next::Nothing, conn);
    }

    /// The user is who he says, and his home is there.
    pub(super) fn admit(&mut self, user: User, conn: &mut Conn<'_>) {
        log::info!(
            "#{} {}: {:?} has logged in",
            conn.id(),
            self.peer,
            user.name
        );
        conn.cancel_timer(timers::LOGIN);
        let reply = ReplyFields {
            access: Some(user.access.to_string()),
            ..ReplyFields::new(200, format!("welcome, {}", user.name))
        };
        self.who = Some(Box::new(user));
        self.wrong_logins = 0;
        self.reply(reply, conn);
    }

    /// The answer to a wrong login has waited long enough.
    pub(super) fn answer_wrong_login(&mut self, reply: ReplyFields, conn: &mut Conn<'_>) {
        if self.wrong_logins < TRIES_MAX {
            self.reply(reply, conn);
        } else {
            self.write(reply, conn);
            conn.close();
        }
    }

    /// The time to log in is over.
    pub(super) fn press_for_login(&mut self, conn: &mut Conn<'_>) {
        if self.who.is_some() {
            return;
        }
        if matches!(self.state, State::Idle | State::Dropping(..)) {
            let refusal = Refusal::new(Word::Auth, "nobody has logged in in time (connect again)");
            conn.write(&wire::write(&ReplyFields::from(refusal)));
            conn.close();
        } else {
            conn.set_timer(timers::LOGIN, GRACE);
        }
    }
}
