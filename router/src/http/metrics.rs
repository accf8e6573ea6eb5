//! What Prometheus asks for.

use super::answer::HttpFailure;
use crate::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Figures, in the format of Prometheus.
pub(super) struct Exposition(String);

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], self.0).into_response()
    }
}

/// `GET /metrics`
pub(super) async fn metrics(State(router): State<Arc<Router>>) -> Result<Exposition, HttpFailure> {
    Ok(Exposition(router.metrics_text(super::now()).await?))
}
