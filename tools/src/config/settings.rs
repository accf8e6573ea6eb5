//! Every setting of the server. The doc comments are the help text of `annuli config`.

use super::collector::Collector;
use super::dump_place::DumpPlace;
use super::help::settings;
use super::limits::Limits;
use super::polling::PollingRules;
use super::share::Share;
use annuli_core::ShardCount;
use annuli_dump::DumpStore;
use annuli_dump_s3::OpenS3Error;
use annuli_indexer::settings::SEAL_POINTS;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Where `annuli serve` listens, and where the other commands look for it.
pub const PORT_DEFAULT: u16 = 7700;

/// Longest wait for requests under way when the server stops: beyond the default `timeout_ms` of a request, so that
/// all but the slowest are answered, and below the 30 s after which Kubernetes kills.
pub const DRAIN_MS_DEFAULT: u64 = 15_000;

settings! {
    /// How a server runs.
    pub struct Settings {
        /// Folder that holds every index. One process at a time: it is locked while the server runs.
        pub workspace: PathBuf,
        /// Address and port to listen on.
        pub listen: SocketAddr,
        /// Port beside that of `listen` on which Qdrant's REST API is served (6333 is what its clients expect); without
        /// it, it is not.
        #[serde(with = "super::port")]
        pub qdrant_port: Option<u16>,
        /// How the index `default` compares vectors that the first `/index` of Jina's wire protocol creates: "cosine",
        /// "euclidean" or "inner_product".
        pub jina_metric: MetricSetting,
        /// File of the API keys that requests need (TOML; see README). It is looked at every second: keys are replaced
        /// without a restart. ANNULI_API_KEY_READ, ANNULI_API_KEY_WRITE and ANNULI_API_KEY_ADMIN hold one key each.
        pub api_keys: Option<PathBuf>,
        /// Whether metrics are told without a key where other requests need one.
        pub metrics_open: bool,
        /// File of the certificate that the server shows, in PEM, with those of its issuers behind it: with it the server
        /// speaks TLS alone. It is looked at every second, as its key is.
        pub tls_cert: Option<PathBuf>,
        /// File of the certificate's private key, in PEM.
        pub tls_key: Option<PathBuf>,
        /// File to which a line of JSON is added for each admin action: who, what, when, how it ended. The log has them as
        /// well, under the target `audit`.
        pub audit_log: Option<PathBuf>,
        /// Whether `listen` may be an address that other machines reach although there are no API keys: whoever reaches
        /// the server can then read and delete everything.
        pub insecure: bool,
        /// Shards of an index that is created without naming a number.
        #[serde(with = "super::shard_count")]
        pub shards: ShardCount,
        /// When a write is acknowledged: "fsync": when it is on the disk; "os": when the operating system has it,
        /// which survives a crash of the server but not of the machine.
        pub durability: Durability,
        /// Threads that search. The default is the number of cores.
        pub search_threads: NonZeroUsize,
        /// New documents that become a segment. For tests, which want to see many segments soon: fewer make searches and
        /// imports slower.
        pub seal_points: NonZeroUsize,
        /// Where dumps are kept: a folder, or a bucket as s3://bucket/prefix, for which the usual AWS_… variables hold
        /// credentials and region. The default is `.dumps` in the workspace; the processes of a cluster share one place.
        pub dumps: Option<DumpPlace>,
        /// URL of the server that has the bucket of dumps, if that is not AWS nor named by AWS_ENDPOINT_URL.
        pub dumps_endpoint: Option<String>,
        /// Longest wait for requests under way when the server stops, in milliseconds.
        pub drain_ms: u64,
        /// What is logged: a level (error, warn, info, debug, trace), or levels by module as in
        /// `info,annuli_indexer=debug`.
        pub log: String,
        /// How it is logged: "text" for people, "json" for programs.
        pub log_format: LogFormat,
        /// URL of an OpenTelemetry collector that takes spans by OTLP over HTTP, such as http://127.0.0.1:4318: with it,
        /// requests are traced. The default is OTEL_EXPORTER_OTLP_ENDPOINT; an empty text is none.
        #[serde(with = "super::collector::setting")]
        pub traces: Option<Collector>,
        /// Share of requests that are traced, from 0 to 1, of those whose clients do not say by a `traceparent`.
        pub traces_sample: Share,
        /// Which shards a request goes to, by endpoint: "ANY": to the one that owns the document; "ALL": to all.
        /// `*` stands for the endpoints that are not named.
        pub polling: PollingRules,
        /// What one request may ask for.
        pub limits: Limits,
    }
}

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When it is on the disk.
    Fsync,
    /// When the operating system has it.
    Os,
}

/// How vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricSetting {
    /// By their angle.
    Cosine,
    /// By their distance.
    Euclidean,
    /// By their inner product.
    InnerProduct,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Settings {
    /// Dumps of the cluster, where it was said where they are: a process of its own has no place for them that others see.
    pub fn cluster_dumps(&self) -> Result<Option<DumpStore>, OpenS3Error> {
        self.dumps.as_ref().map(|place| place.open(self.dumps_endpoint.as_deref())).transpose()
    }

    /// Where a process that is everything keeps dumps.
    pub fn dump_place(&self) -> DumpPlace {
        self.dumps.clone().unwrap_or_else(|| DumpPlace::of_workspace(&self.workspace))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workspace: PathBuf::from("./workspace"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)),
            qdrant_port: None,
            jina_metric: MetricSetting::Cosine,
            api_keys: None,
            metrics_open: false,
            tls_cert: None,
            tls_key: None,
            audit_log: None,
            insecure: false,
            shards: ShardCount::ONE,
            durability: Durability::Fsync,
            search_threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            seal_points: SEAL_POINTS,
            dumps: None,
            dumps_endpoint: None,
            drain_ms: DRAIN_MS_DEFAULT,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            traces: None,
            traces_sample: Share::HUNDREDTH,
            polling: PollingRules::default(),
            limits: Limits::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_are_kept_in_the_workspace_unless_said_otherwise() {
        let settings = Settings { workspace: PathBuf::from("data"), ..Settings::default() };
        assert_eq!(settings.dump_place(), DumpPlace::Folder("data/.dumps".into()));
        let elsewhere = DumpPlace::Folder("elsewhere".into());
        let settings = Settings { dumps: Some(elsewhere.clone()), ..settings };
        assert_eq!(settings.dump_place(), elsewhere);
    }
}
