//! Snapshots: dumps of a collection, all shards of it. They are kept where the server keeps its dumps, and brought back by
//! its own means.

use crate::asked::Asked;
use crate::collections::find;
use crate::envelope::{Refusal, Reply, accepted, said};
use annuli_api::v1::dump::DumpInfo;
use annuli_api::v1::task::{TaskInfo, TaskStatus};
use annuli_api::{ErrorCode, Failure, Index};
use annuli_router::Router;
use annuli_router::http::dialect::{self, Path, Query};
use axum::extract::State;
use axum::http::header::{HeaderMap, HeaderValue, ORIGIN};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often a dump is looked at that somebody waits for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

fn described(dump: &DumpInfo) -> Value {
    json!({
        "name": dump.dump.hyphenated().to_string(),
        "creation_time": dump.created_at,
        "size": dump.bytes,
        "checksum": null,
    })
}

/// `POST …/snapshots`
pub(crate) async fn create(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let started = dialect::now();
    refuse_pages(&headers)?;
    let index = find(&router, &collection).await?;
    let task = router.start_dump(&index).await?;
    if !asked.waits(true) {
        return Ok(accepted());
    }
    let allowed = router.limits.timeout(asked.timeout_ms()?.or(Some(router.limits.timeout_ms_max)))?;
    let dump = taken(&router, &index, task, started, started + allowed).await?;
    Ok(said(started, described(&dump)).into_response())
}

/// Refuses what a page in somebody's browser sends. It needs no body, so a browser asks nobody whether it may; every other
/// call that changes something says that it is JSON, or is of a method that a browser asks about first.
fn refuse_pages(headers: &HeaderMap) -> Result<(), Failure> {
    let of_another_site = |site: &HeaderValue| !["same-origin", "none"].iter().any(|own| site == own);
    if headers.contains_key(ORIGIN) || headers.get_all("sec-fetch-site").iter().any(of_another_site) {
        let message =
            "a page in a browser cannot begin snapshots: ask by a client of Qdrant, or by `annuli dump create`";
        return Err(Failure::new(ErrorCode::Forbidden, message));
    }
    Ok(())
}

/// The dump that a task has taken, when it has.
async fn taken(
    router: &Router,
    index: &Arc<Index>,
    task: Uuid,
    started: Instant,
    deadline: Instant,
) -> Result<DumpInfo, Failure> {
    loop {
        let info = router.task(task, started).await?;
        if has_succeeded(&info)? {
            let known = info.result.and_then(|result| serde_json::from_value(result).ok());
            let newest = || async { router.catalogue.dumps(index).await.map(|dumps| dumps.into_iter().next_back()) };
            let dump = match known {
                Some(dump) => Some(dump),
                None => newest().await?,
            };
            return dump.ok_or_else(|| Failure::new(ErrorCode::DumpNotFound, "the snapshot is gone again"));
        }
        if router.is_draining() {
            let message = "the server is about to end: look for the snapshot in the list of snapshots";
            return Err(Failure::new(ErrorCode::ShuttingDown, message));
        }
        if dialect::now() + LOOK_EVERY > deadline {
            let message = "the snapshot is not done yet, and goes on: look for it in the list of snapshots";
            return Err(Failure::new(ErrorCode::DeadlineExceeded, message));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the task of a snapshot is done.
///
/// # Errors
/// It ended in any other way.
fn has_succeeded(info: &TaskInfo) -> Result<bool, Failure> {
    match info.status {
        TaskStatus::Queued | TaskStatus::Running | TaskStatus::Paused => Ok(false),
        TaskStatus::Succeeded => Ok(true),
        status @ (TaskStatus::Failed | TaskStatus::RolledBack | TaskStatus::Cancelled) => {
            let message = format_args!("there is no snapshot: its task is {}", status.name());
            Err(info.error.clone().unwrap_or_else(|| Failure::new(ErrorCode::DumpNotFound, message)))
        }
    }
}

/// `GET …/snapshots`
pub(crate) async fn list(State(router): State<Arc<Router>>, Path(collection): Path<String>) -> Reply<Vec<Value>> {
    let started = dialect::now();
    let index = find(&router, &collection).await?;
    let dumps = router.catalogue.dumps(&index).await?;
    Ok(said(started, dumps.iter().map(described).collect()))
}

/// `DELETE …/snapshots/{snapshot}`
pub(crate) async fn remove(
    State(router): State<Arc<Router>>,
    Path((collection, snapshot)): Path<(String, String)>,
) -> Reply<bool> {
    let started = dialect::now();
    let index = find(&router, &collection).await?;
    let missing = |_| Failure::new(ErrorCode::DumpNotFound, format_args!("Not found: Snapshot {snapshot} not found"));
    router.catalogue.remove_dump(&index, Uuid::try_parse(&snapshot).map_err(missing)?).await?;
    Ok(said(started, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cancelled task has no failure to tell: the newest snapshot that there was before was taken for its own.
    #[test]
    fn only_a_task_that_has_succeeded_has_taken_a_snapshot() {
        let of = |status: &str| {
            let info = json!({"id": Uuid::nil(), "kind": "dump", "status": status, "progress": {"shards_done": 0, "shards_total": 1}});
            has_succeeded(&serde_json::from_value(info).unwrap()).map_err(|failure| failure.message)
        };
        assert_eq!((of("running"), of("succeeded")), (Ok(false), Ok(true)));
        assert_eq!(of("cancelled"), Err("there is no snapshot: its task is cancelled".to_owned()));
    }
}
