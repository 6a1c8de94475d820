//! Strips: how something went over time, for each by itself, since a dozen lines that jump up and down hide each other.

use super::LETTER;
use super::axis::{Axis, Field, GAP};
use super::draw::{Anchor, fitted, label, open_path, rectangle, text_width};
use super::look::Look;
use crate::render::markup::Markup;
use crate::render::units::number;

/// A chart of strips over the same time.
#[derive(Debug)]
pub(crate) struct Strips {
    pub(crate) x: Axis,
    /// What every strip has upright. It names two values, since more do not fit.
    pub(crate) y: Axis,
    pub(crate) each: Vec<Strip>,
}

/// A strip.
#[derive(Debug)]
pub(crate) struct Strip {
    pub(crate) name: String,
    pub(crate) look: Look,
    /// A line for each round.
    pub(crate) rounds: Vec<Vec<Moment>>,
}

/// A piece of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// When it ended, in seconds.
    pub(crate) end: f64,
    /// What was measured in it; none when nothing was answered.
    pub(crate) value: Option<f64>,
}

/// How high the field of a strip is, and how high it is with its name.
const FIELD: f64 = 34.0;
const STRIP: f64 = FIELD + LETTER * 2.0;

impl Strips {
    pub(crate) fn height(&self) -> f64 {
        LETTER * 1.8 + number(self.each.len()) * STRIP + LETTER * 3.2
    }

    pub(crate) fn draw(&self, markup: &mut Markup, width: f64) {
        label(
            markup,
            "axis-title",
            (0.0, LETTER),
            Anchor::Start,
            &self.y.title,
        );
        let widest = self
            .y
            .ticks
            .iter()
            .map(|tick| text_width(&tick.name))
            .fold(0.0, f64::max);
        let last = self
            .x
            .ticks
            .last()
            .map_or(0.0, |tick| text_width(&tick.name) / 2.0);
        for (index, strip) in self.each.iter().enumerate() {
            let top = LETTER * 1.8 + number(index) * STRIP + LETTER * 1.6;
            let field = Field {
                left: widest + GAP + 1.0,
                top,
                right: width - last.max(3.0),
                bottom: top + FIELD,
            };
            self.draw_strip(markup, field, strip);
            if index + 1 == self.each.len() {
                field.draw_level(markup, &self.x);
                let middle = f64::midpoint(field.left, field.right);
                let place = (middle, field.bottom + LETTER * 2.65);
                label(markup, "axis-title", place, Anchor::Middle, &self.x.title);
            }
        }
    }

    fn draw_strip(&self, markup: &mut Markup, field: Field, strip: &Strip) {
        let room = field.right - field.left;
        let place = (field.left, field.top - LETTER * 0.4);
        label(
            markup,
            "name",
            place,
            Anchor::Start,
            &fitted(&strip.name, room),
        );
        for round in &strip.rounds {
            self.draw_silence(markup, field, round);
        }
        field.draw_upright(markup, &self.y);
        markup.element("g", &[("class", &strip.look.class())], |inside| {
            for round in &strip.rounds {
                self.draw_round(inside, field, round);
            }
        });
    }

    /// The pieces of time in which nothing was answered: a stall has no latency as long as it lasts.
    fn draw_silence(&self, markup: &mut Markup, field: Field, round: &[Moment]) {
        let mut begin = 0.0;
        for moment in round {
            if moment.value.is_none() {
                let [from, to] = [begin, moment.end].map(|time| field.across(self.x.scale, time));
                rectangle(
                    markup,
                    "silence",
                    (from, field.top),
                    (to - from, field.bottom - field.top),
                );
            }
            begin = moment.end;
        }
    }

    fn draw_round(&self, markup: &mut Markup, field: Field, round: &[Moment]) {
        let can_show = |moment: &Moment| moment.value.is_some_and(|value| self.y.scale.has(value));
        for piece in round.split(|moment| !can_show(moment)) {
            let mut places: Vec<_> = (piece.iter())
                .filter_map(|moment| Some((moment.end, moment.value?)))
                .map(|(end, value)| {
                    (
                        field.across(self.x.scale, end),
                        field.up(self.y.scale, value),
                    )
                })
                .collect();
            // One answer between two silences is a dot.
            if let [(x, y)] = places[..] {
                places = vec![(x - 0.8, y), (x + 0.8, y)];
            }
            if !places.is_empty() {
                markup.empty("path", &[("class", &"trace"), ("d", &open_path(places))]);
            }
        }
    }
}
