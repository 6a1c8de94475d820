//! Where a password comes from: a file, the environment, or somebody who types it. Never from the command line, which everybody on the machine can read.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use socketserver_handlers::files::accounts::PASSWORD_BYTES_MAX;
use socketserver_handlers::files::{Password, PasswordError};

use crate::exit::{Code, Failure, cause};

/// The variable of the environment that may have the password.
const VARIABLE: &str = "SOCKETSERVER_PASSWORD";

const HELP: &str = "Take the password from the first line of this file; else it is taken from the environment variable \
SOCKETSERVER_PASSWORD, else it is asked for";

/// Where the password is.
#[derive(Args, Debug, Default)]
pub(crate) struct PasswordOptions {
    // None: from the environment, or typed.
    #[arg(long, value_name = "FILE", help = HELP)]
    password_file: Option<PathBuf>,
}

/// The password of the file, else of the environment, else the one that is typed after `prompt`, where `twice` asks for it again.
pub(crate) fn obtain(
    options: &PasswordOptions,
    prompt: &str,
    twice: bool,
) -> Result<Password, Failure> {
    if let Some(path) = &options.password_file {
        return of_file(path);
    }
    if let Some(text) = std::env::var_os(VARIABLE) {
        return of_variable(text);
    }
    if io::stdin().is_terminal() {
        return typed(prompt, twice);
    }
    let sentence = format!(
        "there is no password, and no terminal to ask at: use --password-file FILE or set {VARIABLE}"
    );
    Err(Failure::new(Code::Usage, sentence))
}

fn of_file(path: &Path) -> Result<Password, Failure> {
    // What is wrong is said without showing the password.
    let wrong = |sentence: String| Failure::new(Code::Usage, sentence);
    let path_shown = path.display();
    let line = first_line(path).map_err(|error| {
        let cause = cause(&error);
        wrong(format!(
            "cannot read the password file {path_shown}: {cause}"
        ))
    })?;
    let unfit = |error| wrong(format!("{error} (in the first line of {path_shown})"));
    if line.len() > PASSWORD_BYTES_MAX {
        return Err(unfit(PasswordError::TooLong));
    }
    let line = String::from_utf8(line).map_err(|_| {
        wrong(format!(
            "the password in {path_shown} is not UTF-8: repair it"
        ))
    })?;
    Password::new(line).map_err(unfit)
}

/// The first line without its end, or the beginning of one that is too long for a password.
fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        let (path, bits) = (path.display(), metadata.mode() & 0o777);
        log::warn!("{path} has a password and is open to others (mode {bits:03o}): chmod 600");
    }
    // One byte more than there may be, and the line end.
    let bytes_max = PASSWORD_BYTES_MAX + 3;
    // It does not grow, since what it had grown out of would not be wiped.
    let mut line = Vec::with_capacity(bytes_max + 64);
    file.take(bytes_max as u64).read_to_end(&mut line)?;
    if let Some(end) = line.iter().position(|&byte| byte == b'\n') {
        line.truncate(end);
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    Ok(line)
}

fn of_variable(text: OsString) -> Result<Password, Failure> {
    let text = text.into_string().map_err(|_| {
        let sentence = format!("the password in {VARIABLE} is not UTF-8: repair it");
        Failure::new(Code::Usage, sentence)
    })?;
    Password::new(text)
        .map_err(|error| Failure::new(Code::Usage, format!("{error} (in {VARIABLE})")))
}

fn typed(prompt: &str, twice: bool) -> Result<Password, Failure> {
    let _question = Question::begin()?;
    let password = ask(prompt)?;
    if twice && ask("the same again: ")? != password {
        let sentence = "the two passwords differ, so that nothing was changed: try again";
        return Err(Failure::new(Code::Failed, sentence));
    }
    Ok(password)
}

fn ask(prompt: &str) -> Result<Password, Failure> {
    let unfit = |error: PasswordError| Failure::new(Code::Usage, error.to_string());
    let text = rpassword::prompt_password(prompt).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => {
            let sentence = "interrupted, so that nothing was changed";
            Failure::new(Code::Interrupted, sentence)
        }
        io::ErrorKind::UnexpectedEof => {
            // The question still stands alone on its line.
            eprintln!();
            unfit(PasswordError::Empty)
        }
        _ => Failure::system("cannot ask for the password", &error),
    })?;
    Password::new(text).map_err(unfit)
}

/// Has Control-C end the question and not the program, as long as this lives, so that the terminal shows again what is typed.
struct Question {
    /// Whether Control-C does what it always does.
    is_over: Arc<AtomicBool>,
}

impl Question {
    fn begin() -> Result<Self, Failure> {
        let is_over = Arc::new(AtomicBool::new(false));
        flag::register_conditional_default(SIGINT, is_over.clone())
            .map_err(|error| Failure::system("cannot listen to signals", &error))?;
        Ok(Self { is_over })
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
