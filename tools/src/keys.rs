//! The keys of a server: from a file, which may be replaced while it runs, or from the environment.

mod file;

pub use file::{InvalidKeyFile, UnreadableKey};

use crate::config::Settings;
use crate::reload::{Found, Reload, Seen};
use annuli_router::access::{Access, InvalidKey, Key, KeyRing, Keys, MetricsAccess, Role};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
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
    /// There is no key, and the address says that there should be one.
    #[error(
        "{address} can be reached from other machines, and no API key was found: name a file of keys with --api-keys, or \
         say --insecure if the network is closed"
    )]
    Public {
        /// The address.
        address: SocketAddr,
    },
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
    guard_by(settings, |variable| env::var_os(variable))
}

/// The same, with another environment than that of this process.
fn guard_by(settings: &Settings, variable: impl Fn(&str) -> Option<OsString>) -> Result<Guarded, KeysError> {
    let of_environment = of_environment(variable)?;
    let (seen, file) = settings.api_keys.clone().map(|path| Seen::now([path])).unzip();
    let Some(keys) = keys(file.map(|[found]| found), &of_environment)? else {
        // The configuration has been asked whether there are keys, and this is what became of them: nothing that is
        // mistaken there may leave a server open.
        if !settings.listen.ip().is_loopback() && !settings.insecure {
            return Err(KeysError::Public { address: settings.listen });
        }
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
    let reload = seen.map(|seen| reload(seen, of_environment, Arc::clone(&ring))).transpose()?;
    Ok(Guarded { access: Access::Keys { ring, metrics }, _reload: reload })
}

/// Lets the ring follow the file. What cannot be read leaves the keys as they are: an error of a hand that edits must
/// lock nobody out, nor let anybody in.
fn reload(seen: Seen<1>, of_environment: Vec<Key>, ring: Arc<KeyRing>) -> Result<Reload, KeysError> {
    let changed = move |[found]: [Found; 1]| {
        let path = found.path.clone();
        match keys(Some(found), &of_environment) {
            Ok(Some(keys)) => {
                tracing::info!(keys = keys.count(), file = %path.display(), "API keys were replaced");
                ring.replace(keys);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the API keys stay as they were"),
        }
    };
    Reload::start("keys", seen, changed).map_err(KeysError::Watch)
}

fn of_environment(value: impl Fn(&str) -> Option<OsString>) -> Result<Vec<Key>, KeysError> {
    let key = |(variable, role): (&'static str, Role)| {
        let value = value(variable)?;
        // What is not UTF-8 becomes a character that no key has, and is refused as any other.
        let text = value.to_string_lossy();
        let key = Key::new(&format!("environment-{role}"), role, text.trim_end());
        Some(key.map_err(|reason| KeysError::Variable { variable, reason }))
    };
    VARIABLES.into_iter().filter_map(key).collect()
}

/// All keys; `None` where none are asked for.
fn keys(file: Option<Found>, of_environment: &[Key]) -> Result<Option<Keys>, KeysError> {
    let mut keys = of_environment.to_vec();
    if let Some(Found { path, content }) = file {
        let content = content.map_err(|reason| KeysError::Unreadable { path: path.clone(), reason })?;
        keys.extend(file::parse(&content).map_err(|reason| KeysError::File { path, reason })?);
    } else if keys.is_empty() {
        return Ok(None);
    }
    Keys::new(keys).map(Some).map_err(KeysError::Together)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    const KEY: &[u8] = b"correct-horse-battery";

    /// Who is let in at `listen`, where the variable of admins has that value.
    fn guarded(listen: &str, admin: Option<&[u8]>, insecure: bool) -> Result<&'static str, String> {
        let settings = Settings { listen: listen.parse().unwrap(), insecure, ..Settings::default() };
        let value = |variable: &str| {
            let value = admin.filter(|_| variable == "ANNULI_API_KEY_ADMIN")?;
            Some(OsString::from_vec(value.to_vec()))
        };
        let guarded = guard_by(&settings, value).map_err(|error| error.to_string())?;
        Ok(match guarded.access {
            Access::Open => "everybody",
            Access::Keys { .. } => "who has a key",
        })
    }

    #[track_caller]
    fn check_refused(listen: &str, admin: Option<&[u8]>, says: &str) {
        let error = guarded(listen, admin, false).unwrap_err();
        assert!(error.contains(says) && !error.contains("horse"), "{error}");
    }

    /// A variable that was not UTF-8 counted as a key where the address was checked, and as none where requests are.
    #[test]
    fn a_variable_that_holds_no_key_opens_no_server() {
        for address in ["127.0.0.1:7700", "0.0.0.0:7700"] {
            check_refused(address, Some(b"correct-horse\xff-battery"), "ANNULI_API_KEY_ADMIN");
            check_refused(address, Some(b""), "ANNULI_API_KEY_ADMIN");
            assert_eq!(guarded(address, Some(KEY), false).unwrap(), "who has a key", "{address}");
        }
    }

    #[test]
    fn a_public_address_without_a_key_is_for_who_says_so() {
        check_refused("0.0.0.0:7700", None, "0.0.0.0:7700 can be reached from other machines");
        assert_eq!(guarded("0.0.0.0:7700", None, true).unwrap(), "everybody");
        assert_eq!(guarded("127.0.0.1:7700", None, false).unwrap(), "everybody");
    }
}
