//! Which names there are, and which are the same.

use std::collections::{HashMap, HashSet};

use unicode_security::skeleton as prototypes;

use super::super::Text;
use super::{Name, NameError, RESERVED, RoomName, is_allowed, skeleton_of};

fn name(raw: &str) -> Name {
    Name::parse(raw).unwrap_or_else(|error| panic!("{raw:?}: {error}"))
}

#[track_caller]
fn refused(raw: &str) -> NameError {
    let error = Name::parse(raw).expect_err(raw);
    let sentence = error.to_string();
    assert_eq!(Text::clean(&sentence).as_str(), sentence, "{raw:?}");
    error
}

#[test]
fn names_of_many_languages() {
    for raw in [
        "ann",
        "Bob_2",
        "x",
        "7",
        "O.Neill",
        "jean-luc",
        "Müller",
        "Łukasz",
        "ɖekpɔ",
        "Đặng",
        "Вера",
        "Вова",
        "Сара",
        "Наташа",
        "Юра",
        "ЮРА",
        "Гера",
        "Тата",
        "Марс",
        "Юля",
        "Ελένη",
        "Νίκος",
        "Γιώργος",
        "Հայկ",
        "ნინო",
        "דוד",
        "محمد",
        "राहुल",
        "বাবু",
        "குமார்",
        "สมชาย",
        "李明",
        "田中さん",
        "カタカナー",
        "Kenさん",
        "민수",
        "Min수",
        "ሰላም",
    ] {
        let name = name(raw);
        assert_eq!(name.as_str(), raw);
        assert_eq!(Text::clean(raw).as_str(), raw);
        assert_eq!(name.to_string(), raw);
        assert_eq!(RoomName::parse(raw).unwrap().skeleton(), name.skeleton());
    }
}

#[test]
fn one_normalization() {
    assert_eq!(name("Mu\u{308}ller").as_str(), "Müller");
    assert_eq!(name("Mu\u{308}ller"), name("Müller"));
    assert_eq!(name("\u{1100}\u{1161}\u{11a8}").as_str(), "각");
    assert_ne!(name("Muller"), name("Müller"));
    assert_eq!(name("  ann \r\n").as_str(), "ann");
}

#[test]
fn impostors_are_equal() {
    for group in [
        &["Ann", "ann", "ANN", "aNN"][..],
        &["mike", "rnike", "M1ke", "MIKE", "mlke"],
        &["Ilya", "llya", "1lya", "ilya"],
        &["Ali", "all", "A1I", "ALI"],
        &["Bob0", "bobo", "BOBO", "b0b0"],
        &["cap", "сар", "САР"],
        &["Capa", "Сара", "сара", "САРА", "CAPA"],
        &["BOB", "ВОВ", "вов", "Вов"],
        &["Bepa", "Вера", "вера", "ВЕРА"],
        &["ΣΑΣ", "σας", "σασ"],
        &["Straße", "STRASSE", "strasse"],
        &["Đan", "Ðan", "đan", "ðan"],
    ] {
        let first = name(group[0]);
        for other in group {
            assert_eq!(name(other), first, "{other}");
            assert_eq!(name(other).cmp(&first), std::cmp::Ordering::Equal);
        }
        let names: HashSet<Name> = group.iter().map(|raw| name(raw)).collect();
        assert_eq!(names.len(), 1);
    }
}

#[test]
fn different_names_differ() {
    let names = [
        "ann",
        "anna",
        "van",
        "nan",
        "vav",
        "rau",
        "ray",
        "bob",
        "dob",
        "w",
        "vv",
        "d",
        "cl",
        "год",
        "уод",
        "кот",
        "ток",
        "дом",
        "том",
        "νίκος",
        "a.b",
        "a-b",
        "a_b",
        "ab",
        "u",
        "y",
        "v",
        "n",
        "g",
        "q",
        "5",
        "s",
        "2",
        "z",
        "8",
        "b",
        "6",
    ];
    for (place, one) in names.iter().enumerate() {
        for other in &names[..place] {
            assert_ne!(name(one), name(other), "{one} {other}");
        }
    }
}

#[test]
fn refusals() {
    for raw in ["", " ", "\r\n"] {
        assert_eq!(refused(raw), NameError::Empty);
    }
    assert_eq!(name(&"ä".repeat(24)).as_str().chars().count(), 24);
    assert_eq!(name(&"a\u{308}".repeat(24)).as_str(), "ä".repeat(24));
    for raw in ["a".repeat(25), "a".repeat(1 << 20)] {
        assert_eq!(refused(&raw), NameError::TooLong { chars_max: 24 });
    }
    for (raw, wrong) in [
        ("a b", ' '),
        ("a\u{a0}b", '\u{a0}'),
        ("a\u{3000}b", '\u{3000}'),
        ("a\tb", '\t'),
        ("a\0", '\0'),
        ("\x1b[31mann", '\x1b'),
        ("ann\u{202e}", '\u{202e}'),
        ("a\u{200d}b", '\u{200d}'),
        ("an\u{200b}n", '\u{200b}'),
        ("\u{feff}ann", '\u{feff}'),
        ("a:b", ':'),
        ("a/b", '/'),
        ("@ann", '@'),
        ("#a", '#'),
        ("a'b", '\''),
        ("a·b", '·'),
        ("Ａｎｎ", 'Ａ'),
        ("ⓐnn", 'ⓐ'),
        ("𝐚nn", '𝐚'),
        ("ﬁn", 'ﬁ'),
        ("👋", '👋'),
        ("ʙob", 'ʙ'),
        ("a\u{3164}", '\u{3164}'),
        ("a\u{1160}", '\u{1160}'),
        ("½", '½'),
        ("x²", '²'),
    ] {
        assert_eq!(refused(raw), NameError::Character(wrong), "{raw:?}");
    }
    for raw in ["_a", "-a", ".a", "...", "\u{301}a"] {
        assert_eq!(refused(raw), NameError::Beginning, "{raw:?}");
    }
    let pile = format!("x{}", "\u{30d}".repeat(5));
    assert!(matches!(refused(&pile), NameError::Character(_)));
    // The first letter is Cyrillic, or the last one is; Latin and Devanagari are still two.
    for raw in ["аnn", "anп", "pауpal", "Aνν", "annनम", "гаmma", "한カ"] {
        assert_eq!(refused(raw), NameError::MixedScripts, "{raw:?}");
    }
    for raw in ["ΑΝΝ", "Νορα", "ΒΟΒ", "Ɖan", "Ɓello"] {
        assert_eq!(refused(raw), NameError::Lookalike, "{raw:?}");
    }
}

