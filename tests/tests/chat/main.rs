//! The chat: what its protocol says, in every mode, however it is cut, and on the seeded network.

mod line_door;
mod seeded;
