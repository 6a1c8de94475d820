//! Which version is spoken with whom.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::super::{Algorithm, Word};
use super::super::{Client, Error, Version};
use super::fake::{Fake, Peer, Script, options};

/// Connects to a server that does this first, and then gets on with version 1.
fn falls_back(first: impl FnOnce(&mut Peer) + Send + 'static) {
    let first = |peer: &mut Peer| {
        assert_eq!(peer.request()["cmd"], "hello");
        first(peer);
        peer.is_left();
    };
    let second = |peer: &mut Peer| {
        peer.asked(&json!({"cmd": "pwd"}));
        peer.reply(&json!({"res": "/home"}));
    };
    let fake = Fake::new(vec![Box::new(first), Box::new(second)]);
    let mut client = Client::connect(&fake.endpoint, options()).unwrap();
    assert_eq!(client.version(), Version::One);
    assert_eq!(client.algorithm(), Algorithm::Md5);
    assert_eq!(client.working_folder().unwrap(), "/home");
    fake.end();
}

#[test]
fn who_understands_the_greeting_is_spoken_to_in_version_2() {
    let (fake, mut client) = Fake::two(|peer| {
        peer.is_slow = true;
        peer.asked(&json!({"verb": "pwd"}));
        peer.reply(&json!({"res": "here", "code": 200, "path": "/"}));
    });
    assert_eq!(client.version(), Version::Two);
    assert_eq!(client.algorithm(), Algorithm::Blake3);
    assert_eq!(client.working_folder().unwrap(), "/");
    fake.end();
}

#[test]
fn who_says_null_is_spoken_to_in_version_1() {
    falls_back(|peer| {
        peer.is_slow = true;
        peer.send_frame(b"null");
    });
}

#[test]
fn who_does_not_know_the_verb_is_spoken_to_in_version_1() {
    falls_back(|peer| peer.refuses("unknown", 404));
    falls_back(|peer| peer.refuses("auth", 401));
    falls_back(|peer| peer.reply(&json!({"res": "no such command"})));
    // Who sends back what it gets has not understood it.
    falls_back(|peer| peer.reply(&json!({"cmd": "hello", "v": 2})));
}

#[test]
fn who_hangs_up_is_spoken_to_in_version_1() {
    falls_back(Peer::leaves);
}

#[test]
fn who_says_nothing_is_spoken_to_in_version_1() {
    let second: Script = Box::new(Peer::is_left);
    let first: Script = Box::new(|peer| {
        peer.request();
        peer.is_left();
    });
    let fake = Fake::new(vec![first, second]);
    let mut options = options();
    options.hello_timeout = Duration::from_millis(50);
    let started = Instant::now();
    let client = Client::connect(&fake.endpoint, options).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(client.version(), Version::One);
    drop(client);
    fake.end();
}

#[test]
fn who_has_too_much_to_do_is_not_taken_for_an_old_server() {
    let fake = Fake::new(vec![Box::new(|peer| {
        peer.request();
        peer.refuses("busy", 409);
    })]);
    let error = Client::connect(&fake.endpoint, options()).unwrap_err();
    assert!(error.is_refusal(Word::Busy), "{error}");
    fake.end();
}

#[test]
fn another_kind_of_server_is_found_out() {
    let fake = Fake::new(vec![Box::new(|peer| {
        peer.request();
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    })]);
    let error = Client::connect(&fake.endpoint, options()).unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error}");
    fake.end();
}

#[test]
fn a_version_that_is_asked_for_is_spoken() {
    let (fake, mut client) = Fake::one(|peer| {
        peer.asked(&json!({"cmd": "login", "user": "bob", "psd": "pw"}));
        peer.refuses("auth", 401);
    });
    let error = client.login("bob", "pw").unwrap_err();
    assert!(error.is_refusal(Word::Auth), "{error}");
    fake.end();

    let fake = Fake::new(vec![Box::new(|peer| {
        peer.request();
        peer.send_frame(b"null");
    })]);
    let mut options = options();
    options.version = Some(Version::Two);
    let error = Client::connect(&fake.endpoint, options).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    fake.end();
}

#[test]
fn a_hash_is_one_that_both_sides_know() {
    let fake = Fake::new(vec![Box::new(|peer| {
        peer.request();
        let have = ["list", "md5", "sha256", "rot13"];
        peer.reply(&json!({"res": "", "code": 200, "v": 3, "have": have}));
    })]);
    let client = Client::connect(&fake.endpoint, options()).unwrap();
    assert_eq!(client.algorithm(), Algorithm::Sha256);
    fake.end();
}

#[test]
fn a_server_that_hides_passwords_is_not_sent_one() {
    let fake = Fake::new(vec![Box::new(|peer| {
        peer.request();
        peer.reply(&json!({"res": "", "code": 200, "v": 2, "auth": ["scram"]}));
    })]);
    let error = Client::connect(&fake.endpoint, options()).unwrap_err();
    assert!(error.to_string().contains("plain passwords"), "{error}");
    fake.end();
}

#[test]
fn what_a_server_says_cannot_drive_a_terminal() {
    let (fake, mut client) = Fake::two(|peer| {
        peer.request();
        peer.reply(&json!({"res": "no\u{1b}[2J\r\nroom\u{202e}", "err": "quota", "code": 507}));
    });
    let error = client.make_folder(&super::fake::path("a")).unwrap_err();
    assert!(error.is_refusal(Word::Quota));
    assert_eq!(error.to_string(), "no\u{fffd}[2J\u{fffd} room\u{fffd}");
    fake.end();
}

#[test]
fn silence_ends_a_connection() {
    let fake = Fake::new(vec![Box::new(|peer| {
        peer.request();
        peer.is_left();
    })]);
    let mut options = options();
    options.version = Some(Version::One);
    options.progress_timeout = Some(Duration::from_millis(50));
    let mut client = Client::connect(&fake.endpoint, options).unwrap();
    let error = client.working_folder().unwrap_err();
    assert!(matches!(error, Error::TimedOut(_)), "{error}");
    assert!(client.is_over());
    let error = client.working_folder().unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error}");
    drop(client);
    fake.end();
}

#[test]
fn a_null_is_an_unknown_verb_and_the_end() {
    let (fake, mut client) = Fake::one(|peer| {
        peer.request();
        peer.send_frame(b"null");
        peer.is_left();
    });
    let error = client.help().unwrap_err();
    assert!(error.is_refusal(Word::Unknown), "{error}");
    assert!(client.is_over());
    fake.end();
}

#[test]
fn a_server_that_is_busy_with_other_logins_is_asked_again() {
    let request = json!({"verb": "login", "user": "bob", "psd": "pw"});
    let (fake, mut client) = Fake::two(move |peer| {
        for _ in 0..3 {
            peer.asked(&request);
            peer.refuses("busy", 409);
        }
        peer.asked(&request);
        peer.reply(&json!({"res": "welcome", "code": 200, "access": "rw"}));
        peer.asked(&request);
        peer.refuses("auth", 401);
    });
    client.login("bob", "pw").unwrap();
    assert!(
        client
            .login("bob", "pw")
            .unwrap_err()
            .is_refusal(Word::Auth)
    );
    fake.end();
}
