//! The keys of a server: from a file, which may be replaced while it runs, or from the environment.

mod file;

pub use file::{InvalidKeyFile, UnreadableKey};

use crate::config::Settings;
use crate::reload::{self, Reload, Seen};
use annuli_router::access::{Access, InvalidKey, Key, KeyRing, Keys, MetricsAccess, Role};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, io};

/// Variables that hold a key each, for who has no place for a file.
pub(crate) const VARIABLES: [(&str, Role); 3] =
    [("ANNULI_API_KEY_READ", Role::Read), ("ANNULI_API_KEY_WRITE", Role::Write), ("ANNULI_API_KEY_ADMIN", Role::Admin)];

/// Why a server has no keys although it should.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("cannot read API keys from `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The file does not say what keys there are.
    #[error("API keys in `{}`: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: InvalidKeyFile,
    },
    /// A variable holds no key. Its value is not repeated.
    #[error("environment variable {variable}: {reason}")]
    Variable {
        /// Which.
        variable: &'static str,
        /// Why.
        reason: InvalidKey,
    },
    /// The keys do not go together.
    #[error("API keys: {0}")]
    Together(InvalidKey),
    /// The operating system gives no thread.
    #[error("cannot look at the file of API keys again: {0}")]
    Watch(io::Error),
}

/// Who is let in, and what sees to it that keys are replaced.
pub(crate) struct Guarded {
    /// For the router.
    pub(crate) access: Access,
    /// Ends with the server.
    pub(crate) _reload: Option<Reload>,
}

/// What the settings and the environment say.
pub(crate) fn guard(settings: &Settings) -> Result<Guarded, KeysError> {
    let of_environment = of_environment()?;
    let seen = Seen::now(settings.api_keys.iter().cloned().collect());
    let Some(keys) = keys(settings.api_keys.as_deref(), &of_environment)? else {
        return Ok(Guarded { access: Access::Open, _reload: None });
    };
    tracing::info!(keys = keys.count(), "requests need an API key");
    if settings.tls_cert.is_none() && !settings.listen.ip().is_loopback() {
        tracing::warn!(
            "keys are sent as they are, unless something before this server encrypts them: name a certificate with \
             --tls-cert and --tls-key"
        );
    }
    let ring = KeyRing::new(keys);
    let metrics = if settings.metrics_open { MetricsAccess::Open } else { MetricsAccess::Read };
    let reload =
        settings.api_keys.clone().map(|path| reload(path, seen, of_environment, Arc::clone(&ring))).transpose()?;
    Ok(Guarded { access: Access::Keys { ring, metrics }, _reload: reload })
}

/// Lets the ring follow the file. What cannot be read leaves the keys as they are: an error of a hand that edits must
/// lock nobody out, nor let anybody in.
fn reload(path: PathBuf, seen: Seen, of_environment: Vec<Key>, ring: Arc<KeyRing>) -> Result<Reload, KeysError> {
    let changed = move || match keys(Some(&path), &of_environment) {
        Ok(Some(keys)) => {
            tracing::info!(keys = keys.count(), file = %path.display(), "API keys were replaced");
            ring.replace(keys);
        }
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "the API keys stay as they were"),
    };
    Reload::start("keys", seen, changed).map_err(KeysError::Watch)
}

fn of_environment() -> Result<Vec<Key>, KeysError> {
    let key = |(variable, role): (&'static str, Role)| {
        let text = env::var(variable).ok()?;
        let key = Key::new(&format!("environment-{role}"), role, text.trim_end());
        Some(key.map_err(|reason| KeysError::Variable { variable, reason }))
    };
    VARIABLES.into_iter().filter_map(key).collect()
}

/// All keys; `None` where none are asked for.
fn keys(file: Option<&Path>, of_environment: &[Key]) -> Result<Option<Keys>, KeysError> {
    let mut keys = of_environment.to_vec();
    if let Some(path) = file {
        let failed = |reason| KeysError::Unreadable { path: path.to_owned(), reason };
        let content = reload::read(path).map_err(failed)?;
        let invalid = |reason| KeysError::File { path: path.to_owned(), reason };
        keys.extend(file::parse(&content).map_err(invalid)?);
    } else if keys.is_empty() {
        return Ok(None);
    }
    Keys::new(keys).map(Some).map_err(KeysError::Together)
}
