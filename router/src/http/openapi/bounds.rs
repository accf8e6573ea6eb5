//! Bounds in the document: those of the server that shows it, as its operator has set them.

use crate::Limits;
use serde_json::Value;

/// A property of a schema, the keyword that bounds it, and by what.
type Bound = (&'static str, &'static str, fn(&Limits) -> usize);

const BOUNDS: [Bound; 10] = [
    ("IndexRequest/properties/documents", "maxItems", |limits| limits.batch_documents_max),
    ("UpdateRequest/properties/documents", "maxItems", |limits| limits.batch_documents_max),
    ("DeleteRequest/properties/ids", "maxItems", |limits| limits.batch_documents_max),
    ("GetRequest/properties/ids", "maxItems", |limits| limits.batch_documents_max),
    ("SearchRequest/properties/vectors", "maxItems", |limits| limits.queries_max),
    ("SearchRequest/properties/limit", "maximum", |limits| limits.k_max),
    ("SearchRequest/properties/limit", "minimum", |_| 1),
    ("SearchRequest/properties/ef", "maximum", |limits| limits.ef_max),
    ("SearchRequest/properties/ef", "minimum", |_| 1),
    ("SearchRequest/properties/offset", "maximum", |limits| limits.k_max),
];

/// Sets them.
pub(super) fn set(document: &mut Value, limits: &Limits) {
    for (pointer, keyword, bound) in BOUNDS {
        if let Some(property) = document.pointer_mut(&format!("/components/schemas/{pointer}")) {
            property[keyword] = bound(limits).into();
        }
    }
    bound_times(document, limits.timeout_ms_max);
    for operation in document["paths"].as_object_mut().into_iter().flatten().flat_map(|(_, path)| path.as_object_mut())
    {
        for (_, operation) in operation {
            for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
                match parameter["name"].as_str() {
                    Some("timeout_ms") => bound_time(&mut parameter["schema"], limits.timeout_ms_max),
                    Some("limit") => {
                        parameter["schema"]["minimum"] = 1.into();
                        parameter["schema"]["maximum"] = limits.page_documents_max.into();
                    }
                    _ => {}
                }
            }
        }
    }
}

fn bound_times(document: &mut Value, timeout_ms_max: u64) {
    let schemas = document["components"]["schemas"].as_object_mut();
    for (_, schema) in schemas.into_iter().flatten() {
        if let Some(time) = schema.pointer_mut("/properties/timeout_ms") {
            bound_time(time, timeout_ms_max);
        }
    }
}

fn bound_time(time: &mut Value, timeout_ms_max: u64) {
    time["minimum"] = 1.into();
    time["maximum"] = timeout_ms_max.into();
}

/// Where a bound is to stand, for a test that each finds its place.
#[cfg(test)]
pub(super) fn places() -> impl Iterator<Item = String> {
    BOUNDS.iter().map(|(pointer, keyword, _)| format!("/components/schemas/{pointer}/{keyword}"))
}
