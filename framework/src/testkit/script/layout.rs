//! What a script sends, in the pieces that a prover may cut.

use std::ops::Range;

use super::{Script, Step};

/// What a script sends, as pieces between which something else happens. Steps that send one behind the other are one piece.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) input: Vec<u8>,
    pub(super) stages: Vec<Stage>,
}

#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Sends this part of the input; the step is the first that belongs to it.
    Send { part: Range<usize>, step: usize },
    /// Does what this step says.
    Other(usize),
}

impl Layout {
    pub(crate) fn new(script: &Script) -> Self {
        let mut layout = Self::default();
        for (index, step) in script.steps().iter().enumerate() {
            let Step::Send(data) = step else {
                layout.stages.push(Stage::Other(index));
                continue;
            };
            let start = layout.input.len();
            layout.input.extend_from_slice(data.bytes());
            let end = layout.input.len();
            match layout.stages.last_mut() {
                Some(Stage::Send { part, .. }) => part.end = end,
                _ => layout.stages.push(Stage::Send {
                    part: start..end,
                    step: index,
                }),
            }
        }
        layout
    }

    /// Where the input can be cut: before each byte that would otherwise come together with the one before it.
    pub(crate) fn places(&self) -> Vec<usize> {
        let parts = self.stages.iter().filter_map(|stage| match stage {
            Stage::Send { part, .. } => Some(part.start + 1..part.end),
            Stage::Other(_) => None,
        });
        parts.flatten().collect()
    }
}
