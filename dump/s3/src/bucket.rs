//! A bucket that can be asked.

use crate::connector::Connector;
use crate::fault::S3Fault;
use crate::limits::{CONNECT_TIMEOUT, PATIENCE_DEFAULT, PAUSE_MAX, PAUSE_MIN, REQUEST_TIMEOUT};
use crate::place::S3Place;
use crate::worker::{Pending, Worker};
use annuli_dump::{DumpFile, DumpKey, StoreFault};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

/// How a bucket is asked.
#[derive(Clone)]
pub struct S3Settings {
    /// URL of a server that speaks S3's protocol, instead of AWS's and of what the variables say.
    pub endpoint: Option<String>,
    /// For how long a request is tried again.
    pub patience: Duration,
    /// Names and values as AWS's own tools read them from the environment: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP` and so on. Those
    /// that mean nothing here are passed over.
    pub variables: Vec<(String, String)>,
}

impl S3Settings {
    /// With the variables of the process's environment.
    pub fn from_environment(endpoint: Option<String>) -> Self {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables = std::env::vars_os().filter_map(text).filter(|(name, _)| name.starts_with("AWS_")).collect();
        Self { endpoint, patience: PATIENCE_DEFAULT, variables }
    }
}

impl fmt::Debug for S3Settings {
    /// Without the values of variables, some of which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.variables.iter().map(|(name, _)| name).collect();
        let mut f = f.debug_struct("S3Settings");
        f.field("endpoint", &self.endpoint).field("patience", &self.patience).field("variables", &names).finish()
    }
}

/// A URL that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Neither of the two.
    #[error("the endpoint of dumps must begin with https:// or http://")]
    Scheme,
    /// It is not repeated.
    #[error(
        "the endpoint of dumps holds no credentials: leave out what stands before the `@`, and set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY"
    )]
    Credentials,
    /// Whoever listens in would read every document.
    #[error(
        "the endpoint `{endpoint}` is not on this machine and would be asked without TLS: use https://, or set \
         AWS_ALLOW_HTTP=true"
    )]
    Unprotected {
        /// The URL.
        endpoint: String,
    },
}

/// A bucket that cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum OpenS3Error {
    /// The endpoint is none.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// A variable of the environment cannot be used.
    #[error("`{place}` cannot be used: {reason}")]
    Configuration {
        /// The place.
        place: S3Place,
        /// Which, and why.
        reason: String,
    },
    /// The operating system gives no threads.
    #[error("cannot start threads for `{place}`: {reason}")]
    Threads {
        /// The place.
        place: S3Place,
        /// Why.
        reason: io::Error,
    },
}

/// A bucket, and the threads that ask it.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) place: S3Place,
    pub(crate) store: AmazonS3,
    endpoint: String,
    worker: Worker,
}

impl Bucket {
    pub(crate) fn open(place: S3Place, settings: &S3Settings) -> Result<Self, OpenS3Error> {
        let client = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout(REQUEST_TIMEOUT);
        let mut builder = AmazonS3Builder::new().with_client_options(client);
        for (name, value) in &settings.variables {
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        if let Some(endpoint) = &settings.endpoint {
            // The more specific variable would win over it.
            builder = builder
                .with_config(AmazonS3ConfigKey::S3Endpoint, endpoint)
                .with_config(AmazonS3ConfigKey::Endpoint, endpoint);
        }
        let of = |key| builder.get_config_value(&key);
        let endpoint = of(AmazonS3ConfigKey::S3Endpoint).or_else(|| of(AmazonS3ConfigKey::Endpoint));
        let allow_http = of(AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp));
        let unprotected = match &endpoint {
            Some(endpoint) => without_tls(endpoint, allow_http.as_deref() == Some("true"))?,
            None => false,
        };
        let retry = RetryConfig {
            backoff: BackoffConfig { init_backoff: PAUSE_MIN, max_backoff: PAUSE_MAX, base: 2.0 },
            // The patience is in time; there cannot be as many tries in it.
            max_retries: usize::MAX,
            retry_timeout: settings.patience,
        };
        let built = builder
            .with_bucket_name(place.bucket())
            .with_allow_http(unprotected)
            .with_http_connector(Connector)
            .with_retry(retry)
            // Not every store has it, and a dump has few objects.
            .with_disable_bulk_delete(true)
            .build();
        let store = built.map_err(|error| OpenS3Error::Configuration {
            place: place.clone(),
            reason: S3Fault::of(&error, "").map_or_else(String::new, |fault| fault.to_string()),
        })?;
        let worker = Worker::start().map_err(|reason| OpenS3Error::Threads { place: place.clone(), reason })?;
        let endpoint = endpoint.unwrap_or_else(|| "AWS".to_owned());
        Ok(Self { place, store, endpoint, worker })
    }

