//! A server to be measured against: the same handlers, as one would write them with tokio, with epoll, or with threads.
//!
//! The peers belong to this program and not to the library, so that whoever measures does not depend on what is measured.

#![forbid(unsafe_code)]

mod peers;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words = env::args_os().skip(1);
    let words = words.map(|word| word.to_string_lossy().into_owned());
    match peers::run(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // When even standard error is gone, the code still says what happened.
            let _ = writeln!(io::stderr(), "socketserver-peer: {failure}");
            ExitCode::from(failure.code())
        }
    }
}
