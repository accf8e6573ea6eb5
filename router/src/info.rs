//! How indexes are.

use crate::Router;
use crate::builds::{builds, statuses_of};
use annuli_api::shard_api::{SegmentsStatus, ShardStatus};
use annuli_api::v1::index::{CreateIndex, IndexInfo, IndexStatus, SegmentsInfo, ShardInfo, TailInfo};
use annuli_api::{Failure, Index};
use annuli_core::ShardId;
use std::time::{Duration, Instant};

/// Time for a shard to say how it is.
pub(crate) const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

impl Router {
    /// How an index is. A shard that does not answer is a part of the answer.
    pub async fn index_info(&self, index: &Index, started: Instant) -> IndexInfo {
        let replies = statuses_of(index, started).await;
        let shard_status: Vec<_> = replies.into_iter().map(|(shard, reply)| shard_info(shard, reply)).collect();
        let aliases = self.catalogue.aliases();
        IndexInfo {
            name: index.name.as_str().to_owned(),
            uuid: index.uuid.0,
            schema: CreateIndex::from(&index.schema),
            status: status(&shard_status),
            documents: shard_status.iter().filter_map(|shard| shard.documents).sum(),
            aliases: aliases
                .iter()
                .filter(|(_, name)| **name == index.name)
                .map(|(alias, _)| alias.as_str().to_owned())
                .collect(),
            shard_status,
        }
    }
}

fn shard_info(shard: ShardId, reply: Result<ShardStatus, Failure>) -> ShardInfo {
    match reply {
        Ok(status) => ShardInfo {
            shard: shard.0,
            seq: Some(status.position.seq.0),
            documents: Some(status.documents),
            pending: Some(status.pending),
            segments: Some(segments(status.segments)),
            tail: Some(TailInfo { documents: status.tail.documents, in_head: status.tail.in_head }),
            builds: builds(&status).collect(),
            error: None,
        },
        Err(error) => ShardInfo {
            shard: shard.0,
            seq: None,
            documents: None,
            pending: None,
            segments: None,
            tail: None,
            builds: Vec::new(),
            error: Some(error),
        },
    }
}

fn segments(SegmentsStatus { count, live, dead, bytes }: SegmentsStatus) -> SegmentsInfo {
    SegmentsInfo { count, documents: live, dead, bytes }
}

fn status(shards: &[ShardInfo]) -> IndexStatus {
    if shards.iter().any(|shard| shard.error.is_some()) {
        IndexStatus::Unavailable
    } else if shards.iter().any(|shard| shard.pending != Some(0)) {
        IndexStatus::Building
    } else {
        IndexStatus::Ready
    }
}
