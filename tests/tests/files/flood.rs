//! Many at once: logins that are dear, and requests that nobody waits for the answers of.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use serde_json::{Value, json};
use socketserver::Mode;
use socketserver_handlers::files::{Access, FilePath, Password, User, UsersFile};
use socketserver_tests::files::{Place, Speaker, bytes, frame, open_files, word};
use socketserver_tests::{Case, Running, Style, Transport, eventually};

socketserver_tests::matrix! {
    events: a_thousand_requests_are_answered_in_order;
    events concurrent: whoever_does_not_read_has_one_file_open_and_harms_nobody;
}

/// More logins at once than the threads for them take.
fn logins() -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    60.max(40 + 4 * processors)
}

#[test]
fn a_flood_of_logins_is_answered_and_delays_nobody_else() {
    let case = Case {
        mode: Mode::Reactor { loops: 1 },
        style: Style::Events,
        transport: Transport::TcpV4,
    };
    let place = Place::default();
    let bob = User {
        name: "bob".to_owned(),
        access: Access::ReadWrite,
        home: FilePath::parse("bob").unwrap(),
        quota_bytes: None,
    };
    // As dear as passwords usually are.
    let mut users = UsersFile::default();
    let password = Password::new("geheim".to_owned()).unwrap();
    users.add(bob, &password).unwrap();
    users.write(&place.users()).unwrap();
    let server = place.serve(&case);
    let mut calm = Speaker::logged_in(&server, "bob");
    let (welcome, answers) = flood(&server, &mut calm);
    assert!(
        welcome < logins(),
        "more was hashed than the queue has room for"
    );
    assert!(welcome >= 32, "{welcome}, although 32 may wait");
    // He would have one for each password, had he to wait for them.
    assert!(
        answers >= 3 * welcome,
        "{answers} answers to a bystander while {welcome} passwords were hashed"
    );
    drop(calm);
    server.stop();
}

/// How many of many logins at once were right, and how many answers somebody else got meanwhile.
fn flood(server: &Running, calm: &mut Speaker) -> (usize, usize) {
    let mut flood: Vec<_> = (0..logins()).map(|_| Speaker::connect(server)).collect();
    let login = frame(json!({"verb": "login", "user": "bob", "psd": "geheim"}));
    for speaker in &mut flood {
        speaker.send(&login);
    }
    let (welcome, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut answers = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for speaker in &mut flood {
                match word(&speaker.hear()) {
                    "ok" => _ = welcome.fetch_add(1, SeqCst),
                    other => {
                        assert_eq!(other, "busy");
                        // Who was told so is still welcome, later.
                        assert_eq!(speaker.word(json!({"verb": "pwd"})), "auth");
                    }
                }
            }
            is_over.store(true, SeqCst);
        });
        while !is_over.load(SeqCst) {
            assert_eq!(calm.word(json!({"verb": "pwd"})), "ok");
            answers += 1;
        }
    });
    let again = eventually("a login that is not busy", || {
        let mut last = Speaker::connect(server);
        (word(&last.log_in("bob", "geheim")) == "ok").then_some(last)
    });
    drop(again);
    (welcome.into_inner(), answers)
}

const REQUESTS: usize = 1000;
const FILE_BYTES: usize = 256 * 1024;

/// Every twentieth one is for a file.
fn request(number: usize) -> Value {
    match number % 20 {
        0 => json!({"verb": "get", "path": "large", "id": number}),
        1 => json!({"verb": "stat", "path": "large", "id": number}),
        2 => json!({"cmd": "no such thing", "id": number}),
        3 => json!({"verb": "get", "path": "nowhere", "id": number}),
        _ => json!({"verb": "pwd", "id": number}),
    }
}

fn expect_all(speaker: &mut Speaker, file: &[u8]) {
    for number in 0..REQUESTS {
        let reply = speaker.hear();
        assert_eq!(reply["id"], number, "{reply}");
        let expected = match number % 20 {
            2 => "unknown",
            3 => "not_found",
            _ => "ok",
        };
        assert_eq!(word(&reply), expected);
        if number % 20 == 0 {
            assert!(speaker.body(FILE_BYTES) == file, "another file");
        }
    }
}

fn all_requests() -> Vec<u8> {
    (0..REQUESTS)
        .flat_map(|number| frame(request(number)))
        .collect()
}

fn a_thousand_requests_are_answered_in_order(case: &Case) {
    let place = Place::default();
    let file = bytes(1, FILE_BYTES);
    fs::write(place.root("large"), &file).unwrap();
    let server = place.serve_to_all(case);
    let mut speaker = Speaker::connect(&server);
    let mut other = speaker.client.share();
    thread::scope(|scope| {
        scope.spawn(move || other.write_all(&all_requests()).unwrap());
        expect_all(&mut speaker, &file);
    });
    drop(speaker);
    server.stop();
}

fn whoever_does_not_read_has_one_file_open_and_harms_nobody(case: &Case) {
    let place = Place::default();
    let file = bytes(1, FILE_BYTES);
    fs::write(place.root("large"), &file).unwrap();
    let path = place.root("large").canonicalize().unwrap();
    let server = place.serve_to_all(case);
    let mut lazy: Vec<_> = (0..2).map(|_| Speaker::connect(&server)).collect();
    for speaker in &mut lazy {
        // Little fits on the way, so that what is asked for does not.
        let socket = speaker.client.socket();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        speaker.send(all_requests());
    }
    eventually("both files to be open", || {
        (open_files(&path) == 2).then_some(())
    });
    let mut calm = Speaker::connect(&server);
    for _ in 0..100 {
        assert_eq!(calm.word(json!({"verb": "pwd"})), "ok");
        // Who goes from one file to the next while descriptors are counted may count twice. A file that is opened ahead stays open, since nobody reads.
        eventually("one file for each connection at most", || {
            (open_files(&path) <= 2).then_some(())
        });
    }
    // What waits is in the sockets, and neither read nor answered ahead.
    let stats = server.stats();
    assert!(stats.bytes_held <= 2 * 64 * 1024, "{stats:?}");
    for speaker in &mut lazy {
        expect_all(speaker, &file);
    }
    drop((lazy, calm));
    eventually("the files to be closed", || {
        (open_files(&path) == 0).then_some(())
    });
    server.stop();
}
