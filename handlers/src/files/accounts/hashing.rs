//! Password hashes: Argon2id (RFC 9106) in PHC strings, which say how they were made.
//!
//! New ones are made with 19 MiB of memory and two passes, the first choice of OWASP's Password Storage Cheat Sheet. Others are accepted as long as one login with
//! them cannot starve the server.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier};

use super::error::UsersError;
use super::password::Password;

/// The most memory of a hash, in KiB.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
/// The most passes over the memory.
const PASSES_MAX: u32 = 10;
/// The most lanes. They are computed one after the other here, whoever has made the hash.
const LANES_MAX: u32 = 16;
/// The version of Argon2 in RFC 9106; the one before is weaker.
const VERSION: u32 = 0x13;

/// The hash of a password, whose computation is known to be bounded.
#[derive(Clone)]
pub(super) struct HashedPassword(PasswordHash);

impl HashedPassword {
    /// Hashes a password, with a salt from the system. This takes tens of milliseconds.
    pub(super) fn new(password: &Password) -> Result<Self, UsersError> {
        let hash = Argon2::from(parameters()).hash_password(password.reveal().as_bytes());
        hash.map(Self).map_err(|error| UsersError::Hashing {
            cause: error.to_string(),
        })
    }

    /// A hash that no password has, as dear to compute as usual.
    pub(super) fn of_nobody() -> Self {
        let parameters = ParamsString::try_from(&parameters());
        Self(PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(VERSION),
            params: parameters.expect("the parameters are those of Argon2"),
            salt: Some(Salt::new(&[0; 16]).expect("a salt may have 16 bytes")),
            hash: Some(Output::new(&[0; 32]).expect("a hash may have 32 bytes")),
        })
    }

    /// A hash that no password has, as dear to compute as this one.
    pub(super) fn stand_in(&self) -> Self {
        let bytes = self.0.hash.map_or(32, |hash| hash.len());
        let mut stand_in = self.0.clone();
        stand_in.hash = Output::new(&vec![0; bytes]).ok();
        Self(stand_in)
    }

    /// Whether this is the hash of a password, which takes as long whatever the answer is.
    pub(super) fn matches(&self, password: &str) -> bool {
        #[cfg(test)]
        counting::COMPUTATIONS.set(counting::COMPUTATIONS.get() + 1);
        // The parameters are those of the hash. Hashes are compared in constant time.
        match Argon2::default().verify_password(password.as_bytes(), &self.0) {
            Ok(()) => true,
            Err(argon2::password_hash::Error::PasswordInvalid) => false,
            Err(error) => {
                log::error!("a password could not be hashed: {error}");
                false
            }
        }
    }
}

fn parameters() -> Params {
    Params::new(19 * 1024, 2, 1, None).expect("the parameters are within Argon2's limits")
}

/// What is wrong is said without the text, which may be a password that somebody has put there as it is.
impl FromStr for HashedPassword {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let hash = PasswordHash::new(text)
            .ok()
            .filter(|hash| hash.algorithm == ARGON2ID_IDENT && hash.version == Some(VERSION))
            .filter(|hash| hash.salt.is_some() && hash.hash.is_some())
            .ok_or("is no Argon2id hash of version 19")?;
        let parameters =
            Params::try_from(&hash).map_err(|_| "has parameters that Argon2 does not have")?;
        if parameters.m_cost() > MEMORY_KIB_MAX
            || parameters.t_cost() > PASSES_MAX
            || parameters.p_cost() > LANES_MAX
        {
            return Err("is too dear to check (256 MiB, 10 passes and 16 lanes are the most)");
        }
        Ok(Self(hash))
    }
}

/// The PHC string.
impl fmt::Display for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A hash can be attacked at leisure by whoever has it, so that it does not belong in a log.
impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword(…)")
    }
}

/// How many hashes a thread has computed to check passwords.
#[cfg(test)]
pub(super) mod counting {
    use std::cell::Cell;

    thread_local! {
        pub(in super::super) static COMPUTATIONS: Cell<usize> = const { Cell::new(0) };
    }

