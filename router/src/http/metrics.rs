//! What Prometheus asks for.

use super::answer::HttpFailure;
use crate::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use std::sync::Arc;

/// `GET /metrics`
pub(super) async fn metrics(State(router): State<Arc<Router>>) -> Result<impl IntoResponse, HttpFailure> {
    let text = router.metrics_text(super::now()).await?;
    Ok(([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text))
}
