//! How far a transfer is: a bar on a terminal, elsewhere a line every ten seconds.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use socketserver_handlers::files::client::Progress;

use super::finished::{percent, rate};
use super::report::Report;
use crate::shown;
use crate::units;

/// How often a line is said where nobody watches.
const INTERVAL: Duration = Duration::from_secs(10);

/// The progress of one transfer after another.
pub(super) struct Drawn<'a> {
    report: &'a Report,
    name: String,
    total: u64,
    resumed_at: u64,
    done: u64,
    began: Instant,
    said: Instant,
    bar: Option<ProgressBar>,
}

impl<'a> Drawn<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let now = Instant::now();
        Self {
            report,
            name: String::new(),
            total: 0,
            resumed_at: 0,
            done: 0,
            began: now,
            said: now,
            bar: None,
        }
    }

    fn draw(&mut self) {
        let Some(bars) = self.report.bars() else {
            return;
        };
        let bar = bars.add(ProgressBar::new(self.total));
        bar.set_style(style(self.total));
        bar.set_prefix(self.name.clone());
        bar.set_position(self.resumed_at);
        // The bytes of an attempt before say nothing about the speed of this one.
        bar.reset_eta();
        if self.resumed_at > 0 {
            let percent = percent(self.resumed_at, self.total);
            bar.set_message(format!("(resumed at {percent} %)"));
        }
        self.bar = Some(bar);
    }

    fn line(&self) -> String {
        let here = self.done - self.resumed_at;
        format!(
            "{}  {} of {}, {}",
            self.name,
            units::bytes(self.done),
            units::bytes(self.total.max(self.done)),
            rate(here, self.began.elapsed())
        )
    }
}

/// A server that tells no size has no bar.
fn style(total: u64) -> ProgressStyle {
    let template = if total > 0 {
        "{prefix} {bar:24} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} left {msg}"
    } else {
        "{prefix} {binary_bytes}  {binary_bytes_per_sec}"
    };
    // The templates are constants, and right.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Drawn<'_> {
    fn begin(&mut self, name: &str, total: u64, resumed_at: u64) {
        self.name = shown::line(name.as_bytes());
        (self.total, self.resumed_at, self.done) = (total, resumed_at, resumed_at);
        self.began = Instant::now();
        self.said = self.began;
        self.draw();
    }

    fn advance(&mut self, bytes: u64) {
        self.done += bytes;
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        } else if self.said.elapsed() >= INTERVAL {
            self.said = Instant::now();
            self.report.note(&self.line());
        }
    }

    fn end(&mut self) {
        if let (Some(bar), Some(bars)) = (self.bar.take(), self.report.bars()) {
            bar.finish_and_clear();
            bars.remove(&bar);
        }
    }
}
