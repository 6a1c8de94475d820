//! The last things that were said in a room.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Event, Settings, What};

/// What an event takes besides its text: its own size and that of the names in it, about.
const EVENT_BYTES: usize = 160;

/// A ring of events, limited in number and in bytes.
#[derive(Debug, Default)]
pub(super) struct History {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
}

impl History {
    /// Adds what was said, and forgets the oldest of it that no longer fits.
    pub(super) fn push(&mut self, event: Arc<Event>, settings: &Settings) {
        self.bytes += size(&event);
        self.events.push_back(event);
        while self.events.len() > settings.history_lines_max
            || self.bytes > settings.history_bytes_max
        {
            let Some(oldest) = self.events.pop_front() else {
                return;
            };
            self.bytes -= size(&oldest);
        }
    }

    /// The last `count` events, the oldest first.
    pub(super) fn last(&self, count: usize) -> Vec<Arc<Event>> {
        let skipped = self.events.len().saturating_sub(count);
        self.events.iter().skip(skipped).cloned().collect()
    }
}

fn size(event: &Event) -> usize {
    match &event.what {
        What::Said { text, .. } => EVENT_BYTES + text.len(),
        _ => EVENT_BYTES,
    }
}
