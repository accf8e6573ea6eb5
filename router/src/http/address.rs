//! What a request's address says: the parts of its path and its query. As axum reads them, with our failures.

use super::answer::HttpFailure;
use annuli_api::{ErrorCode, Failure};
use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// Parts of the path.
pub struct Path<T>(pub T);

/// The query behind the path.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = HttpFailure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpFailure> {
        let read = AxumPath::from_request_parts(parts, state).await;
        read.map(|AxumPath(parts)| Self(parts)).map_err(|error| invalid(error.body_text()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = HttpFailure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpFailure> {
        let read = AxumQuery::from_request_parts(parts, state).await;
        read.map(|AxumQuery(query)| Self(query)).map_err(|error| invalid(error.body_text()))
    }
}

fn invalid(text: String) -> HttpFailure {
    HttpFailure(Failure::new(ErrorCode::InvalidRequest, text))
}
