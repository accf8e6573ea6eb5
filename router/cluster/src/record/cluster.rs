//! `cluster`: into how many shards it divides its indexes, and into how many it is about to.

use super::layout::{Layout, LayoutId};
use super::{Key, UnreadableRecord, decode, encode, unusable};
use annuli_core::ShardCount;
use serde::{Deserialize, Serialize};

/// What a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterRecord {
    /// The layout of every index; while it moves to another, of those that have not moved yet.
    pub layout: Layout,
    /// The layout that its indexes move to.
    pub next: Option<Layout>,
    /// The last number that a layout got.
    pub last: LayoutId,
}

#[derive(Serialize, Deserialize)]
struct Json {
    shards: u32,
    #[serde(default, skip_serializing_if = "LayoutId::is_first")]
    layout: LayoutId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<NextJson>,
    #[serde(default, skip_serializing_if = "LayoutId::is_first")]
    last: LayoutId,
}

#[derive(Serialize, Deserialize)]
struct NextJson {
    shards: u32,
    layout: LayoutId,
}

impl ClusterRecord {
    /// Of a new cluster.
    pub fn founded(shards: ShardCount) -> Self {
        Self { layout: Layout { id: LayoutId::FIRST, shards }, next: None, last: LayoutId::FIRST }
    }

    /// The layouts that have processes: that of today, and the next.
    pub fn layouts(&self) -> impl Iterator<Item = Layout> {
        [Some(self.layout), self.next].into_iter().flatten()
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let next = self.next.map(|next| NextJson { shards: next.shards.get(), layout: next.id });
        encode(Json { shards: self.layout.shards.get(), layout: self.layout.id, next, last: self.last })
    }

    /// From what is stored.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { shards, layout: id, next, last } = decode(&Key::Cluster, bytes)?;
        let layout = |id, shards| {
            let shards = ShardCount::new(shards).map_err(|error| unusable(&Key::Cluster, error))?;
            Ok::<_, UnreadableRecord>(Layout { id, shards })
        };
        let next = next.map(|next| layout(next.layout, next.shards)).transpose()?;
        Ok(Self { layout: layout(id, shards)?, next, last })
    }
}
