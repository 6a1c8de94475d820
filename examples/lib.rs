//! Runnable examples: one file each in the folder `examples/`, with a ladder to climb them in `README.md`.
//!
//! What is in this library is what an example of less than sixty lines has no room for: [`lossy`], a bad network for programs that must stand one. The
//! Rust code in the README of the workspace is compiled and run here, too.

#![forbid(unsafe_code)]

pub mod lossy;

/// The README of the workspace, whose examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// What an example may have, its explanation included: one that is longer is two.
    const LINES_MAX: usize = 59;

    #[test]
    fn every_example_is_short_and_stands_on_the_ladder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ladder = fs::read_to_string(root.join("README.md")).unwrap();
        let mut examples = 0;
        for entry in fs::read_dir(root.join("examples")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(
                lines <= LINES_MAX,
                "{name} has {lines} lines: at most {LINES_MAX} are allowed"
            );
            assert!(
                ladder.contains(&format!("--example {name}`")),
                "{name} is missing in README.md"
            );
            examples += 1;
        }
        assert!(examples > 0, "there are no examples");
    }
}
