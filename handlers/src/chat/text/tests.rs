//! What is left of texts, friendly and hostile.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::Text;

/// Says why a text is not one that may be shown, independently of how it was cleaned.
#[track_caller]
fn assert_harmless(raw: &str) -> Text {
    let text = Text::clean(raw);
    for character in text.chars() {
        assert!(
            !matches!(
                character.general_category(),
                GeneralCategory::Control
                    | GeneralCategory::Format
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
                    | GeneralCategory::PrivateUse
                    | GeneralCategory::Unassigned
            ),
            "{character:?} of {raw:?} is left"
        );
        assert!(!character.is_control() && character != '\u{fffd}');
    }
    assert_eq!(text.trim(), text.as_str());
    assert_eq!(Text::clean(&text), text, "{raw:?} is cleaned twice");
    text
}

/// Whole sequences: nothing of them may stay.
fn sequences() -> Vec<String> {
    let mut sequences = Vec::new();
    // Both forms of each introducer, and of the end of a string.
    for (csi, osc, dcs, end) in [
        ("\x1b[", "\x1b]", "\x1bP", "\x1b\\"),
        ("\u{9b}", "\u{9d}", "\u{90}", "\u{9c}"),
    ] {
        for body in [
            "31m",
            "0m",
            "2J",
            "H",
            "?1049h",
            "6n",
            "c",
            ">c",
            "21t",
            "1;1H",
            "38;2;1;2;3m",
            "38:2::1:2:3m",
            "!p",
            "5i",
            "?2004l",
            "200~",
            "1$}",
            "=1u",
        ] {
            sequences.push(format!("{csi}{body}"));
        }
        for body in [
            "0;title",
            "2;title",
            "52;c;cm0gLXJmIH4K",
            "52;c;?",
            "8;;http://evil.example/",
            "8;;",
            "4;1;?",
            "10;?",
            "1337;File=name=YQ==:AAAA",
            "777;notify;a;b",
            "7;file:///etc",
            "é✓Ü",
        ] {
            for end in [end, "\x07"] {
                sequences.push(format!("{osc}{body}{end}"));
            }
        }
        for body in [
            "$q\"p",
            "+q544e",
            "q#0;2;0;0;0#0~~",
            "1$r0m",
            "tmux;x",
            "q Ü ✓ 👋",
        ] {
            sequences.push(format!("{dcs}{body}{end}"));
        }
    }
    for start in ["\x1bX", "\x1b^", "\x1b_", "\u{98}", "\u{9e}", "\u{9f}"] {
        for end in ["\x1b\\", "\u{9c}"] {
            sequences.push(format!("{start}Gf=100;secret{end}"));
        }
    }
    for single in [
        "\x1bc",
        "\x1b7",
        "\x1b8",
        "\x1bD",
        "\x1bE",
        "\x1bM",
        "\x1b=",
        "\x1b>",
        "\x1b(B",
        "\x1b(0",
        "\x1b)0",
        "\x1b*A",
        "\x1b+A",
        "\x1b-A",
        "\x1b%G",
        "\x1b%@",
        "\x1b#8",
        "\x1b F",
        "\x1bNx",
        "\x1bOP",
        "\u{8e}x",
        "\u{8f}P",
        "\x1bn",
        "\x1bo",
        "\x1b|",
        "\x1bZ",
        "\x1b\x1b[0m",
    ] {
        sequences.push(single.to_owned());
    }
    sequences
}

fn hostile() -> Vec<String> {
    let mut hostile = sequences();
    hostile.extend(
        (0..0x20)
            .chain(0x7f..0xa0)
            .filter_map(char::from_u32)
            .map(String::from),
    );
    for range in [
        0x200b..=0x200f,
        0x2028..=0x202e,
        0x2060..=0x206f,
        0xfeff..=0xfeff,
        0xad..=0xad,
        0x61c..=0x61c,
        0xe0001..=0xe0001,
        0xe0020..=0xe007f,
        0xfff9..=0xfffb,
        0x180e..=0x180e,
        0xe000..=0xe003,
        0xfffe..=0xffff,
        0xfdd0..=0xfdd3,
        0x10_fffe..=0x10_ffff,
        0x3164..=0x3164,
        0x115f..=0x1160,
    ] {
        hostile.extend(range.filter_map(char::from_u32).map(String::from));
    }
    hostile
}

#[test]
fn whole_sequences_vanish() {
    let sequences = sequences();
    assert!(sequences.len() > 100, "{}", sequences.len());
    for sequence in sequences {
        assert_eq!(assert_harmless(&sequence).as_str(), "", "{sequence:?}");
        let text = assert_harmless(&format!("before {sequence}after"));
        assert_eq!(text.as_str(), "before after", "{sequence:?}");
    }
}

