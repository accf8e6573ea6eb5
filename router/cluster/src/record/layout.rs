//! Into how many shards a cluster divides its indexes, and which part of that a process holds.

use annuli_core::{ShardCount, ShardId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of a layout. Each number of shards that a cluster moves to gets one, and none is given twice: a process of a
/// layout that is over cannot be taken for one of the layout of today, though both may have as many shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayoutId(pub u64);

impl LayoutId {
    /// The one that a cluster is founded with.
    pub const FIRST: Self = Self(0);

    /// What records leave out.
    pub(super) fn is_first(&self) -> bool {
        *self == Self::FIRST
    }
}

/// A number of shards, and the number that it has as a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Which.
    pub id: LayoutId,
    /// Shards of each index.
    pub shards: ShardCount,
}

/// A shard of a layout: what one process holds of every index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The layout.
    pub layout: LayoutId,
    /// The shard.
    pub shard: ShardId,
}

impl Place {
    /// A shard of the layout that a cluster is founded with.
    pub const fn first(shard: ShardId) -> Self {
        Self { layout: LayoutId::FIRST, shard }
    }

    /// The place of that text.
    pub fn parse(text: &str) -> Option<Self> {
        let (shard, layout) = match text.split_once('.') {
            Some((shard, layout)) => (shard, layout.parse().ok().filter(|layout| *layout > 0)?),
            None => (text, 0),
        };
        Some(Self { layout: LayoutId(layout), shard: ShardId(shard.parse().ok()?) })
    }
}

/// `3`, and in later layouts `3.1`, `3.2`, …: a part of keys and of names of elections. Persisted, keep stable.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shard)?;
        if self.layout == LayoutId::FIRST { Ok(()) } else { write!(f, ".{}", self.layout.0) }
    }
}
