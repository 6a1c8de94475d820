//! The users file: JSON with one object for each user, made and changed by `socketserver users`, or by hand but for the hashes.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use bytesize::ByteSize;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::error::UsersError;
use super::hashing::HashedPassword;
use super::password::Password;
use super::replacing::Folder;
use super::user::{Access, User};
use crate::files::wire::without_values;

/// The most bytes of a users file, which is far more than anybody writes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Users and the hashes of their passwords, as they are in a file.
///
/// ```json
/// {"users": [
///   {"name": "bob", "password": "$argon2id$v=19$…", "access": "rw", "home": "bob", "quota": "10GiB"}
/// ]}
/// ```
///
/// `quota` may be left out, and be a number of bytes; a `home` of `/` is everything.
#[derive(Clone, Default)]
pub struct UsersFile {
    accounts: Vec<Account>,
}

/// A user and its password.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) user: User,
    pub(super) hash: HashedPassword,
}

impl UsersFile {
    /// Reads a file. That others than its owner can read or write it is logged as a warning, since hashes can be attacked at leisure.
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        let (file, mode) = Self::read_with_mode(path)?;
        warn_if_open(path, mode);
        Ok(file)
    }

    /// Reads a file, and its permission bits.
    pub(super) fn read_with_mode(path: &Path) -> Result<(Self, u32), UsersError> {
        let (text, mode) = read_text(path).map_err(|source| UsersError::Read {
            path: path.to_owned(),
            source,
        })?;
        let invalid = |flaw| UsersError::Invalid {
            path: path.to_owned(),
            flaw,
        };
        Ok((Self::parse(&text).map_err(invalid)?, mode))
    }

    /// Puts a file in the place of what is there: all or nothing, after any crash, and open to its owner only.
    pub fn write(&self, path: &Path) -> Result<(), UsersError> {
        Folder::lock(path)?.replace(self.to_text().as_bytes())
    }

    /// Reads a file, changes it and writes it back, while nobody else does so; a file that is not there has no users. When the change
    /// fails, the file stays as it was.
    pub fn edit(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<(), UsersError>,
    ) -> Result<(), UsersError> {
        let folder = Folder::lock(path)?;
        let mut file = match Self::read(path) {
            Err(error) if error.is_missing_file() => Self::default(),
            read => read?,
        };
        change(&mut file)?;
        folder.replace(file.to_text().as_bytes())
    }

    /// The users, in the order of the file.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.accounts.iter().map(|account| &account.user)
    }

    /// The user of a name.
    ///
    /// # Errors
    ///
    /// [`UsersError::Unknown`].
    pub fn user(&self, name: &str) -> Result<&User, UsersError> {
        Ok(&self.accounts[self.position(name)?].user)
    }

    /// Adds a user, whose password is hashed.
    pub fn add(&mut self, user: User, password: &Password) -> Result<(), UsersError> {
        User::check_name(&user.name)?;
        if self.position(&user.name).is_ok() {
            return Err(UsersError::Exists { name: user.name });
        }
        let hash = HashedPassword::new(password)?;
        self.accounts.push(Account { user, hash });
        Ok(())
    }

    /// Removes a user.
    pub fn remove(&mut self, name: &str) -> Result<(), UsersError> {
        self.accounts.remove(self.position(name)?);
        Ok(())
    }

    /// Gives a user another password.
    pub fn set_password(&mut self, name: &str, password: &Password) -> Result<(), UsersError> {
        let position = self.position(name)?;
        self.accounts[position].hash = HashedPassword::new(password)?;
        Ok(())
    }

    pub(super) fn into_accounts(self) -> Vec<Account> {
        self.accounts
    }

    fn position(&self, name: &str) -> Result<usize, UsersError> {
        let position = self.users().position(|user| user.name == name);
        position.ok_or_else(|| UsersError::Unknown {
            name: name.to_owned(),
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let written: WrittenFile = serde_json::from_str(text)
            .map_err(|error| format!("{} (repair it)", without_values(&error)))?;
        let mut file = Self::default();
        for written in written.users {
            let account = written.parse()?;
            if file.position(&account.user.name).is_ok() {
                let name = account.user.name;
                return Err(format!(
                    "there are two users '{name}' (remove or rename one)"
                ));
            }
            file.accounts.push(account);
        }
        Ok(file)
    }

    fn to_text(&self) -> String {
        let users = self.accounts.iter().map(WrittenUser::from).collect();
        let written = WrittenFile { users };
        let text = serde_json::to_string_pretty(&written).expect("texts and numbers become JSON");
        text + "\n"
    }
}

/// Warns of a file with secrets that others than its owner can read or write.
pub(super) fn warn_if_open(path: &Path, mode: u32) {
    if mode & 0o077 != 0 {
        let (path, bits) = (path.display(), mode & 0o777);
        log::warn!("{path} has password hashes and is open to others (mode {bits:03o}): chmod 600");
    }
}

/// The file as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    users: Vec<WrittenUser>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenUser {
    name: String,
    password: String,
    access: String,
    home: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota: Option<serde_json::Value>,
}

impl WrittenUser {
    fn parse(self) -> Result<Account, String> {
        User::check_name(&self.name).map_err(|error| error.to_string())?;
        let name = self.name;
        let hash = self.password.parse().map_err(|flaw| {
            format!("the password of '{name}' {flaw}: make one with socketserver users passwd")
        })?;
        let of_user = |flaw: String| format!("{flaw} (of '{name}')");
        let access: Result<Access, _> = self.access.parse();
        let access = access.map_err(|error| of_user(error.to_string()))?;
        let home = User::parse_home(&self.home)
            .map_err(|flaw| of_user(format!("the home is no path: {flaw}")))?;
        let quota_bytes = self.quota.as_ref().map(parse_quota).transpose();
        let quota_bytes = quota_bytes.map_err(of_user)?;
        let user = User {
            name,
            access,
            home,
            quota_bytes,
        };
        Ok(Account { user, hash })
    }
}

impl From<&Account> for WrittenUser {
    fn from(account: &Account) -> Self {
        let user = &account.user;
        Self {
            name: user.name.clone(),
            password: account.hash.to_string(),
            access: user.access.to_string(),
            home: match user.home.as_str() {
                "" => "/".to_owned(),
                home => home.to_owned(),
            },
            quota: user.quota_bytes.map(written_quota),
        }
    }
}

fn parse_quota(value: &serde_json::Value) -> Result<u64, String> {
    let bytes = match value {
        serde_json::Value::String(text) => text.parse::<ByteSize>().ok().map(|size| size.as_u64()),
        value => value.as_u64(),
    };
    bytes.ok_or_else(|| {
        format!("the quota {value} is no size: write \"10GiB\" or a number of bytes")
    })
}

/// In the largest unit in which it is whole.
fn written_quota(bytes: u64) -> serde_json::Value {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let whole = |&(_, shift): &(&str, u32)| bytes > 0 && bytes.trailing_zeros() >= shift;
    match units.into_iter().find(whole) {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift).into(),
        None => bytes.into(),
    }
}

/// The text of a regular file, and its permission bits.
fn read_text(path: &Path) -> io::Result<(String, u32)> {
    let mut options = OpenOptions::new();
    // A pipe must not keep a login waiting for somebody who writes into it.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = options
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("it has more than 16 MiB"));
    }
    Ok((text, metadata.mode()))
}

/// The names, and nothing of the passwords.
impl fmt::Debug for UsersFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.users()).finish()
    }
}

#[cfg(test)]
mod tests;