#[test]
fn hostile_strings_are_harmless_wherever_they_are_cut() {
    let hostile = hostile();
    assert!(hostile.len() >= 300, "{}", hostile.len());
    for one in &hostile {
        for (cut, _) in one.char_indices().chain([(one.len(), ' ')]) {
            let text = assert_harmless(&format!("ann{}", &one[..cut]));
            assert!(text.starts_with("ann"), "{one:?}");
            assert_harmless(&format!("{}ann", &one[..cut]));
            assert_harmless(&format!("{}ann✓", &one[cut..]));
        }
    }
}

#[test]
fn hostile_strings_are_harmless_together() {
    let hostile = hostile();
    for (place, one) in hostile.iter().enumerate() {
        for other in hostile.iter().skip(place % 7).step_by(7) {
            assert_harmless(&format!("{one}{other}"));
            assert_harmless(&format!("a\u{301}{one}Ü✓{other}z"));
        }
    }
}

#[test]
fn what_does_not_end_takes_the_rest_with_it() {
    assert_eq!(Text::clean("a\x1b]52;c;cm0gLXJm").as_str(), "a");
    assert_eq!(Text::clean("a\u{9d}52;c;cm0gLXJm b").as_str(), "a");
    assert_eq!(Text::clean("a\x1bPq Ü evil").as_str(), "a");
    assert_eq!(Text::clean("a\x1b_secret\x07 more").as_str(), "a");
    assert_eq!(Text::clean("a\x1b[31").as_str(), "a");
    assert_eq!(Text::clean("a\x1b[31 é ✓ mb").as_str(), "ab");
    assert_eq!(Text::clean("a\x1b").as_str(), "a");
    assert_eq!(Text::clean("a\x1b]0;t\x18b\x1b[3\x1ac").as_str(), "abc");
}

#[test]
fn ordinary_text_stays() {
    for text in [
        "Hello, world! ~^|\\ {}[]()",
        "Grüße aus Köln, ça va, naïve, Ångström, Đặng Thị Huyền, Łódź",
        "cafe\u{301} and Vie\u{323}\u{302}t in pieces",
        "Привет, мир; Γειά σου Κόσμε; Բարեւ; გამარჯობა",
        "שָׁלוֹם עולם, مرحبا بالعالم، مُحَمَّدٌ, سلام دنیا",
        "नमस्ते दुनिया, বাংলা, தமிழ், తెలుగు, ಕನ್ನಡ, മലയാളം, ไทยเป็นภาษาที่, ភាសាខ្មែរ, བོད་སྐད་, မြန်မာ",
        "안녕하세요 세계, 각 in pieces: \u{1100}\u{1161}\u{11a8}",
        "你好,世界。こんにちは、カタカナ、ｶﾅ　全角",
        "👋🏽 ❤️ 🇩🇪 1️⃣ ☕ 🦀 ¯\\_(ツ)_/¯ ∀x∈ℝ: x²≥0 €50 «a» … —",
        "ሰላም, ᏣᎳᎩ, ꦧꦱꦗꦮ",
        "NBSP\u{a0}inside",
    ] {
        assert_eq!(Text::clean(text).as_str(), text);
        assert_eq!(Text::clean(&format!(" \t{text}\r\n")).as_str(), text);
    }
}

#[test]
fn tabs_and_piles() {
    assert_eq!(Text::clean("\ta\tb\t").as_str(), "a b");
    let pile: String = std::iter::repeat_n('\u{30d}', 50).collect();
    assert_eq!(Text::clean(&format!("a{pile}b{pile}")).chars().count(), 10);
    // What is removed between marks does not begin a new pile.
    let hidden: String = std::iter::repeat_n("\u{30d}\u{200b}\x1b[m", 50).collect();
    assert_eq!(Text::clean(&format!("a{hidden}")).chars().count(), 5);
    let unseen: String = ('\u{e0100}'..='\u{e01ef}').collect();
    assert_eq!(Text::clean(&format!("a{unseen}")).chars().count(), 5);
}

#[test]
fn empty() {
    for raw in ["", " ", "\r\n", "\u{200b}\u{3000}", "\x1b[2J \x1b]0;t\x07 "] {
        assert!(Text::clean(raw).is_empty());
    }
    assert_eq!(Text::clean("é").len(), 2);
    assert_eq!(format!("{:>3}|", Text::clean("a")), "  a|");
}

#[test]
fn random_text_is_harmless() {
    let mut random = fastrand::Rng::with_seed(39);
    let hostile = hostile();
    for _ in 0..20_000 {
        let mut raw = String::new();
        for _ in 0..random.usize(..24) {
            match random.u8(..6) {
                0 => raw.push_str(&hostile[random.usize(..hostile.len())]),
                1 => raw.push(random.char('\0'..='\u{a5}')),
                2 => raw.push(random.char('\u{300}'..='\u{330}')),
                3 => raw.push(random.char(..)),
                4 => raw.push(random.char('\u{2000}'..='\u{2fff}')),
                _ => raw.push(random.char(' '..='~')),
            }
        }
        // The replacement character is ordinary when it came, and would be a fault when it did not.
        assert_harmless(&raw.replace('\u{fffd}', ""));
    }
}
