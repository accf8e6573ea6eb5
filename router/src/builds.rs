//! Segments that shards are making, as tasks. Nobody keeps a list of them: each shard says what it is at, and its word
//! is the task.

use crate::Router;
use crate::info::STATUS_TIMEOUT;
use crate::scatter::{ShardReply, scatter};
use annuli_api::shard_api::{BuildStatus, ShardStatus};
use annuli_api::v1::index::{BuildInfo, BuildKind};
use annuli_api::v1::task::{TaskInfo, TaskProgress, TaskStatus};
use annuli_api::{ErrorCode, Failure, Index, Operations};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

impl Router {
    /// Everything that is done in the background, and what ended a while ago; the newest first.
    pub async fn all_tasks(&self, started: Instant) -> Vec<TaskInfo> {
        let mut tasks = self.tasks.list();
        tasks.extend(self.catalogue.operations().into_iter().flat_map(Operations::tasks));
        for (index, replies) in self.statuses(started).await {
            let of_shard = |status: ShardStatus| builds(&status).map(move |build| (status.shard.0, build));
            let builds = replies.into_iter().filter_map(|(_, reply)| reply.ok()).flat_map(of_shard);
            tasks.extend(builds.map(|(shard, build)| task(&index, shard, &build)));
        }
        tasks.sort_by_key(|task| std::cmp::Reverse(task.id));
        tasks
    }

    /// How a task is.
    pub async fn task(&self, id: Uuid, started: Instant) -> Result<TaskInfo, Failure> {
        if let Some(task) = self.tasks.get(id) {
            return Ok(task);
        }
        let missing = || {
            let message =
                format!("there is no task `{id}`, or it ended long ago; a seal or merge is one while it runs");
            Failure::new(ErrorCode::TaskNotFound, message)
        };
        let mut found = self.find_task(id, started).await;
        if found.is_none() && self.catalogue.operations().is_some() {
            // It may have been asked for through another router a moment ago.
            self.catalogue.refresh().await;
            found = self.find_task(id, started).await;
        }
        found.ok_or_else(missing)
    }

    async fn find_task(&self, id: Uuid, started: Instant) -> Option<TaskInfo> {
        self.all_tasks(started).await.into_iter().find(|task| task.id == id)
    }

    /// How every shard is of every index that can be served.
    pub(crate) async fn statuses(&self, started: Instant) -> Vec<(Arc<Index>, Vec<ShardReply<ShardStatus>>)> {
        let indexes = self.catalogue.indexes().into_iter().flatten();
        join_all(indexes.map(|index| async move {
            let replies = statuses_of(&index, started).await;
            (index, replies)
        }))
        .await
    }
}

/// How every shard of an index is.
pub(crate) async fn statuses_of(index: &Index, started: Instant) -> Vec<ShardReply<ShardStatus>> {
    let all: Vec<_> = index.schema.shards.shards().collect();
    scatter(index, &all, started + STATUS_TIMEOUT, |_, shard| async move { shard.status().await }).await
}

/// What a shard is building.
pub(crate) fn builds(status: &ShardStatus) -> impl Iterator<Item = BuildInfo> + use<> {
    let info = |kind| {
        move |build: BuildStatus| BuildInfo {
            task: build.id,
            kind,
            waits: build.waits,
            documents: build.documents,
            done: build.done,
            running_ms: u64::try_from(build.since.as_millis()).unwrap_or(u64::MAX),
        }
    };
    status.seal.map(info(BuildKind::Seal)).into_iter().chain(status.merge.map(info(BuildKind::Merge)))
}

fn task(index: &Index, shard: u32, build: &BuildInfo) -> TaskInfo {
    let kind = match build.kind {
        BuildKind::Seal => "seal",
        BuildKind::Merge => "merge",
    };
    TaskInfo {
        id: build.task,
        kind: kind.to_owned(),
        index: Some(index.name.as_str().to_owned()),
        shard: Some(shard),
        status: if build.waits { TaskStatus::Queued } else { TaskStatus::Running },
        progress: TaskProgress::Documents { documents_done: build.done, documents_total: build.documents },
        error: None,
        result: None,
    }
}
