//! The end of the network in a process that holds shards: takes requests, and answers each when it is ready.

use crate::network::{Answer, Ask, Request, Target};
use annuli_api::{Failure, ShardApi};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Which shard a request is for, or why it is not answered.
pub(crate) type Lookup = Arc<dyn Fn(Target) -> Result<Arc<dyn ShardApi>, Failure> + Send + Sync>;

/// Answers requests for as long as it is polled.
pub(crate) async fn answer_all(mut requests: mpsc::Receiver<Request>, lookup: Lookup) {
    while let Some(mut request) = requests.recv().await {
        let lookup = Arc::clone(&lookup);
        tokio::spawn(async move {
            let Request { target, ask, left, ref mut reply } = request;
            let deadline = tokio::time::Instant::now() + left;
            let answer = async {
                let shard = lookup(target)?;
                call(&*shard, ask, deadline.into_std()).await
            };
            let answer = tokio::select! {
                biased;
                // Who has asked has hung up: the work is dropped.
                () = reply.is_not_awaited() => return,
                answer = answer => answer,
            };
            request.reply.send(answer);
        });
    }
}

async fn call(shard: &dyn ShardApi, ask: Ask, deadline: std::time::Instant) -> Result<Answer, Failure> {
    Ok(match ask {
        Ask::Write(writes) => Answer::Written(shard.write(writes, deadline).await?),
        Ask::DeleteMatching(filter) => Answer::Deleted(shard.delete_matching(filter, deadline).await?),
        Ask::Search(search) => Answer::Hits(shard.search(search, deadline).await?),
        Ask::Get(ids, read) => Answer::Got(shard.get(ids, read, deadline).await?),
        Ask::List(list, read) => Answer::Listed(shard.list(list, read, deadline).await?),
        Ask::Count(filter, read) => Answer::Counted(shard.count(filter, read, deadline).await?),
        Ask::Changes(asked) => Answer::Changes(shard.changes(asked, deadline).await?),
        Ask::Status => Answer::Status(shard.status().await?),
    })
}
