//! Transfers that were cut go on where they ended, and never become a file of two.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;

use serde_json::{Value, json};
use socketserver_handlers::files::Algorithm::{self, Blake3};
use socketserver_tests::files::{Place, Speaker, bytes, data, frame, word};
use socketserver_tests::{Case, eventually};

socketserver_tests::matrix! {
    events: a_put_that_was_cut_goes_on,
        a_put_of_version_1_that_was_cut_leaves_no_file,
        a_file_that_changes_between_two_parts_is_said_to,
        a_part_that_does_not_fit_is_refused_and_the_put_goes_on;
    events concurrent: a_second_writer_waits_until_the_first_is_gone;
}

/// Opens a put as soon as nobody else is writing.
fn open_when_free(speaker: &mut Speaker, path: &str, total: usize) -> Value {
    eventually("the file to be free", || {
        let reply = speaker.open(path, total);
        (word(&reply) != "busy").then_some(reply)
    })
}

fn a_put_that_was_cut_goes_on(case: &Case) {
    let place = Place::on_disk();
    let server = place.serve(case);
    let whole = bytes(3, 300_000);
    let mut speaker = Speaker::logged_in(&server, "bob");
    let opened = speaker.open("up/a", whole.len());
    assert_eq!((word(&opened), &opened["code"]), ("ok", &json!(100)));
    assert_eq!(opened["offset"], 0);
    assert_eq!(word(&speaker.data(&opened, 0, &whole[..100_000])), "ok");
    let piece = frame(data(&opened, 100_000, 100_000));
    speaker.send(piece).send(&whole[100_000..150_000]);
    server.until("half a piece", |stats| stats.bytes_in == speaker.sent);
    drop(speaker);

    let mut speaker = Speaker::logged_in(&server, "bob");
    let opened = open_when_free(&mut speaker, "up/a", whole.len());
    let held = usize::try_from(opened["offset"].as_u64().unwrap()).unwrap();
    assert!((100_000..=150_000).contains(&held), "{held}");
    assert_eq!(opened["hash"], Blake3.hash(&whole[..held]).to_string());
    assert_eq!(
        speaker.word(json!({"verb": "stat", "path": "up/a"})),
        "not_found"
    );
    for (index, piece) in whole[held..].chunks(70_000).enumerate() {
        let reply = speaker.data(&opened, held + index * 70_000, piece);
        assert_eq!(word(&reply), "ok", "{reply}");
    }
    let stored = speaker.commit(&opened, Blake3.hash(&whole));
    assert_eq!((word(&stored), &stored["code"]), ("ok", &json!(201)));
    assert!(fs::read(place.root("bob/up/a")).unwrap() == whole);
    assert_eq!(place.names("bob/up"), ["a"]);
    drop(speaker);
    server.stop();
}

fn a_put_of_version_1_that_was_cut_leaves_no_file(case: &Case) {
    let place = Place::on_disk();
    fs::write(place.root("old"), "old").unwrap();
    let server = place.serve_to_all(case);
    for name in ["old", "new"] {
        let before = server.until("nobody", |stats| stats.live == 0).bytes_in;
        let mut speaker = Speaker::connect(&server);
        let header = json!({"cmd": format!("put {name}"), "size": 1_000_000});
        speaker.say(header).send(bytes(1, 700_000));
        server.until("most of it", |stats| {
            stats.bytes_in == before + speaker.sent
        });
    }
    server.until("both to be gone", |stats| stats.live == 0);
    assert_eq!(fs::read(place.root("old")).unwrap(), b"old");
    assert!(!place.root("new").exists());
    let mut speaker = Speaker::connect(&server);
    let stored = eventually("the file to be free", || {
        let reply = speaker.ask_with(json!({"cmd": "put new", "size": 3}), b"new");
        (word(&reply) != "busy").then_some(reply)
    });
    assert_eq!(word(&stored), "ok");
    assert_eq!(fs::read(place.root("new")).unwrap(), b"new");
    drop(speaker);
    server.stop();
}

fn a_file_that_changes_between_two_parts_is_said_to(case: &Case) {
    let place = Place::on_disk();
    let (old, new) = (bytes(1, 100_000), bytes(2, 100_000));
    fs::write(place.root("a"), &old).unwrap();
    let time = fs::metadata(place.root("a")).unwrap().modified().unwrap();
    let server = place.serve_to_all(case);
    let mut speaker = Speaker::connect(&server);
    let part = |offset: usize, hash: &Value| json!({"verb": "get", "path": "a", "offset": offset, "size": 40_000, "if_hash": hash});
    let first = speaker.ask(json!({"verb": "get", "path": "a", "size": 40_000}));
    assert_eq!(first["code"], 206);
    assert!(speaker.body(40_000) == old[..40_000]);
    let second = speaker.ask(part(40_000, &first["hash"]));
    assert_eq!(
        (&second["offset"], &second["size"]),
        (&json!(40_000), &json!(40_000))
    );
    assert!(speaker.body(40_000) == old[40_000..80_000]);

    // The same size and time, in the same place.
    let mut file = File::options().write(true).open(place.root("a")).unwrap();
    file.write_all(&new).unwrap();
    file.set_modified(time).unwrap();
    let third = speaker.ask(part(80_000, &first["hash"]));
    assert_eq!((word(&third), &third["code"]), ("changed", &json!(412)));
    let hash = json!(Blake3.hash(&new).to_string());
    assert_eq!(word(&speaker.ask(part(80_000, &hash))), "ok");
    assert!(speaker.body(20_000) == new[80_000..]);
    assert_eq!(word(&speaker.ask(part(100_000, &hash))), "ok");
    assert_eq!(word(&speaker.ask(part(100_001, &hash))), "range");

    // However soon it changes again, its hash is that of its bytes.
    for number in 0..50 {
        let version = bytes(number, 1000);
        file.write_all_at(&version, 0).unwrap();
        file.set_len(1000).unwrap();
        let reply = speaker.ask(json!({"verb": "get", "path": "a"}));
        assert_eq!(reply["hash"], Blake3.hash(&version).to_string());
        assert!(speaker.body(1000) == version);
    }
    assert_eq!(speaker.word(json!({"verb": "pwd"})), "ok");
    drop(speaker);
    server.stop();
}

