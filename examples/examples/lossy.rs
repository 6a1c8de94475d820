//! A bad network between a UDP server and its clients: it drops datagrams, sends them twice, and lets later ones overtake them.
//!
//! In Python one puts such a line into the program under test, and it proves that the program can do without that line:
//!
//! ```python
//! if random.random() < 0.1: return  # the network has lost it
//! ```
//!
//! Here the program stays as it is, and its clients write to another port. What happens to each datagram follows from the seed, so
//! that a failure can be repeated. The module `lossy` of this package does the work.
//!
//! Run: `cargo run -p socketserver-examples --example lossy -- LISTEN TARGET [--drop 10%] [--duplicate 5%] [--reorder 5%] [--seed N]`.
//! Try: with the example `udp_echo`, `lossy :9001 :9000 --drop 30%` and `nc -u 127.0.0.1 9001`. Control-D ends it, with its counts.

use std::{error::Error, io, process::ExitCode, thread};

use socketserver::Endpoint;
use socketserver_examples::lossy::{Chances, Lossy, Percent};

const USAGE: &str =
    "usage: lossy LISTEN TARGET [--drop 10%] [--duplicate 5%] [--reorder 5%] [--seed N]";

fn run() -> Result<(), Box<dyn Error>> {
    let (mut places, mut seed) = (Vec::new(), 0);
    let [mut drop, mut duplicate, mut reorder] = [Percent::default(); 3];
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--drop" => drop = value()?.parse()?,
            "--duplicate" => duplicate = value()?.parse()?,
            "--reorder" => reorder = value()?.parse()?,
            "--seed" => seed = value()?.parse()?,
            _ => places.push(argument),
        }
    }
    let [listen, target]: [String; 2] = places.try_into().map_err(|_| USAGE)?;
    let targets = target.parse::<Endpoint>()?.resolve()?;
    let target = *targets.first().ok_or("the target has no address")?;
    let chances = Chances::new(drop, duplicate, reorder)?;
    let lossy = Lossy::bind(&listen, target, chances, seed)?;
    println!("listening {} for udp://{target}", lossy.address());
    let stop = lossy.stop_handle();
    thread::spawn(move || io::copy(&mut io::stdin(), &mut io::sink()).map(|_| stop.stop()));
    println!("{}", lossy.serve()?);
    Ok(())
}

fn main() -> ExitCode {
    let Err(error) = run() else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{error}");
    ExitCode::FAILURE
}