#[test]
fn reserved() {
    for raw in RESERVED {
        assert_eq!(refused(raw), NameError::Reserved);
        assert_eq!(refused(&raw.to_uppercase()), NameError::Reserved);
        assert_eq!(RoomName::parse(raw).unwrap().as_str(), raw);
    }
    for raw in ["Adm1n", "adrnin", "0p", "ор", "R00T", "ServeR", "rnod"] {
        assert_eq!(refused(raw), NameError::Reserved, "{raw}");
    }
    name("servers");
    name("Ali");
    name("guest");
}

#[test]
fn rooms() {
    let lobby = RoomName::parse("lobby").unwrap();
    assert_eq!(RoomName::parse(" #Lobby ").unwrap(), lobby);
    assert_eq!(RoomName::parse("#Lobby").unwrap().as_str(), "Lobby");
    assert_eq!(RoomName::parse("##a"), Err(NameError::Character('#')));
    assert_eq!(RoomName::parse("#"), Err(NameError::Empty));
    assert!(RoomName::parse(&"a".repeat(32)).is_ok());
    assert_eq!(
        RoomName::parse(&"a".repeat(33)),
        Err(NameError::TooLong { chars_max: 32 })
    );
    assert_eq!(
        format!("{lobby:>7}|{lobby:?}"),
        "  lobby|RoomName(\"lobby\")"
    );
}

#[test]
fn sentences() {
    for (raw, sentence) in [
        (
            "\x1bann",
            "a name cannot have U+001B there; use letters, digits, \"_\", \"-\" and \".\"",
        ),
        (
            "a b",
            "a name cannot have a space there; use letters, digits, \"_\", \"-\" and \".\"",
        ),
        (
            "a:",
            "a name cannot have ':' there; use letters, digits, \"_\", \"-\" and \".\"",
        ),
        (
            "a²",
            "a name cannot have '²' (U+00B2) there; use letters, digits, \"_\", \"-\" and \".\"",
        ),
        (
            "a\u{202e}",
            "a name cannot have U+202E there; use letters, digits, \"_\", \"-\" and \".\"",
        ),
    ] {
        assert_eq!(refused(raw).to_string(), sentence);
    }
}

/// Every letter that there is, as a name of its own: those that look the same are equal, or refused.
#[test]
fn what_looks_the_same_is_equal() {
    let mut by_looks: HashMap<String, Name> = HashMap::new();
    let mut count = 0;
    for letter in ('\0'..=char::MAX).filter(|&letter| is_allowed(letter)) {
        let Ok(name) = Name::parse(&letter.to_string()) else {
            continue;
        };
        count += 1;
        let skeleton = name.skeleton();
        assert_eq!(skeleton_of(skeleton), skeleton, "{letter}");
        let looks: String = prototypes(name.as_str()).collect();
        if looks == "Γ" {
            continue;
        }
        let first = by_looks.entry(looks).or_insert_with(|| name.clone());
        assert_eq!(*first, name, "{first} {name}");
        // The other case is equal, unless it is refused.
        for other in [
            letter.to_uppercase().to_string(),
            letter.to_lowercase().to_string(),
        ] {
            if let Ok(other) = Name::parse(&other) {
                assert_eq!(other, name);
            }
        }
    }
    assert!(count > 30_000, "{count}");
}

#[test]
fn random_names() {
    let mut random = fastrand::Rng::with_seed(39);
    let alphabets = [
        "abilLmnrvwO01-_.",
        "авкмнтзогиюИЮВС1",
        "αβγηικνρυΑΒΗΝΣσς",
        "한민さカ李nmI",
        "íĺÍäṃẹÐđ",
    ];
    for _ in 0..20_000 {
        let alphabet: Vec<char> = alphabets[random.usize(..alphabets.len())].chars().collect();
        let raw: String = (0..random.usize(1..6))
            .map(|_| alphabet[random.usize(..alphabet.len())])
            .collect();
        let Ok(name) = Name::parse(&raw) else {
            continue;
        };
        assert_eq!(Text::clean(&name.to_string()).as_str(), name.as_str());
        assert_eq!(skeleton_of(name.skeleton()), name.skeleton(), "{raw}");
        for other in [
            raw.to_uppercase(),
            raw.to_lowercase(),
            prototypes(&raw).collect(),
        ] {
            if let Ok(other) = Name::parse(&other) {
                assert_eq!(other, name);
            }
        }
    }
}
