//! What those see who watch a comparison: a bar on a terminal, a line for each round elsewhere, and sentences about what cannot be
//! measured.

use indicatif::{ProgressBar, ProgressStyle};
use socketserver_bench::compare::Progress;

use crate::console::Console;

/// The progress of a comparison.
pub(super) struct Watching {
    console: Console,
    /// Only where somebody watches.
    bar: Option<ProgressBar>,
    /// The present round.
    round: usize,
}

impl Watching {
    pub(super) fn new(console: Console) -> Self {
        let bar = console.is_watched().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} ({eta} left)");
            // The template is a constant, and right.
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            console,
            bar,
            round: 0,
        }
    }

    pub(super) fn note(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Begins {
                done,
                total,
                contestant,
                connections,
                round,
                rounds,
            } => {
                let is_new = std::mem::replace(&mut self.round, round) != round;
                if let Some(bar) = &self.bar {
                    bar.set_length(total as u64);
                    bar.set_position(done as u64);
                    bar.set_message(format!("{contestant}, {connections} connections"));
                } else if is_new {
                    self.say(&format!("round {round} of {rounds}"));
                }
            }
            Progress::Dropped(note) => self.say(note),
            _ => {}
        }
    }

    fn say(&self, note: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.console.say(note)),
            None => self.console.say(note),
        }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
