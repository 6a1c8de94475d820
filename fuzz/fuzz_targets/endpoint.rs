//! Endpoints as people write them.

#![no_main]

use std::net::SocketAddr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver::Endpoint;
use socketserver_fuzz::oracle::assert_sentence;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Address(SocketAddr),
    Parts(Vec<Part<'a>>),
    Text(&'a str),
}

/// What endpoints are made of, in any order.
#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Common(u8),
    Number(u32),
    Text(&'a str),
}

const COMMON: [&str; 17] = [
    "tcp",
    "unix",
    "unixgram",
    "udp",
    "localhost",
    "::1",
    "fe80::1%2",
    "0.0.0.0",
    ":",
    "//",
    "[",
    "]",
    "@",
    "/",
    "%",
    "\0",
    "-",
];

impl Part<'_> {
    fn text(&self) -> String {
        match self {
            Self::Common(number) => COMMON[usize::from(*number) % COMMON.len()].to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => (*text).to_owned(),
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let text = match input {
        Input::Address(address) => return assert_survives(&Endpoint::from(address)),
        Input::Parts(parts) => parts.iter().map(Part::text).collect(),
        Input::Text(text) => text.to_owned(),
    };
    match text.parse::<Endpoint>() {
        Ok(endpoint) => assert_survives(&endpoint),
        Err(error) => assert_sentence(&error.to_string()),
    }
});

/// An endpoint is the same after it was printed, and after it was written into a file.
fn assert_survives(endpoint: &Endpoint) {
    let printed = endpoint.to_string();
    assert_eq!(
        printed.parse().as_ref(),
        Ok(endpoint),
        "printed {printed:?}"
    );
    let json = serde_json::to_string(endpoint).expect("an endpoint is a text");
    let read: Endpoint = serde_json::from_str(&json).expect("what was written can be read");
    assert_eq!(&read, endpoint, "written {json}");
}
