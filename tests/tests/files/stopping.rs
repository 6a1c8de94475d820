//! A stop lets transfers end, and nothing that has come is lost of those that cannot.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use socketserver::Config;
use socketserver_handlers::files::Algorithm::{Blake3, Md5};
use socketserver_tests::files::{Place, Speaker, bytes, data, frame, serve, to_all, word};
use socketserver_tests::{Case, End};

socketserver_tests::matrix! {
    events: a_put_that_a_stop_cuts_goes_on_later, a_stop_does_not_wait_to_answer_a_wrong_login;
    events concurrent: a_stop_lets_transfers_end_and_ends_who_is_idle;
}

const LARGE: usize = 12 << 20;

fn a_stop_lets_transfers_end_and_ends_who_is_idle(case: &Case) {
    let place = Place::default();
    let (large, small) = (bytes(1, LARGE), bytes(2, 300_000));
    fs::write(place.root("large"), &large).unwrap();
    let mut server = place.serve_to_all(case);
    let mut idle = Speaker::connect(&server);
    assert_eq!(idle.word(json!({"verb": "pwd"})), "ok");
    let mut reader = Speaker::connect(&server);
    let reply = reader.ask(json!({"verb": "get", "path": "large"}));
    assert_eq!(word(&reply), "ok");
    let mut writer = Speaker::connect(&server);
    writer
        .say(json!({"cmd": "put a", "size": small.len()}))
        .send(&small[..100_000]);
    let mut second = Speaker::connect(&server);
    let opened = second.open("b", small.len());
    second
        .send(frame(data(&opened, 0, small.len())))
        .send(&small[..200_000]);
    let sent = idle.sent + reader.sent + writer.sent + second.sent;
    server.until("what was sent", |stats| stats.bytes_in == sent);

    server.stop_handle().stop();
    assert_eq!(idle.expect_end(), End::Closed);
    drop(idle);
    assert!(reader.body(LARGE) == large);
    assert_eq!(reader.expect_end(), End::Closed);
    let stored = writer.send(&small[100_000..]).hear();
    assert_eq!(stored["file_hash"], Md5.hash(&small).to_string());
    assert_eq!(writer.expect_end(), End::Closed);
    let received = second.send(&small[200_000..]).hear();
    assert_eq!(received["offset"], small.len());
    assert_eq!(second.expect_end(), End::Closed);
    drop((reader, writer, second));
    let start = Instant::now();
    server.join();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it has waited for nobody"
    );
    assert!(fs::read(place.root("a")).unwrap() == small);

    // All of the other is there, and wants its name.
    let server = place.serve_to_all(case);
    let mut second = Speaker::connect(&server);
    let opened = second.open("b", small.len());
    assert_eq!(opened["offset"], small.len());
    assert_eq!(word(&second.commit(&opened, Blake3.hash(&small))), "ok");
    drop(second);
    server.stop();
}

fn a_put_that_a_stop_cuts_goes_on_later(case: &Case) {
    let place = Place::default();
    let whole = bytes(4, 900_000);
    let config = Config {
        drain_timeout: Duration::from_millis(50),
        ..case.config()
    };
    let server = serve(case, config, &place.files(to_all()));
    let mut speaker = Speaker::connect(&server);
    let opened = speaker.open("a", whole.len());
    assert_eq!(word(&speaker.data(&opened, 0, &whole[..100_000])), "ok");
    let piece = frame(data(&opened, 100_000, 800_000));
    speaker.send(piece).send(&whole[100_000..700_000]);
    server.until("most of it", |stats| stats.bytes_in == speaker.sent);
    server.stop();
    assert!(!place.root("a").exists());

    let server = place.serve_to_all(case);
    let mut speaker = Speaker::connect(&server);
    let opened = speaker.open("a", whole.len());
    let held = usize::try_from(opened["offset"].as_u64().unwrap()).unwrap();
    assert!((100_000..=700_000).contains(&held), "{held}");
    assert_eq!(opened["hash"], Blake3.hash(&whole[..held]).to_string());
    assert_eq!(word(&speaker.data(&opened, held, &whole[held..])), "ok");
    assert_eq!(word(&speaker.commit(&opened, Blake3.hash(&whole))), "ok");
    assert!(fs::read(place.root("a")).unwrap() == whole);
    drop(speaker);
    server.stop();
}

fn a_stop_does_not_wait_to_answer_a_wrong_login(case: &Case) {
    let place = Place::default();
    let mut server = place.serve(case);
    let mut guesser = Speaker::connect(&server);
    guesser.say(json!({"verb": "login", "user": "bob", "psd": "wrong"}));
    let sent = guesser.sent;
    server.until("what was sent", |stats| stats.bytes_in == sent);
    server.stop_handle().stop();
    assert_eq!(guesser.expect_end(), End::Closed);
    drop(guesser);
    server.join();
}
