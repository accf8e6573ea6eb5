//! Who is there.

use super::answer::{Reply, ok};
use super::body::{Content, Nothing};
use crate::Router;
use annuli_api::v1::cluster::{ClusterInfo, Reshard, Resharding, SteppedDown};
use annuli_api::{ErrorCode, Failure};
use annuli_core::ShardCount;
use axum::extract::State;
use std::sync::Arc;

/// `GET /v1/cluster`
pub(super) async fn info(State(router): State<Arc<Router>>) -> Reply<ClusterInfo> {
    ok(router.operations()?.cluster().await)
}

/// `POST /v1/cluster/reshard`
pub(super) async fn reshard(
    State(router): State<Arc<Router>>,
    Content(Reshard { shards }, _): Content<Reshard>,
) -> Reply<Resharding> {
    let wanted = ShardCount::new(shards).map_err(|error| Failure::new(ErrorCode::InvalidRequest, error));
    let operations = router.operations()?;
    ok(match wanted {
        Ok(shards) => operations.reshard(shards).await,
        Err(failure) => Err(failure),
    })
}

/// `DELETE /v1/cluster/reshard`
pub(super) async fn cancel_reshard(State(router): State<Arc<Router>>) -> Reply<Resharding> {
    ok(router.operations()?.cancel_reshard().await)
}

/// `POST /v1/cluster/coordinator/step-down`
pub(super) async fn step_down(
    State(router): State<Arc<Router>>,
    Content(Nothing {}, _): Content<Nothing>,
) -> Reply<SteppedDown> {
    ok(router.operations()?.step_down().await)
}
