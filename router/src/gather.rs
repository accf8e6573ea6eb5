//! What the answers of several shards mean together: the only place that decides what a failed shard does to a
//! request.

use crate::scatter::ShardReply;
use annuli_api::shard_api::ShardHit;
use annuli_api::v1::search::FailedShard;
use annuli_api::{AsOf, ErrorCode, Failure, Index, Position};
use annuli_core::{ShardId, TopK};
use serde_json::json;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Answers, and who gave none.
#[derive(Debug)]
pub struct Gathered<R> {
    /// By shard.
    pub answers: Vec<(ShardId, R)>,
    /// By shard.
    pub failed: Vec<(ShardId, Failure)>,
}

/// What a request makes of missing answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Every shard must answer.
    Whole,
    /// At least one shard must answer; the others are named.
    Partial,
}

impl<R> Gathered<R> {
    /// Sorts the replies of a scatter.
    pub fn of(replies: Vec<ShardReply<R>>) -> Self {
        let mut gathered = Self { answers: Vec::new(), failed: Vec::new() };
        for (shard, reply) in replies {
            match reply {
                Ok(answer) => gathered.answers.push((shard, answer)),
                Err(failure) => gathered.failed.push((shard, failure)),
            }
        }
        gathered
    }

    /// Fails if the answers are not as complete as they must be.
    pub fn check(self, completeness: Completeness) -> Result<Self, Failure> {
        let enough = match completeness {
            Completeness::Whole => self.failed.is_empty(),
            Completeness::Partial => !self.answers.is_empty(),
        };
        if enough { Ok(self) } else { Err(combine(&self.failed, self.answers.len() + self.failed.len())) }
    }

    /// The failed shards, as they are named in a reply.
    pub fn failed_shards(&self) -> Vec<FailedShard> {
        self.failed.iter().map(|(shard, error)| FailedShard { shard: shard.0, error: error.clone() }).collect()
    }
}

/// One failure of those of several shards. A refusal, which every shard would give, stands for itself.
pub fn combine(failed: &[(ShardId, Failure)], asked: usize) -> Failure {
    let refusal = failed.iter().map(|(_, failure)| failure).find(|failure| {
        let status = failure.code.status();
        (400..500).contains(&status) && failure.code != ErrorCode::Overloaded
    });
    if let Some(refusal) = refusal {
        return refusal.clone();
    }
    let code = match failed {
        [(_, first), rest @ ..] if rest.iter().all(|(_, failure)| failure.code == first.code) => first.code,
        _ => ErrorCode::ShardUnavailable,
    };
    let reasons: Vec<_> = failed.iter().map(|(shard, failure)| format!("shard {shard}: {failure}")).collect();
    let message = format!("{} of {asked} shards failed: {}", failed.len(), reasons.join("; "));
    let named: Vec<_> = failed.iter().map(|(shard, failure)| json!({"shard": shard.0, "error": failure})).collect();
    Failure::new(code, message).with("failed", named)
}

/// The nearest `k` of what each shard found, by distance and id.
pub fn merge(answers: impl Iterator<Item = Vec<ShardHit>>, k: usize) -> Vec<ShardHit> {
    let mut nearest = TopK::new(k);
    answers.flatten().for_each(|hit| nearest.offer(Nearest(hit)));
    nearest.into_sorted().into_iter().map(|Nearest(hit)| hit).collect()
}

struct Nearest(ShardHit);

impl PartialEq for Nearest {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Nearest {}

impl PartialOrd for Nearest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Nearest {
    /// Equal distances fall back to the id, so a merge gives the same answer whichever shard replied first.
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.distance.total_cmp(&other.0.distance).then_with(|| self.0.id.cmp(&other.0.id))
    }
}

/// The token of a reply that was made of these positions.
pub fn as_of(index: &Index, positions: impl Iterator<Item = (ShardId, Position)>) -> String {
    // In one process the topology never changes.
    AsOf { index: index.uuid, epoch: 0, positions: positions.collect() }.encode()
}

/// The seq of each shard, as replies say it.
pub fn seqs(positions: impl Iterator<Item = (ShardId, Position)>) -> BTreeMap<u32, u64> {
    positions.map(|(shard, position)| (shard.0, position.seq.0)).collect()
}
