//! Hashes of files: which there are, and how they are computed and written.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use md5::Digest as _;
use serde::{Deserialize, Serialize};

/// How a hash is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// [BLAKE3](https://github.com/BLAKE3-team/BLAKE3-specs), the fastest.
    #[default]
    Blake3,
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// MD5 (RFC 1321), for old clients: it finds accidents, but whoever wants to can make two files with one hash.
    Md5,
}

impl Algorithm {
    /// Every algorithm, the best one first.
    pub const ALL: [Self; 3] = [Self::Blake3, Self::Sha256, Self::Md5];

    /// Its name, as it is written in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
        }
    }

    /// Begins to hash.
    pub fn hasher(self) -> Hasher {
        Hasher(match self {
            Self::Blake3 => State::Blake3(Box::default()),
            Self::Sha256 => State::Sha256(sha2::Sha256::new()),
            Self::Md5 => State::Md5(md5::Md5::new()),
        })
    }

    /// The hash of bytes that are there as a whole.
    pub fn hash(self, bytes: &[u8]) -> Hash {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    fn hash_bytes(self) -> usize {
        match self {
            Self::Blake3 | Self::Sha256 => 32,
            Self::Md5 => 16,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let known = Self::ALL.into_iter().find(|known| known.name() == text);
        known.ok_or(UnknownAlgorithm)
    }
}

/// A text is the name of no algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the hash is not known (write blake3, sha256 or md5)")
    }
}

impl std::error::Error for UnknownAlgorithm {}

/// A hash that is being computed.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Blake3(Box<blake3::Hasher>),
    Sha256(sha2::Sha256),
    Md5(md5::Md5),
}

impl Hasher {
    /// Which hash it will be.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Blake3(_) => Algorithm::Blake3,
            State::Sha256(_) => Algorithm::Sha256,
            State::Md5(_) => Algorithm::Md5,
        }
    }

    /// Goes on with the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Blake3(hasher) => {
                hasher.update(bytes);
            }
            State::Sha256(hasher) => hasher.update(bytes),
            State::Md5(hasher) => hasher.update(bytes),
        }
    }

    /// The hash of everything up to here. More may follow.
    pub fn finish(&self) -> Hash {
        let bytes = match &self.0 {
            State::Blake3(hasher) => hasher.finalize().as_bytes().to_vec(),
            State::Sha256(hasher) => hasher.clone().finalize().to_vec(),
            State::Md5(hasher) => hasher.clone().finalize().to_vec(),
        };
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Hash {
            algorithm: self.algorithm(),
            text,
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hasher").field(&self.algorithm()).finish()
    }
}

/// A hash, and how it was computed. Its text is lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hash {
    algorithm: Algorithm,
    text: String,
}

impl Hash {
    /// Reads a hash; none if the text is none of this algorithm.
    pub fn parse(algorithm: Algorithm, text: &str) -> Option<Self> {
        let is_hash = text.len() == 2 * algorithm.hash_bytes()
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| Self {
            algorithm,
            text: text.to_ascii_lowercase(),
        })
    }

    /// How it was computed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_everybody_else() {
        // From RFC 1321, FIPS 180-4 and BLAKE3's test vectors.
        for (algorithm, bytes, text) in [
            (
                Algorithm::Md5,
                b"abc".as_slice(),
                "900150983cd24fb0d6963f7d28e17f72",
            ),
            (
                Algorithm::Sha256,
                b"abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Algorithm::Blake3,
                b"",
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            ),
        ] {
            let hash = algorithm.hash(bytes);
            assert_eq!(hash.as_str(), text);
            assert_eq!(Hash::parse(algorithm, &text.to_uppercase()), Some(hash));
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn what_is_no_hash_is_not_taken_for_one() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        assert_eq!(Hash::parse(Algorithm::Blake3, md5), None);
        assert_eq!(Hash::parse(Algorithm::Md5, &md5[1..]), None);
        assert_eq!(Hash::parse(Algorithm::Md5, &md5.replace('9', "g")), None);
        assert_eq!("crc32".parse::<Algorithm>(), Err(UnknownAlgorithm));
    }

    #[test]
    fn a_hash_that_was_looked_at_goes_on() {
        for algorithm in Algorithm::ALL {
            let mut hasher = algorithm.hasher();
            hasher.update(b"a");
            assert_eq!(hasher.finish(), algorithm.hash(b"a"));
            hasher.update(b"bc");
            assert_eq!(hasher.finish(), algorithm.hash(b"abc"));
        }
    }
}
