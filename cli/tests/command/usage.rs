//! What is wrong is said in one sentence and with the right exit code; what is generated is complete.

use std::net::TcpListener;

use crate::process::{Path, Process};

/// Runs a command that cannot work, and compares its code and its only sentence.
pub(crate) fn fails(words: &str, code: i32, sentence: &str) {
    let ended = Process::run(words).end();
    assert_eq!(
        ended.stderr,
        format!("socketserver: {sentence}\n"),
        "{words}"
    );
    assert_eq!(
        (ended.code, ended.stdout),
        (Some(code), Vec::new()),
        "{words}"
    );
}

const MODES: &str = "write one of serial, threads, pool[:N], reactor[:N] (in --mode)";
const ENDPOINTS: &str =
    "(write tcp://HOST:PORT, HOST:PORT, :PORT, unix:PATH, udp://HOST:PORT or unixgram:PATH)";

#[test]
fn a_wrong_handler_or_endpoint_is_a_usage_error() {
    fails(
        "serve gopher",
        2,
        "'gopher' is not a known handler: write echo, uppercase, chat, files, talk, work:TIME or wait:TIME",
    );
    fails(
        "serve upercase",
        2,
        "'upercase' is not a known handler: did you mean 'uppercase'?",
    );
    fails(
        "serve wait:soon",
        2,
        "'soon' is not a time: write 10s or 500ms (in wait:soon)",
    );
    fails(
        "serve echo:5ms",
        2,
        "echo takes no time: write echo, work:TIME or wait:TIME",
    );
    fails(
        "serve echo nowhere",
        2,
        &format!("'nowhere' is not an endpoint: the port is missing {ENDPOINTS}"),
    );
    fails(
        "connect nowhere",
        2,
        &format!("'nowhere' is not an endpoint: the port is missing {ENDPOINTS}"),
    );
    fails(
        "serve echo --unicode",
        2,
        "echo has no option --unicode: serve uppercase with it",
    );
}

#[test]
fn a_wrong_mode_is_a_usage_error() {
    fails(
        "serve echo :0 --mode fast",
        2,
        &format!("'fast' is not a mode: {MODES}"),
    );
    fails(
        "serve echo :0 --mode processes:2",
        2,
        &format!("'processes:2' is not a mode: {MODES}"),
    );
    fails(
        "serve echo :0 --mode hybrid",
        2,
        &format!("'hybrid' is not a mode: {MODES}"),
    );
    fails(
        "serve echo :0 --style threads",
        2,
        "--style cannot be 'threads': write events or blocking",
    );
}

#[test]
fn a_wrong_value_is_named_with_its_flag() {
    for (flag, sentence) in [
        (
            "--idle-timeout soon",
            "'soon' is not a time: write 10s or 500ms, or none (in --idle-timeout)",
        ),
        (
            "--drain-timeout none",
            "'none' is not a time: write 10s or 500ms (in --drain-timeout)",
        ),
        (
            "--max-input much",
            "'much' is not a size: write 64KiB or 1MiB (in --max-input)",
        ),
        (
            "--max-connections many",
            "'many' is not a number, or too large: write digits (in --max-connections)",
        ),
        (
            "--max-connections 0",
            "connections_max is 0: nobody could connect (set at least 1)",
        ),
        (
            "--unix-mode 888",
            "'888' is not made of permission bits: write octal digits such as 660 (in --unix-mode)",
        ),
        (
            "--at-capacity drop",
            "--at-capacity cannot be 'drop': write wait or refuse",
        ),
        (
            "--reuse-port=perhaps",
            "'perhaps' is not a switch: write true or false (in --reuse-port)",
        ),
        (
            "--stats-file /no/such/folder",
            "cannot write the report to /no/such/folder: no such file or directory",
        ),
    ] {
        fails(&format!("serve echo :0 {flag}"), 2, sentence);
    }
}

#[test]
fn a_wrong_framing_is_a_usage_error() {
    fails(
        "connect :1 --framing xml",
        2,
        "--framing cannot be 'xml': write lines, i32le-json, netstring or u32be",
    );
    fails(
        "connect udp://:1 --framing netstring",
        2,
        "--framing netstring is for streams, and udp://127.0.0.1:1 has datagrams, which keep their boundaries: \
         leave it out, or write lines",
    );
    fails(
        "connect udp://:1 --wait soon",
        2,
        "'soon' is not a time: write 10s or 500ms, or none (in --wait)",
    );
}

