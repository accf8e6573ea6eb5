//! Who is there.

use super::answer::{Reply, ok};
use super::body::{Content, Nothing};
use crate::Router;
use annuli_api::v1::cluster::{ClusterInfo, SteppedDown};
use axum::extract::State;
use std::sync::Arc;

/// `GET /v1/cluster`
pub(super) async fn info(State(router): State<Arc<Router>>) -> Reply<ClusterInfo> {
    ok(router.operations()?.cluster().await)
}

/// `POST /v1/cluster/coordinator/step-down`
pub(super) async fn step_down(
    State(router): State<Arc<Router>>,
    Content(Nothing {}, _): Content<Nothing>,
) -> Reply<SteppedDown> {
    ok(router.operations()?.step_down().await)
}
