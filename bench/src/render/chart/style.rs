//! The colours of charts, for light and for dark surroundings.
//!
//! They are plain rules without variables, since not every program that shows a picture knows those.

use std::fmt::Write;

/// Colours that belong together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    /// What is drawn on.
    paper: &'static str,
    /// Letters.
    ink: &'static str,
    /// Letters that explain.
    soft: &'static str,
    /// Lines of the grid.
    grid: &'static str,
    /// Lines of the axes.
    axis: &'static str,
    /// Contestants: the colours of Okabe and Ito, lighter on dark paper.
    colours: [&'static str; super::look::COLOURS],
}

/// For light surroundings, and for dark ones.
pub(crate) const THEMES: [Theme; 2] = [
    Theme {
        paper: "#fffefb",
        ink: "#1b1a18",
        soft: "#55524c",
        grid: "#e4e1d9",
        axis: "#8d897f",
        colours: [
            "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#2b2a28",
        ],
    },
    Theme {
        paper: "#16181b",
        ink: "#ecebe7",
        soft: "#aeaca5",
        grid: "#2e3136",
        axis: "#74777c",
        colours: [
            "#4a9fe0", "#f0803c", "#27b98e", "#dd94bd", "#f0b73f", "#8fd0f7", "#e6e4df",
        ],
    },
];

/// The rules of a theme.
pub(crate) fn rules(theme: &Theme) -> String {
    let Theme {
        paper,
        ink,
        soft,
        grid,
        axis,
        colours,
    } = theme;
    let mut out = format!(
        ".paper{{fill:{paper}}}.heading,.name,.title{{fill:{ink}}}.tick,.axis-title,.small{{fill:{soft}}}\n\
         .name{{stroke:{paper}}}.grid{{stroke:{grid}}}.axis{{stroke:{axis}}}.reference,.interval{{stroke:{ink}}}.silence{{fill:{axis}}}\n\
         .marker{{fill:currentColor;stroke:{paper};stroke-width:.9}}.hollow{{fill:{paper};stroke:currentColor;stroke-width:1.5}}\n"
    );
    for (index, colour) in colours.iter().enumerate() {
        let _ = write!(out, ".k{index}{{color:{colour}}}");
    }
    out.push('\n');
    out
}

/// The rules that every theme has.
pub(crate) const FORMS: &str = "\
.grid,.axis,.reference,.interval,.curve,.trace,.whisker,.thread{fill:none}
.grid{stroke-width:1}.axis{stroke-width:1}.interval{stroke-width:1.2}
.reference{stroke-width:1.2;stroke-dasharray:1 3}
.curve{stroke:currentColor;stroke-width:1.9;stroke-linejoin:round}
.trace{stroke:currentColor;stroke-width:1.1;stroke-linejoin:round;opacity:.65}
.whisker{stroke:currentColor;stroke-width:1.2;opacity:.5}
.thread{stroke:currentColor;stroke-width:1.5;opacity:.4}
.band{fill:currentColor;stroke:none;opacity:.13}
.name{stroke-width:3;stroke-linejoin:round;paint-order:stroke}
.bar{fill:currentColor;opacity:.85}.silence{opacity:.3}
";
