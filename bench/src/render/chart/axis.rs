//! Axes: their grid, their names, and how much room those take.

use super::draw::{Anchor, label, stroke, text_width};
use super::{LETTER, Scale};
use crate::render::markup::Markup;

/// An axis with the values that it names.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// What is on it, and in which unit or on which scale.
    pub(crate) title: String,
    /// Where values lie.
    pub(crate) scale: Scale,
    /// What it names, in rising order.
    pub(crate) ticks: Vec<Tick>,
}

/// A value that an axis names.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    /// The value.
    pub(crate) at: f64,
    /// Its name.
    pub(crate) name: String,
}

/// The part of a chart between its axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// How far labels stand away from what they name.
pub(crate) const GAP: f64 = 6.0;

impl Field {
    /// What two axes leave of a picture. The title of the upright one lies on top of it, since nobody likes to read with a tilted head.
    pub(crate) fn between(x: &Axis, y: &Axis, width: f64, height: f64) -> Self {
        let widest = y
            .ticks
            .iter()
            .map(|tick| text_width(&tick.name))
            .fold(0.0, f64::max);
        let last = x
            .ticks
            .last()
            .map_or(0.0, |tick| text_width(&tick.name) / 2.0);
        let last_gap = x
            .ticks
            .last()
            .map_or(0.0, |tick| (1.0 - x.scale.position(tick.at)) * width * 0.8);
        Self {
            left: widest + GAP + 1.0,
            top: LETTER * 2.1,
            right: width - (last - last_gap).max(3.0),
            bottom: height - LETTER * 2.9,
        }
    }

    /// Where a value of the level axis lies.
    pub(crate) fn across(self, scale: Scale, value: f64) -> f64 {
        self.left + scale.position(value) * (self.right - self.left)
    }

    /// Where a value of the upright axis lies.
    pub(crate) fn up(self, scale: Scale, value: f64) -> f64 {
        self.bottom - scale.position(value) * (self.bottom - self.top)
    }

    /// Draws the grid, the axes, and what they are called.
    pub(crate) fn draw(self, markup: &mut Markup, x: &Axis, y: &Axis) {
        self.draw_upright(markup, y);
        for tick in y.scale.minor_ticks() {
            let place = self.up(y.scale, tick);
            stroke(markup, "axis", (self.left, place), (self.left + 3.0, place));
        }
        label(markup, "axis-title", (0.0, LETTER), Anchor::Start, &y.title);
        self.draw_level(markup, x);
        let middle = f64::midpoint(self.left, self.right);
        label(
            markup,
            "axis-title",
            (middle, self.bottom + LETTER * 2.65),
            Anchor::Middle,
            &x.title,
        );
    }

    /// Draws lines across and their names on the left.
    pub(crate) fn draw_upright(self, markup: &mut Markup, y: &Axis) {
        let mut free = f64::INFINITY;
        for tick in &y.ticks {
            let place = self.up(y.scale, tick.at);
            stroke(markup, "grid", (self.left, place), (self.right, place));
            if place + LETTER * 0.6 <= free {
                let below = place + LETTER * 0.35;
                label(
                    markup,
                    "tick",
                    (self.left - GAP, below),
                    Anchor::End,
                    &tick.name,
                );
                free = place - LETTER * 0.6;
            }
        }
    }

    /// Draws the lower axis. A name that would touch the one before it is left out; its tick stays.
    pub(crate) fn draw_level(self, markup: &mut Markup, x: &Axis) {
        stroke(
            markup,
            "axis",
            (self.left, self.bottom),
            (self.right, self.bottom),
        );
        let mut free = f64::NEG_INFINITY;
        for tick in &x.ticks {
            let place = self.across(x.scale, tick.at);
            stroke(
                markup,
                "axis",
                (place, self.bottom),
                (place, self.bottom + 4.0),
            );
            let half = text_width(&tick.name) / 2.0;
            if place - half >= free {
                let below = self.bottom + LETTER * 1.35;
                label(markup, "tick", (place, below), Anchor::Middle, &tick.name);
                free = place + half + GAP;
            }
        }
    }
}
