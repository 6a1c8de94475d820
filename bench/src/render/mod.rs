//! Draws a report: for the terminal, for documents and spreadsheets, and as pictures. What is drawn depends on the data alone, so an old
//! report can be drawn again, elsewhere and with a newer program.
//!
//! The verdict comes in as sentences: who decides what the figures mean should not be who draws them.

mod chart;
mod clean;
mod csv;
mod figure;
mod html;
mod markdown;
mod marks;
mod markup;
mod prose;
mod summary;
mod svg;
mod text;
mod units;

pub use self::csv::csv;
pub use self::html::html;
pub use self::markdown::markdown;
pub use self::svg::picture;
pub use self::text::{Style, text};
