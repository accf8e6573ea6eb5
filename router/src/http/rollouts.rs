//! Rollouts.

use super::address::Path;
use super::answer::{Answer, HttpFailure, Reply, ok};
use super::body::{Content, Nothing};
use crate::Router;
use annuli_api::v1::rollout::{RolloutAnswer, RolloutWord, StartRollout};
use annuli_api::v1::task::{TaskInfo, TaskStarted};
use annuli_api::{ErrorCode, Failure};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use std::sync::Arc;
use uuid::Uuid;

/// `POST …/rollouts`
pub(super) async fn start(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Content(rollout, _): Content<StartRollout>,
) -> Reply<RolloutAnswer> {
    let index = router.index(&name).await?;
    let operations = router.operations()?;
    if rollout.plan == Some(true) {
        return ok(operations.plan_rollout(&index, rollout).await.map(RolloutAnswer::Planned));
    }
    let task = operations.start_rollout(&index, rollout).await?;
    Ok(Answer::new(StatusCode::ACCEPTED, RolloutAnswer::Started(TaskStarted { task })))
}

/// `GET …/rollouts/{id}`
pub(super) async fn info(
    State(router): State<Arc<Router>>,
    Path((name, id)): Path<(String, String)>,
) -> Reply<TaskInfo> {
    let index = router.index(&name).await?;
    let id = parse_id(&name, &id)?;
    let operations = router.operations()?;
    let mut found = operations.rollout(&index, id);
    if found.is_none() {
        // It may have been asked for through another router a moment ago.
        router.catalogue.refresh().await;
        found = operations.rollout(&index, id);
    }
    ok(found.ok_or_else(|| missing(&name, &id)))
}

/// `POST …/rollouts/{id}/{word}`
pub(super) async fn say(
    State(router): State<Arc<Router>>,
    Path((name, id, word)): Path<(String, String, String)>,
    Content(Nothing {}, _): Content<Nothing>,
) -> Result<StatusCode, HttpFailure> {
    let index = router.index(&name).await?;
    let id = parse_id(&name, &id)?;
    let word = RolloutWord::deserialize(StrDeserializer::<Error>::new(&word))
        .map_err(|error| Failure::new(ErrorCode::NotFound, format_args!("nothing can be said like that: {error}")))?;
    router.operations()?.say(&index, id, word).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse_id(name: &str, id: &str) -> Result<Uuid, Failure> {
    Uuid::try_parse(id).map_err(|_| missing(name, &id))
}

fn missing(name: &str, id: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::TaskNotFound, format_args!("index `{name}` has no rollout `{id}`"))
}
