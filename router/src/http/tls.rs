//! TLS on the public port. The certificate may be replaced while connections go on: each goes on with the one that it began
//! with.

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// Time for a client to agree on keys: a few round trips, and more than that for a machine that is busy.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The certificate that a server shows, and how it speaks.
#[derive(Debug)]
pub struct Tls(ArcSwap<ServerConfig>);

impl Tls {
    /// With this one.
    pub fn new(config: ServerConfig) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(config)))
    }

    /// From now on connections begin with this one.
    pub fn replace(&self, config: ServerConfig) {
        self.0.store(Arc::new(config));
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}
