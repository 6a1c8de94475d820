//! Names: what could lead elsewhere is refused, and whatever is not is stored as it was given.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use socketserver_handlers::files::storage::{Announced, Storage};
use socketserver_handlers::files::{FilePath, PathError, Refusal, Word};

use crate::helpers::{Place, get, path, put};

/// Names that somebody has tried somewhere to get out of a folder.
fn corpus() -> HashSet<String> {
    let ups = [
        "..",
        "%2e%2e",
        "..%00",
        "....",
        "\u{ff0e}\u{ff0e}",
        ".. ",
        "..\u{0}",
        "．．",
    ];
    let separators = ["/", "\\", "%2f", "%5c", "\u{2215}", "\u{ff0f}", "//", "/./"];
    let targets = [
        "outside/secret",
        "etc/passwd",
        "secret",
        "proc/self/environ",
        "",
    ];
    let mut names = HashSet::new();
    for up in ups {
        for separator in separators {
            for target in targets {
                for depth in 1..4 {
                    let climb = format!("{up}{separator}").repeat(depth);
                    names.insert(format!("{climb}{target}"));
                    names.insert(format!("a{separator}{climb}{target}"));
                    names.insert(format!("{separator}{climb}{target}"));
                }
            }
        }
    }
    for odd in [
        "",
        ".",
        "/",
        "C:\\x",
        "C:x",
        "\\\\server\\share",
        "file:///etc/passwd",
        "~root",
        "CON",
        "nul.txt",
        "a\nb",
        "a\rb",
        "\u{1b}[2J",
        "\u{202e}exe.txt",
        ".socketserver-part-0",
        ".socketserver-quota",
        "a/.socketserver-quota",
        "a.",
        "a ",
        "$HOME",
        "`id`",
        "| id",
        "-rf",
        "*",
    ] {
        names.insert(odd.to_owned());
    }
    names.insert("x".repeat(256));
    names.insert("x/".repeat(2048) + "x");
    names
}

#[test]
fn whatever_a_name_tries_is_refused_with_one_word_or_stays_inside() {
    let place = Place::in_memory();
    let before = place.snapshot();
    let corpus = corpus();
    assert!(corpus.len() >= 500, "{}", corpus.len());
    let (mut refused, mut inside) = (0, 0);
    for name in &corpus {
        let Ok(path) = name.parse::<FilePath>().map_err(|error: PathError| {
            assert_eq!(Refusal::from(error).word, Word::BadName, "{name:?}");
            refused += 1;
        }) else {
            continue;
        };
        assert!(path.names().all(|name| name != ".." && name != "."));
        let announced = Announced::default();
        match place.storage.upload(&path, &announced) {
            Ok(upload) => {
                let (folder, _) = path.split().unwrap();
                let parts = || has_part(&place.root(folder.as_str()));
                assert!(parts(), "{name:?} is written elsewhere");
                upload.discard();
                assert!(!parts());
                inside += 1;
            }
            Err(refusal) => assert_eq!(refusal.word, Word::BadName, "{name:?}"),
        }
        if let Ok(mut source) = place.storage.open(&path) {
            let text = std::io::read_to_string(&mut source.file).unwrap();
            assert_ne!(text, "outside", "{name:?}");
        }
    }
    assert!(place.parts().is_empty());
    assert!(refused > 300 && inside > 50, "{refused} {inside}");
    assert!(before == place.snapshot());
}

fn has_part(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).unwrap();
    entries.any(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.starts_with(".socketserver-part-")
    })
}

#[test]
fn names_are_stored_as_they_are_given() {
    let place = Place::new();
    let names = [
        "A", "a", "\u{e9}", "e\u{301}", "ﬁ", "fi", "ß", "ss", "x.", "x ", "x", "CON",
    ];
    for name in names {
        put(&place.storage, name, name.as_bytes()).unwrap();
    }
    for name in names {
        assert_eq!(get(&place.storage, name).unwrap(), name);
        assert_eq!(fs::read_to_string(place.root(name)).unwrap(), name);
    }
    let listing = place.storage.list(&FilePath::root(), None, 100).unwrap();
    assert_eq!(listing.entries.len(), names.len());
}

#[test]
fn names_that_the_disk_cannot_have_are_bad_names() {
    let place = Place::new();
    // 4096 bytes are a path for the protocol, and one too many for the system.
    let long = [
        ["x".repeat(255).as_str(); 15].join("/"),
        "y".repeat(256 - 1),
    ]
    .join("/")
        + "z";
    assert!(FilePath::parse(&long).is_err());
    let long = ["x".repeat(255).as_str(); 16].join("/");
    let refusal = place.storage.open(&path(&long)).unwrap_err();
    assert!(matches!(refusal.word, Word::BadName | Word::NotFound));
    // Writing walks name by name, and needs no path that long.
    put(&place.storage, &long, b"deep").unwrap();
}
