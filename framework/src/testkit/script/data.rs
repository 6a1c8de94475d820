//! The bytes that a script sends or expects, as they are written: texts, hexadecimal digits, files, repeats.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SCRIPT_BYTES_MAX;

/// Bytes, and how they were written.
#[derive(Clone, PartialEq, Eq)]
pub struct Data {
    pieces: Vec<Piece>,
    /// All of them together, since they are looked at often.
    bytes: Arc<[u8]>,
}

#[derive(Clone, PartialEq, Eq)]
struct Piece {
    form: Form,
    bytes: Arc<[u8]>,
    times: usize,
}

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Text,
    Hex,
    /// Under the name that the script has for it.
    File(PathBuf),
}

impl Data {
    /// What is written as a text.
    pub fn text(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(Form::Text, bytes.as_ref())
    }

    /// What is written in hexadecimal digits.
    pub fn hex(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(Form::Hex, bytes.as_ref())
    }

    /// What is in a file at this moment, which may be as much as a script can have.
    pub fn file(name: impl Into<PathBuf>) -> io::Result<Self> {
        Self::file_in(Path::new(""), name.into())
    }

    /// What is in a file that is named from a folder.
    pub(super) fn file_in(folder: &Path, name: PathBuf) -> io::Result<Self> {
        let mut bytes = Vec::new();
        // A device may have no end.
        let most = SCRIPT_BYTES_MAX as u64 + 1;
        (File::open(folder.join(&name))?.take(most)).read_to_end(&mut bytes)?;
        if bytes.len() > SCRIPT_BYTES_MAX {
            let sentence = format!("it has more than {SCRIPT_BYTES_MAX} bytes");
            return Err(io::Error::new(ErrorKind::FileTooLarge, sentence));
        }
        Ok(Self::new(Form::File(name), &bytes))
    }

    fn new(form: Form, bytes: &[u8]) -> Self {
        let bytes: Arc<[u8]> = bytes.into();
        let piece = Piece {
            form,
            bytes: bytes.clone(),
            times: 1,
        };
        Self {
            pieces: vec![piece],
            bytes,
        }
    }

    /// The same so many times.
    pub fn times(mut self, times: usize) -> Self {
        match self.pieces.as_mut_slice() {
            [piece] => piece.times *= times,
            pieces => self.pieces = vec![pieces.to_vec(); times].concat(),
        }
        self.joined()
    }

    /// This, and other data behind it.
    pub fn and(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self.joined()
    }

    /// All of these, one behind the other. Their bytes are copied once, and not once for each that is behind them.
    pub(super) fn all(data: impl IntoIterator<Item = Self>) -> Self {
        let pieces = data.into_iter().flat_map(|data| data.pieces);
        Self {
            pieces: pieces.collect(),
            bytes: Arc::default(),
        }
        .joined()
    }

    fn joined(mut self) -> Self {
        let pieces = self.pieces.iter();
        let repeated = pieces.map(|piece| piece.bytes.repeat(piece.times));
        self.bytes = repeated.collect::<Vec<_>>().concat().into();
        self
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, piece) in self.pieces.iter().enumerate() {
            if number > 0 {
                f.write_str(" ")?;
            }
            match &piece.form {
                Form::Text => quote(&piece.bytes, f)?,
                Form::Hex => {
                    f.write_str("hex")?;
                    piece
                        .bytes
                        .iter()
                        .try_for_each(|byte| write!(f, " {byte:02x}"))?;
                }
                Form::File(name) => {
                    f.write_str("file ")?;
                    quote(name.as_os_str().as_encoded_bytes(), f)?;
                }
            }
            if piece.times != 1 {
                write!(f, " * {}", piece.times)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({self})")
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Self {
        Self::text(bytes)
    }
}

/// Writes bytes as a text in quotes, with escapes for what cannot be seen.
fn quote(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\0' => f.write_str("\\0")?,
                letter if letter.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(letter))?,
                letter if letter.is_control() => write!(f, "\\u{{{:x}}}", u32::from(letter))?,
                letter => write!(f, "{letter}")?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_str("\"")
}
