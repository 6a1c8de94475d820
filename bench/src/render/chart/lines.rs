//! Lines with bands: how something changes with something else, and how far it may be off.

use super::axis::{Axis, Field};
use super::draw::{open_path, stroke};
use super::legend::Key;
use super::look::Look;
use crate::render::markup::Markup;

/// A chart of lines.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) each: Vec<Line>,
    /// What all lines are measured against: a name, and the places that it goes through.
    pub(crate) reference: Option<(String, Vec<(f64, f64)>)>,
}

/// A line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) look: Look,
    /// What it goes through, from left to right. It is torn where there is none, since nobody knows what would be between.
    pub(crate) spots: Vec<Option<Spot>>,
}

/// A place that a line goes through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) x: f64,
    pub(crate) low: f64,
    pub(crate) middle: f64,
    pub(crate) high: f64,
    /// Whether it has a marker. Some places are there for the form of the line only.
    pub(crate) is_marked: bool,
    /// Whether the marker is hollow, since the value is a lower bound.
    pub(crate) is_bound: bool,
}

/// Half of a marker's size.
pub(crate) const MARKER: f64 = 3.6;

impl Lines {
    pub(crate) fn draw(&self, markup: &mut Markup, width: f64, height: f64) {
        let field = Field::between(&self.x, &self.y, width, height);
        field.draw(markup, &self.x, &self.y);
        // Bands lie below all lines: a line that is covered by a neighbour's band would look like another colour.
        for line in &self.each {
            markup.element("g", &[("class", &line.look.class())], |inside| {
                for piece in self.pieces(line) {
                    self.draw_band(inside, field, &piece);
                }
            });
        }
        if let Some((_, places)) = &self.reference {
            let places = places.iter().map(|&place| self.place(field, place));
            markup.empty(
                "path",
                &[("class", &"reference"), ("d", &open_path(places))],
            );
        }
        for line in &self.each {
            markup.element("g", &[("class", &line.look.class())], |inside| {
                for piece in self.pieces(line) {
                    self.draw_line(inside, field, line.look, &piece);
                }
            });
        }
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        let lines = self.each.iter().map(|line| Key {
            name: line.name.clone(),
            look: Some(line.look),
        });
        let reference = self.reference.iter().map(|(name, _)| Key {
            name: name.clone(),
            look: None,
        });
        lines.chain(reference).collect()
    }

    /// A line without the spots that the axes cannot show, in pieces.
    fn pieces(&self, line: &Line) -> Vec<Vec<Spot>> {
        let can_show = |spot: &Spot| self.x.scale.has(spot.x) && self.y.scale.has(spot.middle);
        let pieces = line
            .spots
            .split(|spot| !spot.as_ref().is_some_and(can_show));
        pieces
            .filter(|piece| !piece.is_empty())
            .map(|piece| piece.iter().flatten().copied().collect())
            .collect()
    }

    fn place(&self, field: Field, (x, y): (f64, f64)) -> (f64, f64) {
        (field.across(self.x.scale, x), field.up(self.y.scale, y))
    }

    fn draw_band(&self, markup: &mut Markup, field: Field, piece: &[Spot]) {
        if let [spot] = piece {
            let (low, high) = (
                self.place(field, (spot.x, spot.low)),
                self.place(field, (spot.x, spot.high)),
            );
            stroke(markup, "whisker", low, high);
            return;
        }
        let there = piece.iter().map(|spot| (spot.x, spot.high));
        let back = piece.iter().rev().map(|spot| (spot.x, spot.low));
        let outline = there.chain(back).map(|place| self.place(field, place));
        let path = format!("{}z", open_path(outline));
        markup.empty("path", &[("class", &"band"), ("d", &path)]);
    }

    fn draw_line(&self, markup: &mut Markup, field: Field, look: Look, piece: &[Spot]) {
        let place = |spot: &Spot| self.place(field, (spot.x, spot.middle));
        if piece.len() > 1 {
            let path = open_path(piece.iter().map(place));
            markup.empty(
                "path",
                &[
                    ("class", &"curve"),
                    ("stroke-dasharray", &look.dash()),
                    ("d", &path),
                ],
            );
        }
        for spot in piece
            .iter()
            .filter(|spot| spot.is_marked || piece.len() == 1)
        {
            let class = if spot.is_bound {
                "marker hollow"
            } else {
                "marker"
            };
            markup.empty(
                "path",
                &[("class", &class), ("d", &look.marker(place(spot), MARKER))],
            );
        }
    }
}
