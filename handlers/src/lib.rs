//! Ready-made handlers for [`socketserver`]: what every tutorial on sockets begins with, finally correct.
//!
//! | Handler | Does |
//! |---|---|
//! | [`Echo`] | sends back what it receives |
//! | [`Uppercase`] | sends back what it receives, in capital letters |

#![forbid(unsafe_code)]

mod echo;
mod uppercase;

pub use echo::Echo;
pub use uppercase::{Alphabet, Uppercase};