#[test]
fn what_servers_for_datagrams_are_told_must_be_right() {
    for (flags, sentence) in [
        (
            "--amplification-max=-1",
            "'-1' is not a number, or too large: write digits, or none (in --max-amplification)",
        ),
        (
            "--max-datagram 17MiB",
            "datagram_bytes_max is above 16 MiB, and no datagram is so long (lower it)",
        ),
        (
            "--multicast 192.0.2.1",
            "'192.0.2.1' is not a multicast group: write an address from 224.0.0.0 to 239.255.255.255, \
             or 239.1.2.3@192.0.2.1 with an interface (in --multicast)",
        ),
        (
            "--multicast 239.1.2.3",
            "udp://127.0.0.1:0 cannot receive what is sent to the group 239.1.2.3: write udp://0.0.0.0:0 instead",
        ),
        (
            "--broadcast=perhaps",
            "'perhaps' is not a switch: write true or false (in --broadcast)",
        ),
    ] {
        fails(&format!("serve echo udp://:0 {flags}"), 2, sentence);
    }
}

#[test]
fn a_wrong_configuration_file_is_a_usage_error() {
    let sentence = "cannot read the configuration file /no/such/file: no such file or directory";
    fails("serve echo :0 --config /no/such/file", 2, sentence);
    let file = Path::with(r#"{ "idle_timout": "90s" }"#);
    let sentence =
        format!("{file}: the configuration has no key 'idle_timout': did you mean 'idle_timeout'?");
    fails(&format!("serve echo :0 --config {file}"), 2, &sentence);
}

#[test]
fn an_unknown_flag_is_explained_by_its_parser() {
    let ended = Process::run("serve echo :0 --no-such-flag").end();
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .contains("unexpected argument '--no-such-flag'"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_cannot_be_bound_has_a_code_of_its_own() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let advice =
        "(another server listens there: stop it or choose another port; port 0 picks a free one)";
    let address = holder.local_addr().unwrap();
    let sentence = format!("cannot bind tcp://{address}: address already in use {advice}");
    fails(&format!("serve echo {address}"), 4, &sentence);
    let sentence = "cannot bind unix:/no/such/folder/socket: no such file or directory (the folder does not exist)";
    fails("serve echo unix:/no/such/folder/socket", 4, sentence);
}

#[test]
fn what_cannot_be_reached_has_a_code_of_its_own() {
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let sentence =
        format!("cannot connect to tcp://{unused}: connection refused (no server listens there)");
    fails(&format!("connect {unused}"), 3, &sentence);
    let sentence = "cannot connect to unix:/no/such/socket: no such file or directory (no server has made this socket)";
    fails("connect unix:/no/such/socket", 3, sentence);

    let ended = Process::run("connect no-such-host.invalid:80").end();
    assert_eq!(ended.code, Some(3));
    let start = "socketserver: cannot resolve the host of tcp://no-such-host.invalid:80: ";
    assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
}

#[test]
fn help_version_completions_and_manual_are_results() {
    for (words, expected) in [
        ("--version", "socketserver 0.1.0"),
        ("--help", "Exit codes: 0 done"),
        ("serve --help", "SOCKETSERVER_MAX_CONNECTIONS"),
        ("completions bash", "complete -F _socketserver"),
        (
            "completions bash",
            " echo uppercase chat files talk work wait",
        ),
        ("man", ".TH socketserver"),
        ("man serve", "max\\-per\\-ip"),
        ("completions bash", "--bind --menu --wait"),
        ("completions bash", "--nick --room --key --reconnect"),
        ("completions zsh", "(udp-chat)"),
        ("man talk", "quit\\-word"),
        ("completions fish", "-a \"udp-chat\""),
        ("man", "udp\\-chat"),
        ("man udp-chat", "reuse\\-port"),
        ("man serve", "max\\-amplification"),
        (
            "completions bash",
            "--access --home --quota --password-file",
        ),
        ("man users", "users\\-passwd"),
        ("users add --help", "SOCKETSERVER_PASSWORD"),
    ] {
        let ended = Process::run(words).end();
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{words}"
        );
        let text = String::from_utf8(ended.stdout).unwrap();
        assert!(text.contains(expected), "{words}: {text}");
    }
}
