//! The command that is running, as it can be typed again.

use std::ffi::OsString;

/// How to go on with a transfer that broke off.
pub(super) fn the_same_command() -> String {
    let line = line(std::env::args_os().skip(1));
    format!("the same command goes on from there: {line}")
}

fn line(arguments: impl Iterator<Item = OsString>) -> String {
    let mut line = "socketserver".to_owned();
    for argument in arguments {
        line.push(' ');
        line.push_str(&quoted(&argument.to_string_lossy()));
    }
    line
}

fn quoted(argument: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "@%+=:,./-_".contains(letter);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again() {
        let line = |words: &[&str]| line(words.iter().map(OsString::from));
        assert_eq!(
            line(&["get", "files://bob@h:1/a%20b"]),
            "socketserver get files://bob@h:1/a%20b"
        );
        assert_eq!(
            line(&["put", "a b", "it's", ""]),
            r"socketserver put 'a b' 'it'\''s' ''"
        );
    }
}
