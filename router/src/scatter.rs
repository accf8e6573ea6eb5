//! Asks several shards at once, with one deadline for all.

use annuli_api::{ErrorCode, Failure, Index, ShardApi};
use annuli_core::ShardId;
use annuli_traces::Span;
use futures_util::future::join_all;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

/// What one shard answered.
pub type ShardReply<R> = (ShardId, Result<R, Failure>);

/// Calls each of `targets` and waits until all have answered or the deadline has passed. Who has not answered by then
/// has failed; dropping the call tells the shard that nobody waits any longer.
pub async fn scatter<R, Call, Answer>(
    index: &Index,
    targets: &[ShardId],
    deadline: Instant,
    call: Call,
) -> Vec<ShardReply<R>>
where
    Call: Fn(ShardId, Arc<dyn ShardApi>) -> Answer,
    Answer: Future<Output = Result<R, Failure>>,
{
    if let [shard] = *targets {
        let answer = call(shard, Arc::clone(&index.shards[shard.0 as usize]));
        return vec![(shard, in_time(shard, deadline, answer).await)];
    }
    join_all(targets.iter().map(|&shard| {
        let answer = call(shard, Arc::clone(&index.shards[shard.0 as usize]));
        async move { (shard, in_time(shard, deadline, answer).await) }
    }))
    .await
}

/// The answer of one shard, if it comes before the deadline.
pub async fn in_time<R>(
    shard: ShardId,
    deadline: Instant,
    answer: impl Future<Output = Result<R, Failure>>,
) -> Result<R, Failure> {
    let answer = Span::begin("shard").with("annuli.shard", i64::from(shard.0)).of_call(answer);
    tokio::time::timeout_at(deadline.into(), answer).await.unwrap_or_else(|_| {
        Err(Failure::new(ErrorCode::DeadlineExceeded, format_args!("shard {shard} did not answer before the deadline")))
    })
}
