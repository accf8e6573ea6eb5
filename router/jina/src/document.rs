//! A document of docarray as JSON, of either generation: what an index works with, and whatever else it says.

use annuli_api::v1::bounded_list::Batch;
use annuli_api::v1::metadata::{WireMetadata, WireValue};
use annuli_api::v1::vector::WireVector;
use annuli_core::value::Object;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;

/// A document as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct JinaDocument {
    pub(crate) id: Option<String>,
    pub(crate) embedding: Option<WireVector>,
    pub(crate) tags: Option<WireMetadata>,
    /// All other fields, nulls too.
    pub(crate) rest: Object,
}

/// What stands where documents may: one of them, or an object that holds them.
pub(crate) enum OneOrMany {
    One(JinaDocument),
    Many(Vec<JinaDocument>),
}

impl OneOrMany {
    /// Reads `{"docs": [...]}`, or else a document.
    pub(crate) fn read<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let mut held = None;
        let document = read(map, &mut Some(&mut held))?;
        Ok(held.map_or(Self::One(document), |Batch(documents)| Self::Many(documents)))
    }
}

/// Reads a document; `docs` is a field of it, unless there is a place for the documents that it may hold.
fn read<'de, A: MapAccess<'de>>(
    mut map: A,
    held: &mut Option<&mut Option<Batch<JinaDocument>>>,
) -> Result<JinaDocument, A::Error> {
    let mut document = JinaDocument::default();
    while let Some(key) = map.next_key::<Box<str>>()? {
        match (&*key, held.as_mut()) {
            ("id", _) => document.id = map.next_value()?,
            ("embedding", _) => document.embedding = map.next_value()?,
            ("tags", _) => document.tags = map.next_value()?,
            ("docs", Some(held)) => **held = map.next_value()?,
            _ => {
                let WireValue(value) = map.next_value()?;
                document.rest.insert(key, value);
            }
        }
    }
    Ok(document)
}

impl<'de> Deserialize<'de> for JinaDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = JinaDocument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JinaDocument, A::Error> {
        read(map, &mut None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::Value;

    #[test]
    fn what_is_not_known_by_name_is_kept_by_its_name() {
        let json = r#"{"id": "a", "embedding": [1, 2], "tags": {"x": 1}, "text": "t", "uri": null}"#;
        let document: JinaDocument = serde_json::from_str(json).unwrap();
        assert_eq!(document.id.as_deref(), Some("a"));
        assert_eq!(document.embedding, Some(WireVector::Numbers(vec![1.0, 2.0])));
        assert_eq!(document.rest["text"], Value::Text("t".into()));
        assert_eq!(document.rest["uri"], Value::Null);
        assert_eq!(document.rest.len(), 2);
    }
}
