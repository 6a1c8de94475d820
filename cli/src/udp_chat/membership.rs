//! Membership in chats: each of them asks for a cookie to be brought back, which stands before each line from then on.

use std::collections::VecDeque;
use std::net::SocketAddr;

/// How many chats somebody may be a member of. With one more the oldest membership is forgotten.
const CHATS_MAX: usize = 16;
/// How often a chat that does not answer is asked.
const ATTEMPTS_MAX: u32 = 5;
/// How many lines wait for a chat that has not let us in yet.
const HELD_MAX: usize = 16;

/// The chats that somebody is, or wants to be, a member of.
#[derive(Debug)]
pub(super) struct Memberships {
    name: String,
    chats: VecDeque<Chat>,
}

#[derive(Debug)]
struct Chat {
    address: SocketAddr,
    standing: Standing,
    /// Lines that are sent once we are in.
    held: Vec<Vec<u8>>,
    /// How often what it must answer was sent, since either may be lost.
    attempts: u32,
}

#[derive(Debug)]
enum Standing {
    /// A cookie was asked for.
    Asked,
    /// This one was brought back.
    Entering(String),
    /// And was taken.
    Member(String),
}

/// What a datagram from a chat means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is for people.
    Text,
    /// It is the cookie, which must be answered with this, unless it is a copy.
    Cookie(Option<Vec<u8>>),
    /// It lets us in, is for people, and is followed by what had waited.
    Entered(Vec<Vec<u8>>),
    /// It does not let us in, is for people, and what had waited is not sent.
    Refused,
}

impl Memberships {
    /// Somebody of this name, who is no member yet.
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            chats: VecDeque::new(),
        }
    }

    /// Somebody wants to say a line; the datagram that is to be sent now, unless the line waits for an answer to one that was sent.
    pub(super) fn say(
        &mut self,
        line: &[u8],
        address: SocketAddr,
    ) -> Result<Option<Vec<u8>>, String> {
        let Some(index) = self.position(address) else {
            if self.chats.len() == CHATS_MAX {
                self.chats.pop_front();
            }
            self.chats.push_back(Chat {
                address,
                standing: Standing::Asked,
                held: vec![line.to_vec()],
                attempts: 1,
            });
            return Ok(Some(self.question()));
        };
        let chat = &mut self.chats[index];
        if let Standing::Member(cookie) = &chat.standing {
            return Ok(Some(behind(cookie, line)));
        }
        if chat.held.len() == HELD_MAX {
            return Err(format!(
                "{} lets nobody in, and {HELD_MAX} lines wait for it already (is it a chat?)",
                super::room::plain(address)
            ));
        }
        chat.held.push(line.to_vec());
        if chat.attempts < ATTEMPTS_MAX {
            return Ok(None);
        }
        // Nobody has answered for a while, and somebody believes that it is worth trying again.
        chat.attempts = 1;
        chat.standing = Standing::Asked;
        Ok(Some(self.question()))
    }

    /// What was not answered since the last time, and is to be sent again.
    pub(super) fn unanswered(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let question = self.question();
        let mut datagrams = Vec::new();
        for chat in &mut self.chats {
            let datagram = match &chat.standing {
                _ if chat.attempts >= ATTEMPTS_MAX => continue,
                Standing::Asked => question.clone(),
                Standing::Entering(cookie) => behind_name(&question, cookie),
                Standing::Member(_) => continue,
            };
            chat.attempts += 1;
            datagrams.push((chat.address, datagram));
        }
        datagrams
    }

    fn position(&self, address: SocketAddr) -> Option<usize> {
        self.chats.iter().position(|chat| chat.address == address)
    }

    fn question(&self) -> Vec<u8> {
        format!("/nick {}", self.name).into_bytes()
    }

    /// A datagram has come.
    pub(super) fn hear(&mut self, datagram: &[u8], address: SocketAddr) -> Meaning {
        let Some(index) = self.position(address) else {
            return Meaning::Text;
        };
        let question = self.question();
        let cookie = datagram
            .strip_prefix(&*question)
            .and_then(|rest| str::from_utf8(rest.strip_prefix(b" ")?.trim_ascii()).ok())
            .filter(|word| is_cookie(word));
        let chat = &mut self.chats[index];
        match (&chat.standing, cookie) {
            (Standing::Asked, Some(cookie)) => {
                chat.standing = Standing::Entering(cookie.to_owned());
                chat.attempts = 1;
                Meaning::Cookie(Some(behind_name(&question, cookie)))
            }
            (_, Some(_)) => Meaning::Cookie(None),
            (Standing::Entering(cookie), None) if datagram.starts_with(b"-- Hello") => {
                let lines = chat.held.drain(..).map(|line| behind(cookie, &line));
                let lines = lines.collect();
                chat.standing = Standing::Member(cookie.clone());
                Meaning::Entered(lines)
            }
            (Standing::Entering(_), None) if datagram.starts_with(b"!! ") => {
                self.chats.remove(index);
                Meaning::Refused
            }
            _ => Meaning::Text,
        }
    }

    /// A line to every chat that we are in: with none we only stay.
    pub(super) fn to_all(&self, line: &[u8]) -> Vec<(SocketAddr, Vec<u8>)> {
        let members = self.chats.iter().filter_map(|chat| match &chat.standing {
            Standing::Member(cookie) => Some((chat.address, behind(cookie, line))),
            _ => None,
        });
        members.collect()
    }
}

