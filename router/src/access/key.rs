//! Keys.

use super::Role;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Shortest key: what is shorter can be guessed.
const KEY_BYTES_MIN: usize = 16;

/// Longest key: it travels with every request, in a head that has a bound.
const KEY_BYTES_MAX: usize = 512;

/// Longest name of a key: it stands in lines of logs.
const NAME_BYTES_MAX: usize = 64;

/// Most keys of a server: all of them are compared with what a request presents.
const KEYS_MAX: usize = 1_000;

/// Why something is no key, or several are no keys of one server. No text of a key is repeated, nor any name but that of a key
/// that is one: who has mistaken one for the other has written a secret there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// A name that is empty, too long or not fit for a log.
    #[error("a key's name has to be 1 to {NAME_BYTES_MAX} letters, digits or any of - _ . @")]
    Name,
    /// A text that can be guessed, or cannot be sent.
    #[error("a key has to be {KEY_BYTES_MIN} to {KEY_BYTES_MAX} visible ASCII characters")]
    Text,
    /// Not the digest of a key.
    #[error("`sha256` has to be 64 hexadecimal digits, as `sha256sum` prints them")]
    Digest,
    /// Two keys of one name.
    #[error("there are two keys called `{name}`: the log could not tell them apart")]
    SameName {
        /// Their name.
        name: String,
    },
    /// Two names of one key.
    #[error("keys `{one}` and `{other}` are the same")]
    SameText {
        /// One name.
        one: String,
        /// The other.
        other: String,
    },
    /// Nobody could ask for anything.
    #[error("there is no key: nobody could ask for anything")]
    None,
    /// Too many.
    #[error("there are {keys} keys, the limit is {KEYS_MAX}")]
    TooMany {
        /// How many.
        keys: usize,
    },
}

/// A key, as a server knows it. What is presented to it is never kept nor printed.
#[derive(Clone)]
pub struct Key {
    name: Arc<str>,
    role: Role,
    digest: [u8; 32],
}

impl Key {
    /// The key of that text.
    ///
    /// # Errors
    /// When the name cannot be logged, or the text can be guessed.
    pub fn new(name: &str, role: Role, text: &str) -> Result<Self, InvalidKey> {
        let fits = (KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidKey::Text);
        }
        Ok(Self { name: name_of(name)?, role, digest: Sha256::digest(text).into() })
    }

    /// The key whose SHA-256 is written so in hexadecimal digits.
    ///
    /// # Errors
    /// When the name cannot be logged, or the digits are none of a SHA-256.
    pub fn of_digest(name: &str, role: Role, digits: &str) -> Result<Self, InvalidKey> {
        let digest = bytes(digits).ok_or(InvalidKey::Digest)?;
        Ok(Self { name: name_of(name)?, role, digest })
    }

    /// What it is called: its text is never told.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What its holder may do.
    pub fn role(&self) -> Role {
        self.role
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, {})", self.name, self.role)
    }
}

fn name_of(name: &str) -> Result<Arc<str>, InvalidKey> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    if fits && name.bytes().all(sound) { Ok(name.into()) } else { Err(InvalidKey::Name) }
}

/// The bytes of hexadecimal digits.
fn bytes(digits: &str) -> Option<[u8; 32]> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
    };
    pairs.iter().map(byte).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// The keys of a server.
#[derive(Debug, Clone)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// These keys.
    ///
    /// # Errors
    /// When there are none, too many, or two that could not be told apart.
    pub fn new(keys: Vec<Key>) -> Result<Self, InvalidKey> {
        match keys.len() {
            0 => return Err(InvalidKey::None),
            1..=KEYS_MAX => {}
            keys => return Err(InvalidKey::TooMany { keys }),
        }
        for (at, key) in keys.iter().enumerate() {
            if let Some(other) = keys[..at].iter().find(|other| other.name == key.name) {
                return Err(InvalidKey::SameName { name: other.name.to_string() });
            }
            if let Some(other) = keys[..at].iter().find(|other| other.digest == key.digest) {
                return Err(InvalidKey::SameText { one: other.name.to_string(), other: key.name.to_string() });
            }
        }
        Ok(Self(keys))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The key of that text. It takes as long whichever that is, and whether it is one or not.
    pub(super) fn find(&self, text: &[u8]) -> Option<&Key> {
        self.of_digest(&Sha256::digest(text).into())
    }

    /// The role that this key has by now, if it is still one.
    pub(super) fn role_of(&self, key: &Key) -> Option<Role> {
        self.of_digest(&key.digest).map(Key::role)
    }

    fn of_digest(&self, digest: &[u8; 32]) -> Option<&Key> {
        let mut found = None;
        for key in &self.0 {
            if bool::from(key.digest.ct_eq(digest)) {
                found = Some(key);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "correct-horse-battery";

    #[test]
    fn a_key_is_known_by_its_text_or_by_its_digest() {
        let digits = "9d77ac1cb1ad78e71f4bc11b3d3d27a3b6ee4ec9fb1e2ee9d8b5b24f6ea5d2d0";
        let of_text = Keys::new(vec![Key::new("a", Role::Read, TEXT).unwrap()]).unwrap();
        assert!(of_text.find(TEXT.as_bytes()).is_some());
        let other = Keys::new(vec![Key::of_digest("a", Role::Read, digits).unwrap()]).unwrap();
        assert!(other.find(TEXT.as_bytes()).is_none());
        // `printf %s abc | sha256sum`
        let abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        let of_digest = Keys::new(vec![Key::of_digest("a", Role::Read, abc).unwrap()]).unwrap();
        assert_eq!(of_digest.find(b"abc").map(|key| key.name().to_string()), Some("a".to_owned()));
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", Key::new("ci", Role::Write, TEXT).unwrap()), "Key(ci, write)");
        // The second has name and text in each other's place.
        for (name, text) in [("ci", "short-horse"), (TEXT, "ci")] {
            let refused = Key::new(name, Role::Write, text).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("horse"), "{refused:?}");
        }
    }

    #[track_caller]
    fn check_refused(key: Result<Key, InvalidKey>, says: &str) {
        let message = key.unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        check_refused(Key::new("", Role::Read, TEXT), "a key's name");
        check_refused(Key::new("two words", Role::Read, TEXT), "a key's name");
        check_refused(Key::new("line\nbreak", Role::Read, TEXT), "a key's name");
        check_refused(Key::new("a", Role::Read, "fifteen-letters"), "16 to 512 visible");
        check_refused(Key::new("a", Role::Read, "with a space in its middle"), "16 to 512 visible");
        check_refused(Key::of_digest("a", Role::Read, "ba78"), "64 hexadecimal digits");
        check_refused(Key::of_digest("a", Role::Read, &"g".repeat(64)), "64 hexadecimal digits");
    }

    #[test]
    fn keys_that_cannot_be_told_apart_are_refused() {
        let key = |name, text| Key::new(name, Role::Read, text).unwrap();
        let refused = |keys: Vec<Key>| Keys::new(keys).unwrap_err();
        assert_eq!(refused(Vec::new()), InvalidKey::None);
        let same_name = vec![key("a", TEXT), key("a", "another-horse-battery")];
        assert_eq!(refused(same_name), InvalidKey::SameName { name: "a".to_owned() });
        let same_text = InvalidKey::SameText { one: "a".to_owned(), other: "b".to_owned() };
        assert_eq!(refused(vec![key("a", TEXT), key("b", TEXT)]), same_text);
    }
}
