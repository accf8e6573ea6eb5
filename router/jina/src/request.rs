//! A request as a client sends it: snake case from `jina.Client`, camel case from people.

use crate::document::{JinaDocument, OneOrMany};
use annuli_api::v1::bounded_list::Batch;
use annuli_api::v1::metadata::WireMetadata;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The body of every call. Keys that are not known mean something to other servers, and are left out.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct JinaRequest {
    #[serde(default)]
    pub(crate) header: Option<Header>,
    #[serde(default)]
    pub(crate) parameters: Option<WireMetadata>,
    #[serde(default)]
    pub(crate) data: Data,
    #[serde(default, alias = "execEndpoint")]
    pub(crate) exec_endpoint: Option<String>,
}

/// What stands above the documents.
#[derive(Debug, Default, Clone, Deserialize, Serialize)]
pub(crate) struct Header {
    #[serde(default, alias = "requestId")]
    pub(crate) request_id: Option<String>,
    #[serde(default, alias = "execEndpoint")]
    pub(crate) exec_endpoint: Option<String>,
}

impl JinaRequest {
    /// The endpoint that the body names; `/` where it names none.
    pub(crate) fn endpoint(&self) -> &str {
        let in_header = || self.header.as_ref()?.exec_endpoint.as_deref();
        self.exec_endpoint.as_deref().or_else(in_header).unwrap_or("/")
    }
}

/// The documents of a request: a list, `{"docs": [...]}`, one document by itself, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Data(pub(crate) Vec<JinaDocument>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of documents, an object with `docs`, or a document")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Data, A::Error> {
        Batch::deserialize(SeqAccessDeserializer::new(sequence)).map(|Batch(documents)| Data(documents))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Data, A::Error> {
        Ok(Data(match OneOrMany::read(map)? {
            OneOrMany::One(document) => vec![document],
            OneOrMany::Many(documents) => documents,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(json: &str) -> Vec<String> {
        let request: JinaRequest = serde_json::from_str(json).unwrap();
        request.data.0.into_iter().map(|document| document.id.unwrap_or_default()).collect()
    }

    #[test]
    fn documents_come_in_four_forms() {
        assert_eq!(ids(r#"{"data": [{"id": "a"}, {"id": "b"}]}"#), ["a", "b"]);
        assert_eq!(ids(r#"{"data": {"docs": [{"id": "a"}]}}"#), ["a"]);
        assert_eq!(ids(r#"{"data": {"id": "a", "embedding": [1]}}"#), ["a"]);
        assert_eq!(ids(r#"{"data": [{"id": "a", "docs": "a field of its class"}]}"#), ["a"]);
        assert_eq!(ids(r#"{"data": null}"#), [""; 0]);
        assert_eq!(ids("{}"), [""; 0]);
    }

    #[test]
    fn the_endpoint_is_named_in_the_body_or_in_its_header() {
        let endpoint = |json: &str| serde_json::from_str::<JinaRequest>(json).unwrap().endpoint().to_owned();
        assert_eq!(endpoint(r#"{"execEndpoint": "/search"}"#), "/search");
        assert_eq!(endpoint(r#"{"header": {"exec_endpoint": "/search"}, "unknown": 7}"#), "/search");
        assert_eq!(endpoint("{}"), "/");
    }
}
