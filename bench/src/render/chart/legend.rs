//! What lines mean: a piece of each with its marker, beside its name.

use super::LETTER;
use super::draw::{Anchor, fitted, label, stroke, text_width};
use super::look::Look;
use crate::render::markup::Markup;
use crate::render::units::number;

/// An entry of a legend.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// None for what lines are measured against.
    pub(crate) look: Option<Look>,
}

/// How long and how high a piece of line is.
pub(crate) const SAMPLE: (f64, f64) = (34.0, 12.0);

/// A piece of line, from a place on.
pub(crate) fn sample(markup: &mut Markup, look: Option<Look>, (left, top): (f64, f64)) {
    let (begin, end) = (
        (left, top + SAMPLE.1 / 2.0),
        (left + SAMPLE.0, top + SAMPLE.1 / 2.0),
    );
    let Some(look) = look else {
        return stroke(markup, "reference", begin, end);
    };
    markup.element("g", &[("class", &look.class())], |inside| {
        let path = super::draw::open_path([begin, end]);
        inside.empty(
            "path",
            &[
                ("class", &"curve"),
                ("stroke-dasharray", &look.dash()),
                ("d", &path),
            ],
        );
        let middle = (left + SAMPLE.0 / 2.0, begin.1);
        inside.empty(
            "path",
            &[("class", &"marker"), ("d", &look.marker(middle, 4.0))],
        );
    });
}

/// Draws a legend inside a picture, from its upper left corner, and gives its height. An entry that is too long is cut.
pub(crate) fn legend(
    markup: &mut Markup,
    keys: &[Key],
    (left, top): (f64, f64),
    width: f64,
) -> f64 {
    let row = LETTER * 1.6;
    let widest = keys
        .iter()
        .map(|key| text_width(&key.name))
        .fold(0.0, f64::max);
    let column = (widest + SAMPLE.0 + 3.0 * LETTER).min(width).max(120.0);
    let columns = crate::render::units::whole((width / column).floor()).max(1);
    // The entries go down before they go right, as the contestants do in a table.
    let rows = keys.len().div_ceil(columns).max(1);
    let column = width / number(keys.len().div_ceil(rows).max(1));
    for (index, key) in keys.iter().enumerate() {
        let x = left + number(index / rows) * column;
        let y = top + number(index % rows) * row;
        sample(markup, key.look, (x, y));
        let room = column - SAMPLE.0 - LETTER;
        let place = (x + SAMPLE.0 + 6.0, y + LETTER * 0.82);
        label(
            markup,
            "name",
            place,
            Anchor::Start,
            &fitted(&key.name, room),
        );
    }
    number(rows) * row
}
