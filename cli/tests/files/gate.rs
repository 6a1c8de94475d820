//! A gate between clients and a server, at which something happens to one connection at an exact byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A gate. Its threads end with the test.
pub(crate) struct Gate {
    /// `HOST:PORT`, in place of the server's.
    pub(crate) address: String,
    next: Arc<Mutex<Option<(Way, Event)>>>,
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// What happens after so many bytes that go one way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// Nothing more arrives, but the connection goes on until somebody ends it.
    Holds(usize),
    /// The connection ends.
    Cuts(usize),
    /// One bit is another one.
    Damages(usize),
}

impl Gate {
    /// A gate in front of a server.
    pub(crate) fn new(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let next = Arc::<Mutex<Option<(Way, Event)>>>::default();
        let (server, plan) = (server.to_owned(), next.clone());
        thread::spawn(move || {
            loop {
                let client = listener.accept().unwrap().0;
                let server = TcpStream::connect(&server).unwrap();
                let event = plan.lock().unwrap().take();
                let on = |way| event.filter(|(on, _)| *on == way).map(|(_, event)| event);
                let (up, down) = (on(Way::ToServer), on(Way::ToClient));
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(&client, &server, up));
                thread::spawn(move || pass(&ends.1, &ends.0, down));
            }
        });
        Self { address, next }
    }

    /// What happens to the next connection.
    pub(crate) fn does(&self, way: Way, event: Event) {
        *self.next.lock().unwrap() = Some((way, event));
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("files://{}/{path}", self.address)
    }
}

/// Passes bytes on until one side ends, and then ends both.
fn pass(mut from: &TcpStream, mut to: &TcpStream, event: Option<Event>) {
    let mut buffer = vec![0; 1 << 16];
    let mut before = 0;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &mut buffer[..count];
        let passed = match event {
            Some(Event::Holds(at)) => to.write_all(&bytes[..count.min(at.max(before) - before)]),
            Some(Event::Cuts(at)) if at <= before + count => {
                let _ = to.write_all(&bytes[..at - before]);
                break;
            }
            Some(Event::Damages(at)) if (before..before + count).contains(&at) => {
                bytes[at - before] ^= 1;
                to.write_all(bytes)
            }
            _ => to.write_all(bytes),
        };
        if passed.is_err() {
            break;
        }
        before += count;
    }
    for end in [from, to] {
        let _ = end.shutdown(Shutdown::Both);
    }
}
