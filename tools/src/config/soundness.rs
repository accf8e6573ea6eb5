//! What types cannot say: bounds, and settings that do not go together.

use super::polling::{Endpoint, PollingRule};
use super::settings::Settings;
use annuli_dump_s3::{InvalidEndpoint, check_endpoint};
use std::net::SocketAddr;
use tracing_subscriber::EnvFilter;

/// A value that the server would be wrong to run with.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// A limit out of its bounds.
    #[error("it needs 1 to {ceiling}")]
    Limit {
        /// Which.
        key: &'static str,
        /// The most that it may be.
        ceiling: u64,
    },
    /// A request that names no time would get more than it may ask for.
    #[error("it is longer than limits.timeout_ms_max, which is {max}")]
    TimeoutDefault {
        /// The longest time.
        max: u64,
    },
    /// An address at which other machines reach a shard.
    #[error(
        "{address} can be reached from other machines, and what the processes of a cluster say to each other is not \
         encrypted: listen on 127.0.0.1, or say --insecure if the network is closed"
    )]
    PublicShard {
        /// The address.
        address: SocketAddr,
    },
    /// An address at which other machines reach the API.
    #[error(
        "{address} can be reached from other machines, and there are no API keys: whoever reaches it could read and \
         delete everything. Name a file of keys with --api-keys, listen on 127.0.0.1, or say --insecure if the network \
         is closed"
    )]
    Public {
        /// The address.
        address: SocketAddr,
    },
    /// A certificate without its key, or a key alone.
    #[error("TLS needs both tls_cert and tls_key")]
    HalfOfTls {
        /// The one that is there.
        key: &'static str,
    },
    /// A write that would be done on every shard.
    #[error("it can only be ANY: every shard would hold a copy of each document")]
    Copies {
        /// The write.
        endpoint: Endpoint,
    },
    /// A URL that no server with buckets has.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// A filter of the log that cannot be read.
    #[error("it is no filter of the log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
}

impl Unsound {
    /// The setting that is to be changed.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Limit { key, .. } => (*key).to_owned(),
            Self::TimeoutDefault { .. } => "limits.timeout_ms_default".to_owned(),
            Self::Public { .. } | Self::PublicShard { .. } => "listen".to_owned(),
            Self::HalfOfTls { key } => (*key).to_owned(),
            Self::Copies { endpoint } => format!("polling.{}", endpoint.name()),
            Self::Endpoint(_) => "dumps_endpoint".to_owned(),
            Self::Log(_) => "log".to_owned(),
        }
    }
}

/// Who is asked for what at `listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Clients, for a key.
    Keys,
    /// Nobody: whoever reaches the server is let in.
    None,
    /// Processes of the cluster, for its secret, which they send as it is.
    Secret,
}

pub(super) fn check(settings: &Settings, guard: Guard) -> Result<(), Unsound> {
    for limit in settings.limits.bounded() {
        if !(1..=limit.ceiling).contains(&limit.value) {
            return Err(Unsound::Limit { key: limit.key, ceiling: limit.ceiling });
        }
    }
    if settings.limits.timeout_ms_default > settings.limits.timeout_ms_max {
        return Err(Unsound::TimeoutDefault { max: settings.limits.timeout_ms_max });
    }
    if !settings.listen.ip().is_loopback() && !settings.insecure {
        let address = settings.listen;
        match guard {
            Guard::Keys => {}
            Guard::None => return Err(Unsound::Public { address }),
            Guard::Secret => return Err(Unsound::PublicShard { address }),
        }
    }
    match (&settings.tls_cert, &settings.tls_key) {
        (Some(_), None) => return Err(Unsound::HalfOfTls { key: "tls_cert" }),
        (None, Some(_)) => return Err(Unsound::HalfOfTls { key: "tls_key" }),
        (Some(_), Some(_)) | (None, None) => {}
    }
    if let Some((endpoint, _)) =
        settings.polling.rules().find(|(endpoint, rule)| endpoint.writes() && *rule == PollingRule::All)
    {
        return Err(Unsound::Copies { endpoint });
    }
    if let Some(endpoint) = &settings.dumps_endpoint {
        check_endpoint(endpoint)?;
    }
    EnvFilter::builder().parse(&settings.log)?;
    Ok(())
}
