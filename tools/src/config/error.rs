//! Why a configuration is refused. Each error says which value, and where it came from.

use super::nearest::nearest;
use super::soundness::Unsound;
use super::source_of;
use figment::Figment;
use figment::error::Kind;
use std::io;
use std::path::PathBuf;

/// Why the server does not start with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named by `--config` cannot be read.
    #[error(transparent)]
    File(#[from] UnreadableFile),
    /// The file is not TOML.
    #[error(transparent)]
    Toml(#[from] NotToml),
    /// A variable is not text.
    #[error(transparent)]
    NotText(#[from] NotText),
    /// There is no such setting.
    #[error(transparent)]
    UnknownKey(#[from] UnknownKey),
    /// A setting has a value that it cannot have.
    #[error(transparent)]
    Value(#[from] Box<BadValue>),
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("configuration file {} cannot be read: {error}", path.display())]
pub struct UnreadableFile {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

/// A file that is not TOML.
#[derive(Debug, thiserror::Error)]
#[error("configuration file {} is not TOML: {error}", path.display())]
pub struct NotToml {
    pub(super) path: PathBuf,
    /// With line and column.
    pub(super) error: String,
}

/// A variable that is not UTF-8.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {variable} is not text in UTF-8")]
pub struct NotText {
    pub(super) variable: String,
}

/// A name that is no setting's.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` from {source_name} is no setting: {}", hint(*nearest, known))]
pub struct UnknownKey {
    key: String,
    source_name: String,
    nearest: Option<&'static str>,
    known: &'static [&'static str],
}

/// A value that its setting cannot have.
#[derive(Debug, thiserror::Error)]
#[error("{key} = {value} from {source_name}: {refusal}")]
pub struct BadValue {
    key: String,
    value: String,
    source_name: String,
    refusal: Refusal,
}

/// Why a value is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not of the setting's type.
    #[error("{0}")]
    Type(Kind),
    /// It is none of the words that the setting knows.
    #[error("choose one of {}", known.join(", "))]
    Choice {
        /// The words.
        known: &'static [&'static str],
    },
    /// The server would be wrong to run with it.
    #[error(transparent)]
    Unsound(#[from] Unsound),
}

fn hint(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

impl ConfigError {
    pub(super) fn from_figment(error: &figment::Error, figment: &Figment) -> Self {
        let key = error.path.join(".");
        let source_name = source_of(figment, &key);
        // An unknown key of a map that has an enum for its keys is called a variant.
        if let Kind::UnknownField(name, known) | Kind::UnknownVariant(name, known) = &error.kind
            && error.path.last() == Some(name)
        {
            return UnknownKey { key, source_name, nearest: nearest(name, known.iter().copied()), known }.into();
        }
        let refusal = if let Kind::UnknownVariant(_, known) = &error.kind {
            Refusal::Choice { known }
        } else {
            Refusal::Type(error.kind.clone())
        };
        Box::new(BadValue { value: value_of(figment, &key), key, source_name, refusal }).into()
    }

    pub(super) fn from_unsound(unsound: Unsound, figment: &Figment) -> Self {
        let key = unsound.key();
        let (value, source_name) = (value_of(figment, &key), source_of(figment, &key));
        Box::new(BadValue { key, value, source_name, refusal: Refusal::Unsound(unsound) }).into()
    }
}

/// The value as TOML writes it, which for a text, a number and a switch is also how JSON does.
fn value_of(figment: &Figment, key: &str) -> String {
    let value = figment.find_value(key).ok().and_then(|value| serde_json::to_string(&value).ok());
    value.map_or_else(|| "(nothing)".to_owned(), |value| without_credentials(&value))
}

/// A URL may have a password before its `@`, and errors go into logs.
fn without_credentials(value: &str) -> String {
    match value.split_once("://") {
        Some((scheme, rest)) if rest.contains('@') => {
            let (_, after) = rest.rsplit_once('@').unwrap_or_default();
            format!("{scheme}://…@{after}")
        }
        Some(_) | None => value.to_owned(),
    }
}
