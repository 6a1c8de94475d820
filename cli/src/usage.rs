//! Turns what is wrong with a command line into one sentence where a value is wrong, and into clap's explanation elsewhere.

use std::error::Error as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::{Code, Failure};

/// Prints what clap has to say, which may also be the help that was asked for, and gives the code to end with.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    if let Some(sentence) = sentence(error) {
        return Failure::new(Code::Usage, sentence).report();
    }
    // Whoever closed the output did not want to read it.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Code::Usage as u8))
}

/// The sentence about a wrong value, with the flag that has it. The value may also come from the environment.
fn sentence(error: &clap::Error) -> Option<String> {
    let argument = text(error, ContextKind::InvalidArg)?;
    let flag = argument
        .starts_with('-')
        .then(|| argument.split([' ', '=', '[']).next())
        .flatten();
    match error.kind() {
        ErrorKind::ValueValidation => {
            let sentence = error.source()?;
            Some(flag.map_or(sentence.to_string(), |flag| {
                format!("{sentence} (in {flag})")
            }))
        }
        ErrorKind::InvalidValue => {
            let value = text(error, ContextKind::InvalidValue).filter(|value| !value.is_empty())?;
            let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else {
                return None;
            };
            let known = alternatives(known);
            let noun = argument
                .trim_matches(['[', ']', '<', '>', '.'])
                .to_lowercase();
            Some(match flag {
                Some(flag) => format!("{flag} cannot be '{value}': write {known}"),
                None => format!("'{value}' is not a known {noun}: write {known}"),
            })
        }
        _ => None,
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

/// `a`, `a or b`, `a, b or c`.
fn alternatives(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_of_the_command_line_do_not_contradict_each_other() {
        crate::Cli::command().debug_assert();
    }

    #[test]
    fn alternatives_are_listed_as_people_list_them() {
        let words = ["a", "b", "c"].map(String::from);
        let listed = [0, 1, 2, 3].map(|count| alternatives(&words[..count]));
        assert_eq!(listed, ["", "a", "a or b", "a, b or c"]);
    }
}