    pub(in super::super) fn computations(work: impl FnOnce()) -> usize {
        let before = COMPUTATIONS.get();
        work();
        COMPUTATIONS.get() - before
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.into()).unwrap()
    }

    #[test]
    fn a_hash_knows_its_password_and_has_a_salt_of_its_own() {
        let (one, other) = (password("geheim"), password("geheim"));
        let hash = HashedPassword::new(&one).unwrap();
        let text = hash.to_string();
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        assert_ne!(text, HashedPassword::new(&other).unwrap().to_string());
        assert!(hash.matches("geheim"));
        for wrong in ["", "geheim ", "Geheim", "gehei", "geheim\0"] {
            assert!(!hash.matches(wrong), "{wrong:?}");
        }
        let read: HashedPassword = text.parse().unwrap();
        assert!(read.matches("geheim"));
        assert_eq!(format!("{hash:?} {one:?}"), "HashedPassword(…) Password(…)");
    }

    /// The first hash is one of the tests of the reference implementation, phc-winner-argon2.
    #[test]
    fn hashes_of_other_programs_and_parameters_are_known() {
        let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash: HashedPassword = reference.parse().unwrap();
        assert!(hash.matches("password") && !hash.matches("Password"));

        let start = "$argon2id$v=19$m=64,t=3,p=2$MTIzNDU2Nzg5MDEyMzQ1Ng$";
        let argon2 = Argon2::from(Params::new(64, 3, 2, Some(24)).unwrap());
        let made = argon2.hash_password_with_salt(b"pw", b"1234567890123456");
        let made = made.unwrap().to_string();
        assert!(made.starts_with(start), "{made}");
        let hash: HashedPassword = made.parse().unwrap();
        assert!(hash.matches("pw"));

        let stand_in = hash.stand_in().to_string();
        assert!(stand_in.starts_with(start), "{stand_in}");
        assert_eq!(stand_in.len(), made.len());
        assert!(!hash.stand_in().matches("pw") && !HashedPassword::of_nobody().matches("pw"));
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_is_refused_without_being_shown() {
        let end = "$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for (start, flaw) in [
            ("hunter2", "is no Argon2id hash of version 19"),
            ("", "is no Argon2id hash of version 19"),
            (
                "$argon2i$v=19$m=64,t=2,p=1",
                "is no Argon2id hash of version 19",
            ),
            (
                "$argon2id$v=16$m=64,t=2,p=1",
                "is no Argon2id hash of version 19",
            ),
            (
                "$argon2id$m=64,t=2,p=1",
                "is no Argon2id hash of version 19",
            ),
            (
                "$argon2id$v=19$m=64,t=2,x=1",
                "has parameters that Argon2 does not have",
            ),
            (
                "$argon2id$v=19$m=4,t=2,p=1",
                "has parameters that Argon2 does not have",
            ),
            (
                "$argon2id$v=19$m=262145,t=2,p=1",
                "is too dear to check (256 MiB, 10 passes and 16 lanes are the most)",
            ),
            (
                "$argon2id$v=19$m=64,t=11,p=1",
                "is too dear to check (256 MiB, 10 passes and 16 lanes are the most)",
            ),
            (
                "$argon2id$v=19$m=1024,t=1,p=17",
                "is too dear to check (256 MiB, 10 passes and 16 lanes are the most)",
            ),
        ] {
            let text = format!("{start}{end}");
            assert_eq!(text.parse::<HashedPassword>().err(), Some(flaw), "{text}");
        }
        let most = format!("$argon2id$v=19$m=262144,t=10,p=16{end}");
        assert!(most.parse::<HashedPassword>().is_ok());
        for text in [
            "$argon2id$v=19$m=64,t=2,p=1",
            "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHRzYWx0",
        ] {
            assert!(text.parse::<HashedPassword>().is_err(), "{text}");
        }
    }

    /// Prints how long one check takes: `cargo test -p socketserver-handlers -- --ignored --nocapture one_check`.
    #[test]
    #[ignore = "it measures"]
    fn one_check_takes_so_long() {
        let hash = HashedPassword::new(&password("geheim")).unwrap();
        let mut times: Vec<_> = (0..50)
            .map(|_| {
                let start = Instant::now();
                assert!(hash.matches("geheim"));
                start.elapsed()
            })
            .collect();
        times.sort();
        println!(
            "median {:?}, least {:?}, most {:?}",
            times[25], times[0], times[49]
        );
    }
}
