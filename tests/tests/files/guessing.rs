//! What guessing costs, in time that is made up where nobody else counts it.

use std::time::Duration;

use serde_json::json;
use socketserver::testkit::prover::{Cuts, Prover};
use socketserver::testkit::script::{Data, End, Part, Pattern, Script, Step};
use socketserver::testkit::sim::Simulation;
use socketserver::{Address, Mode};
use socketserver_handlers::files::{FileHandler, Settings};
use socketserver_tests::files::{Place, Speaker, frame, serve, word};
use socketserver_tests::{Case, Style, Transport, eventually};

/// A conversation that goes on for a while.
#[derive(Default)]
struct Talk(Vec<Step>);

impl Talk {
    fn say(mut self, header: impl std::fmt::Display) -> Self {
        self.0.push(Step::Send(Data::hex(frame(header))));
        self
    }

    fn log_in(self, user: &str, password: &str) -> Self {
        self.say(json!({"verb": "login", "user": user, "psd": password}))
    }

    /// Receives a header that ends like this.
    fn hear(mut self, tail: &str) -> Self {
        let until = Part::Until(Data::text(tail));
        self.0
            .push(Step::Expect(Pattern::new([Part::Any(4), until])));
        self
    }

    fn wait(mut self, milliseconds: u64) -> Self {
        self.0.push(Step::Wait(Duration::from_millis(milliseconds)));
        self
    }

    fn end(mut self) -> Self {
        self.0.push(Step::ExpectEnd(Some(End::Closed)));
        self
    }

    fn half_close(mut self) -> Self {
        self.0.push(Step::HalfClose);
        self
    }

    fn script(&self) -> Script {
        self.0.iter().cloned().collect()
    }

    /// Holds it in time that is made up, with some cuts; each connection has accounts of its own.
    fn hold(&self, login_timeout: u64) {
        let place = Place::default();
        let factory = factory(&place, login_timeout);
        let cuts = Cuts {
            single_max: 12,
            random: 2,
            ..Cuts::NONE
        };
        if let Err(disproof) = Prover::new(self.script()).cuts(cuts).alone().prove(factory) {
            panic!("{disproof}");
        }
    }
}

fn factory(
    place: &Place,
    login_timeout: u64,
) -> impl Fn(&Address) -> FileHandler + Send + Sync + 'static + use<> {
    let (users, root) = (place.users(), place.root(""));
    move |peer| {
        let accounts = socketserver_handlers::files::Accounts::open(&users);
        let settings = Settings {
            accounts: accounts.expect("the users are in order"),
            login_timeout: Duration::from_millis(login_timeout),
            ..Settings::default()
        };
        socketserver_tests::files::files_at(&root, settings).handler(peer)
    }
}

const AUTH: &str = r#"{"res":"wrong name or password","code":401,"err":"auth"}"#;
const LATE: &str =
    r#"{"res":"nobody has logged in in time (connect again)","code":401,"err":"auth"}"#;
const WELCOME: &str = r#"{"res":"welcome, bob","code":200,"access":"rw"}"#;

#[test]
fn three_wrong_logins_end_the_connection() {
    let wrong = |talk: Talk, user, password| talk.log_in(user, password).hear(AUTH);
    let talk = wrong(Talk::default(), "bob", "geheim ");
    let talk = wrong(talk, "bo", "geheim");
    wrong(talk, "ann", "geheim").end().hold(10_000);
    // A right one in between was a person who mistypes.
    let talk = wrong(Talk::default(), "bob", "x");
    let talk = wrong(talk, "bob", "y")
        .log_in("bob", "geheim")
        .hear(WELCOME);
    let talk = wrong(talk, "bob", "x");
    wrong(talk, "bob", "y").half_close().end().hold(100_000);
}

/// If the answer came sooner, the time to log in would be over before help is asked for.
#[test]
fn the_answer_to_a_wrong_login_waits_longer_each_time() {
    let first = Talk::default().log_in("bob", "x").wait(960);
    first
        .say(json!({"verb": "help"}))
        .hear(AUTH)
        .hear("}")
        .hear(LATE)
        .end()
        .hold(950);
    let second = Talk::default()
        .log_in("bob", "x")
        .hear(AUTH)
        .log_in("bob", "y");
    let second = second.wait(1_960).say(json!({"verb": "help"}));
    second.hear(AUTH).hear("}").hear(LATE).end().hold(2_950);
}

