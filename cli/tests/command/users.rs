//! `users`: the file of those who may log in, and where their passwords come from.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::process::{Ended, Path, Process, command};
use crate::terminal::Terminal;
use crate::usage::fails;

/// A users file with bob, and a file with his password.
fn with_bob() -> (Path, Path) {
    let (file, secret) = (Path::new(), secret("geheim\n"));
    done(&format!(
        "users add bob --file {file} --password-file {secret}"
    ));
    (file, secret)
}

fn secret(text: &str) -> Path {
    let path = Path::with(text);
    fs::set_permissions(&*path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// Runs a command that works, and gives what it prints.
fn done(words: &str) -> String {
    let ended = Process::run(words).end();
    assert_eq!(ended.code, Some(0), "{words}: {}", ended.stderr);
    assert!(!ended.stderr.contains("geheim"), "{}", ended.stderr);
    String::from_utf8(ended.stdout).unwrap()
}

/// Runs a command with the password in the environment.
fn with_variable(words: &str, password: &str) -> Ended {
    let mut command = command(words.split_whitespace());
    command.env("SOCKETSERVER_PASSWORD", password);
    Process::start(&mut command).end()
}

#[test]
fn users_are_added_listed_changed_and_removed() {
    let (file, secret) = with_bob();
    assert_eq!(
        fs::metadata(&*file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    done(&format!(
        "users add eve --file {file} --password-file {secret} --access rw --home /shared/eve --quota 10GiB"
    ));
    let list = format!("users list --file {file}");
    assert_eq!(
        done(&list),
        "bob\tro\t/bob\tno quota\neve\trw\t/shared/eve\t10.0 GiB\n"
    );
    assert_eq!(
        done(&format!("{list} --json")),
        concat!(
            r#"[{"access":"ro","home":"/bob","name":"bob","quota":null},"#,
            r#"{"access":"rw","home":"/shared/eve","name":"eve","quota":10737418240}]"#,
            "\n"
        )
    );
    let before = fs::read_to_string(&*file).unwrap();
    assert!(!before.contains("geheim") && before.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
    done(&format!(
        "users passwd bob --file {file} --password-file {secret}"
    ));
    assert_ne!(
        fs::read_to_string(&*file).unwrap(),
        before,
        "the salt is another one"
    );
    done(&format!("users rm bob --file {file}"));
    assert_eq!(done(&list), "eve\trw\t/shared/eve\t10.0 GiB\n");

    let mut by_variable = command(["users", "list"]);
    by_variable.env("SOCKETSERVER_USERS", &*file);
    let ended = Process::start(&mut by_variable).end();
    assert_eq!(ended.stdout, b"eve\trw\t/shared/eve\t10.0 GiB\n");
}

#[test]
fn what_cannot_be_done_with_a_user_is_said() {
    let (file, secret) = with_bob();
    let options = format!("--file {file} --password-file {secret}");
    for (words, code, sentence) in [
        (
            format!("users add bob {options}"),
            1,
            "bob is there already: change the password with users passwd",
        ),
        (
            format!("users passwd eve {options}"),
            1,
            "there is no user 'eve': see users list",
        ),
        (
            format!("users rm eve --file {file}"),
            1,
            "there is no user 'eve': see users list",
        ),
        (
            format!("users add a/b {options}"),
            2,
            "'a/b' cannot be the name of a folder: say which one with --home",
        ),
        (
            format!("users add eve {options} --home ../bob"),
            2,
            "'../bob' is no home: a name is . or .. (write the path from the current folder downwards) (in --home)",
        ),
        (
            format!("users add eve {options} --access rx"),
            2,
            "--access cannot be 'rx': write ro or rw",
        ),
        (
            format!("users add eve {options} --quota much"),
            2,
            "'much' is not a size: write 64KiB or 1MiB (in --quota)",
        ),
        (
            format!("users add a\u{7}b {options}"),
            2,
            "'a\\u{7}b' cannot be a user's name: it has a control character (leave it out)",
        ),
    ] {
        fails(&words, code, sentence);
    }
    let none = Path::new();
    let sentence = format!(
        "cannot read the users file {none}: no such file or directory (make it with socketserver users add)"
    );
    fails(&format!("users list --file {none}"), 2, &sentence);
    fails(&format!("users rm bob --file {none}"), 2, &sentence);
    let sentence = format!(
        "cannot write the users file {none}/users: no such file or directory (make the folder first)"
    );
    let words = format!("users add bob --file {none}/users --password-file {secret}");
    fails(&words, 1, &sentence);
    let broken = self::secret("{");
    let sentence = format!(
        "the users file {broken} is invalid: EOF while parsing an object at line 1 column 1 (repair it)"
    );
    let words = format!("users add bob --file {broken} --password-file {secret}");
    fails(&words, 2, &sentence);
    assert_eq!(Process::run("users list").end().code, Some(2));
}

#[test]
fn a_password_comes_from_a_file_or_the_environment() {
    let (file, secret) = with_bob();
    let words = format!("users passwd bob --file {file}");
    let sentence = "there is no password, and no terminal to ask at: use --password-file FILE or set SOCKETSERVER_PASSWORD";
    fails(&words, 2, sentence);
    let nobody = command(words.split_whitespace())
        .stdin(Stdio::null())
        .spawn();
    assert_eq!(nobody.unwrap().wait().unwrap().code(), Some(2));

    assert_eq!(with_variable(&words, "geheim").code, Some(0));
    let ended = with_variable(&words, "");
    assert_eq!(
        (ended.code, &*ended.stderr),
        (
            Some(2),
            "socketserver: the password is empty (choose one) (in SOCKETSERVER_PASSWORD)\n"
        )
    );
    // The file wins, of which a line end of either kind is no part.
    let with_file = format!("{words} --password-file {secret}");
    assert_eq!(with_variable(&with_file, "").code, Some(0));
    for text in [
        "x".repeat(1024),
        "x".repeat(1024) + "\r\n",
        "geheim\nmore".into(),
    ] {
        let secret = self::secret(&text);
        done(&format!("{words} --password-file {secret}"));
    }
    for (text, flaw) in [
        (String::new(), "is empty (choose one)"),
        ("\ngeheim\n".into(), "is empty (choose one)"),
        ("\r\n".into(), "is empty (choose one)"),
        ("x".repeat(1025), "is too long (it may have 1 KiB)"),
        ("你".repeat(1 << 20), "is too long (it may have 1 KiB)"),
        ("gehe\0im".into(), "has a NUL byte (leave it out)"),
    ] {
        let secret = self::secret(&text);
        let sentence = format!("the password {flaw} (in the first line of {secret})");
        fails(&format!("{words} --password-file {secret}"), 2, &sentence);
    }
    let sentence = "cannot read the password file /no/file: no such file or directory";
    fails(&format!("{words} --password-file /no/file"), 2, sentence);
}

#[test]
fn a_file_with_secrets_that_is_open_to_others_is_warned_of() {
    let (file, secret) = with_bob();
    for path in [&*file, &*secret] {
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }
    let words = format!("users passwd bob --file {file} --password-file {secret}");
    let ended = Process::run(&words).end();
    assert_eq!(ended.code, Some(0));
    for text in [
        format!("{file} has password hashes and is open to others (mode 644): chmod 600"),
        format!("{secret} has a password and is open to others (mode 644): chmod 600"),
    ] {
        assert!(ended.stderr.contains(&text), "{}", ended.stderr);
    }
}

#[test]
fn a_password_is_asked_for_twice_and_not_shown() {
    let file = Path::new();
    let mut terminal = Terminal::run(&format!("users add bob --file {file}"));
    terminal.asks("password for bob: ");
    terminal.types("geheim 你\r");
    terminal.asks("the same again: ");
    terminal.types("geheim 你\r");
    let (ended, shown) = terminal.end();
    assert_eq!(
        (ended.code, &*ended.stderr),
        (Some(0), "bob can log in now (ro, home /bob, no quota)\n")
    );
    assert_eq!(shown, "password for bob: \r\nthe same again: \r\n");
    assert_eq!(
        done(&format!("users list --file {file}")),
        "bob\tro\t/bob\tno quota\n"
    );
}

#[test]
fn a_password_that_is_mistyped_or_left_out_changes_nothing() {
    let (file, _secret) = with_bob();
    let before = fs::read(&*file).unwrap();
    let words = format!("users passwd bob --file {file}");
    for (first, second, code, sentence) in [
        (
            "geheim\r",
            Some("Geheim\r"),
            1,
            "the two passwords differ, so that nothing was changed: try again",
        ),
        ("\r", None, 2, "the password is empty (choose one)"),
        ("\u{4}", None, 2, "the password is empty (choose one)"),
        (
            "gehei\u{3}",
            None,
            130,
            "interrupted, so that nothing was changed",
        ),
        (
            "geheim\r",
            Some("\u{3}"),
            130,
            "interrupted, so that nothing was changed",
        ),
    ] {
        let mut terminal = Terminal::run(&words);
        terminal.asks("password for bob: ");
        terminal.types(first);
        if let Some(second) = second {
            terminal.asks("the same again: ");
            terminal.types(second);
        }
        let (ended, shown) = terminal.end();
        assert_eq!(ended.code, Some(code), "{first:?}");
        let said = ended.stderr.trim_start();
        assert_eq!(said, format!("socketserver: {sentence}\n"), "{first:?}");
        assert!(!shown.contains("ehei"), "{shown}");
        assert_eq!(fs::read(&*file).unwrap(), before);
    }
}
