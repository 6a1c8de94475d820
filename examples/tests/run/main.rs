//! Starts every example as its own process and talks to it over a real socket.

mod conversations;
mod datagrams;
mod example;
mod files;
mod lossy;
mod post;
mod proofs;
mod talk;

use std::error::Error;
use std::time::Duration;

/// Far longer than anything here takes, so that only what hangs is cut off.
const DEADLINE: Duration = Duration::from_secs(20);

type TestResult = Result<(), Box<dyn Error>>;
