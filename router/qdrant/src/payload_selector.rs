//! Which parts of a payload an answer has: `with_payload`.

use annuli_api::v1::bounded_list::Batch;
use annuli_api::v1::metadata::WireMetadata;
use annuli_core::Value;
use annuli_core::value::Object;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Which fields of a payload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PayloadSelector {
    /// All of them, or none.
    All(bool),
    /// Only these.
    Include(Vec<String>),
    /// All but these.
    Exclude(Vec<String>),
}

impl<'de> Deserialize<'de> for PayloadSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SelectorVisitor)
    }
}

struct SelectorVisitor;

impl<'de> Visitor<'de> for SelectorVisitor {
    type Value = PayloadSelector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, a list of fields, or an object with `include` or `exclude`")
    }

    fn visit_bool<E>(self, all: bool) -> Result<PayloadSelector, E> {
        Ok(PayloadSelector::All(all))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<PayloadSelector, A::Error> {
        Batch::deserialize(SeqAccessDeserializer::new(sequence)).map(|Batch(fields)| PayloadSelector::Include(fields))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PayloadSelector, A::Error> {
        let mut selector = None;
        while let Some((key, Batch(fields))) = map.next_entry::<Box<str>, Batch<String>>()? {
            selector = Some(match (&*key, &selector) {
                ("include", None) => PayloadSelector::Include(fields),
                ("exclude", None) => PayloadSelector::Exclude(fields),
                _ => return Err(A::Error::custom("`with_payload` takes either `include` or `exclude`")),
            });
        }
        selector.ok_or_else(|| A::Error::custom("`with_payload` takes either `include` or `exclude`"))
    }
}

impl PayloadSelector {
    /// Whether there is a payload in the answer at all.
    pub(crate) fn wants_payload(&self) -> bool {
        *self != Self::All(false)
    }

    /// The part of a payload that is asked for.
    pub(crate) fn part(&self, payload: WireMetadata) -> Option<WireMetadata> {
        match self {
            Self::All(true) => Some(payload),
            Self::All(false) => None,
            Self::Include(include) => Some(WireMetadata(included(&payload.0, &paths(include)))),
            Self::Exclude(exclude) => {
                let mut rest = payload;
                for path in paths(exclude) {
                    remove(&mut rest.0, &path);
                }
                Some(rest)
            }
        }
    }
}

/// A path as the names that it leads through; lists are reached through without a word.
type Path<'a> = Vec<&'a str>;

fn paths(texts: &[String]) -> Vec<Path<'_>> {
    texts.iter().map(|text| path(text)).collect()
}

/// The names that a path leads through.
pub(crate) fn path(text: &str) -> Path<'_> {
    text.split('.').map(|name| name.strip_suffix("[]").unwrap_or(name)).collect()
}

fn included(object: &Object, paths: &[Path<'_>]) -> Object {
    let part = |name: &str, value: &Value| {
        let of_it: Vec<&Path<'_>> = paths.iter().filter(|path| path.first() == Some(&name)).collect();
        if of_it.is_empty() {
            return None;
        }
        if of_it.iter().any(|path| path.len() == 1) {
            return Some(value.clone());
        }
        let below: Vec<Path<'_>> = of_it.into_iter().map(|path| path[1..].to_vec()).collect();
        included_value(value, &below)
    };
    object.iter().filter_map(|(name, value)| Some((name.clone(), part(name, value)?))).collect()
}

fn included_value(value: &Value, paths: &[Path<'_>]) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let part = included(object, paths);
            (!part.is_empty()).then_some(Value::Object(part))
        }
        Value::Array(elements) => {
            let parts: Vec<_> = elements.iter().filter_map(|element| included_value(element, paths)).collect();
            (!parts.is_empty()).then_some(Value::Array(parts))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => None,
    }
}

/// Removes what a path leads to.
pub(crate) fn remove(object: &mut Object, path: &[&str]) {
    match path {
        [] => {}
        [name] => drop(object.remove(*name)),
        [name, below @ ..] => {
            if let Some(value) = object.get_mut(*name) {
                remove_below(value, below);
            }
        }
    }
}

fn remove_below(value: &mut Value, path: &[&str]) {
    match value {
        Value::Object(object) => remove(object, path),
        Value::Array(elements) => elements.iter_mut().for_each(|element| remove_below(element, path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "so that facts are short")]
    fn check(selector: Json, expected: Json) {
        let payload = json!({"a": {"b": 1, "c": 2}, "aa": {"b": 3}, "l": [{"b": 5, "c": 6}]});
        let selector: PayloadSelector = serde_json::from_value(selector).unwrap();
        let part = selector.part(serde_json::from_value(payload).unwrap());
        assert_eq!(serde_json::to_value(part).unwrap(), expected);
    }

    #[test]
    fn fields_are_chosen_by_their_paths() {
        check(json!(["a.b"]), json!({"a": {"b": 1}}));
        check(json!({"include": ["a", "l[].c"]}), json!({"a": {"b": 1, "c": 2}, "l": [{"c": 6}]}));
        check(json!({"exclude": ["a", "l[].b"]}), json!({"aa": {"b": 3}, "l": [{"c": 6}]}));
        check(json!([]), json!({}));
        check(json!(false), Json::Null);
    }
}
