//! Names of members and of rooms: who is allowed to be called what, and which names nobody could tell apart.

use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter;
use std::sync::{Arc, LazyLock};

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::{
    GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection, skeleton as prototypes,
};

use super::text::Sieve;

/// Names that no member can have, nor one that looks the same: whoever had one could speak for the server, or would be meant when others are.
///
/// Each name here takes those with it that are equal to it. `all` is none of them, since `Ali` would be one of those.
pub const RESERVED: [&str; 14] = [
    "you",
    "me",
    "server",
    "system",
    "operator",
    "op",
    "admin",
    "administrator",
    "root",
    "moderator",
    "mod",
    "everyone",
    "here",
    "nobody",
];

/// What a member is called.
///
/// It has 1 to [`Name::CHARS_MAX`] characters: letters, digits and their marks from the general security profile for identifiers (UTS 39, section 3.1), and `_`, `-` and `.`, which
/// cannot be the first. It is of one script; only Chinese, Japanese and Korean mix several, and Latin with them (UTS 39, section 5.2, *highly restrictive*). It is kept in
/// the normalization form C, however it came. White space around it does not count, and in it there is none. So a name is always a [`Text`](super::Text) as well.
///
/// # Which names are equal
///
/// Two names are equal when their [skeletons](Self::skeleton) are, and so are their hashes and their order. That is coarser than the letters, on purpose, since the second `ann`
/// must not look like the first one:
///
/// * Capital and small letters are equal: `Ann`, `ANN` and `ann`.
/// * What UTS 39 calls confusable is: `rn` and `m`, `0` and `O`, `Сара` in Cyrillic and `Capa` in Latin.
/// * Both together are. Since a capital `I` looks like a small `l`, all of `i`, `I`, `l`, `L` and `1` are equal, so that `Ali` is `all`. Since `В`, `К`, `М`, `Н` and `Т` in Cyrillic
///   look Latin, `в`, `к`, `м`, `н` and `т` are equal to `b`, `k`, `m`, `h` and `t`. Where that would have made different letters of one script equal, as `n` and `v` by way of
///   `Ν` and `ν`, they are not, and a name that looks exactly like another one but would not be equal to it is refused ([`NameError::Lookalike`]).
/// * Accents count: `Müller` is not `Muller`.
///
/// What is left: `Г` in Cyrillic and `Γ` in Greek are told apart, also in a name all of whose other letters look the same in both. Fonts differ, and what the data of Unicode does not
/// call confusable may look alike in one of them.
#[derive(Clone)]
pub struct Name(Parsed);

/// What a room is called. It is shown without the `#` that may stand before it when it is asked for.
///
/// The rules are those of [`Name`], and so is what is equal, but a room has up to [`RoomName::CHARS_MAX`] characters, and no name is reserved.
#[derive(Clone)]
pub struct RoomName(Parsed);

/// Why a name cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// Occurs when nothing is left without white space and, of a room, without `#`.
    Empty,
    /// Occurs when the name has more characters, after composition, than there may be.
    TooLong {
        /// How many there may be.
        chars_max: usize,
    },
    /// Occurs when the name has a character that names do not have, or more than [`Text::MARKS_MAX`](super::Text::MARKS_MAX) marks on one character; it is the first mark too many
    /// then.
    Character(char),
    /// Occurs when the name begins with something else than a letter or a digit.
    Beginning,
    /// Occurs when the name has letters of several scripts.
    MixedScripts,
    /// Occurs when the name looks exactly like another one, mostly in another script, and yet would not be equal to it, as `ΑΝΝ` in Greek, whose small letters are `ανν`.
    Lookalike,
    /// Occurs when the name is one of [`RESERVED`], or looks like it.
    Reserved,
}

impl Name {
    /// How many characters a name has at most, composed as far as Unicode has the composition.
    pub const CHARS_MAX: usize = 24;