/// The question with the answer that it got, which lets us in.
fn behind_name(question: &[u8], cookie: &str) -> Vec<u8> {
    [question, b" ", cookie.as_bytes()].concat()
}

/// A line with its cookie.
fn behind(cookie: &str, line: &[u8]) -> Vec<u8> {
    let mut datagram = cookie.as_bytes().to_vec();
    if !line.is_empty() {
        datagram.push(b' ');
        datagram.extend_from_slice(line);
    }
    datagram
}

/// A chat that wants more of us to be sent with each line than this would make us its loudspeaker.
pub(crate) fn is_cookie(word: &str) -> bool {
    (1..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_until_the_cookie_was_taken_and_then_stand_behind_it() {
        let mut memberships = Memberships::new("ann".into());
        let chat: SocketAddr = "192.0.2.1:9003".parse().unwrap();
        let other: SocketAddr = "192.0.2.2:9003".parse().unwrap();
        let sent = |text: &str| Ok(Some(text.as_bytes().to_vec()));
        assert_eq!(memberships.say(b"one", chat), sent("/nick ann"));
        assert_eq!(memberships.say(b"two", chat), Ok(None));
        assert_eq!(memberships.unanswered(), [(chat, b"/nick ann".to_vec())]);
        for datagram in [
            "/nick ann",
            "/nick ann ",
            "/nick bob x",
            "/nick ann a b",
            "-- Hello",
        ] {
            let meaning = memberships.hear(datagram.as_bytes(), chat);
            assert_eq!(meaning, Meaning::Text, "{datagram}");
        }
        assert_eq!(memberships.hear(b"/nick ann x", other), Meaning::Text);
        let entry = b"/nick ann c1".to_vec();
        let meaning = memberships.hear(b"/nick ann c1\n", chat);
        assert_eq!(meaning, Meaning::Cookie(Some(entry.clone())));
        assert_eq!(memberships.unanswered(), [(chat, entry)]);
        assert_eq!(
            memberships.hear(b"/nick ann c1", chat),
            Meaning::Cookie(None)
        );
        assert_eq!(memberships.say(b"", chat), Ok(None));
        assert!(memberships.to_all(b"").is_empty());
        let lines = ["c1 one", "c1 two", "c1"].map(|line| line.as_bytes().to_vec());
        let meaning = memberships.hear(b"-- Hello, ann", chat);
        assert_eq!(meaning, Meaning::Entered(lines.into()));
        assert_eq!(memberships.say(b"three", chat), sent("c1 three"));
        assert_eq!(memberships.hear(b"!! no", chat), Meaning::Text);
        assert_eq!(memberships.to_all(b""), [(chat, b"c1".to_vec())]);
        assert!(memberships.unanswered().is_empty());
    }

    #[test]
    fn a_refusal_ends_it_and_nothing_goes_on_without_a_limit() {
        let mut memberships = Memberships::new("ann".into());
        let chat = |number: u16| SocketAddr::from(([192, 0, 2, 1], number));
        for _ in 0..HELD_MAX {
            memberships.say(b"x", chat(1)).unwrap();
        }
        assert!(memberships.say(b"x", chat(1)).is_err());
        memberships.hear(b"/nick ann c", chat(1));
        assert_eq!(memberships.hear(b"!! no", chat(1)), Meaning::Refused);
        assert!(memberships.say(b"x", chat(1)).unwrap().is_some());
        let attempts = (1..100).filter(|_| !memberships.unanswered().is_empty());
        assert_eq!(attempts.count() as u32, ATTEMPTS_MAX - 1);
        assert!(memberships.say(b"x", chat(1)).unwrap().is_some());
        for number in 0..100 {
            memberships.say(b"x", chat(number)).unwrap();
        }
        assert_eq!(memberships.chats.len(), CHATS_MAX);
    }
}
