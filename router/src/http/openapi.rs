//! The API as an OpenAPI 3.1 document, made of the table of routes and of the types that travel.

mod bounds;
mod flat;
mod operation;
mod words;

use super::routes::{self, Route, Tag};
use crate::access::Access;
use crate::{Limits, Router};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::sync::Arc;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, OpenApiVersion, Paths};
use utoipa::{PartialSchema, ToSchema};

/// The document as it is sent.
pub(super) struct Document(Bytes);

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], self.0).into_response()
    }
}

/// `GET /openapi.json`
pub(super) async fn document(State(router): State<Arc<Router>>) -> Document {
    let written = || Bytes::from(describe(&router.limits, &router.access).to_string());
    Document(router.document.get_or_init(written).clone())
}

/// The document of a server with these limits, that lets these in.
fn describe(limits: &Limits, access: &Access) -> Value {
    let routes: Vec<Route> = [routes::requests(), routes::watchers()].into_iter().flatten().collect();
    let mut document =
        serde_json::to_value(of_routes(&routes, limits, access)).expect("it is made of texts and numbers");
    bounds::set(&mut document, limits);
    flat::lay(&mut document);
    document
}

fn of_routes(routes: &[Route], limits: &Limits, access: &Access) -> OpenApi {
    let mut paths = Paths::new();
    let mut components = ComponentsBuilder::new();
    for route in routes {
        let (method, operation) = operation::of(route, access.role(route.needs));
        paths.add_path_operation(route.path, vec![method], operation);
        components = components.schemas_from_iter(route.words.schemas.iter().cloned());
    }
    components = components.schema(words::FAILURE, annuli_api::error::FailureBody::schema());
    let mut of_failures = Vec::new();
    annuli_api::error::FailureBody::schemas(&mut of_failures);
    components = components.schemas_from_iter(of_failures);
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(words::KEY));
    components = components.security_scheme(operation::KEY, SecurityScheme::Http(key.build()));
    let license = License::builder().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Annuli")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(words::about(limits)))
        .license(Some(license));
    OpenApiBuilder::new()
        .openapi(OpenApiVersion::Version31)
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .tags(Some(Tag::ALL.map(|tag| TagBuilder::new().name(tag.name()).build())))
        .build()
}

#[cfg(test)]
mod tests;