    /// Makes a name out of what somebody wants to be called.
    ///
    /// # Errors
    ///
    /// As [`NameError`] says; its text can be sent to whoever asked, since nothing in it acts on a terminal.
    pub fn parse(raw: &str) -> Result<Self, NameError> {
        static RESERVED_SKELETONS: LazyLock<Vec<Arc<str>>> =
            LazyLock::new(|| RESERVED.map(skeleton_of).map(Arc::from).to_vec());

        let parsed = Parsed::new(raw.trim(), Self::CHARS_MAX)?;
        if RESERVED_SKELETONS.contains(&parsed.skeleton) {
            return Err(NameError::Reserved);
        }
        Ok(Self(parsed))
    }
}

impl RoomName {
    /// How many characters a name has at most, composed as far as Unicode has the composition.
    pub const CHARS_MAX: usize = 32;

    /// Makes a name out of what somebody calls a room, with or without one `#` before it.
    ///
    /// # Errors
    ///
    /// As for [`Name::parse`], but never [`NameError::Reserved`].
    pub fn parse(raw: &str) -> Result<Self, NameError> {
        let raw = raw.trim();
        let raw = raw.strip_prefix('#').unwrap_or(raw);
        Parsed::new(raw, Self::CHARS_MAX).map(Self)
    }
}

/// Both names are the same to those who use them, and different to the compiler, so that nobody can be told to a room by mistake.
macro_rules! is_a_name {
    ($name:ident) => {
        impl $name {
            /// The name as it is shown.
            pub fn as_str(&self) -> &str {
                &self.0.shown
            }

            /// What two names have in common that nobody could tell apart. It is not meant to be shown, and may change with the version of Unicode, so it is not meant to be stored,
            /// either.
            pub fn skeleton(&self) -> &str {
                &self.0.skeleton
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.skeleton() == other.skeleton()
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.skeleton().hash(state);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.skeleton().cmp(other.skeleton())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name))
                    .field(&self.as_str())
                    .finish()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

is_a_name!(Name);
is_a_name!(RoomName);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name cannot be empty; choose one with a letter or a digit"),
            Self::TooLong { chars_max } => write!(
                f,
                "the name is too long; it may have {chars_max} characters"
            ),
            Self::Character(character) => write!(
                f,
                "a name cannot have {} there; use letters, digits, \"_\", \"-\" and \".\"",
                Escaped(*character)
            ),
            Self::Beginning => f.write_str(
                "a name cannot begin like that; let a letter or a digit be the first",
            ),
            Self::MixedScripts => f.write_str(
                "the name mixes scripts, and could be taken for another one; write it in the letters of one script",
            ),
            Self::Lookalike => f.write_str(
                "the name looks exactly like another one that is not the same; write it in small letters, or choose another one",
            ),
            Self::Reserved => f.write_str(
                "the name is reserved, or looks like one that is; choose another one",
            ),
        }
    }
}

impl Error for NameError {}

/// A character that can be shown whatever it is: by its number unless it is a letter, a digit or a sign that stands for itself.
struct Escaped(char);

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(character) = *self;
        let stands_alone = !matches!(
            character.general_category_group(),
            GeneralCategoryGroup::Mark | GeneralCategoryGroup::Separator
        );
        match character {
            ' ' => f.write_str("a space"),
            '!'..='~' => write!(f, "'{character}'"),
            _ if stands_alone && Sieve::default().keeps(character) => {
                write!(f, "'{character}' (U+{:04X})", u32::from(character))
            }
            _ => write!(f, "U+{:04X}", u32::from(character)),
        }
    }
}

/// What both kinds of names are.
#[derive(Clone)]
struct Parsed {
    shown: Arc<str>,
    skeleton: Arc<str>,
}

