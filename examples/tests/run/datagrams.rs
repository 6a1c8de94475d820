//! An exchange with each example that serves datagrams.

use std::net::UdpSocket;

use crate::TestResult;
use crate::example::Example;
use crate::post::Post;

#[test]
fn the_udp_echo_sends_every_datagram_back() -> TestResult {
    let example = Example::start("udp_echo", &[":0"])?;
    let (address, _) = example.address()?;
    let (one, other) = (Post::to(address)?, Post::to(address)?);
    other.says("other")?;
    one.says("one\n")?;
    one.says("")?;
    one.hears("one\n");
    one.hears("");
    other.hears("other");
    // The longest that there is, where Python's answer would have 8,192 bytes.
    let longest: Vec<u8> = (0..65_507_u32).map(|number| number as u8).collect();
    one.says(&longest)?;
    assert!(one.hears_something()? == longest, "the answer differs");
    Ok(())
}

#[test]
fn the_udp_exchange_answers_from_the_port_that_was_written_to() -> TestResult {
    let mut server = Example::start("udp_exchange", &["serve", ":0"])?;
    let address = server.address()?.0;
    let mut client = Example::start("udp_exchange", &["ask", &address.to_string()])?;
    client.types("你好，世界\n")?;
    client.prints(&format!("{address}: 你好，世界你好，世界"));
    let seen = server.line()?;
    assert!(
        seen.starts_with("udp://127.0.0.1:") && seen.ends_with(": 你好，世界"),
        "{seen}"
    );
    assert!(client.ends()?.is_empty());
    let post = Post::to(address)?;
    post.says("\x1b[2J")?;
    post.hears("\x1b[2J\x1b[2J");
    post.says("")?;
    post.hears("");
    let from = post.socket.local_addr()?;
    assert_eq!(
        server.ends()?,
        [format!("udp://{from}: [2J"), format!("udp://{from}: ")]
    );
    Ok(())
}

#[test]
fn the_udp_exchange_does_not_wait_for_ever() -> TestResult {
    let silent = UdpSocket::bind("127.0.0.1:0")?;
    let address = silent.local_addr()?.to_string();
    let mut client = Example::start("udp_exchange", &["ask", &address])?;
    client.types("is anybody there?\n")?;
    let last = client.ends()?;
    assert!(
        last.len() == 1 && last[0].starts_with("no answer: "),
        "{last:?}"
    );
    Ok(())
}

#[test]
fn udp_peers_must_bring_back_a_token_before_they_get_much() -> TestResult {
    let mut example = Example::start("udp_peers", &[":0"])?;
    let (address, _) = example.address()?;
    let post = Post::to(address)?;
    // Six bytes may be answered now, and the token has sixteen.
    post.says("hi")?;
    post.says("hello")?;
    let token = post.hears_something()?;
    assert_eq!(token.len(), 16);
    let stranger = Post::to(address)?;
    stranger.says(&token)?;
    let own = stranger.hears_something()?;
    assert_ne!(own, token, "each has a token of its own");

    post.says(&token)?;
    post.hears(&"3".repeat(100));
    post.hears("still there?");
    let mut gone = [example.line()?, example.line()?];
    gone.sort_by_key(|line| !line.contains("after 3"));
    for (line, (post, count)) in gone.iter().zip([(post, 3), (stranger, 1)]) {
        let from = post.socket.local_addr()?;
        let expected = format!("udp://{from} has gone after {count}: ");
        assert!(line.starts_with(&expected), "{line}");
        assert!(post.has_heard_nothing()?);
    }
    assert!(example.ends()?.is_empty());
    Ok(())
}

#[test]
fn the_udp_boundaries_are_kept() -> TestResult {
    let mut example = Example::start("udp_boundaries", &[":0"])?;
    let seen = [
        "a stream: onetwothree",
        "cannot send a datagram: it has 65508 bytes, and 65507 is the most (send it in parts)",
        "a datagram: one",
        "a datagram: two",
        "a datagram: three",
        "a datagram, cut: 100 of 1473 bytes",
        "a datagram, cut: 100 of 65507 bytes",
    ];
    assert_eq!(example.ends()?, seen);
    Ok(())
}

#[test]
fn udp_multicast_reaches_everybody_in_the_group() -> TestResult {
    let mut one = Example::start("udp_multicast", &["hear", "0"])?;
    let port = one.address()?.0.port().to_string();
    let mut other = Example::start("udp_multicast", &["hear", &port])?;
    other.address()?;
    let mut speaker = Example::start("udp_multicast", &["say", &port])?;
    speaker.types("hello, 大家\nbye")?;
    assert!(speaker.ends()?.is_empty());
    for listener in [&mut one, &mut other] {
        for text in ["hello, 大家", "bye"] {
            let line = listener.line()?;
            assert!(line.ends_with(&format!(": {text}")), "{line}");
        }
        assert!(listener.ends()?.is_empty());
    }
    Ok(())
}

#[test]
fn udp_messages_are_the_same_as_over_tcp() -> TestResult {
    let mut example = Example::start("udp_messages", &[":0", ":0"])?;
    let mut talk = example.connect()?;
    let (address, _) = example.address()?;
    let (one, other) = (Post::to(address)?, Post::to(address)?);
    talk.says("2\n40\n")?;
    talk.hears("2\n42\n");
    // Two messages in one datagram, whose answers leave in one, and a last line that needs no end.
    one.says("2\n40\n")?;
    one.hears("2\n42\n");
    other.says("7")?;
    other.hears("7\n");
    one.says("-1\n1")?;
    one.hears("41\n42\n");
    // However little is sent, so much may be answered.
    other.says("9223372036854775799")?;
    other.hears("9223372036854775806\n");
    for _ in 0..5 {
        other.says("0")?;
        other.hears("9223372036854775806\n");
    }
    // What is no number ends the conversation, and the next one begins with nothing.
    one.says("x")?;
    one.says("5")?;
    one.hears("5\n");
    talk.says("x\n")?;
    assert_eq!(talk.hears_the_rest()?, b"");
    assert!(example.ends()?.is_empty());
    Ok(())
}
