//! Which server is talked to, and by what key.

use crate::{reload, tls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::http::header::HeaderValue;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A server: where it is, and the key that it asks for. The key is never printed.
#[derive(Clone)]
pub struct Server {
    pub(super) url: String,
    pub(super) authorization: Option<HeaderValue>,
    /// Whose certificates are believed; those that the machine believes, if empty.
    authorities: Vec<Certificate<'static>>,
}

/// Why a server cannot be talked to as was said. No text of a key is repeated.
#[derive(Debug, thiserror::Error)]
pub enum InvalidServer {
    /// A file cannot be read.
    #[error("cannot read `{}`: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The file of authorities holds none.
    #[error("`{}` holds no certificate in PEM", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
    },
    /// A key that cannot be sent.
    #[error("the API key from {place} has characters that cannot be sent: it is visible ASCII, on one line")]
    Text {
        /// Where it came from.
        place: String,
    },
}

impl Server {
    /// One that asks for no key.
    pub fn without_key(url: &str) -> Self {
        Self { url: url.to_owned(), authorization: None, authorities: Vec::new() }
    }

    /// One whose key is in a file, or else in the variable `ANNULI_API_KEY`, if anywhere. A variable that is empty is how a
    /// shell or a compose file leaves one out.
    ///
    /// # Errors
    /// When a key is named and cannot be used.
    pub fn with_key(url: &str, file: Option<&Path>) -> Result<Self, InvalidServer> {
        Self::with_key_of(url, file, std::env::var_os("ANNULI_API_KEY"))
    }

    fn with_key_of(url: &str, file: Option<&Path>, variable: Option<OsString>) -> Result<Self, InvalidServer> {
        let (text, place) = match (file, variable.filter(|text| !text.is_empty())) {
            (Some(path), _) => {
                let failed = |reason| InvalidServer::File { path: path.to_owned(), reason };
                (std::fs::read_to_string(path).map_err(failed)?, format!("`{}`", path.display()))
            }
            // What is not UTF-8 becomes a character that cannot be sent, and is refused as any other.
            (None, Some(text)) => {
                (text.to_string_lossy().into_owned(), "the environment variable ANNULI_API_KEY".to_owned())
            }
            (None, None) => return Ok(Self::without_key(url)),
        };
        Self::of_key(url, &text).ok_or(InvalidServer::Text { place })
    }

    /// The same, whose certificate one of those in the file has issued.
    ///
    /// # Errors
    /// When there are none.
    pub fn trusting(self, file: Option<&Path>) -> Result<Self, InvalidServer> {
        let Some(path) = file else { return Ok(self) };
        let failed = |reason| InvalidServer::File { path: path.to_owned(), reason };
        let text = reload::read(path).map_err(failed)?;
        let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().unwrap_or_default();
        if certificates.is_empty() {
            return Err(InvalidServer::Authorities { path: path.to_owned() });
        }
        Ok(Self { authorities: of_der(&certificates), ..self })
    }

    /// How TLS is spoken, if it is.
    pub(crate) fn tls_config(&self) -> TlsConfig {
        let mut authorities = self.authorities.clone();
        if authorities.is_empty() && self.url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:")) {
            // What cannot be read is left out: a server that needs it is then not believed, which is said.
            authorities = of_der(&rustls_native_certs::load_native_certs().certs);
        }
        TlsConfig::builder()
            .unversioned_rustls_crypto_provider(tls::provider())
            .root_certs(RootCerts::Specific(Arc::new(authorities)))
            .build()
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Editors end a file with a line break, which is no part of the key.
    fn of_key(url: &str, text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {text}")).ok()?;
        authorization.set_sensitive(true);
        Some(Self { authorization: Some(authorization), ..Self::without_key(url) })
    }
}

fn of_der(certificates: &[CertificateDer<'_>]) -> Vec<Certificate<'static>> {
    certificates.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn a_key_is_sent_and_never_shown() {
        let server = Server::of_key("http://h", "correct-horse-battery\n").unwrap();
        assert_eq!(server.authorization.as_ref().unwrap(), "Bearer correct-horse-battery");
        assert!(!format!("{server:?} {:?}", server.authorization).contains("horse"));
    }

    #[test]
    fn what_cannot_be_sent_is_no_key() {
        for text in ["", "\n", "two words", "two\nlines", "schl\u{fc}ssel"] {
            assert!(Server::of_key("http://h", text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_variable_that_is_empty_holds_no_key_and_one_that_is_no_text_is_refused() {
        let of = |variable: &[u8]| Server::with_key_of("http://h", None, Some(OsString::from_vec(variable.to_vec())));
        assert!(of(b"").unwrap().authorization.is_none());
        assert!(of(b"correct-horse-battery").unwrap().authorization.is_some());
        for variable in [&b"correct\xff-horse"[..], b"\n"] {
            let error = of(variable).unwrap_err().to_string();
            assert!(error.starts_with("the API key from the environment variable ANNULI_API_KEY has"), "{error}");
        }
    }
}
