//! A chart in the page, with its number, its title, its legend, and its figures for those who cannot see it.

use crate::render::chart::{Chart, Key, Length, SAMPLE, sample, text_width};
use crate::render::figure::{Figure, Grid};
use crate::render::markup::Markup;

/// How wide a chart is in its own units. At the width of a phone these are a bit smaller than pixels, on a desk a bit larger.
const WIDTH: f64 = 460.0;

/// Writes a chart and what belongs to it.
pub(crate) fn write(markup: &mut Markup, figure: &Figure, index: usize) {
    markup.element("figure", &[("id", &figure.id)], |plate| {
        plate.element("figcaption", &[], |caption| {
            caption.element("h3", &[], |heading| {
                heading.leaf("span", &[("class", &"number")], &format!("Figure {index}"));
                heading.text(&format!(" {}", figure.title));
            });
            caption.leaf("p", &[], &figure.reading);
        });
        drawing(plate, figure);
        legend(plate, &figure.chart);
        plate.element("details", &[], |details| {
            details.leaf("summary", &[], "The figures as a table");
            grid(details, &figure.grid, &figure.title);
        });
    });
}

fn drawing(markup: &mut Markup, figure: &Figure) {
    let (title, description) = (
        format!("{}-title", figure.id),
        format!("{}-text", figure.id),
    );
    let names = format!("{title} {description}");
    let view = format!(
        "0 0 {} {}",
        Length(WIDTH),
        Length(figure.chart.height(WIDTH))
    );
    markup.element(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("class", &"chart"),
            ("viewBox", &view),
            ("role", &"img"),
            ("aria-labelledby", &names),
        ],
        |svg| {
            svg.leaf("title", &[("id", &title)], &figure.title);
            let text = format!("{} The figures follow as a table.", figure.reading);
            svg.leaf("desc", &[("id", &description)], &text);
            figure.chart.draw(svg, WIDTH);
        },
    );
}

/// The legend is a list of the page and no part of the picture: so it can break its lines as the screen wants.
fn legend(markup: &mut Markup, chart: &Chart) {
    let keys = chart.keys();
    if keys.is_empty() {
        return;
    }
    // Columns are as wide as the longest name needs, but not wider than a phone.
    let widest = keys
        .iter()
        .map(|key| text_width(&key.name))
        .fold(0.0, f64::max);
    let entry_width = Length((widest + SAMPLE.0 + 12.0).min(320.0));
    let style = format!("--entry:{entry_width}px");
    markup.element("ul", &[("class", &"legend"), ("style", &style)], |list| {
        for key in &keys {
            list.element("li", &[], |item| entry(item, key));
        }
    });
}

fn entry(markup: &mut Markup, key: &Key) {
    let view = format!("0 0 {} {}", SAMPLE.0, SAMPLE.1);
    markup.element(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("class", &"sample"),
            ("viewBox", &view),
            ("aria-hidden", &"true"),
        ],
        |svg| sample(svg, key.look, (0.0, 0.0)),
    );
    markup.leaf("span", &[], &key.name);
}

/// Figures as a table. It scrolls by itself where the screen is narrow, and can be reached by keys for that.
fn grid(markup: &mut Markup, grid: &Grid, title: &str) {
    let region = format!("{title}, as a table");
    markup.element(
        "div",
        &[
            ("class", &"scroll"),
            ("role", &"region"),
            ("aria-label", &region),
            ("tabindex", &"0"),
        ],
        |scroll| {
            scroll.element("table", &[], |table| {
                table.element("thead", &[], |head| {
                    head.element("tr", &[], |row| {
                        for name in &grid.head {
                            row.leaf("th", &[("scope", &"col")], name);
                        }
                    });
                });
                table.element("tbody", &[], |body| {
                    for cells in &grid.rows {
                        body.element("tr", &[], |row| {
                            for (index, cell) in cells.iter().enumerate() {
                                match index {
                                    0 => row.leaf("th", &[("scope", &"row")], cell),
                                    _ => row.leaf("td", &[], cell),
                                }
                            }
                        });
                    }
                });
            });
        },
    );
}
