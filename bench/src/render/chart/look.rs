//! How a contestant looks in every chart: a colour, a pattern and a marker, so that neither colour-blind readers nor grey printers mix two
//! of them up.

use super::draw::Length;

/// The look of one contestant, by its place in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look(pub(crate) usize);

/// How many colours there are: those of Okabe and Ito without yellow, which nobody sees on white.
pub(crate) const COLOURS: usize = 7;

/// Dashes of lines; the first is whole. Their number has no factor in common with that of the colours, so that pairs come back late.
const DASHES: [&str; 4] = ["none", "7 3", "2 2.5", "9 3 2 3"];

/// Markers, each a closed path around the origin, in parts of its size. Seven colours and six markers make 42 pairs.
const MARKERS: [&[(f64, f64)]; 6] = [
    &[],
    &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
    &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
    &[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)],
    &[
        (-0.4, -1.2),
        (0.4, -1.2),
        (0.4, -0.4),
        (1.2, -0.4),
        (1.2, 0.4),
        (0.4, 0.4),
        (0.4, 1.2),
        (-0.4, 1.2),
        (-0.4, 0.4),
        (-1.2, 0.4),
        (-1.2, -0.4),
        (-0.4, -0.4),
    ],
];

impl Look {
    /// The class that gives the colour.
    pub(crate) fn class(self) -> String {
        format!("k{}", self.0 % COLOURS)
    }

    /// The pattern of its lines.
    pub(crate) fn dash(self) -> &'static str {
        DASHES[self.0 % DASHES.len()]
    }

    /// The path of its marker around a place.
    pub(crate) fn marker(self, (x, y): (f64, f64), size: f64) -> String {
        let corners = MARKERS[self.0 % MARKERS.len()];
        if corners.is_empty() {
            let (left, whole) = (Length(x - size), Length(2.0 * size));
            let (size, y) = (Length(size), Length(y));
            return format!(
                "M{left} {y}a{size} {size} 0 1 0 {whole} 0a{size} {size} 0 1 0 -{whole} 0z"
            );
        }
        let places = corners.iter().map(|(right, down)| {
            format!("{} {}", Length(x + right * size), Length(y + down * size))
        });
        format!("M{}z", places.collect::<Vec<_>>().join("L"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn many_contestants_look_different() {
        let looks = (0..42).map(Look);
        let seen: HashSet<_> = looks
            .map(|look| (look.class(), look.marker((0.0, 0.0), 4.0)))
            .collect();
        assert_eq!(seen.len(), 42);
    }
}
