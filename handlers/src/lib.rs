//! Ready-made handlers for [`socketserver`]: what every tutorial on sockets begins with and ends with, finally correct, and what shows where modes differ.
//!
//! | Handler | Does |
//! |---|---|
//! | [`Echo`] | sends back what it receives |
//! | [`Uppercase`] | sends back what it receives, in capital letters |
//! | [`Work`] | answers every line with the same line, after keeping a processor busy for a while |
//! | [`Wait`] | answers every line with the same line, after waiting for a while |
//! | [`Chat`](chat::Chat) | rooms in which people talk, from a terminal or with datagrams, and stay fast when somebody stops reading |
//! | [`Files`](files::Files) | sends and stores files, for users or for everybody: uploads that resume, hashes that are compared, nothing outside of a folder |
//! | [`NameDownload`](files::NameDownload) | sends the file whose name comes, as the tutorials' downloader does |
//! | [`Talk`](talk::Talk) | lets an operator talk to those who connect: to all, to one, or in turns, as the tutorials' loop does |

#![forbid(unsafe_code)]

pub mod chat;
mod echo;
pub mod files;
mod line_by_line;
mod spin;
pub mod talk;
mod uppercase;
mod wait;
mod work;

pub use echo::Echo;
pub use spin::spin;
pub use uppercase::{Alphabet, Uppercase};
pub use wait::Wait;
pub use work::Work;
