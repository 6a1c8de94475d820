//! A password on its way from whoever types it to its hash: bounded, never shown, and wiped when it is dropped.

use std::fmt;

use zeroize::Zeroizing;

/// The most bytes of a password. Hashing is dear, and must not be dearer for those who send more (CVE-2013-1443).
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// A password that may be one. It is not shown by `Debug`, and its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

/// Why a text is no password. The text is not in the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordError {
    /// It is empty.
    Empty,
    /// It has more than [`PASSWORD_BYTES_MAX`] bytes.
    TooLong,
    /// It has a NUL, where programs in C would end it.
    Nul,
}

impl Password {
    /// Takes a text that may be a password. What may not is wiped, too.
    pub fn new(text: String) -> Result<Self, PasswordError> {
        let text = Zeroizing::new(text);
        check(&text)?;
        Ok(Self(text))
    }

    /// The text, for whoever has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Whether a text may be a password.
pub(super) fn check(text: &str) -> Result<(), PasswordError> {
    if text.is_empty() {
        Err(PasswordError::Empty)
    } else if text.len() > PASSWORD_BYTES_MAX {
        Err(PasswordError::TooLong)
    } else if text.contains('\0') {
        Err(PasswordError::Nul)
    } else {
        Ok(())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the password is empty (choose one)",
            Self::TooLong => "the password is too long (it may have 1 KiB)",
            Self::Nul => "the password has a NUL byte (leave it out)",
        })
    }
}

impl std::error::Error for PasswordError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_limits_and_does_not_show_itself() {
        let password = |text: &str| Password::new(text.to_owned());
        assert_eq!(password(""), Err(PasswordError::Empty));
        assert_eq!(password(&"x".repeat(1025)), Err(PasswordError::TooLong));
        assert_eq!(password("a\0b"), Err(PasswordError::Nul));
        assert!(password(&"x".repeat(1024)).is_ok());
        let secret = password("geheim \n 你").unwrap();
        assert_eq!(secret.reveal(), "geheim \n 你");
        assert_eq!(format!("{secret:?}"), "Password(…)");
    }
}
