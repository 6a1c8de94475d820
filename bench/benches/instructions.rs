//! How many instructions codecs, sessions and the timing wheel execute, counted by valgrind: the same on a busy machine and on a quiet one.
//!
//! `.ci/instructions` runs this and compares the counts with `bench/instructions.json`. It says what is needed, and installs it.
//! `cargo test --benches` calls every subject once, without valgrind, to see that none panics.

mod subjects;

use self::subjects::with_subjects;

fn main() {
    // `cargo bench` says that it is it, and the runner says which subject it wants. Tests say neither, and need no runner and no valgrind.
    let counting = std::env::args().any(|word| word == "--bench" || word == "--gungraun-run");
    if counting {
        counted::count();
    } else {
        try_all();
    }
}

macro_rules! try_each {
    ($($group:ident { $($name:ident),+ })+) => {
        fn try_all() {
            // To be ready they have run.
            $($(drop(subjects::$group::$name());)+)+
        }
    };
}
with_subjects!(try_each);

/// What gungraun's macros make, a `main` of their own included.
mod counted {
    use gungraun::{library_benchmark, library_benchmark_group, main};

    use crate::subjects::{self, Subject, with_subjects};

    macro_rules! count_each {
        ($($group:ident { $($name:ident),+ })+) => {
            // A subject comes ready and goes out again, so that neither its preparation nor its end is counted.
            $(
                #[library_benchmark]
                $(#[bench::$name(ready(subjects::$group::$name))])+
                fn $group(mut subject: Subject) -> Subject {
                    subject();
                    subject
                }
            )+

            library_benchmark_group!(name = all, benchmarks = [$($group),+]);
        };
    }
    with_subjects!(count_each);

    main!(library_benchmark_groups = all);

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

    pub(super) fn count() {
        main();
    }
}