#[test]
fn whoever_does_not_log_in_has_ten_seconds() {
    let help = json!({"verb": "help"});
    let default = Settings::default().login_timeout;
    assert_eq!(default, Duration::from_secs(10));
    let talk = Talk::default().wait(9_900).say(&help).hear("}").wait(90);
    talk.say(&help)
        .hear("}")
        .wait(20)
        .hear(LATE)
        .end()
        .hold(10_000);
    // Half a header keeps nobody.
    let mut talk = Talk::default();
    talk.0.push(Step::Send(Data::hex(&frame(&help)[..6])));
    talk.hear(LATE).end().hold(10_000);
    // Nor does the body of a refused request.
    let talk = Talk::default().say(json!({"cmd": "put x", "size": 9}));
    talk.hear(LATE).end().hold(10_000);
}

#[test]
fn whoever_has_logged_in_has_all_the_time_until_a_wrong_login() {
    let pwd = json!({"verb": "pwd"});
    let here = r#"{"res":"/","code":200,"path":"/"}"#;
    let talk = Talk::default()
        .log_in("bob", "geheim")
        .hear(WELCOME)
        .wait(50_000);
    let talk = talk
        .say(&pwd)
        .hear(here)
        .log_in("bob", "x")
        .hear(AUTH)
        .wait(8_900);
    let talk = talk.say(&pwd).hear(r#""code":401,"err":"auth"}"#).wait(200);
    talk.hear(LATE).end().hold(10_000);
}

#[test]
fn a_nul_ends_neither_a_name_nor_a_password() {
    for (user, password) in [
        ("bob\0", "geheim"),
        ("bob\0x", "geheim"),
        ("\0bob", "geheim"),
        ("bob", "geheim\0"),
        ("bob", "geheim\0x"),
        ("bob", "\0"),
        ("bob", ""),
        ("", "geheim"),
    ] {
        let talk = Talk::default().log_in(user, password).hear(AUTH);
        talk.log_in("bob", "geheim")
            .hear(WELCOME)
            .half_close()
            .end()
            .hold(10_000);
    }
}

#[test]
fn logins_pass_the_seeded_network() {
    let place = Place::default();
    let talk = Talk::default()
        .log_in("bob", "x")
        .hear(AUTH)
        .say(json!({"verb": "pwd"}));
    let talk = talk
        .hear(r#""err":"auth"}"#)
        .log_in("bob", "geheim")
        .hear(WELCOME);
    let talk = talk
        .say(json!({"verb": "pwd"}))
        .hear(r#""path":"/"}"#)
        .half_close()
        .end();
    let simulation = Simulation::events(factory(&place, 10_000)).script(&talk.script());
    if let Err(failure) = simulation.check(0..40) {
        panic!("{failure}");
    }
}

/// Once many wrong logins have come from an address it is refused, whatever it says; other addresses are not.
#[test]
fn an_address_that_guesses_is_refused_and_no_other() {
    let place = Place::default();
    let files = place.files(place.for_users());
    let case = |transport| Case {
        mode: Mode::Reactor { loops: 1 },
        style: Style::Events,
        transport,
    };
    let [v4, v6, unix] = [Transport::TcpV4, Transport::TcpV6, Transport::Unix].map(|transport| {
        let case = case(transport);
        serve(&case, case.config(), &files)
    });
    let wrong = json!({"verb": "login", "user": "bob", "psd": "x"});
    // Their answers are late, and nobody waits for them.
    let mut guessers: Vec<_> = (0..8).map(|_| Speaker::connect(&v4)).collect();
    for guesser in &mut guessers {
        guesser.say(&wrong);
    }
    let mut right = eventually("the address to be refused", || {
        let mut next = Speaker::connect(&v4);
        next.say(&wrong);
        let timeout = Some(Duration::from_millis(50));
        next.client.socket().set_read_timeout(timeout).unwrap();
        let is_answered = next
            .client
            .socket()
            .peek(&mut [std::mem::MaybeUninit::uninit()]);
        is_answered.is_ok().then_some(next)
    });
    assert_eq!(word(&right.hear()), "slow_down");
    let refused = right.log_in("bob", "geheim");
    assert_eq!(
        (word(&refused), &refused["code"]),
        ("slow_down", &json!(429))
    );
    for server in [&v6, &unix] {
        Speaker::logged_in(server, "bob");
    }
    drop(guessers);
}
