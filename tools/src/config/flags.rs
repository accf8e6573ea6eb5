//! The flags of the server: settings that are often changed. What is not set stays unsaid, so that the layers below
//! decide.

use super::settings::{Durability, LogFormat};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct Flags {
    /// Configuration file (TOML); `annuli config` prints one to start from
    #[arg(long, value_name = "FILE", env = "ANNULI_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Folder that holds every index [default: ./workspace]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<PathBuf>,

    /// Address and port to listen on [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,

    /// Port on which Qdrant's REST API is served too, such as 6333 [default: none]
    #[arg(long, value_name = "PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qdrant_port: Option<u16>,

    /// File of the API keys that requests need, as README describes it; it may be replaced while the server runs
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<PathBuf>,

    /// Tell metrics without a key where other requests need one
    #[arg(long)]
    #[serde(skip_serializing_if = "is_unsaid")]
    pub metrics_open: bool,

    /// File of the certificate that the server shows (PEM); it may be replaced while the server runs
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,

    /// File of the certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,

    /// Add a line of JSON to this file for each admin action: who, what, when, how it ended
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_log: Option<PathBuf>,

    /// Allow an address that other machines reach although there are no API keys
    #[arg(long)]
    #[serde(skip_serializing_if = "is_unsaid")]
    pub insecure: bool,

    /// Shards of an index that is created without naming a number [default: 1]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,

    /// When a write is acknowledged [default: fsync]
    #[arg(long, value_name = "WHEN", value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,

    /// Threads that search [default: the number of cores]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_threads: Option<usize>,

    /// Where dumps are kept: a folder, or s3://bucket/prefix [default: .dumps in the workspace]
    #[arg(long, value_name = "PLACE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dumps: Option<String>,

    /// URL of the server that has the bucket of dumps [default: AWS_ENDPOINT_URL, else AWS]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dumps_endpoint: Option<String>,

    /// Longest wait for requests under way when the server stops, in milliseconds [default: 15000]
    #[arg(long, value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_ms: Option<u64>,

    /// URL of an OpenTelemetry collector that takes the spans of requests, such as http://127.0.0.1:4318
    /// [default: OTEL_EXPORTER_OTLP_ENDPOINT, else none]
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces: Option<String>,

    /// Share of requests that are traced, from 0 to 1, of those whose clients do not say [default: 0.01]
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces_sample: Option<f64>,

    // These two are flags of every command, so clap has them elsewhere; `cli` copies them.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log: Option<String>,

    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_format: Option<LogFormat>,
}

/// A switch can only be turned on by its flag: not giving it says nothing.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_unsaid(switch: &bool) -> bool {
    !switch
}
