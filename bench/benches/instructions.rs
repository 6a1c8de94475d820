//! How many instructions codecs, sessions and the timing wheel execute, counted by valgrind: the same on a busy machine and on a quiet one.
//!
//! `.ci/instructions` runs this under valgrind, once for each subject, and compares the counts with `bench/instructions.json`. Called without
//! a subject this calls every one of them once, to see that none panics.

mod subjects;

use std::hint::black_box;

use self::subjects::{Subject, with_subjects};

macro_rules! table {
    ($($group:ident { $($name:ident),+ })+) => {
        const SUBJECTS: &[(&str, fn() -> Subject)] = &[
            $($((concat!(stringify!($group), "::", stringify!($name)), subjects::$group::$name)),+),+
        ];
    };
}
with_subjects!(table);

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--subjects"] => {
            for (name, _) in SUBJECTS {
                println!("{name}");
            }
        }
        ["--count", wanted] => {
            let subject = SUBJECTS.iter().find(|(name, _)| *name == wanted);
            let (_, prepare) = subject.expect("the subject is one of those that --subjects prints");
            // A subject comes ready and goes out again, so that neither its preparation nor its end is counted.
            drop(black_box(counted(black_box(ready(*prepare)))));
        }
        // `cargo test --benches` says nothing, and `cargo bench` that it is it.
        _ => {
            for (_, prepare) in SUBJECTS {
                // To be ready they have run.
                drop(prepare());
            }
        }
    }
}

/// What valgrind counts, which it knows by this name: from here on until it returns.
#[inline(never)]
fn counted(mut subject: Subject) -> Subject {
    subject();
    subject
}

/// A subject whose memory does not lie elsewhere because the path of this program is longer.
///
/// Whoever searches bytes goes on in steps from an aligned address, so that where they lie decides how many steps it takes: more than one
/// in a hundred. Before this is called, the heap has taken the program's arguments, and its own name among them. So it takes small
/// pieces, which fall on all places of a page one after the other, until one falls on the first.
fn ready(prepare: fn() -> Subject) -> Subject {
    const PAGE: usize = 4096;
    // With what the allocator of GNU puts before it this is 48 bytes, which passes all 256 places that there are in a page.
    const PIECE: usize = 40;
    for _ in 0..PAGE {
        let piece = vec![0u8; PIECE].leak();
        if piece.as_ptr().addr().is_multiple_of(PAGE) {
            break;
        }
    }
    prepare()
}
