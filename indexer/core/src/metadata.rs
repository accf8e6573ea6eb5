//! Metadata of a document: named values beside the vector, to filter by and to show.

use crate::limits::METADATA_DEPTH_MAX;
use crate::value::{Object, Value};
use std::sync::Arc;

/// A document's metadata, nested at most 32 levels deep. Cheap to clone; empty and absent are the same.
///
/// Its size is bounded too (`METADATA_BYTES_MAX`), where it is turned into bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(Arc<Object>);

/// Metadata nested deeper than filters and merges can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("metadata is nested {depth} levels deep, the limit is {METADATA_DEPTH_MAX}")]
pub struct MetadataTooDeep {
    depth: usize,
}

impl Metadata {
    /// Checks the depth.
    pub fn new(object: Object) -> Result<Self, MetadataTooDeep> {
        let depth = 1 + object.values().map(Value::depth).max().unwrap_or(0);
        if depth > METADATA_DEPTH_MAX {
            return Err(MetadataTooDeep { depth });
        }
        Ok(Self(Arc::new(object)))
    }

    /// The named values.
    pub fn object(&self) -> &Object {
        &self.0
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Merges `patch` into this, as RFC 7396 (JSON Merge Patch) says: null removes a field, an object is merged
    /// field by field, anything else replaces.
    pub fn merged(&self, patch: &Self) -> Self {
        let mut object = Object::clone(&self.0);
        merge(&mut object, &patch.0);
        // Merging adds no level that one of the two did not have.
        Self(Arc::new(object))
    }
}

fn merge(target: &mut Object, patch: &Object) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let slot = target.entry(name.clone()).or_insert(Value::Null);
                if !matches!(slot, Value::Object(_)) {
                    *slot = Value::Object(Object::new());
                }
                if let Value::Object(object) = slot {
                    merge(object, inner);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Array(_) => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<const N: usize>(fields: [(&str, Value); N]) -> Object {
        fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[track_caller]
    fn check_merge(target: Object, patch: Object, want: Object) {
        let [target, patch, want] = [target, patch, want].map(|object| Metadata::new(object).unwrap());
        assert_eq!(target.merged(&patch), want);
    }

    #[test]
    fn a_merge_replaces_adds_and_removes() {
        check_merge(
            object([("a", text("old")), ("b", text("stays")), ("c", text("goes"))]),
            object([("a", text("new")), ("c", Value::Null), ("d", text("added"))]),
            object([("a", text("new")), ("b", text("stays")), ("d", text("added"))]),
        );
    }

    #[test]
    fn a_merge_reaches_into_objects() {
        check_merge(
            object([("o", Value::Object(object([("x", text("1")), ("y", text("2"))])))]),
            object([("o", Value::Object(object([("x", Value::Null), ("z", text("3"))])))]),
            object([("o", Value::Object(object([("y", text("2")), ("z", text("3"))])))]),
        );
    }

    #[test]
    fn an_object_replaces_a_scalar_without_its_nulls() {
        check_merge(
            object([("o", text("scalar"))]),
            object([("o", Value::Object(object([("x", Value::Null), ("z", text("3"))])))]),
            object([("o", Value::Object(object([("z", text("3"))])))]),
        );
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        assert!(Metadata::new(object([("a", nested(30))])).is_ok());
        assert_eq!(
            Metadata::new(object([("a", nested(31))])).unwrap_err().to_string(),
            "metadata is nested 33 levels deep, the limit is 32"
        );
    }
}
