//! Lines of version 1 as a user would type them: a verb, and arguments in quotes.

/// A line of this verb and these arguments.
pub(super) fn line(verb: &str, arguments: &[&str]) -> String {
    let mut line = verb.to_owned();
    for argument in arguments {
        line.push(' ');
        quote(argument, &mut line);
    }
    line
}

/// What is more than a plain word is quoted: a server that reads lines as a shell does must not see comments or quotes in it.
fn quote(argument: &str, line: &mut String) {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(is_plain) {
        line.push_str(argument);
        return;
    }
    line.push('"');
    for letter in argument.chars() {
        if matches!(letter, '"' | '\\') {
            line.push('\\');
        }
        line.push(letter);
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn arguments_are_quoted_where_they_have_to_be() {
        assert_eq!(line("pwd", &[]), "pwd");
        assert_eq!(line("mv", &["a/b.txt", "c"]), "mv a/b.txt c");
        assert_eq!(line("ls", &["a b"]), r#"ls "a b""#);
        assert_eq!(line("rm", &[r#"say "hi""#]), r#"rm "say \"hi\"""#);
        assert_eq!(line("rm", &["it's"]), r#"rm "it's""#);
        assert_eq!(line("rm", &["你"]), r#"rm "你""#);
        assert_eq!(line("rm", &[""]), r#"rm """#);
    }
}
