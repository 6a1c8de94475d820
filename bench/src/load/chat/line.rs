//! What a line from the server is, as the protocol of the chat has it: `handlers/src/chat/PROTOCOL.md`.
//!
//! It is read here a second time, since a load that shared its code with the server would be wrong in the same way.

/// A line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// The server says something, to this member or to a room.
    Notice(&'a [u8]),
    /// The server refuses something, and this is the whole line.
    Refusal(&'a [u8]),
    /// Somebody says something in a room.
    Said {
        room: &'a [u8],
        name: &'a [u8],
        text: &'a [u8],
    },
    /// Anything else, and the room that it seems to be in: what somebody does, what was said before, what somebody is told alone.
    Other(Option<&'a [u8]>),
}

impl<'a> Line<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(text) = line.strip_prefix(b"-- ") {
            return Self::Notice(text);
        }
        if line.starts_with(b"!! ") {
            return Self::Refusal(line);
        }
        let inside = line.strip_prefix(b"[");
        let Some((room, rest)) = inside.and_then(|inside| split(inside, b"] ")) else {
            return Self::Other(None);
        };
        if let Some(text) = rest.strip_prefix(b"-- ") {
            return Self::Notice(text);
        }
        match split(rest, b": ") {
            // What was said before, and what somebody does, have a space there.
            Some((name, text)) if !name.is_empty() && !name.contains(&b' ') => {
                Self::Said { room, name, text }
            }
            _ => Self::Other(Some(room)),
        }
    }
}

/// The room that a greeting names: `Hello, ann. You are in lobby; …`.
pub(super) fn room_named_in(notice: &[u8]) -> Option<&[u8]> {
    let (_, rest) = split(notice, b"You are in ")?;
    let end = (rest.iter()).position(|byte| b" ;.,".contains(byte));
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// Something from the server within a sentence, however long and whatever is in it.
pub(super) fn quoted(bytes: &[u8]) -> String {
    const QUOTED_MAX: usize = 120;
    let shown = &bytes[..bytes.len().min(QUOTED_MAX)];
    let dots = if shown.len() < bytes.len() { "…" } else { "" };
    let text = String::from_utf8_lossy(shown);
    format!("'{}{dots}'", text.trim_end().escape_debug())
}

/// What stands before a mark, and what behind it.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|part| part == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_known() {
        let said = |room: &'static str, name: &'static str, text: &'static str| Line::Said {
            room: room.as_bytes(),
            name: name.as_bytes(),
            text: text.as_bytes(),
        };
        for (line, meaning) in [
            ("-- Welcome.", Line::Notice(b"Welcome.")),
            ("[lobby] -- ann has joined", Line::Notice(b"ann has joined")),
            ("!! No such room.", Line::Refusal(b"!! No such room.")),
            ("[lobby] ann: hi", said("lobby", "ann", "hi")),
            ("[lobby] ann: a: b\r", said("lobby", "ann", "a: b")),
            ("[lobby] ann: ", said("lobby", "ann", "")),
            ("[lobby] * ann waves: so", Line::Other(Some(b"lobby"))),
            ("[lobby] (2 min) ann: hi", Line::Other(Some(b"lobby"))),
            ("[ann -> you] hi", Line::Other(Some(b"ann -> you"))),
            ("[lobby] : hi", Line::Other(Some(b"lobby"))),
            ("lobby ann: hi", Line::Other(None)),
            ("", Line::Other(None)),
        ] {
            assert_eq!(Line::of(line.as_bytes()), meaning, "{line}");
        }
    }

    #[test]
    fn a_greeting_names_a_room() {
        let room = |notice: &'static str| room_named_in(notice.as_bytes());
        assert_eq!(
            room("Hello, ann. You are in lobby; /help lists what you can do."),
            Some(b"lobby".as_slice())
        );
        assert_eq!(room("You are in lobby."), Some(b"lobby".as_slice()));
        assert_eq!(room("Hello, ann."), None);
    }

    #[test]
    fn a_quotation_is_short_and_plain() {
        assert_eq!(quoted(b"!! no\x1b[31m\r\n"), "'!! no\\u{1b}[31m'");
        assert!(quoted(&[b'x'; 1000]).len() < 130);
    }
}
