//! Which shards a request goes to, by endpoint.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rule for each endpoint that has its own, and one for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PollingRules(BTreeMap<Endpoint, PollingRule>);

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Endpoint {
    /// Store documents.
    #[serde(rename = "/index")]
    Index,
    /// Change documents.
    #[serde(rename = "/update")]
    Update,
    /// Remove documents.
    #[serde(rename = "/delete")]
    Delete,
    /// Find the nearest documents.
    #[serde(rename = "/search")]
    Search,
    /// Count documents.
    #[serde(rename = "/count")]
    Count,
    /// Read documents.
    #[serde(rename = "/documents")]
    Documents,
    /// Every endpoint without a rule of its own.
    #[serde(rename = "*")]
    Rest,
}

/// Which shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PollingRule {
    /// The one that owns the document.
    #[serde(rename = "ANY")]
    Any,
    /// All of them.
    #[serde(rename = "ALL")]
    All,
}

impl Endpoint {
    /// Its name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "/index",
            Self::Update => "/update",
            Self::Delete => "/delete",
            Self::Search => "/search",
            Self::Count => "/count",
            Self::Documents => "/documents",
            Self::Rest => "*",
        }
    }

    /// Whether it writes documents, each of which belongs to one shard.
    pub const fn writes(self) -> bool {
        match self {
            Self::Index | Self::Update | Self::Delete => true,
            Self::Search | Self::Count | Self::Documents | Self::Rest => false,
        }
    }
}

impl PollingRules {
    /// Every rule that was written down, the one for the rest among them.
    pub fn rules(&self) -> impl Iterator<Item = (Endpoint, PollingRule)> {
        self.0.iter().map(|(endpoint, rule)| (*endpoint, *rule))
    }

    /// The rule for `endpoint`: its own, else the one for the rest.
    pub fn of(&self, endpoint: Endpoint) -> PollingRule {
        let own = self.0.get(&endpoint).or_else(|| self.0.get(&Endpoint::Rest));
        // Without either, every shard is asked: slower than need be, never wrong.
        own.copied().unwrap_or(PollingRule::All)
    }
}

impl Default for PollingRules {
    /// As in Jina: writes go to one shard, everything else to all.
    fn default() -> Self {
        Self(BTreeMap::from([
            (Endpoint::Index, PollingRule::Any),
            (Endpoint::Update, PollingRule::Any),
            (Endpoint::Delete, PollingRule::Any),
            (Endpoint::Search, PollingRule::All),
            (Endpoint::Rest, PollingRule::All),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_a_rule_follows_the_rest() {
        let rules: PollingRules = serde_json::from_str(r#"{"/count": "ALL", "*": "ANY"}"#).unwrap();
        assert_eq!(rules.of(Endpoint::Count), PollingRule::All);
        assert_eq!(rules.of(Endpoint::Search), PollingRule::Any);
    }

    #[test]
    fn an_endpoint_is_written_as_it_is_named() {
        for (endpoint, _) in PollingRules::default().rules() {
            assert_eq!(serde_json::to_value(endpoint).unwrap(), endpoint.name());
        }
        assert_eq!(serde_json::to_value(Endpoint::Count).unwrap(), Endpoint::Count.name());
        assert_eq!(serde_json::to_value(Endpoint::Documents).unwrap(), Endpoint::Documents.name());
    }

    #[test]
    fn by_default_writes_go_to_one_shard_and_reads_to_all() {
        let rules = PollingRules::default();
        for endpoint in [Endpoint::Index, Endpoint::Update, Endpoint::Delete] {
            assert_eq!(rules.of(endpoint), PollingRule::Any, "{endpoint:?}");
        }
        for endpoint in [Endpoint::Search, Endpoint::Count, Endpoint::Documents] {
            assert_eq!(rules.of(endpoint), PollingRule::All, "{endpoint:?}");
        }
    }
}
