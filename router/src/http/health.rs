//! Health: whether the process runs, whether it can serve.

use super::doors::shown;
use crate::Router;
use crate::access::{Needs, Role};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// The process runs.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// The process can serve.
pub(super) async fn ready(State(router): State<Arc<Router>>, headers: HeaderMap) -> (StatusCode, String) {
    match readiness(&router, &headers).await {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(said) => (StatusCode::SERVICE_UNAVAILABLE, format!("{said}\n")),
    }
}

/// Returns whether the process can serve, in words for whoever asks.
///
/// # Errors
/// That it is not ready; and why, which names indexes, to who may read. The log has that as well.
pub async fn readiness(router: &Arc<Router>, headers: &HeaderMap) -> Result<(), String> {
    let Err(reason) = router.check_ready().await else { return Ok(()) };
    match router.access.admit(shown(headers), Needs::Role(Role::Read)) {
        Ok(_) => Err(format!("not ready: {reason}")),
        Err(_) => Err("not ready".to_owned()),
    }
}
