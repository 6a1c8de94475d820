//! What a file server logs: no secrets, and one line for each record, whatever names its peers have.
//!
//! It is a test binary of its own, since there is one logger in a process.

use std::sync::{Mutex, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};
use serde_json::{Value, json};
use socketserver::Mode;
use socketserver_handlers::files::{Password, UsersFile};
use socketserver_tests::files::{OTHER_PASSWORD, PASSWORD, Place, Speaker, frame, word};
use socketserver_tests::{Case, Style, Transport};

/// Keeps everything.
struct Notebook(Mutex<Vec<String>>);

static NOTEBOOK: Notebook = Notebook(Mutex::new(Vec::new()));

impl Log for Notebook {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!(
            "{} {}: {}",
            record.level(),
            record.target(),
            record.args()
        ));
    }

    fn flush(&self) {}
}

impl Notebook {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What must be nowhere: passwords, right and wrong, wherever they are in a request, and what hashes begin with.
const SECRETS: [&str; 7] = [
    PASSWORD,
    OTHER_PASSWORD,
    "hunter2",
    "918273645",
    "546372819",
    "$argon2id",
    "HFEj8e",
];

/// Names that end lines, drive terminals, or turn text around.
const NAMES: [&str; 8] = [
    "a\nERROR forged: all is well",
    "a\r\nb",
    "\u{1b}[2J\u{1b}]52;c;aGk=\u{7}",
    "\u{9b}31m",
    "\u{202e}txt.exe",
    "\u{2066}x\u{2069}",
    "a\u{2028}b\u{2029}c",
    "\0\u{7f}\u{85}",
];

/// Every field and verb with a hostile text.
fn hostile(name: &str) -> Vec<Value> {
    let mut all = vec![
        json!({"verb": name}),
        json!({"cmd": name}),
        json!({"cmd": format!("\"{name}")}),
        json!({"cmd": "help", "id": name}),
        json!({"cmd": "help", "id": name.repeat(40)}),
        json!({"cmd": "hello", "client": name}),
        json!({"cmd": "put", "filename": name, "file_hash": name}),
        json!({"cmd": "put", "filename": "x", "dst_dir": name}),
        json!({"cmd": "get", "filename": name, "dst_dir": name}),
        json!({"cmd": format!("hash x {name}")}),
        json!({"verb": "get", "path": "a", "hash_alg": name, "if_hash": name}),
        json!({"verb": "get", "path": "a", "if_hash": name}),
        json!({"verb": "ls", "path": "", "after": name}),
        json!({"verb": "mv", "path": "a", "to": name}),
        json!({"verb": "put", "phase": name, "path": name}),
        json!({"verb": "put", "phase": "commit", "token": name, "hash": name}),
        json!({"verb": "put", "phase": "open", "path": name, "total": 1}),
    ];
    for verb in ["cd", "stat", "hash", "mkdir", "rm"] {
        all.push(json!({"verb": verb, "path": name}));
        all.push(json!({"cmd": format!("{verb} \"{name}\"")}));
    }
    all
}

/// Requests with secrets at right and wrong places, none of which logs anybody in.
fn indiscreet() -> Vec<Value> {
    vec![
        json!({"cmd": "login bob hunter2"}),
        json!({"cmd": "Login bob hunter2"}),
        json!({"cmd": "login \"bob hunter2"}),
        json!({"cmd": "login", "user": "bob", "psd": 918_273_645}),
        json!({"verb": "login", "user": "bob", "psd": ["hunter2"]}),
        json!({"verb": "login", "user": {"name": "bob"}, "psd": "hunter2"}),
        json!({"verb": "login", "psd": "hunter2"}),
        json!({"verb": "pwd", "psd": "hunter2", "size": "hunter2"}),
        json!({"verb": "pwd", "psd": "hunter2", "create": "hunter2"}),
        json!({"verb": "pwd", "offset": -918_273_645}),
        json!({"verb": "pwd", "total": 918_273_645.5}),
        json!({"verb": "pwd", "id": {"psd": "hunter2"}}),
    ]
}

#[test]
fn a_log_has_no_secrets_and_a_line_for_each_record() {
    log::set_logger(&NOTEBOOK).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let place = Place::default();
    let settings = place.for_users();
    let users = UsersFile::read(&place.users()).unwrap();
    let password = Password::new(PASSWORD.to_owned()).unwrap();
    let files = place.files(settings.clone());
    let mut shown = vec![format!("{settings:?} {users:?} {password:?} {files:?}")];
    shown.push(format!("{settings:#?}").replace('\n', " "));

    let case = Case {
        mode: Mode::Reactor { loops: 1 },
        style: Style::Events,
        transport: Transport::Unix,
    };
    let mut server = place.serve(&case);
    // Answers to wrong logins are late, and not waited for.
    let mut waiting = Vec::new();
    for request in indiscreet() {
        let mut stranger = Speaker::connect(&server);
        stranger.say(&request);
        waiting.push(stranger);
    }
    for name in NAMES {
        let mut stranger = Speaker::connect(&server);
        stranger.say(json!({"verb": "login", "user": name, "psd": name}));
        waiting.push(stranger);
        let mut bob = Speaker::logged_in(&server, "bob");
        for request in hostile(name) {
            bob.ask(request);
        }
        // What is no frame at all.
        bob.send(frame(format!("{{\"cmd\": {name}")));
        assert_eq!(word(&bob.hear()), "bad_frame");
    }
    Speaker::logged_in(&server, "ann");
    let sent: u64 = waiting.iter().map(|stranger| stranger.sent).sum();
    server.until("all to be received", |stats| stats.bytes_in > sent);
    let wrong = |lines: &[String]| {
        lines
            .iter()
            .filter(|line| line.contains("wrong name"))
            .count()
    };
    socketserver_tests::eventually("all wrong logins to be logged", || {
        shown.extend(NOTEBOOK.take());
        (wrong(&shown) > NAMES.len()).then_some(())
    });
    drop(waiting);
    server.stop_handle().cut();
    server.join();
    shown.extend(NOTEBOOK.take());

    assert!(
        shown
            .iter()
            .any(|line| line.contains("\"bob\" has logged in")),
        "{shown:#?}"
    );
    assert!(
        shown.iter().any(|line| line.contains("Login")),
        "requests are not logged"
    );
    for line in &shown {
        let secret = SECRETS.iter().find(|secret| line.contains(**secret));
        assert!(secret.is_none(), "{secret:?} is in {line:?}");
        let treacherous = line.chars().find(|&letter| is_treacherous(letter));
        assert!(treacherous.is_none(), "{treacherous:?} is in {line:?}");
    }
}

fn is_treacherous(letter: char) -> bool {
    letter.is_control()
        || ('\u{2028}'..='\u{202e}').contains(&letter)
        || ('\u{2066}'..='\u{2069}').contains(&letter)
}
