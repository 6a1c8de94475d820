//! Charts as SVG, drawn by hand: lines, bars and strips over common axes, and looks that a reader can tell apart without seeing colours.
//!
//! A chart is plain data first. Its size comes last, so that the same chart stands in a page and, smaller, in a picture.

mod axis;
mod bars;
mod draw;
mod legend;
mod lines;
mod look;
mod scale;
mod strips;
mod style;

pub(crate) use self::axis::{Axis, Tick};
pub(crate) use self::bars::{Bar, Bars};
pub(crate) use self::draw::{Anchor, Length, label, text_width};
pub(crate) use self::legend::{Key, SAMPLE, legend, sample};
pub(crate) use self::lines::{Line, Lines, Spot};
pub(crate) use self::look::Look;
pub(crate) use self::scale::{NINES, Scale};
pub(crate) use self::strips::{Moment, Strip, Strips};
pub(crate) use self::style::{FORMS, THEMES, rules};

use super::markup::Markup;

/// A chart of any kind.
#[derive(Debug)]
pub(crate) enum Chart {
    Lines(Lines),
    Bars(Bars),
    Strips(Strips),
}

/// The letters of a chart, in units of its picture. What is drawn has room for letters of this size, so a page may make them smaller.
pub(crate) const LETTER: f64 = 12.5;

impl Chart {
    /// How high it is when it is so wide.
    pub(crate) fn height(&self, width: f64) -> f64 {
        match self {
            Self::Lines(_) => (width * 0.62).max(200.0),
            Self::Bars(bars) => bars.height(),
            Self::Strips(strips) => strips.height(),
        }
    }

    /// Draws it from the origin to the right and down.
    pub(crate) fn draw(&self, markup: &mut Markup, width: f64) {
        match self {
            Self::Lines(lines) => lines.draw(markup, width, self.height(width)),
            Self::Bars(bars) => bars.draw(markup, width),
            Self::Strips(strips) => strips.draw(markup, width),
        }
    }

    /// What its lines mean; empty where names stand beside what is drawn.
    pub(crate) fn keys(&self) -> Vec<Key> {
        match self {
            Self::Lines(lines) => lines.keys(),
            Self::Bars(_) | Self::Strips(_) => Vec::new(),
        }
    }
}
