//! The file of keys.
//!
//! ```toml
//! [[keys]]
//! name = "ingest"       # stands in the log
//! role = "write"        # read, write or admin
//! key = "…"             # 16 or more visible characters; or, so that the file holds no secret:
//! sha256 = "…"          # as `printf %s KEY | sha256sum` prints it
//! ```

use annuli_router::access::{InvalidKey, Key, Role};
use serde::Deserialize;

/// Why a file says nothing of keys. No text of it is repeated: it may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeyFile {
    /// It is no text.
    #[error("it is not UTF-8")]
    NotText,
    /// It is not TOML, or says something else.
    #[error(transparent)]
    Unreadable(#[from] UnreadableKey),
    /// A key has a text and a digest, or none of them.
    #[error("entry {entry}: it needs one of `key` and `sha256`")]
    OneOf {
        /// Which, counted from 1.
        entry: usize,
    },
    /// A key is none.
    #[error("entry {entry}: {reason}")]
    Key {
        /// Which, counted from 1.
        entry: usize,
        /// Why.
        reason: InvalidKey,
    },
}

/// Where a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct UnreadableKey {
    line: usize,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    #[serde(default)]
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: EntryRole,
    key: Option<String>,
    sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum EntryRole {
    Read,
    Write,
    Admin,
}

/// The keys of a file.
pub(super) fn parse(content: &[u8]) -> Result<Vec<Key>, InvalidKeyFile> {
    let text = str::from_utf8(content).map_err(|_| InvalidKeyFile::NotText)?;
    let file: KeyFile = toml::from_str(text).map_err(|error| unreadable(text, &error))?;
    (1..).zip(&file.keys).map(|(number, entry)| key(number, entry)).collect()
}

/// What the error prints would show the line that it is about, and its message alone may have a word of it: of a field that
/// is missing it has our own.
fn unreadable(text: &str, error: &toml::de::Error) -> UnreadableKey {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
    let message = error.message().lines().next().unwrap_or_default();
    let message = if message.starts_with("missing field") {
        message
    } else {
        "it is not written as `[[keys]]` with `name`, `role` (read, write or admin) and one of `key` and `sha256`, each once \
         and nothing else"
    };
    UnreadableKey { line, message: message.to_owned() }
}

fn key(number: usize, entry: &Entry) -> Result<Key, InvalidKeyFile> {
    let role = match entry.role {
        EntryRole::Read => Role::Read,
        EntryRole::Write => Role::Write,
        EntryRole::Admin => Role::Admin,
    };
    let key = match (&entry.key, &entry.sha256) {
        (Some(text), None) => Key::new(&entry.name, role, text),
        (None, Some(digits)) => Key::of_digest(&entry.name, role, digits),
        (Some(_), Some(_)) | (None, None) => return Err(InvalidKeyFile::OneOf { entry: number }),
    };
    key.map_err(|reason| InvalidKeyFile::Key { entry: number, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_name_a_role_and_a_text_or_its_digest() {
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let file = format!(
            "[[keys]]\nname = \"ci\"\nrole = \"write\"\nkey = \"correct-horse-battery\"\n\
             [[keys]]\nname = \"root\"\nrole = \"admin\"\nsha256 = \"{digits}\"\n"
        );
        let keys = parse(file.as_bytes()).unwrap();
        assert_eq!(format!("{keys:?}"), "[Key(ci, write), Key(root, admin)]");
    }

    #[track_caller]
    fn check_refused(file: &str, says: &str) {
        let message = parse(file.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
        assert!(!message.contains("horse"), "a secret is told: {message}");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        let key = "key = \"correct-horse-battery\"\n";
        let entry = "[[keys]]\nname = \"a\"\nrole = \"read\"\n";
        check_refused(&format!("[[keys]]\nrole = \"read\"\n{key}"), "line 1: missing field `name`");
        check_refused(&format!("{entry}{key}{key}"), "line 5");
        check_refused(&format!("{entry}{key}correct-horse-battery = 1\n"), "line 5: it is not written as");
        check_refused(&format!("{entry}{key}sha256 = \"00\"\n"), "entry 1: it needs one of");
        check_refused(entry, "entry 1: it needs one of");
        let swapped = "[[keys]]\nname = \"correct-horse-battery\"\nrole = \"read\"\nkey = \"a\"\n";
        check_refused(swapped, "entry 1: a key has to be 16");
        check_refused(&format!("{entry}{key}{swapped}"), "entry 2: a key has to be 16");
        check_refused(&format!("correct-horse-battery = 1\n{entry}{key}"), "line 1: it is not written as");
        check_refused(&format!("[[keys]]\nname = \"a\"\nrole = \"horse\"\n{key}"), "line 3: it is not written as");
        check_refused(&format!("{entry}key = correct-horse-battery\n"), "line 4: it is not written as");
        check_refused(&format!("{entry}key = [\"correct-horse-battery\"]\n"), "line 4: it is not written as");
        check_refused("\"correct-horse-battery\"\n", "line 1: it is not written as");
    }

    /// Whoever applies the example as it stands would have admins whose keys everybody can read.
    #[test]
    fn the_keys_of_the_example_are_none() {
        let file = include_str!("../../../deploy/kubernetes/example/keys.toml");
        let error = parse(file.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("entry 1: a key has to be 16 to 512"), "{error}");
    }
}
