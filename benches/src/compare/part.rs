//! What a comparison consists of; each part can be asked for alone.

use clap::ValueEnum;
use serde::Serialize;

/// One thing to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// Libraries: build, search, memory
    Libraries,
    /// Libraries that filter: search among 1, 10 and 50 % of the rows
    Filters,
    /// Our engine's exact search, beside reading memory from its start to its end
    Exact,
    /// Our server asked by batches, beside our engine without a server
    Batches,
    /// A restart of our server with everything stored
    Restart,
    /// Servers: storing, one search a request, memory, restart
    Servers,
    /// Servers: searches among 1, 10 and 50 % of the rows
    ServersFilters,
    /// Our server dumped and restored, beside tar with zstd and cp, and with writes meanwhile
    Dumps,
    /// Clusters with more and more replicas and shards, each with a fixed share of the processors
    Scaling,
    /// A cluster that is dumped and rolled out again and again while it is searched and written
    Rollouts,
    /// Our server searched beside 2,000 connections that send their requests byte by byte
    SlowClients,
    /// Our engine with more and more rows
    Growth,
}

/// Parts that are measured together, since they share what is expensive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Indexes of libraries.
    Libraries,
    /// A segment in this process.
    Exact,
    /// Our own server, filled.
    Own,
    /// All servers, filled.
    Servers,
    /// Our own server, filled, then a cluster.
    Dumps,
    /// Clusters of several sizes, filled.
    Scaling,
    /// One cluster, filled.
    Rollouts,
    /// Our own server, filled.
    SlowClients,
}

impl Stage {
    /// In the order in which they are gone through.
    pub(crate) const ALL: [Self; 8] = [
        Self::Libraries,
        Self::Exact,
        Self::Own,
        Self::Servers,
        Self::Dumps,
        Self::Scaling,
        Self::Rollouts,
        Self::SlowClients,
    ];

    /// What it is called while it runs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Libraries => "libraries",
            Self::Exact => "exact search",
            Self::Own => "own server",
            Self::Servers => "servers",
            Self::Dumps => "dumps",
            Self::Scaling => "scaling",
            Self::Rollouts => "rollouts",
            Self::SlowClients => "slow clients",
        }
    }

    /// Whether one of these parts needs it.
    pub(crate) fn is_needed_by(self, parts: &[Part]) -> bool {
        parts.iter().any(|part| self == Self::of(*part))
    }

    const fn of(part: Part) -> Self {
        match part {
            Part::Libraries | Part::Filters | Part::Growth => Self::Libraries,
            Part::Exact => Self::Exact,
            Part::Batches | Part::Restart => Self::Own,
            Part::Servers | Part::ServersFilters => Self::Servers,
            Part::Dumps => Self::Dumps,
            Part::Scaling => Self::Scaling,
            Part::Rollouts => Self::Rollouts,
            Part::SlowClients => Self::SlowClients,
        }
    }
}
