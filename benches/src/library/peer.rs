//! The libraries that are compared, and how the process of each is started.

use super::environment::{Environment, NoEnvironment, scripts};
use crate::worker;
use clap::ValueEnum;
use serde::Serialize;
use std::env;
use std::process::Command;

/// A library, or one way to use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// Our own engine.
    Annuli,
    /// Our own engine without codes.
    AnnuliFull,
    Hnswlib,
    FaissFlat,
    FaissSq8,
    UsearchF32,
    UsearchBf16,
    #[value(name = "glass-0")]
    #[serde(rename = "glass-0")]
    Glass0,
    #[value(name = "glass-1")]
    #[serde(rename = "glass-1")]
    Glass1,
    #[value(name = "glass-2")]
    #[serde(rename = "glass-2")]
    Glass2,
    QdrantEdge,
    HnswRs,
    #[value(name = "annlite")]
    #[serde(rename = "annlite")]
    AnnLite,
}

/// Why a peer cannot take part.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPeer {
    #[error(transparent)]
    Environment(#[from] NoEnvironment),
    #[error("cannot find this program to start it again: {0}")]
    NoProgram(#[from] std::io::Error),
}

impl Peer {
    pub(crate) const ALL: [Self; 13] = [
        Self::Annuli,
        Self::AnnuliFull,
        Self::Hnswlib,
        Self::FaissFlat,
        Self::FaissSq8,
        Self::UsearchF32,
        Self::UsearchBf16,
        Self::Glass0,
        Self::Glass1,
        Self::Glass2,
        Self::QdrantEdge,
        Self::HnswRs,
        Self::AnnLite,
    ];

    /// As on the command line and in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Annuli => "annuli",
            Self::AnnuliFull => "annuli-full",
            Self::Hnswlib => "hnswlib",
            Self::FaissFlat => "faiss-flat",
            Self::FaissSq8 => "faiss-sq8",
            Self::UsearchF32 => "usearch-f32",
            Self::UsearchBf16 => "usearch-bf16",
            Self::Glass0 => "glass-0",
            Self::Glass1 => "glass-1",
            Self::Glass2 => "glass-2",
            Self::QdrantEdge => "qdrant-edge",
            Self::HnswRs => "hnsw-rs",
            Self::AnnLite => "annlite",
        }
    }

    /// Whether it can search among the rows that match a filter. AnnLite claims to, and fails with a narrow beam.
    pub(crate) const fn filters(self) -> bool {
        matches!(self, Self::Annuli | Self::AnnuliFull | Self::QdrantEdge)
    }

    /// The command that serves it.
    pub(crate) fn command(self) -> Result<Command, NoPeer> {
        match self {
            Self::Annuli => own(worker::Engine::Annuli),
            Self::AnnuliFull => own(worker::Engine::AnnuliFull),
            Self::Hnswlib => python(Environment::Libraries, "hnswlib", None),
            Self::FaissFlat => python(Environment::Libraries, "faiss", Some("flat")),
            Self::FaissSq8 => python(Environment::Libraries, "faiss", Some("sq8")),
            Self::UsearchF32 => python(Environment::Libraries, "usearch", Some("f32")),
            Self::UsearchBf16 => python(Environment::Libraries, "usearch", Some("bf16")),
            Self::Glass0 => python(Environment::Glass, "glass", Some("0")),
            Self::Glass1 => python(Environment::Glass, "glass", Some("1")),
            Self::Glass2 => python(Environment::Glass, "glass", Some("2")),
            Self::QdrantEdge => python(Environment::Libraries, "qdrant_edge", None),
            Self::HnswRs => own(worker::Engine::HnswRs),
            Self::AnnLite => python(Environment::AnnLite, "annlite", None),
        }
    }
}

fn python(environment: Environment, adapter: &str, variant: Option<&str>) -> Result<Command, NoPeer> {
    let mut command = Command::new(environment.python()?);
    let scripts = scripts();
    command.arg(scripts.join("worker.py")).arg(scripts.join("library").join(adapter).with_extension("py"));
    command.args(variant);
    Ok(command)
}

fn own(engine: worker::Engine) -> Result<Command, NoPeer> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("worker").arg(engine.as_str());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_one_name() {
        for peer in Peer::ALL {
            let value = peer.to_possible_value().unwrap();
            assert_eq!(value.get_name(), peer.as_str());
            assert_eq!(serde_json::to_value(peer).unwrap(), peer.as_str());
        }
        assert_eq!(Peer::ALL.len(), Peer::value_variants().len());
    }

    #[test]
    fn every_adapter_is_there() {
        for adapter in ["hnswlib", "faiss", "usearch", "glass", "qdrant_edge", "annlite"] {
            assert!(scripts().join("library").join(adapter).with_extension("py").is_file(), "{adapter}");
        }
    }
}
