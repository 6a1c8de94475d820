//! Paths as they come from the other side, and lines with names in them.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use socketserver_fuzz::files::assert_is_path;
use socketserver_fuzz::oracle::assert_sentence;
use socketserver_handlers::files::{FilePath, words};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Text(&'a str),
    Parts(Vec<Part<'a>>, Vec<Part<'a>>),
}

/// What paths are made of, in any order.
#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Common(u8),
    Long(u8, u8),
    Text(&'a str),
}

const COMMON: [&str; 14] = [
    "/",
    "..",
    ".",
    "a",
    "\\",
    "\0",
    "~",
    ".socketserver-",
    "\u{202e}",
    "%2e",
    "\"",
    " ",
    "\u{4f60}",
    "\n",
];

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Text(text) => try_text(&FilePath::root(), text),
        Input::Parts(folder, parts) => {
            let folder = FilePath::parse(&joined(&folder)).unwrap_or_default();
            try_text(&folder, &joined(&parts));
        }
    }
});

/// A path below a folder is one, lies there, and is what its names say; whatever is none is refused with a sentence.
fn try_text(folder: &FilePath, text: &str) {
    let _ = words(text);
    let path = match folder.join(text) {
        Ok(path) => path,
        Err(problem) => return assert_sentence(&problem.to_string()),
    };
    assert_is_path(&path);
    assert!(path.is_within(folder) && path != *folder && !folder.is_within(&path));
    assert_eq!(FilePath::parse(path.as_str()).as_ref(), Ok(&path));
    assert_eq!(path.to_string(), format!("/{}", path.as_str()));
    let (above, name) = path.split().expect("it has a name");
    assert_eq!(above.join(name).as_ref(), Ok(&path));
    assert!(above.is_within(folder));
    let relative = FilePath::parse(text).expect("what is below a folder is below the root");
    assert_eq!(folder.join_path(&relative).as_ref(), Ok(&path));
    let mut again = FilePath::root();
    for name in path.names() {
        again = again.join(name).expect("each is a name");
    }
    assert_eq!(again, path);
    // As it stands in a line that a user types.
    let quoted = format!("get \"{}\"", path.as_str().replace('"', "\\\""));
    assert_eq!(
        words(&quoted).expect("the quotes are closed"),
        ["get", path.as_str()]
    );
}

fn joined(parts: &[Part<'_>]) -> String {
    let texts = parts.iter().map(|part| match part {
        Part::Common(number) => COMMON[usize::from(*number) % COMMON.len()].to_owned(),
        Part::Long(number, times) => {
            COMMON[usize::from(*number) % COMMON.len()].repeat(usize::from(*times))
        }
        Part::Text(text) => (*text).to_owned(),
    });
    texts.collect()
}
