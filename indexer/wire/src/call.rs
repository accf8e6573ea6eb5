//! Which call a request is, and of which shard: its path.

use crate::codec::VERSION;
use annuli_api::Effect;
use annuli_core::{Generation, IndexUuid, ShardId};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A call of `ShardApi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `write`
    Write,
    /// `delete_matching`
    DeleteMatching,
    /// `search`
    Search,
    /// `get`
    Get,
    /// `list`
    List,
    /// `count`
    Count,
    /// `changes`
    Changes,
    /// `status`
    Status,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 8] = [
        Self::Write,
        Self::DeleteMatching,
        Self::Search,
        Self::Get,
        Self::List,
        Self::Count,
        Self::Changes,
        Self::Status,
    ];

    /// The name in a path.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::DeleteMatching => "delete-matching",
            Self::Search => "search",
            Self::Get => "get",
            Self::List => "list",
            Self::Count => "count",
            Self::Changes => "changes",
            Self::Status => "status",
        }
    }

    /// What the call may have done once it was sent. A call that may have done something must not be sent twice.
    pub const fn effect(self) -> Effect {
        match self {
            Self::Write | Self::DeleteMatching => Effect::Unknown,
            Self::Search | Self::Get | Self::List | Self::Count | Self::Changes | Self::Status => Effect::None,
        }
    }
}

/// A call of one shard. As text, the path of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The index.
    pub index: IndexUuid,
    /// The shard.
    pub shard: ShardId,
    /// Which state of it a replica is asked for; `None`: the primary's.
    pub generation: Option<Generation>,
    /// What is asked of it.
    pub call: Call,
}

/// A path that is no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Of another protocol.
    #[error(
        "the path is no call of a shard: it has the form `/shard/v{VERSION}/<index uuid>/<shard>[@<generation>]/<call>`"
    )]
    Path,
    /// Of another version.
    #[error(
        "the call is of version {asked} of the shard protocol, this shard speaks version {VERSION}: \
         run the same release on both sides"
    )]
    Version {
        /// The version of the call, as it was written.
        asked: String,
    },
    /// A call that this version does not have.
    #[error("version {VERSION} of the shard protocol has no such call")]
    Call,
}

/// Longest name of a version that is worth repeating.
const VERSION_CHARS_MAX: usize = 8;

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/shard/v{VERSION}/{}/{}", self.index, self.shard)?;
        if let Some(generation) = self.generation {
            write!(f, "@{generation}")?;
        }
        write!(f, "/{}", self.call.name())
    }
}

impl Target {
    /// The call of a path.
    pub fn of_path(path: &str) -> Result<Self, InvalidTarget> {
        let mut parts = path.strip_prefix("/shard/v").ok_or(InvalidTarget::Path)?.split('/');
        let mut next = || parts.next().ok_or(InvalidTarget::Path);
        let version = next()?;
        if version.parse() != Ok(VERSION) {
            return Err(InvalidTarget::Version { asked: version.chars().take(VERSION_CHARS_MAX).collect() });
        }
        let index = IndexUuid(Uuid::try_parse(next()?).map_err(|_| InvalidTarget::Path)?);
        let shard = next()?;
        let (shard, generation) = match shard.split_once('@') {
            Some((shard, generation)) => (shard, Some(Generation(number(generation)?))),
            None => (shard, None),
        };
        let shard = ShardId(number(shard)?);
        let name = next()?;
        let call = Call::ALL.into_iter().find(|call| call.name() == name).ok_or(InvalidTarget::Call)?;
        if parts.next().is_some() { Err(InvalidTarget::Path) } else { Ok(Self { index, shard, generation, call }) }
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, InvalidTarget> {
    text.parse().map_err(|_| InvalidTarget::Path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_path() {
        let (index, shard) = (IndexUuid(Uuid::from_u128(7)), ShardId(5));
        for generation in [None, Some(Generation(12))] {
            for call in Call::ALL {
                let target = Target { index, shard, generation, call };
                assert_eq!(Target::of_path(&target.to_string()), Ok(target));
            }
        }
        let search = Target { index, shard, generation: None, call: Call::Search };
        assert_eq!(search.to_string(), "/shard/v1/00000000-0000-0000-0000-000000000007/5/search");
        let of_generation = Target { generation: Some(Generation(12)), ..search };
        assert_eq!(of_generation.to_string(), "/shard/v1/00000000-0000-0000-0000-000000000007/5@12/search");
    }

    #[track_caller]
    fn refused(path: &str, expected: InvalidTarget) {
        assert_eq!(Target::of_path(path), Err(expected), "{path}");
    }

    #[test]
    fn other_paths_are_refused() {
        let index = Uuid::from_u128(7);
        refused("/", InvalidTarget::Path);
        refused("/v1/indexes", InvalidTarget::Path);
        refused("/shard/v1", InvalidTarget::Path);
        refused("/shard/v1/index/0/search", InvalidTarget::Path);
        refused(&format!("/shard/v1/{index}/-1/search"), InvalidTarget::Path);
        refused(&format!("/shard/v1/{index}/0@/search"), InvalidTarget::Path);
        refused(&format!("/shard/v1/{index}/0@-1/search"), InvalidTarget::Path);
        refused(&format!("/shard/v1/{index}/0"), InvalidTarget::Path);
        refused(&format!("/shard/v1/{index}/0/search/"), InvalidTarget::Path);
        refused(&format!("/shard/v1/{index}/0/promote"), InvalidTarget::Call);
        refused(&format!("/shard/v2/{index}/0/search"), InvalidTarget::Version { asked: "2".to_owned() });
    }
}
