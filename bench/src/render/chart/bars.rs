//! Bars: how large something is for each, where there is nothing that it could change with.
//!
//! On a log scale, which has no zero to begin at, a bar would be as long as somebody likes: a marker on a thin line stands there instead.

use super::LETTER;
use super::axis::{Axis, Field};
use super::draw::{Anchor, fitted, label, rectangle, stroke, text_width};
use super::lines::MARKER;
use super::look::Look;
use crate::render::markup::Markup;

/// A chart of bars.
#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) x: Axis,
    pub(crate) bars: Vec<Bar>,
}

/// A bar.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) look: Look,
    /// The value in words.
    pub(crate) value: String,
    /// The lower end of the interval, the median, and the upper end; none when there is no value.
    pub(crate) estimate: Option<(f64, f64, f64)>,
    /// Whether the value is a lower bound.
    pub(crate) is_bound: bool,
}

/// How high the row of a bar is, with its name.
const ROW: f64 = LETTER * 2.75;
/// How high a bar is.
const BAR: f64 = 8.0;

impl Bars {
    pub(crate) fn height(&self) -> f64 {
        crate::render::units::number(self.bars.len()) * ROW + LETTER * 3.2
    }

    pub(crate) fn draw(&self, markup: &mut Markup, width: f64) {
        let half =
            |tick: Option<&super::Tick>| tick.map_or(0.0, |tick| text_width(&tick.name) / 2.0);
        let bottom = self.height() - LETTER * 2.9;
        let field = Field {
            left: half(self.x.ticks.first()).max(MARKER * 1.5),
            top: 0.0,
            right: width - half(self.x.ticks.last()).max(MARKER * 1.5),
            bottom,
        };
        for tick in &self.x.ticks {
            let place = field.across(self.x.scale, tick.at);
            stroke(markup, "grid", (place, 4.0), (place, bottom));
        }
        field.draw_level(markup, &self.x);
        let middle = f64::midpoint(field.left, field.right);
        label(
            markup,
            "axis-title",
            (middle, bottom + LETTER * 2.65),
            Anchor::Middle,
            &self.x.title,
        );
        for (index, bar) in self.bars.iter().enumerate() {
            let top = crate::render::units::number(index) * ROW;
            self.draw_row(markup, field, bar, top);
        }
    }

    fn draw_row(&self, markup: &mut Markup, field: Field, bar: &Bar, top: f64) {
        let base = top + LETTER * 1.05;
        let room = field.right - field.left - text_width(&bar.value) - 2.0 * LETTER;
        label(
            markup,
            "name",
            (field.left, base),
            Anchor::Start,
            &fitted(&bar.name, room),
        );
        label(markup, "name", (field.right, base), Anchor::End, &bar.value);
        let Some((low, median, high)) = bar
            .estimate
            .filter(|&(_, median, _)| self.x.scale.has(median))
        else {
            return;
        };
        let middle = top + LETTER * 1.5 + BAR / 2.0;
        let [low, median, high] =
            [low, median, high].map(|value| field.across(self.x.scale, value));
        markup.element("g", &[("class", &bar.look.class())], |inside| {
            if self.x.scale.is_log() {
                stroke(inside, "thread", (field.left, middle), (median, middle));
            } else {
                let class = if bar.is_bound { "bar hollow" } else { "bar" };
                rectangle(
                    inside,
                    class,
                    (field.left, middle - BAR / 2.0),
                    (median - field.left, BAR),
                );
            }
        });
        if high - low > 1.0 {
            stroke(markup, "interval", (low, middle), (high, middle));
            for end in [low, high] {
                stroke(markup, "interval", (end, middle - 3.5), (end, middle + 3.5));
            }
        }
        if self.x.scale.is_log() {
            let class = if bar.is_bound {
                "marker hollow"
            } else {
                "marker"
            };
            markup.element("g", &[("class", &bar.look.class())], |inside| {
                inside.empty(
                    "path",
                    &[
                        ("class", &class),
                        ("d", &bar.look.marker((median, middle), MARKER)),
                    ],
                );
            });
        }
    }
}
