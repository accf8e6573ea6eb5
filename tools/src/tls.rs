//! The certificate of a server, from files that may be replaced while it runs.

use crate::config::Settings;
use crate::reload::{Found, Reload, Seen};
use annuli_router::http::tls::Tls;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a server has no certificate although it should.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{}` holds no {what} in PEM: {reason}", path.display())]
    NotPem {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why it does not.
        reason: pem::Error,
    },
    /// Certificate and key do not go together, or cannot be used.
    #[error("`{}` and `{}` cannot be used: {reason}", certificate.display(), key.display())]
    Unusable {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        reason: rustls::Error,
    },
    /// The operating system gives no thread.
    #[error("cannot look at the certificate again: {0}")]
    Watch(io::Error),
}

/// What a server shows, and what sees to it that it is replaced.
pub(crate) struct Shown {
    /// For the port.
    pub(crate) tls: Arc<Tls>,
    /// Ends with the server.
    pub(crate) _reload: Reload,
}

/// What the settings say, if they ask for TLS.
pub(crate) fn show(settings: &Settings) -> Result<Option<Shown>, TlsError> {
    let (Some(certificate), Some(key)) = (settings.tls_cert.clone(), settings.tls_key.clone()) else { return Ok(None) };
    let (seen, found) = Seen::now([certificate.clone(), key]);
    let tls = Tls::new(load(found)?);
    let shown = Arc::clone(&tls);
    // Of two files one is replaced before the other: until both are there, the old ones are shown.
    let changed = move |found| match load(found) {
        Ok(config) => {
            tracing::info!(certificate = %certificate.display(), "the certificate was replaced");
            shown.replace(config);
        }
        Err(error) => tracing::error!(%error, "the certificate stays as it was"),
    };
    let reload = Reload::start("tls", seen, changed).map_err(TlsError::Watch)?;
    Ok(Some(Shown { tls, _reload: reload }))
}

/// The one provider of cryptography of the program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn load([certificate, key]: [Found; 2]) -> Result<ServerConfig, TlsError> {
    let read = |Found { path, content }: Found| match content {
        Ok(content) => Ok((path, content)),
        Err(reason) => Err(TlsError::Unreadable { path, reason }),
    };
    let ((certificate, chain), (key, secret)) = (read(certificate)?, read(key)?);
    let not_pem = |path: &Path, what| {
        let path = path.to_owned();
        move |reason| TlsError::NotPem { path, what, reason }
    };
    let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
    let chain = chain.map_err(not_pem(&certificate, "certificate"))?;
    let secret = PrivateKeyDer::from_pem_slice(&secret).map_err(not_pem(&key, "private key"))?;
    let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let config = config.and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret));
    let mut config = config.map_err(|reason| TlsError::Unusable { certificate, key, reason })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn files(folder: &TempDir, certificate: &str, key: &str) -> [Found; 2] {
        let files = [folder.path().join("cert.pem"), folder.path().join("key.pem")];
        fs::write(&files[0], certificate).unwrap();
        fs::write(&files[1], key).unwrap();
        Seen::now(files).1
    }

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[track_caller]
    fn check_refused(certificate: &str, key: &str, says: &str) {
        let folder = tempfile::tempdir().unwrap();
        let message = load(files(&folder, certificate, key)).map(drop).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
        assert!(!message.contains("PRIVATE"), "{message}");
    }

    #[test]
    fn a_certificate_is_used_with_its_own_key() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = made();
        assert_eq!(load(files(&folder, &certificate, &key)).unwrap().alpn_protocols, [b"http/1.1"]);
        check_refused(&certificate, &made().1, "cannot be used");
    }

    #[test]
    fn what_is_no_certificate_or_key_is_named() {
        let (certificate, key) = made();
        check_refused("", &key, "cert.pem` holds no certificate in PEM");
        check_refused(&certificate, "", "key.pem` holds no private key in PEM");
        check_refused(&key, &key, "cert.pem` holds no certificate in PEM");
        check_refused(&certificate, &certificate, "key.pem` holds no private key in PEM");
    }
}
