//! Requests and replies of the file protocol, version 2, as far as the load needs them: `handlers/src/files/PROTOCOL.md` says what they mean.
//!
//! They are written down here a second time, since a client that shares its code with the server would be wrong in the same way.

use serde::Deserialize;
use serde_json::{Value, json};

/// What stands in front of a header: its length.
const PREFIX_BYTES: usize = 4;
/// The longest header of a reply that is waited for.
const HEADER_BYTES_MAX: usize = 1 << 20;

/// A reply, without what the load does not look at.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// A sentence for people.
    pub(super) res: String,
    /// One word for why it was refused.
    pub(super) err: Option<String>,
    /// Bytes of the body of a `get`.
    pub(super) size: Option<u64>,
    pub(super) hash: Option<String>,
    /// What an upload is called from now on.
    pub(super) token: Option<String>,
}

/// The beginning of a reply, until it is there as a whole.
#[derive(Debug, Default)]
pub(super) struct Inbox(Vec<u8>);

impl Inbox {
    /// Takes so many of these bytes as belong to the next reply, and gives it once it is whole; `bytes` are then those behind it.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<Reply>, String> {
        self.fill(PREFIX_BYTES, bytes);
        let Some(prefix) = self.0.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let length = i32::from_le_bytes(*prefix);
        let length = (usize::try_from(length).ok())
            .filter(|length| (1..=HEADER_BYTES_MAX).contains(length))
            .ok_or_else(|| format!("{length} is no length of a header"))?;
        self.fill(PREFIX_BYTES + length, bytes);
        if self.0.len() < PREFIX_BYTES + length {
            return Ok(None);
        }
        let reply = serde_json::from_slice(&self.0[PREFIX_BYTES..]);
        self.0.clear();
        reply
            .map(Some)
            .map_err(|error| format!("a reply is not understood ({error})"))
    }

    /// Moves bytes until so many are there.
    fn fill(&mut self, wanted: usize, bytes: &mut &[u8]) {
        let count = wanted.saturating_sub(self.0.len()).min(bytes.len());
        let (taken, left) = bytes.split_at(count);
        self.0.extend_from_slice(taken);
        *bytes = left;
    }
}

/// The greeting.
pub(super) fn hello() -> Vec<u8> {
    frame(&json!({"cmd": "hello", "v": 2, "client": "socketserver-load"}))
}

/// Asks for a whole file.
pub(super) fn get(path: &str) -> Vec<u8> {
    frame(&json!({"verb": "get", "path": path}))
}

/// Announces a file.
pub(super) fn open(path: &str, total: u64) -> Vec<u8> {
    frame(
        &json!({"verb": "put", "phase": "open", "path": path, "total": total, "hash_alg": "blake3"}),
    )
}

/// Stands in front of a whole file.
pub(super) fn data(token: &str, size: u64) -> Vec<u8> {
    frame(&json!({"verb": "put", "phase": "data", "token": token, "offset": 0, "size": size}))
}

/// Has it stored.
pub(super) fn commit(token: &str, hash: &str) -> Vec<u8> {
    frame(&json!({"verb": "put", "phase": "commit", "token": token, "hash": hash}))
}

/// Has a file removed.
pub(super) fn remove(path: &str) -> Vec<u8> {
    frame(&json!({"verb": "rm", "path": path}))
}

fn frame(header: &Value) -> Vec<u8> {
    let header = header.to_string();
    let length = i32::try_from(header.len()).unwrap_or(i32::MAX);
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend_from_slice(header.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_in_any_pieces_and_what_follows_is_left() {
        let mut sent = frame(&json!({"res": "ok", "code": 200, "size": 3, "other": [1]}));
        sent.extend_from_slice(b"abc");
        for cut in 0..sent.len() {
            let mut inbox = Inbox::default();
            let (mut one, mut two) = sent.split_at(cut);
            let mut reply = inbox.take(&mut one).expect("it is right");
            let mut left = one;
            if reply.is_none() {
                reply = inbox.take(&mut two).expect("it is right");
                left = two;
            }
            let reply = reply.expect("it is whole");
            assert_eq!((reply.code, reply.size), (200, Some(3)), "{cut}");
            assert!(b"abc".starts_with(left), "{left:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_told() {
        let take = |bytes: &[u8]| Inbox::default().take(&mut &*bytes);
        assert_eq!(
            take(&[0, 0, 0, 0]).unwrap_err(),
            "0 is no length of a header"
        );
        assert!(take(&[0xff; 4]).unwrap_err().starts_with("-1 is no length"));
        let null = take(b"\x04\0\0\0null").unwrap_err();
        assert!(null.starts_with("a reply is not understood"), "{null}");
    }
}
