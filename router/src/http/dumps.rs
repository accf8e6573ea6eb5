//! Dumps.

use super::address::Path;
use super::answer::{Answer, HttpFailure, Reply, ok};
use super::body::Content;
use crate::{Router, parse_name};
use annuli_api::v1::dump::{CreateDump, DumpInfo, DumpList, RestoreDump};
use annuli_api::v1::task::TaskStarted;
use annuli_api::{ErrorCode, Failure};
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
use uuid::Uuid;

/// `POST …/dumps`
pub(super) async fn create(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    // It says nothing yet, but it must be there: a page in a browser cannot send it unasked.
    Content(CreateDump {}, _): Content<CreateDump>,
) -> Reply<TaskStarted> {
    let index = router.index(&name).await?;
    let task = router.start_dump(&index).await?;
    Ok(Answer::new(StatusCode::ACCEPTED, TaskStarted { task }))
}

/// `POST /v1/indexes/{name}/restore`
pub(super) async fn restore(
    State(router): State<Arc<Router>>,
    Path(name): Path<String>,
    Content(RestoreDump { dump }, _): Content<RestoreDump>,
) -> Reply<TaskStarted> {
    let name = parse_name(&name)?;
    let task = router.restore_dump(&name, dump).await?;
    Ok(Answer::new(StatusCode::ACCEPTED, TaskStarted { task }))
}

/// `GET …/dumps`
pub(super) async fn list(State(router): State<Arc<Router>>, Path(name): Path<String>) -> Reply<DumpList> {
    let index = router.index(&name).await?;
    ok(router.catalogue.dumps(&index).await.map(|dumps| DumpList { dumps }))
}

/// `GET …/dumps/{dump}`
pub(super) async fn info(
    State(router): State<Arc<Router>>,
    Path((name, dump)): Path<(String, String)>,
) -> Reply<DumpInfo> {
    let index = router.index(&name).await?;
    let dumps = router.catalogue.dumps(&index).await?;
    let missing = || Failure::new(ErrorCode::DumpNotFound, format_args!("index `{name}` has no dump {dump}"));
    ok(dumps.into_iter().find(|known| known.dump.to_string() == dump).ok_or_else(missing))
}

/// `DELETE …/dumps/{dump}`
pub(super) async fn remove(
    State(router): State<Arc<Router>>,
    Path((name, dump)): Path<(String, String)>,
) -> Result<StatusCode, HttpFailure> {
    let index = router.index(&name).await?;
    let missing = |_| Failure::new(ErrorCode::DumpNotFound, format_args!("index `{name}` has no dump `{dump}`"));
    router.catalogue.remove_dump(&index, Uuid::try_parse(&dump).map_err(missing)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
