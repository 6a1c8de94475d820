//! The datagram door: for those who send each line as a datagram.
//!
//! Whoever sends a datagram may have written any address on it. So nothing is kept and no long answer is given until a cookie has come back from where it was sent to, and
//! afterwards everything must carry the cookie, or others could speak in a member's name.

mod cookie;

use std::str;
use std::time::Instant;

use socketserver::{CloseReason, Datagram, HandlerError, Peer, PeerHandler};

use self::cookie::Cookie;
pub(super) use self::cookie::CookieJar;
use super::flood::Bucket;
use super::hub::{Departure, Outlet};
use super::terminal::{Next, Session};
use super::{Chat, Text};

/// The handler of one peer that sends lines as datagrams. [`Chat::datagram_door`] makes it.
///
/// The protocol is in `handlers/src/chat/PROTOCOL.md`. Where somebody has not proven his address, the handler ends with the datagram it was made for.
#[derive(Debug)]
pub struct DatagramDoor {
    chat: Chat,
    visit: Option<Visit>,
}

/// Somebody who has proven his address, and has a name.
#[derive(Debug)]
struct Visit {
    cookie: Cookie,
    /// The name that was brought with the cookie, as it was written then: a datagram that says both again is the same one, which the network or the client has repeated.
    brought_name: String,
    session: Session,
    bucket: Bucket,
    /// Whether it was said that datagrams come too fast, since the last one that did not.
    is_told_off: bool,
}

impl DatagramDoor {
    pub(super) fn new(chat: Chat) -> Self {
        Self { chat, visit: None }
    }

    /// Asks for a name, or takes it: `/nick NAME`, and then `/nick NAME COOKIE`.
    fn introduce(&mut self, line: &str, peer: &mut Peer<'_>) {
        let mut words = line.split_whitespace().skip(1);
        match (words.next(), words.next(), words.next()) {
            (Some(name), None, None) => {
                // It may be sent to somebody who has never asked, and who has a terminal.
                let name = Text::clean(name);
                if !name.is_empty() {
                    let cookie = self.chat.cookies().bake(peer.address(), Instant::now());
                    send(&format!("/nick {name} {}", cookie.as_str()), peer);
                }
            }
            (Some(name), Some(brought), None) => {
                let cookies = self.chat.cookies();
                if let Some(cookie) = cookies.check(brought, peer.address(), Instant::now()) {
                    self.enter(name, cookie, peer);
                }
            }
            _ => {}
        }
    }

    fn enter(&mut self, name: &str, cookie: Cookie, peer: &mut Peer<'_>) {
        peer.prove();
        let mut answer = String::new();
        match &mut self.visit {
            // The answer to it may have been lost, and nothing is to be begun anew.
            Some(visit) if visit.cookie == cookie && visit.brought_name == name => {
                if visit.may_be_heard(&mut answer) {
                    visit.session.greet_again(&mut answer);
                }
            }
            _ => self.begin(name, cookie, peer, &mut answer),
        }
        send_lines(&answer, peer);
    }

    /// Begins a visit, instead of one that there may be already.
    fn begin(&mut self, name: &str, cookie: Cookie, peer: &mut Peer<'_>, answer: &mut String) {
        let mut visit = Visit {
            cookie,
            brought_name: name.to_owned(),
            session: Session::new(self.chat.hub().clone(), self.chat.lobby().clone()),
            bucket: self.chat.bucket(peer.address()),
            is_told_off: false,
        };
        if !visit.may_be_heard(answer) {
            return;
        }
        // Before the new one, since it may have the same name.
        if let Some(mut visit) = self.visit.take() {
            visit.session.leave(&Departure::Quit(None));
        }
        let wire = self.chat.datagram_wire();
        let outlet = Outlet::datagrams(wire, peer.sender(), peer.address().clone());
        visit.session.enter(name, outlet, answer);
        if visit.session.has_entered() {
            self.visit = Some(visit);
        }
    }
}

impl Visit {
    /// Whether there is a token for another line; says so the first time that there is none.
    fn may_be_heard(&mut self, answer: &mut String) -> bool {
        let is_too_fast = self.bucket.take(Instant::now()).is_err();
        if is_too_fast && !self.is_told_off {
            Session::hear_too_soon(answer);
        }
        self.is_told_off = is_too_fast;
        !is_too_fast
    }

    /// Hears the line behind the cookie.
    fn hear(&mut self, line: &[u8], answer: &mut String) -> Next {
        if line.trim_ascii().is_empty() || !self.may_be_heard(answer) {
            return Next::Stay;
        }
        self.session.hear_bytes(line, answer)
    }
}

impl PeerHandler for DatagramDoor {
    fn received(
        &mut self,
        datagram: &Datagram<'_>,
        peer: &mut Peer<'_>,
    ) -> Result<(), HandlerError> {
        let line = datagram.bytes().trim_ascii();
        let visit = self.visit.as_mut();
        let said = visit.and_then(|visit| Some((spoken(line, visit.cookie)?, visit)));
        if let Some((said, visit)) = said {
            let mut answer = String::new();
            let next = visit.hear(said, &mut answer);
            send_lines(&answer, peer);
            if next == Next::Leave {
                self.visit = None;
            }
        } else if let (Ok(line), true) = (str::from_utf8(line), line.starts_with(b"/nick ")) {
            self.introduce(line, peer);
        }
        if self.visit.is_none() {
            peer.close();
        }
        Ok(())
    }

    fn stopping(&mut self, peer: &mut Peer<'_>) -> Result<(), HandlerError> {
        if let Some(mut visit) = self.visit.take() {
            visit.session.leave(&Departure::Stopping);
            send("-- The server stops. Bye.", peer);
        }
        peer.close();
        Ok(())
    }

    fn closed(&mut self, reason: &CloseReason) {
        let departure = match reason {
            CloseReason::IdleTimeout => Departure::Silent,
            CloseReason::Drained | CloseReason::DrainCut => Departure::Stopping,
            _ => Departure::Lost,
        };
        if let Some(visit) = &mut self.visit {
            visit.session.leave(&departure);
        }
    }
}

/// What stands behind a cookie, if the line begins with it.
fn spoken(line: &[u8], cookie: Cookie) -> Option<&[u8]> {
    let rest = line.strip_prefix(cookie.as_str().as_bytes())?;
    (rest.is_empty() || rest[0].is_ascii_whitespace()).then_some(rest)
}

fn send_lines(lines: &str, peer: &mut Peer<'_>) {
    lines.lines().for_each(|line| send(line, peer));
}

/// Sends a line. What cannot be sent is lost, as the network may lose it, too: it is too much for somebody who has proven nothing, or the peer has no name.
fn send(line: &str, peer: &mut Peer<'_>) {
    if let Err(error) = peer.send(line.as_bytes()) {
        log::debug!("{} is not answered: {error}", peer.address());
    }
}