fn a_part_that_does_not_fit_is_refused_and_the_put_goes_on(case: &Case) {
    let place = Place::on_disk();
    let server = place.serve_to_all(case);
    let mut speaker = Speaker::connect(&server);
    let whole = bytes(5, 1000);
    let opened = speaker.open("a", 1000);
    assert_eq!(word(&speaker.data(&opened, 0, &whole[..400])), "ok");
    for (offset, size, expected) in [
        (300, 100, "range"),
        (399, 1, "range"),
        (401, 1, "range"),
        (1001, 1, "range"),
        (400, 601, "range"),
        (0, 1001, "range"),
        (1 << 62, 1, "range"),
    ] {
        let reply = speaker.data(&opened, offset, &vec![0; size]);
        assert_eq!(word(&reply), expected, "{size} bytes at {offset}");
    }
    let another = json!({"token": "no"});
    assert_eq!(word(&speaker.data(&another, 400, b"x")), "bad_request");
    assert_eq!(
        word(&speaker.commit(&another, Blake3.hash(&whole))),
        "bad_request"
    );
    let early = speaker.data(&opened, 400, &whole[400..]);
    assert_eq!(early["offset"], 1000);
    for flaw in [
        "",
        "0",
        &"g".repeat(64),
        &Algorithm::Md5.hash(&whole).to_string(),
    ] {
        assert_eq!(
            word(&speaker.commit(&opened, flaw)),
            "bad_request",
            "{flaw}"
        );
    }
    assert!(!place.root("a").exists());
    let hash = Blake3.hash(&whole).to_string().to_uppercase();
    assert_eq!(word(&speaker.commit(&opened, hash)), "ok");
    assert!(fs::read(place.root("a")).unwrap() == whole);

    // A part that begins again at 0 makes what was there before forgotten, and no hole or rest of it is left.
    let opened = speaker.open("a", 1000);
    assert_eq!(word(&speaker.data(&opened, 0, &[7; 900])), "ok");
    assert_eq!(word(&speaker.data(&opened, 0, &whole[..10])), "ok");
    assert_eq!(word(&speaker.commit(&opened, Blake3.hash(&whole))), "range");
    // It was only asked for too early, and goes on.
    let rest = speaker.data(&opened, 10, &[8; 990]);
    assert_eq!((&rest["offset"], word(&rest)), (&json!(1000), "ok"));
    let version = [&whole[..10], &[8; 990]].concat();
    assert_eq!(word(&speaker.commit(&opened, Blake3.hash(&version))), "ok");
    assert!(fs::read(place.root("a")).unwrap() == version);
    drop(speaker);
    server.stop();
}

fn a_second_writer_waits_until_the_first_is_gone(case: &Case) {
    let place = Place::on_disk();
    let server = place.serve_to_all(case);
    let mut first = Speaker::connect(&server);
    let mut second = Speaker::connect(&server);
    let opened = first.open("a", 100);
    assert_eq!(word(&first.data(&opened, 0, &[1; 60])), "ok");
    assert_eq!(word(&second.open("a", 100)), "busy");
    let put = second.ask_with(json!({"cmd": "put a", "size": 3}), b"abc");
    assert_eq!((word(&put), &put["code"]), ("busy", &json!(409)));
    assert_eq!(word(&second.open("b", 100)), "ok");
    drop(first);
    let opened = open_when_free(&mut second, "a", 100);
    assert_eq!(opened["offset"], 60);
    assert_eq!(word(&second.data(&opened, 60, &[1; 40])), "ok");

    // An abort frees it at once.
    let mut third = Speaker::connect(&server);
    assert_eq!(word(&third.open("a", 100)), "busy");
    let abort = json!({"verb": "put", "phase": "abort", "token": opened["token"]});
    assert_eq!(second.word(abort), "ok");
    let opened = third.open("a", 100);
    assert_eq!((word(&opened), &opened["offset"]), ("ok", &json!(100)));
    assert_eq!(word(&third.commit(&opened, Blake3.hash(&[1; 100]))), "ok");
    assert_eq!(place.names(""), [&part_of("b"), "a"]);
    drop((second, third));
    server.stop();
}

/// What the part of a file is called.
fn part_of(name: &str) -> String {
    let hash = Blake3.hash(name.as_bytes()).to_string();
    format!(".socketserver-part-{}", &hash[..16])
}