impl Parsed {
    fn new(raw: &str, chars_max: usize) -> Result<Self, NameError> {
        // One more than there may be is enough to know.
        let shown: String = raw.nfc().take(chars_max + 1).collect();
        let first = shown.chars().next().ok_or(NameError::Empty)?;
        if shown.chars().count() > chars_max {
            return Err(NameError::TooLong { chars_max });
        }

        let mut sieve = Sieve::default();
        let mut characters = shown.chars();
        if let Some(wrong) = characters.find(|&one| !is_allowed(one) || !sieve.keeps(one)) {
            return Err(NameError::Character(wrong));
        }
        if matches!(first, '_' | '-' | '.') || group(first) == GeneralCategoryGroup::Mark {
            return Err(NameError::Beginning);
        }
        if !is_of_one_script(&shown) {
            return Err(NameError::MixedScripts);
        }

        let skeleton = skeleton_of(&shown);
        let looks: String = prototypes(&shown).nfc().collect();
        if could_be_a_name(&looks) && skeleton_of(&looks) != skeleton {
            return Err(NameError::Lookalike);
        }
        Ok(Self {
            shown: Arc::from(shown),
            skeleton: Arc::from(skeleton),
        })
    }
}

fn group(character: char) -> GeneralCategoryGroup {
    character.general_category_group()
}

fn is_allowed(character: char) -> bool {
    match group(character) {
        GeneralCategoryGroup::Letter
        | GeneralCategoryGroup::Mark
        | GeneralCategoryGroup::Number => character.identifier_allowed(),
        _ => matches!(character, '_' | '-' | '.'),
    }
}

/// Whether it has characters of identifiers alone, and of one script or of those that belong together.
fn is_of_one_script(text: &str) -> bool {
    text.check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

/// Whether the looks of one name may be those of another one. If not, as with `Boʙa` for `Вова`, it does not matter what they would be equal to.
fn could_be_a_name(looks: &str) -> bool {
    const OVERLAY: char = '\u{335}';

    // No name has this mark, but it is in the looks of letters with a stroke.
    let looks: String = looks.chars().filter(|&one| one != OVERLAY).collect();
    is_of_one_script(&looks)
}

/// The skeleton of UTS 39, section 4, but of text without regard to case.
///
/// The standard's own is of text as it is shown, and either order of both would miss something: folding first misses that `I` is `l`, and folding last, that `m` is `rn` when it is
/// an `M`. So both are done until nothing changes, which is so after two or three rounds.
fn skeleton_of(shown: &str) -> String {
    const ROUNDS_MAX: usize = 8;

    let mut skeleton = shown.to_owned();
    for _ in 0..ROUNDS_MAX {
        let folded: String = skeleton
            .chars()
            // By way of capitals, so that all three sigmas meet.
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .nfkd()
            .flat_map(look_of_capital)
            .collect();
        let next: String = prototypes(&folded).collect();
        if next == skeleton {
            break;
        }
        skeleton = next;
    }
    skeleton
}

/// The letter whose capital looks like that of the given one. There are only those here that make no two different small letters of one script equal.
///
/// The small capitals are not for names that have them, since no name can. Unicode gives them as the looks of the small letters of Cyrillic and Greek which have the form of a
/// capital.
fn look_of_capital(letter: char) -> impl Iterator<Item = char> {
    let (first, second) = match letter {
        'ю' => ('l', Some('o')),
        _ => (look_of_single_capital(letter), None),
    };
    iter::once(first).chain(second)
}

fn look_of_single_capital(letter: char) -> char {
    match letter {
        'i' => 'l',
        'ʙ' | 'ƅ' => 'b',
        'ĸ' => 'k',
        'ʍ' | 'μ' => 'm',
        'ʜ' => 'h',
        'ᴛ' => 't',
        'ꞓ' => 'e',
        'ζ' => 'z',
        'χ' => 'x',
        'ɜ' | 'ȝ' | 'ʒ' => '3',
        'λ' | 'л' => 'ʌ',
        'ð' => 'đ',
        _ => letter,
    }
}

#[cfg(test)]
mod tests;
