//! What happened in a run: as a hash that two runs of a seed share, and as text when somebody wants to read it.

use std::fmt::Write;

/// The trace of a run.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    hash: u64,
    /// The lines, where they are wanted.
    text: Option<String>,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            // The offset basis of FNV-1a (Fowler, Noll, Vo), whose hash is the same on every machine.
            hash: 0xCBF2_9CE4_8422_2325,
            text: None,
        }
    }
}

impl Trace {
    /// Keeps the text too.
    pub(super) fn written() -> Self {
        Self {
            text: Some(String::new()),
            ..Self::default()
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn text(self) -> String {
        self.text.unwrap_or_default()
    }

    /// Notes that something happened to a client, with a number and what else there is to say.
    pub(super) fn note(
        &mut self,
        what: &str,
        client: usize,
        count: usize,
        more: impl FnOnce() -> String,
    ) {
        self.mix(what.as_bytes());
        self.mix(&[client as u8, count as u8, (count >> 8) as u8]);
        if let Some(text) = &mut self.text {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{what} {client} {count} {}", more());
        }
    }

    /// Notes that bytes were moved.
    pub(super) fn bytes(&mut self, what: &str, client: usize, bytes: &[u8]) {
        self.mix(bytes);
        self.note(what, client, bytes.len(), || {
            bytes.escape_ascii().to_string()
        });
    }

    fn mix(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }
}
