//! Who is there.

use super::answer::{Reply, ok};
use crate::Router;
use annuli_api::v1::cluster::ClusterInfo;
use axum::extract::State;
use std::sync::Arc;

/// `GET /v1/cluster`
pub(super) async fn info(State(router): State<Arc<Router>>) -> Reply<ClusterInfo> {
    ok(router.operations()?.cluster().await)
}
