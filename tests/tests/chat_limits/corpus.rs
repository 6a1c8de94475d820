//! Strings that do something to a terminal, a log or a reader that they should not.

/// More than 200 of them: controls alone, whole sequences and halves of them, marks of direction, and what is not seen at all.
pub(crate) fn hostile() -> Vec<String> {
    let mut all: Vec<String> = (0..0x20)
        .chain(0x7f..0xa0)
        // A line end is the protocol's own.
        .filter(|&code| code != 0x0a)
        .filter_map(char::from_u32)
        .map(String::from)
        .collect();
    for (csi, osc, dcs, end) in [
        ("\x1b[", "\x1b]", "\x1bP", "\x1b\\"),
        ("\u{9b}", "\u{9d}", "\u{90}", "\u{9c}"),
    ] {
        for body in [
            "31m", "2J", "H", "?1049h", "6n", "c", ">c", "21t", "1;1H", "!p", "5i", "200~", "999A",
            "3g", "?25l", "8;9;9t",
        ] {
            all.push(format!("{csi}{body}"));
        }
        for body in [
            "0;title",
            "2;rm -rf /",
            "52;c;cm0gLXJmIH4K",
            "52;c;?",
            "8;;http://evil.example/",
            "4;1;?",
            "10;?",
            "1337;File=name=YQ==:AAAA",
            "777;notify;a;b",
            "7;file:///etc",
        ] {
            all.push(format!("{osc}{body}{end}"));
            all.push(format!("{osc}{body}\x07"));
            all.push(format!("{osc}{body}"));
        }
        for body in [
            "$q\"p",
            "+q544e",
            "q#0;2;0;0;0#0~~",
            "1$r0m",
            "tmux;\x1b\x1b]52;c;YQ==\x07",
        ] {
            all.push(format!("{dcs}{body}{end}"));
            all.push(format!("{dcs}{body}"));
        }
        all.push(format!("{csi}31"));
    }
    for start in ["\x1bX", "\x1b^", "\x1b_", "\u{98}", "\u{9e}", "\u{9f}"] {
        for end in ["\x1b\\", "\u{9c}", ""] {
            all.push(format!("{start}Gf=100;AAAA{end}"));
        }
    }
    for escape in [
        "c", "7", "8", "D", "E", "M", "=", ">", "(0", ")0", "%G", "%@", "#8", " F", "NA", "OP",
        "n", "|", "Z", "\x1b[0m", "",
    ] {
        all.push(format!("\x1b{escape}"));
    }
    for range in [
        0x200b..=0x200f,
        0x2028..=0x202e,
        0x2060..=0x206f,
        0xfff9..=0xfffb,
        0xe000..=0xe003,
        0xfe00..=0xfe03,
        0xe0041..=0xe0045,
        0xfffe..=0xffff,
        0x1_fffe..=0x1_ffff,
    ] {
        all.extend(range.filter_map(char::from_u32).map(String::from));
    }
    for other in [
        "\u{feff}",
        "\u{ad}",
        "\u{61c}",
        "\u{180e}",
        "\u{34f}",
        "\u{115f}",
        "\u{3164}",
        "\u{ffa0}",
        "\u{e0001}",
        "\u{202e}txt.exe",
        "\u{2066}x\u{2069}",
        "a\r[lobby] server: x",
        "\x08\x08\x08\x08server",
        "\r\x1b[K[lobby] bob: x",
        "x\u{2028}[lobby] bob: y",
        "x\u{85}[lobby] bob: y",
        "x\x0b[lobby] bob: y",
        "x\x0c[lobby] bob: y",
    ] {
        all.push(other.to_owned());
    }
    all.push("\u{30d}".repeat(50));
    all.push(format!("Z{}", "\u{30d}\u{489}".repeat(30)));
    all
}

/// What is wrong with a byte or character that somebody received: anything that is no text to be seen, or more marks than are meant.
pub(crate) fn fault_of(text: &str) -> Option<String> {
    let mut piled = 0;
    for letter in text.chars() {
        let code = u32::from(letter);
        let is_unseen = matches!(
            code,
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e
                | 0x2060..=0x206f | 0x3164 | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0xe0000..=0xe00ff
                | 0xf0000..
        ) || code & 0xfffe == 0xfffe;
        if letter.is_control() || is_unseen {
            return Some(format!("{letter:?}"));
        }
        let is_mark = matches!(code, 0x300..=0x36f | 0x488 | 0x489 | 0xfe00..=0xfe0f);
        piled = if is_mark { piled + 1 } else { 0 };
        if piled > 4 {
            return Some(format!("{piled} marks"));
        }
    }
    None
}

#[test]
fn there_are_more_than_two_hundred_and_each_is_wrong_by_itself() {
    let all = hostile();
    assert!(all.len() >= 200, "{}", all.len());
    for text in &all {
        // Up to four variation selectors choose a picture.
        let is_small = ('\u{fe00}'..='\u{fe03}').any(|letter| *text == letter.to_string());
        assert!(is_small || fault_of(text).is_some(), "{text:?}");
    }
    for text in ["hello", "Grüße 世界 👋🏽 ❤️", "e\u{301}", "مرحبا"] {
        assert_eq!(fault_of(text), None);
    }
}
