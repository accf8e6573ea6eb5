//! Filters as AnnLite and docarray write them. Their operators are ours; of the names, `tags__a__b` is the tag `a.b`.
//! What we do not have, such as `$regex`, is refused by the router, which lists what there is.

use serde_json::Value;

const TAGS: &str = "tags__";

/// The filter in our language.
pub(crate) fn translated(filter: Value) -> Value {
    match filter {
        Value::Object(object) => object.into_iter().map(|(name, value)| (field(&name), translated(value))).collect(),
        Value::Array(list) => list.into_iter().map(translated).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => filter,
    }
}

fn field(name: &str) -> String {
    name.strip_prefix(TAGS).map_or_else(|| name.to_owned(), |path| path.replace("__", "."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_of_tags_are_paths() {
        let filter = json!({"$and": [{"tags__a__b": {"$lt": 5}}, {"price": {"$in": [1]}}], "__x": 1});
        let ours = json!({"$and": [{"a.b": {"$lt": 5}}, {"price": {"$in": [1]}}], "__x": 1});
        assert_eq!(translated(filter), ours);
    }
}
