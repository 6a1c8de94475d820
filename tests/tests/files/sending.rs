//! What a client costs that asks for files and does not read them.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::UNIX_EPOCH;

use socketserver::{Config, Mode, Server, StreamServer};
use socketserver_handlers::files::storage::{Entry, Listing, Source, Storage};
use socketserver_handlers::files::{Access, FilePath, Files, Refusal, Settings};
use socketserver_tests::{Memory, PATIENCE};

/// More than a Unix socket takes before somebody reads.
const BYTES: usize = 1 << 20;
const FILES: usize = 20;

/// A storage that counts how often a file is opened.
#[derive(Clone, Debug)]
struct Counting(Memory, Arc<AtomicUsize>);

impl Storage for Counting {
    fn list(&self, folder: &FilePath, after: Option<&str>, max: usize) -> Result<Listing, Refusal> {
        self.0.list(folder, after, max)
    }

    fn entry(&self, path: &FilePath) -> Result<Entry, Refusal> {
        self.0.entry(path)
    }

    fn open(&self, path: &FilePath) -> Result<Source, Refusal> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let mut source = self.0.open(path)?;
        // It has long been as it is, so that its hash is remembered and costs no time.
        source.stamp.changed = UNIX_EPOCH;
        Ok(source)
    }
}

#[test]
fn a_client_that_reads_slowly_has_one_file_open() {
    for mode in [Mode::Reactor { loops: 1 }, Mode::Threads] {
        let opened = Arc::new(AtomicUsize::new(0));
        let memory = Memory::default().with("a", &vec![7; BYTES]);
        let storage = Arc::new(Counting(memory, opened.clone()));
        let settings = Settings {
            anonymous: Some(Access::ReadOnly),
            ..Settings::default()
        };
        let files = Files::new(storage, settings);
        let name = format!("socketserver-slow-{}-{mode}", std::process::id());
        let server = StreamServer::builder()
            .mode(mode)
            .config(files.config(Config::default()))
            .endpoint(&format!("unix:@{name}"))
            .and_then(socketserver::Builder::bind)
            .expect("the name is free");
        let stop = server.stop_handle();
        let serving = thread::spawn(move || server.serve_forever(move |peer| files.handler(peer)));

        let address = SocketAddr::from_abstract_name(&name).expect("a name is short");
        let mut client = connect(&address);
        let request = b"\x0f\0\0\0{\"cmd\":\"get a\"}";
        ask(&mut client, &request.repeat(FILES));
        hear(&mut client);
        // Whatever it would do for the first client, it has had the time for.
        let mut other = connect(&address);
        for _ in 0..3 * FILES {
            ask(&mut other, b"\x10\0\0\0{\"cmd\":\"stat a\"}");
            hear(&mut other);
        }
        for files in 1..=FILES {
            assert_eq!(read(&mut client, BYTES), vec![7; BYTES]);
            // The next one may be on its way, and is too long to have been sent.
            let opened = opened.load(Ordering::SeqCst);
            assert!(
                opened <= files + 1,
                "{mode}: {opened} files were opened when {files} had come"
            );
            if files < FILES {
                hear(&mut client);
            }
        }
        drop((client, other));
        stop.stop();
        let report = serving.join().expect("a server does not panic");
        assert_eq!(report.expect("it has served").cut, 0, "{mode}");
    }
}

fn connect(address: &SocketAddr) -> UnixStream {
    let client = UnixStream::connect_addr(address).expect("the server listens");
    let timeout = client.set_read_timeout(Some(PATIENCE));
    timeout.expect("it is above zero");
    client
}

fn ask(client: &mut UnixStream, frames: &[u8]) {
    client.write_all(frames).expect("so much is taken at once");
}

/// Receives a header.
fn hear(client: &mut UnixStream) {
    let length = read(client, 4).try_into().expect("it has four bytes");
    read(client, u32::from_le_bytes(length) as usize);
}

fn read(client: &mut UnixStream, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    client.read_exact(&mut buffer).expect("it comes");
    buffer
}
