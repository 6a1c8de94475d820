//! What a typed line means.

/// What to do with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// An empty line, which is pressed by mistake more often than not.
    Nothing,
    /// `/quit`.
    Quit,
    /// `/help`.
    Help,
    /// `/peers`.
    Peers,
    /// Another word behind a slash.
    Unknown(&'a [u8]),
    /// Text for whoever was the last.
    Plain(&'a [u8]),
    /// Text for the peer with this number.
    Numbered(u64, &'a [u8]),
    /// Text for the peer with this address.
    Addressed(&'a [u8], &'a [u8]),
}

/// What can be typed, line by line.
pub(super) const HELP: [&str; 6] = [
    "@HOST:PORT text  sends the text there; nothing but the address sends an empty datagram",
    "@N text          sends it to the peer with the number N",
    "text             sends it to whoever was spoken to or heard from last",
    "/peers           lists the peers with their numbers",
    "/quit            leaves; so does the end of the input",
    "//text, @@text   send text that begins with / or @",
];

/// Text may be anything, so that bytes which are no text can be sent as well.
pub(super) fn parse(line: &[u8]) -> Typed<'_> {
    match line {
        [] => Typed::Nothing,
        [b'/', b'/', ..] | [b'@', b'@', ..] => Typed::Plain(&line[1..]),
        [b'/', ..] => match line.trim_ascii_end() {
            b"/quit" => Typed::Quit,
            b"/help" => Typed::Help,
            b"/peers" => Typed::Peers,
            other => Typed::Unknown(other),
        },
        [b'@', rest @ ..] => addressed(rest),
        text => Typed::Plain(text),
    }
}

/// Exactly one space or tab lies between the address and the text, which may itself begin with such.
fn addressed(line: &[u8]) -> Typed<'_> {
    let end = line.iter().position(|byte| b" \t".contains(byte));
    let (target, text) = match end {
        Some(end) => (&line[..end], &line[end + 1..]),
        None => (line, &line[line.len()..]),
    };
    let number = str::from_utf8(target)
        .ok()
        .and_then(|text| text.parse().ok());
    match number {
        Some(number) => Typed::Numbered(number, text),
        None => Typed::Addressed(target, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_means_one_thing() {
        for (line, typed) in [
            ("", Typed::Nothing),
            ("hello", Typed::Plain(b"hello")),
            (" ", Typed::Plain(b" ")),
            ("/quit", Typed::Quit),
            ("/peers ", Typed::Peers),
            ("/help", Typed::Help),
            ("/", Typed::Unknown(b"/")),
            ("/quite", Typed::Unknown(b"/quite")),
            ("//quit", Typed::Plain(b"/quit")),
            ("@@home", Typed::Plain(b"@home")),
            ("@2 hi  you", Typed::Numbered(2, b"hi  you")),
            ("@2  hi", Typed::Numbered(2, b" hi")),
            ("@2", Typed::Numbered(2, b"")),
            ("@[::1]:7 hi", Typed::Addressed(b"[::1]:7", b"hi")),
            ("@localhost:7", Typed::Addressed(b"localhost:7", b"")),
            ("@ hi", Typed::Addressed(b"", b"hi")),
        ] {
            assert_eq!(parse(line.as_bytes()), typed, "{line}");
        }
    }
}
