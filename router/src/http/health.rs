//! Health: whether the process runs, whether it can serve.

use crate::Router;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

/// The process runs.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// The process can serve.
pub(super) async fn ready(State(router): State<Arc<Router>>) -> (StatusCode, String) {
    match router.check_ready(super::now()).await {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}
