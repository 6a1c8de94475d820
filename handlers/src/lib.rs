//! Ready-made handlers for [`socketserver`]: what every tutorial on sockets begins with, finally correct, and what shows where modes differ.
//!
//! | Handler | Does |
//! |---|---|
//! | [`Echo`] | sends back what it receives |
//! | [`Uppercase`] | sends back what it receives, in capital letters |
//! | [`Work`] | answers every line with the same line, after keeping a processor busy for a while |
//! | [`Wait`] | answers every line with the same line, after waiting for a while |

#![forbid(unsafe_code)]

mod echo;
pub mod files;
mod line_by_line;
mod spin;
mod uppercase;
mod wait;
mod work;

pub use echo::Echo;
pub use spin::spin;
pub use uppercase::{Alphabet, Uppercase};
pub use wait::Wait;
pub use work::Work;
