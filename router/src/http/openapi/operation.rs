//! One route in the document.

use super::words::{FAILURE, of_failures};
use crate::access::Role;
use crate::http::routes::{Contents, Route};
use annuli_api::{ErrorCode, Format};
use axum::http::Method;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, KnownFormat, ObjectBuilder, Ref, Required, ResponseBuilder, SchemaFormat, Type};

/// How keys are shown.
pub(super) const KEY: &str = "key";

/// What the document says of a route, which needs that role.
pub(super) fn of(route: &Route, role: Option<Role>) -> (HttpMethod, Operation) {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.id))
        .summary(Some(route.summary))
        .tag(route.tag.name())
        .parameters(Some(in_path(route.path).chain(route.words.parameters.iter().cloned())));
    if let Some((required, contents)) = &route.words.body {
        let body = RequestBodyBuilder::new().required(Some(required.clone()));
        let body = contents.iter().fold(body, |body, (media_type, content)| body.content(*media_type, content.clone()));
        operation = operation.request_body(Some(body.build()));
    }
    let mut statuses: BTreeMap<u16, (Contents, BTreeSet<String>)> = BTreeMap::new();
    for &status in route.statuses {
        statuses.entry(status).or_default().0 = route.words.reply.clone().unwrap_or_default();
    }
    let mut transient = BTreeSet::new();
    let asked: &[ErrorCode] = if role.is_some() { &[ErrorCode::Forbidden, ErrorCode::Unauthenticated] } else { &[] };
    for &code in route.failures.iter().chain(asked) {
        statuses.entry(code.status()).or_default().1.insert(code.to_string());
        if code.is_transient() {
            transient.insert(code.status());
        }
    }
    for (status, (contents, codes)) in statuses {
        let mut response = response(contents, &codes);
        if transient.contains(&status) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait before a retry"));
            response = response.header("Retry-After", header.build());
        }
        operation = operation.response(status.to_string(), response.build());
    }
    let mut operation = operation.securities(Some(role.map(|role| SecurityRequirement::new(KEY, [role.name()]))));
    if let Some(role) = role {
        operation = operation.extensions(Some(ExtensionsBuilder::new().add("x-role", role.name()).build()));
    }
    (method(&route.method), operation.build())
}

fn response(contents: Contents, codes: &BTreeSet<String>) -> ResponseBuilder {
    let done = if contents.is_empty() { "Done" } else { "The answer" };
    let about = if codes.is_empty() { done.to_owned() } else { of_failures(codes) };
    let mut contents: BTreeMap<_, _> = contents.into_iter().collect();
    if !codes.is_empty() {
        for format in [Format::Json, Format::MessagePack] {
            contents.insert(format.content_type(), Content::new(Some(Ref::from_schema_name(FAILURE))));
        }
    }
    let response = ResponseBuilder::new().description(about);
    contents.into_iter().fold(response, |response, (media_type, content)| response.content(media_type, content))
}

fn method(method: &Method) -> HttpMethod {
    match method.as_str() {
        "PUT" => HttpMethod::Put,
        "POST" => HttpMethod::Post,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// What stands between braces.
fn in_path(path: &'static str) -> impl Iterator<Item = Parameter> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(move |name| {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let uuid = || text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        let index_name = || text().pattern(Some("^[a-z0-9][a-z0-9_-]{0,63}$"));
        let (schema, about) = match name {
            "name" => (index_name(), "The index, by its name or an alias"),
            "alias" => (index_name(), "The alias"),
            "dump" => (uuid(), "The dump"),
            "word" => (text().enum_values(Some(["pause", "resume", "rollback"])), "What is said to it"),
            "file" => (text().enum_values(Some(["page.js", "swagger-ui.css", "swagger-ui-bundle.js"])), "The file"),
            _ if path.contains("/documents/") => (text().min_length(Some(1)).max_length(Some(512)), "The document"),
            _ => (uuid(), "The task"),
        };
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(about))
            .schema(Some(schema))
            .build()
    })
}

/// The status of a code, for the list of all.
pub(super) fn status_of(code: &str) -> Option<u16> {
    let code: ErrorCode = serde_json::from_value(code.into()).ok()?;
    Some(code.status())
}
