//! How a document of docarray is stored: its tags are the metadata, so that filters see them; whatever else it says
//! (`text`, `uri`, the fields of its class) is kept beside them, under one name.

use crate::document::JinaDocument;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::{ErrorCode, Failure};
use annuli_core::Value;
use annuli_core::value::Object;

/// The name in the metadata under which stands what is neither id, embedding nor tag. Persisted: keep it stable.
pub(crate) const KEPT: &str = "__jina__";

/// What a search writes into a document: not part of what is stored.
const OF_RESULTS: [&str; 4] = ["adjacency", "evaluations", "matches", "scores"];

/// The metadata to store.
pub(crate) fn metadata(id: &str, document: &JinaDocument) -> Result<WireMetadata, Failure> {
    let WireMetadata(mut metadata) = document.tags.clone().unwrap_or_default();
    if metadata.contains_key(KEPT) {
        let message = format!("document `{id}` has a tag `{KEPT}`, a name that is taken: give it another");
        return Err(Failure::new(ErrorCode::InvalidMetadata, message).with("id", id));
    }
    let said = |name: &str, value: &Value| *value != Value::Null && !OF_RESULTS.contains(&name);
    let rest = document.rest.iter().filter(|(name, value)| said(name, value));
    let kept: Object = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
    if !kept.is_empty() {
        metadata.insert(KEPT.into(), Value::Object(kept));
    }
    Ok(WireMetadata(metadata))
}

/// The tags of stored metadata, and what was kept beside them.
pub(crate) fn parts(metadata: Option<WireMetadata>) -> (Object, Object) {
    let WireMetadata(mut tags) = metadata.unwrap_or_default();
    match tags.remove(KEPT) {
        Some(Value::Object(kept)) => (tags, kept),
        Some(other) => {
            // Somebody else's, by whatever other protocol it came.
            tags.insert(KEPT.into(), other);
            (tags, Object::new())
        }
        None => (tags, Object::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(json: &str) -> Result<WireMetadata, Failure> {
        metadata("a", &serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_document_comes_apart_as_it_was_put_together() {
        let metadata =
            stored(r#"{"tags": {"brand": "x"}, "text": "t", "uri": null, "matches": [{"id": "b"}]}"#).unwrap();
        assert_eq!(serde_json::to_string(&metadata).unwrap(), r#"{"__jina__":{"text":"t"},"brand":"x"}"#);
        let (tags, kept) = parts(Some(metadata));
        assert_eq!(tags["brand"], Value::Text("x".into()));
        assert_eq!((tags.len(), kept.len()), (1, 1));
    }

    #[test]
    fn a_tag_of_the_reserved_name_is_refused() {
        let failure = stored(r#"{"tags": {"__jina__": 1}}"#).unwrap_err();
        assert_eq!(failure.message, "document `a` has a tag `__jina__`, a name that is taken: give it another");
    }
}