    /// The key of a dump's objects, up to the last slash.
    pub(crate) fn folder(&self, dump: DumpKey) -> Path {
        Path::from(format!("{}/{dump}", self.place.prefix()))
    }

    /// The key of an object.
    pub(crate) fn key(&self, dump: DumpKey, file: DumpFile) -> Path {
        self.folder(dump).join(file.to_string())
    }

    /// A key as messages name it.
    pub(crate) fn object(&self, key: &Path) -> String {
        format!("s3://{}/{key}", self.place.bucket())
    }

    /// Begins a piece of work on the bucket's threads.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Pending<T> {
        self.worker.spawn(work)
    }

    /// Does a request, and blocks until it is answered; `None` if there is no such object.
    pub(crate) fn request<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &Path,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<Option<T>, StoreFault> {
        self.answer(action, key, self.spawn(request))
    }

    /// What a request that was begun is answered with; `None` if there is no such object.
    pub(crate) fn answer<T>(
        &self,
        action: &'static str,
        key: &Path,
        pending: Pending<object_store::Result<T>>,
    ) -> Result<Option<T>, StoreFault> {
        let answer = pending.wait().map_err(|failed| StoreFault::new(action, self.object(key), failed))?;
        self.meaning(action, key, answer)
    }

    /// What an answer means; `None` if there is no such object.
    pub(crate) fn meaning<T>(
        &self,
        action: &'static str,
        key: &Path,
        answer: object_store::Result<T>,
    ) -> Result<Option<T>, StoreFault> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => match S3Fault::of(&error, &self.endpoint) {
                Some(fault) => Err(self.fault(action, key, fault)),
                None => Ok(None),
            },
        }
    }

    pub(crate) fn fault(&self, action: &'static str, key: &Path, fault: S3Fault) -> StoreFault {
        StoreFault::new(action, self.object(key), fault)
    }
}

/// Checks the form of an endpoint's URL. Whether it may be asked without TLS is for the environment to say, when a
/// bucket is opened.
pub fn check_endpoint(endpoint: &str) -> Result<(), InvalidEndpoint> {
    if endpoint.contains('@') {
        return Err(InvalidEndpoint::Credentials);
    }
    let known = endpoint.starts_with("https://") || endpoint.starts_with("http://");
    if known { Ok(()) } else { Err(InvalidEndpoint::Scheme) }
}

/// Says whether it is to be asked without TLS.
fn without_tls(endpoint: &str, allow_http: bool) -> Result<bool, InvalidEndpoint> {
    check_endpoint(endpoint)?;
    let Some(rest) = endpoint.strip_prefix("http://") else { return Ok(false) };
    if allow_http || is_loopback(rest) {
        return Ok(true);
    }
    Err(InvalidEndpoint::Unprotected { endpoint: endpoint.to_owned() })
}

/// Whether what follows the scheme names this machine.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_only_this_machine_is_asked_unless_that_is_wanted() {
        for endpoint in ["http://127.0.0.1:9000", "http://localhost/x", "http://[::1]:9000", "http://127.8.8.8"] {
            assert_eq!(without_tls(endpoint, false), Ok(true), "{endpoint}");
        }
        for endpoint in ["http://10.0.0.1:9000", "http://localhost.example", "http://[::2]:9000", "http://127.0.0.1.x"]
        {
            let error = InvalidEndpoint::Unprotected { endpoint: endpoint.to_owned() };
            assert_eq!(without_tls(endpoint, false), Err(error));
            assert_eq!(without_tls(endpoint, true), Ok(true));
        }
        assert_eq!(without_tls("https://s3.example", true), Ok(false));
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        assert_eq!(without_tls("s3.example:9000", true), Err(InvalidEndpoint::Scheme));
        assert_eq!(without_tls("https://key:secret@s3.example", true), Err(InvalidEndpoint::Credentials));
    }
}
