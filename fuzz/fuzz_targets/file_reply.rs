//! A client of file servers, and what a hostile one may answer.

#![no_main]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process;
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver::Endpoint;
use socketserver_fuzz::files::assert_is_path;
use socketserver_fuzz::oracle::assert_sentence;
use socketserver_handlers::files::client::{
    Client, ClientOptions, Error, NameOptions, Version, Walk, download_by_name,
};
use socketserver_handlers::files::{Algorithm, FilePath};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// What is asked for, one after the other.
    questions: [Question; 3],
    version: Choice,
    /// Whether each header has its length in front, so that it is one.
    is_framed: bool,
    /// What the server says: headers, separated by line ends if they are framed, or bytes as they are.
    answer: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum Choice {
    One,
    /// The server greets as it should.
    Two,
    /// The answer begins with a greeting, or with something else.
    Any,
}

#[derive(Arbitrary, Debug)]
enum Question {
    Walk,
    Get,
    List,
    Entry,
    Hash,
    Folder,
    Login,
    Remove,
    ByName,
}

/// Far longer than an answer takes.
const PATIENCE: Duration = Duration::from_secs(8);
const GREETING: &[u8] =
    br#"{"res":"","code":200,"v":2,"have":["resume","list","blake3"],"auth":["plain"]}"#;
/// What the server says to whoever connects, before it ends its side.
static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
/// Started with the first input, it serves until the process ends.
static ENDPOINT: LazyLock<Endpoint> = LazyLock::new(start);

fuzz_target!(|input: Input<'_>| {
    let mut answer = Vec::new();
    if matches!(input.version, Choice::Two) {
        put_frame(GREETING, &mut answer);
    }
    if input.is_framed {
        let headers = input.answer.split(|&byte| byte == b'\n');
        headers.for_each(|header| put_frame(header, &mut answer));
    } else {
        answer.extend_from_slice(input.answer);
    }
    *said() = answer;
    let mut options = ClientOptions::default();
    options.hello_timeout = PATIENCE;
    options.progress_timeout = Some(PATIENCE);
    options.version = match input.version {
        Choice::One => Some(Version::One),
        Choice::Two => Some(Version::Two),
        Choice::Any => None,
    };
    let mut client = match Client::connect(&ENDPOINT, options) {
        Ok(client) => client,
        Err(error) => return assert_error(&error),
    };
    for question in &input.questions {
        if let Err(error) = question.ask(&mut client) {
            assert_error(&error);
        }
    }
});

fn said() -> MutexGuard<'static, Vec<u8>> {
    ANSWER.lock().expect("nobody panics with it")
}

fn put_frame(header: &[u8], answer: &mut Vec<u8>) {
    answer.extend_from_slice(&(header.len() as u32).to_le_bytes());
    answer.extend_from_slice(header);
}

/// Starts the server, and says where it listens.
fn start() -> Endpoint {
    // Abstract, so that a process that ends by a finding leaves no file behind.
    let name = format!("socketserver-fuzz-{}-files", process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name is not too long");
    let listener = UnixListener::bind_addr(&address).expect("the name is free");
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let answer = said().clone();
            // A client that downloads by name has two connections.
            thread::spawn(move || {
                // Whoever has heard enough leaves before the end.
                let _ = socket.write_all(&answer);
                let _ = socket.shutdown(Shutdown::Write);
                let _ = socket.read_to_end(&mut Vec::new());
            });
        }
    });
    let endpoint = format!("unix:@{name}");
    endpoint.parse().expect("it is an endpoint")
}

impl Question {
    fn ask(&self, client: &mut Client) -> Result<(), Error> {
        let path = FilePath::parse("dir/a.txt").expect("it is a path");
        match self {
            Self::Walk => {
                let mut walk = Walk::new(FilePath::root());
                while let Some(found) = walk.step(client) {
                    match found {
                        Ok(found) => {
                            assert_is_path(&found.path);
                            assert_is_path(&found.remote);
                            assert!(!found.path.is_root());
                        }
                        Err(error) => assert_error(&error),
                    }
                }
                Ok(())
            }
            Self::Get => {
                let mut copy = Vec::new();
                let done = client.get_into(&path, &mut copy, &mut ())?;
                assert_eq!(done.total, copy.len() as u64);
                let hash = done.hash.algorithm().hash(&copy);
                assert!(
                    !done.is_verified || hash == done.hash,
                    "the wrong hash is verified"
                );
                Ok(())
            }
            Self::List => client
                .list(&FilePath::root())
                .try_for_each(|entry| entry.map(drop)),
            Self::Entry => client.entry(&path).map(drop),
            Self::Hash => client.hash(&path, Algorithm::Md5, None).map(drop),
            Self::Folder => client.change_folder("..").map(drop),
            Self::Login => client.login("bob", "pw"),
            Self::Remove => client.remove(&path),
            Self::ByName => {
                let (mut copy, options) = (Vec::new(), NameOptions::default());
                let count = download_by_name(&ENDPOINT, "a", &mut copy, &options, &mut ())?;
                assert_eq!(copy, *said());
                assert_eq!(count, copy.len() as u64);
                Ok(())
            }
        }
    }
}

/// An error is one line, and nothing that the server has sent does anything to a terminal.
fn assert_error(error: &Error) {
    assert_sentence(&error.to_string());
}
