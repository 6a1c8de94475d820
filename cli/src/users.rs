//! `users`: who may log in to the file server.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::json;
use socketserver_handlers::files::{Access, FilePath, Password, User, UsersError, UsersFile};

use crate::console::Console;
use crate::exit::{Code, Failure};
use crate::password::{self, PasswordOptions};
use crate::units;

/// Says who may log in to the file server, in a file that it reads.
///
/// Passwords are asked for, and kept as hashes (Argon2id). A server that runs sees a change at the next login; whoever has logged in stays.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Add(Add),
    Passwd(Passwd),
    Rm(Remove),
    List(List),
}

/// Adds a user; makes the file if it is not there.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  socketserver users add eve --file users
      eve may read, in a folder of her own; her password is asked for
  socketserver users add bob --file users --access rw --quota 10GiB
      bob may write, and have 10 GiB
  socketserver users add ann --file users --home /bob
      ann may read what bob has
  socketserver users add root --file users --access rw --home / --password-file secret
      root may do everything everywhere; the password is the first line of a file
  socketserver serve files :9004 --root share --users users
      the server for all of them")]
struct Add {
    /// The name to log in with
    #[arg(value_parser = name)]
    name: String,
    #[command(flatten)]
    file: FileOptions,
    /// What the user may do: ro read, rw also write and remove
    #[arg(long, value_name = "ACCESS", default_value = "ro", value_parser = accesses())]
    access: Access,
    /// The folder, below the one that is served, that the user does not leave; / is all of it [default: the name]
    #[arg(long, value_name = "PATH", value_parser = home)]
    home: Option<FilePath>,
    /// How much may lie in the home, such as 10GiB [default: as much as the disk has]
    #[arg(long, value_name = "SIZE", value_parser = quota)]
    quota: Option<u64>,
    #[command(flatten)]
    password: PasswordOptions,
}

/// Gives a user another password.
#[derive(Args, Debug)]
struct Passwd {
    /// The user
    #[arg(value_parser = name)]
    name: String,
    #[command(flatten)]
    file: FileOptions,
    #[command(flatten)]
    password: PasswordOptions,
}

/// Removes a user, and none of its files.
#[derive(Args, Debug)]
struct Remove {
    /// The user
    #[arg(value_parser = name)]
    name: String,
    #[command(flatten)]
    file: FileOptions,
}

/// Lists the users: name, access, home and quota.
#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    file: FileOptions,
    /// Print JSON instead
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct FileOptions {
    /// The file with the users
    #[arg(
        long = "file",
        id = "file",
        value_name = "FILE",
        env = "SOCKETSERVER_USERS"
    )]
    path: PathBuf,
}

fn name(text: &str) -> Result<String, String> {
    let checked = User::check_name(text).map_err(|error| error.to_string());
    checked.map(|()| text.to_owned())
}

fn accesses() -> impl TypedValueParser<Value = Access> {
    PossibleValuesParser::new(["ro", "rw"]).map(|word| {
        word.parse()
            .expect("every word of the list above is an access")
    })
}

fn home(text: &str) -> Result<FilePath, String> {
    User::parse_home(text).map_err(|error| format!("'{}' is no home: {error}", text.escape_debug()))
}

fn quota(text: &str) -> Result<u64, String> {
    units::size(text).map(|bytes| bytes as u64)
}

pub(crate) fn run(options: Options, console: Console) -> Result<(), Failure> {
    match options.action {
        Action::Add(options) => add(options, console),
        Action::Passwd(options) => change_password(&options, console),
        Action::Rm(options) => remove(&options, console),
        Action::List(options) => list(&options),
    }
}

fn add(options: Add, console: Console) -> Result<(), Failure> {
    let path = &options.file.path;
    // Nobody shall think of a password in vain. Whether it still holds is seen when the file is changed.
    match UsersFile::read(path) {
        Ok(file) if file.user(&options.name).is_ok() => {
            return Err(failure(&UsersError::Exists { name: options.name }));
        }
        Err(error) if !error.is_missing_file() => return Err(failure(&error)),
        _ => {}
    }
    let home = options.home.map_or_else(|| own_home(&options.name), Ok)?;
    let password = ask(&options.password, &options.name)?;
    let user = User {
        name: options.name,
        access: options.access,
        home,
        quota_bytes: options.quota,
    };
    let added = user.clone();
    UsersFile::edit(path, |file| file.add(added, &password)).map_err(|error| failure(&error))?;
    let (home, access, quota) = (&user.home, user.access, quota_of(&user));
    console.say(format_args!(
        "{} can log in now ({access}, home {home}, {quota})",
        user.name
    ));
    Ok(())
}

/// A home that nobody else has, since two users do not have the same name.
fn own_home(name: &str) -> Result<FilePath, Failure> {
    let own = FilePath::parse(name).ok();
    own.filter(|home| home.names().count() == 1).ok_or_else(|| {
        let sentence =
            format!("'{name}' cannot be the name of a folder: say which one with --home");
        Failure::new(Code::Usage, sentence)
    })
}

fn change_password(options: &Passwd, console: Console) -> Result<(), Failure> {
    let (path, name) = (&options.file.path, &options.name);
    UsersFile::read(path)
        .and_then(|file| file.user(name).map(drop))
        .map_err(|error| failure(&error))?;
    let password = ask(&options.password, name)?;
    UsersFile::edit(path, |file| file.set_password(name, &password))
        .map_err(|error| failure(&error))?;
    console.say(format_args!("{name} has another password"));
    Ok(())
}

fn remove(options: &Remove, console: Console) -> Result<(), Failure> {
    let (path, name) = (&options.file.path, &options.name);
    // A file that is not there is said to be missing, and not to have no such user.
    UsersFile::read(path)
        .and_then(|_| UsersFile::edit(path, |file| file.remove(name)))
        .map_err(|error| failure(&error))?;
    console.say(format_args!("{name} cannot log in any more"));
    Ok(())
}

fn list(options: &List) -> Result<(), Failure> {
    let file = UsersFile::read(&options.file.path).map_err(|error| failure(&error))?;
    let text = if options.json {
        let users: Vec<_> = file.users().map(as_json).collect();
        format!("{}\n", json!(users))
    } else {
        file.users().map(|user| described(user) + "\n").collect()
    };
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever has closed it has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::system("cannot write to standard output", &error))
        }
        _ => Ok(()),
    }
}

fn ask(options: &PasswordOptions, name: &str) -> Result<Password, Failure> {
    password::obtain(options, &format!("password for {name}: "), true)
}

/// A user in one line, where columns are separated by tabs, which are in no name.
fn described(user: &User) -> String {
    let quota = quota_of(user);
    format!("{}\t{}\t{}\t{quota}", user.name, user.access, user.home)
}

fn quota_of(user: &User) -> String {
    user.quota_bytes.map_or_else(
        || "no quota".to_owned(),
        |bytes| units::bytes(bytes).to_string(),
    )
}

fn as_json(user: &User) -> serde_json::Value {
    json!({
        "name": user.name,
        "access": user.access,
        "home": user.home.to_string(),
        "quota": user.quota_bytes,
    })
}

fn failure(error: &UsersError) -> Failure {
    let code = match error {
        UsersError::Read { .. } | UsersError::Invalid { .. } => Code::Usage,
        _ => Code::Failed,
    };
    Failure::new(code, error.to_string())
}
