//! Objects that serde lays flat into others.
//!
//! utoipa says of such a type that it is all of several schemas. Where one of them is closed, as the bodies of requests
//! are, nothing could ever be that: each knows none of the others' names. In the document such a type is one object, with
//! the properties of all.

use serde_json::{Map, Value};

/// Lays flat whatever is all of several objects.
pub(super) fn lay(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    lay_in(document, &schemas);
}

fn lay_in(value: &mut Value, schemas: &Value) {
    if let Some(object) = together(value, schemas) {
        let outer = value.as_object_mut().expect("what has parts is an object");
        outer.remove("allOf");
        outer.extend(object);
    }
    match value {
        Value::Object(of) => of.values_mut().for_each(|value| lay_in(value, schemas)),
        Value::Array(of) => of.iter_mut().for_each(|value| lay_in(value, schemas)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What something is that is all of several objects.
fn together(value: &Value, schemas: &Value) -> Option<Map<String, Value>> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in value.get("allOf")?.as_array()? {
        let part = followed(part, schemas)?;
        let laid = together(part, schemas);
        let part = laid.as_ref().or(part.as_object())?;
        properties.extend(part.get("properties")?.as_object()?.clone());
        required.extend(part.get("required").and_then(Value::as_array).into_iter().flatten().cloned());
    }
    let object = [("type", "object".into()), ("properties", properties.into()), ("required", required.into())];
    Some(object.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A schema, or the one that it names.
fn followed<'a>(part: &'a Value, schemas: &'a Value) -> Option<&'a Value> {
    match part.get("$ref").and_then(Value::as_str) {
        Some(name) => schemas.get(name.strip_prefix("#/components/schemas/")?),
        None => Some(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_all_of_several_objects_becomes_one_that_is_open() {
        let inner = json!({"type": "object", "properties": {"dim": {"minimum": 1}}, "required": ["dim"], "additionalProperties": false});
        let outer = json!({"description": "an index", "allOf": [{"$ref": "#/components/schemas/Inner"}, {"properties": {"name": {}}}]});
        let twice = json!({"allOf": [{"$ref": "#/components/schemas/Outer"}, {"properties": {"as_of": {}}, "required": ["as_of"]}]});
        let mut document = json!({"components": {"schemas": {"Inner": inner, "Outer": outer, "Twice": twice}}});
        lay(&mut document);
        let schemas = &document["components"]["schemas"];
        let outer = json!({"description": "an index", "type": "object", "required": ["dim"],
                           "properties": {"dim": {"minimum": 1}, "name": {}}});
        assert_eq!(schemas["Outer"], outer);
        assert_eq!(schemas["Inner"]["additionalProperties"], false);
        assert_eq!(schemas["Twice"]["required"], json!(["dim", "as_of"]));
    }

    #[test]
    fn what_is_no_object_stays_as_it_is() {
        let mut document = json!({"components": {"schemas": {"Word": {"allOf": [{"type": "string"}]}}}});
        let before = document.clone();
        lay(&mut document);
        assert_eq!(document, before);
    }
}
