//! What is done in the background.

use super::address::Path;
use super::answer::{Answer, Reply, ok};
use crate::Router;
use annuli_api::v1::task::{TaskInfo, TaskList};
use annuli_api::{ErrorCode, Failure};
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
use uuid::Uuid;

/// `GET /v1/tasks`
pub(super) async fn list(State(router): State<Arc<Router>>) -> Answer<TaskList> {
    Answer::new(StatusCode::OK, TaskList { tasks: router.all_tasks(super::now()).await })
}

/// `GET /v1/tasks/{id}`
pub(super) async fn info(State(router): State<Arc<Router>>, Path(id): Path<String>) -> Reply<TaskInfo> {
    let missing = |_| Failure::new(ErrorCode::TaskNotFound, format_args!("there is no task `{id}`"));
    let id = Uuid::try_parse(&id).map_err(missing)?;
    ok(router.task(id, super::now()).await)
}
