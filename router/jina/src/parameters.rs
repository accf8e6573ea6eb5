//! The parameters of a request. They travel through a protobuf struct, where every number is a float.

use annuli_api::v1::metadata::{WireMetadata, WireValue};
use annuli_api::{ErrorCode, Failure};
use annuli_core::value::Object;
use annuli_core::{Number, Value};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

/// What the caller said beside the documents. Names that are not asked for mean something to others, and are left out.
#[derive(Debug, Default, Clone)]
pub(crate) struct Parameters(pub(crate) Object);

/// Parameters that would select parts of documents, with what may be said.
const WHOLE_DOCUMENTS: [&str; 4] = ["access_paths", "index_access_paths", "search_access_paths", "traversal_paths"];

/// The largest whole number that a float holds exactly.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

impl Parameters {
    /// Those of a request.
    ///
    /// # Errors
    /// `invalid_request` when parts of documents are asked for: an index holds whole documents.
    pub(crate) fn new(parameters: Option<WireMetadata>) -> Result<Self, Failure> {
        let WireMetadata(object) = parameters.unwrap_or_default();
        for name in WHOLE_DOCUMENTS {
            let said = object.get(name).and_then(text).unwrap_or("@r");
            if !matches!(said, "@r" | "r" | "root") || object.get(name).is_some_and(|value| text(value).is_none()) {
                let message =
                    format!("`parameters.{name}` can only be `@r`: documents are indexed whole, not by chunk");
                return Err(Failure::new(ErrorCode::InvalidRequest, message));
            }
        }
        Ok(Self(object))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Failure::new(ErrorCode::InvalidRequest, format_args!("`parameters.{name}` is no text")))
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Failure> {
        self.read(&[name]).map(|mut read: Map<String, Json>| read.remove(name)).and_then(|list| {
            let wrong =
                |_| Failure::new(ErrorCode::InvalidRequest, format_args!("`parameters.{name}` is no list of texts"));
            list.map(serde_json::from_value).transpose().map_err(wrong)
        })
    }

    /// Whether a switch is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    /// The filter as it came.
    pub(crate) fn filter(&self) -> Option<Json> {
        self.0.get("filter").map(json).filter(|filter| *filter != Json::Null)
    }

    /// The parameters of these `names` as a value of ours: they are called as ours are.
    pub(crate) fn read<T: DeserializeOwned>(&self, names: &[&str]) -> Result<T, Failure> {
        let said = names.iter().filter_map(|name| Some(((*name).to_owned(), json(self.0.get(*name)?))));
        serde_json::from_value(Json::Object(said.collect()))
            .map_err(|error| Failure::new(ErrorCode::InvalidRequest, format_args!("`parameters`: {error}")))
    }

    /// All of them as they are said back, with what the server has to tell.
    pub(crate) fn told(&self, results: Option<Json>) -> Json {
        let mut all = match json(&Value::Object(self.0.clone())) {
            Json::Object(all) => all,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Map::new(),
        };
        if let Some(results) = results {
            all.insert("__results__".to_owned(), serde_json::json!({ "annuli": results }));
        }
        Json::Object(all)
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value as serde_json has it. A float that is whole becomes an integer: a `limit` of 3.0 is 3.
pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Number(Number::Float(float)) if float.fract() == 0.0 && float.abs() <= WHOLE_MAX => {
            #[expect(clippy::cast_possible_truncation, reason = "whole, and within what an i64 holds")]
            let whole = *float as i64;
            Json::from(whole)
        }
        Value::Array(elements) => elements.iter().map(json).collect(),
        Value::Object(object) => object.iter().map(|(name, value)| (name.to_string(), json(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            serde_json::to_value(WireValue(value.clone())).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(json: &str) -> Result<Parameters, Failure> {
        Parameters::new(Some(serde_json::from_str(json).unwrap()))
    }

    #[test]
    fn whole_floats_are_integers() {
        let read: Map<String, Json> =
            parameters(r#"{"limit": 3.0, "x": 1.5, "y": 7}"#).unwrap().read(&["limit", "x"]).unwrap();
        assert_eq!(Json::Object(read), serde_json::json!({"limit": 3, "x": 1.5}));
    }

    #[test]
    fn parts_of_documents_are_refused() {
        assert!(parameters(r#"{"access_paths": "@r"}"#).is_ok());
        for paths in [r#""@c""#, r#"["r"]"#] {
            let failure = parameters(&format!(r#"{{"traversal_paths": {paths}}}"#)).unwrap_err();
            assert!(failure.message.starts_with("`parameters.traversal_paths` can only be `@r`"), "{failure}");
        }
    }

    #[test]
    fn ids_are_a_list_of_texts() {
        let parameters = parameters(r#"{"ids": ["a", "b"], "limit": "x"}"#).unwrap();
        assert_eq!(parameters.texts("ids").unwrap().unwrap(), ["a", "b"]);
        assert_eq!(parameters.texts("none").unwrap(), None);
        assert!(parameters.texts("limit").unwrap_err().message.contains("no list of texts"));
    }
}
