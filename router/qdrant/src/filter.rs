//! Qdrant's filters in our language.
//!
//! `must`, `should` and `must_not` are `$and`, `$or` and `$not`; `match` and `range` are tests of a field. What has no
//! counterpart (ids, geography, words in texts, nulls apart from missing fields) is refused by its name.

use crate::point_id::PointId;
use crate::unsupported::unsupported;
use annuli_api::{ErrorCode, Failure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Which documents a filter lets through.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Translated {
    /// All of them.
    Every,
    /// Those of our filter.
    Those(Value),
}

impl Translated {
    /// Our filter; nothing for all.
    pub(crate) fn optional(self) -> Option<Value> {
        match self {
            Self::Every => None,
            Self::Those(filter) => Some(filter),
        }
    }

    /// Our filter, also for all: where an empty one is refused because it could be a mistake.
    pub(crate) fn explicit(self) -> Value {
        match self {
            Self::Every => json!({"$or": [{"id": {"$exists": true}}, {"id": {"$exists": false}}]}),
            Self::Those(filter) => filter,
        }
    }
}

/// Deepest nesting of conditions that is looked at: what is deeper, our own language refuses.
const DEPTH_MAX: usize = annuli_core::limits::FILTER_DEPTH_MAX;

/// The filter of a request; without one, all documents.
pub(crate) fn translated(filter: Option<&Value>) -> Result<Translated, Failure> {
    filter.map_or(Ok(Translated::Every), |filter| combination(filter, 0))
}

/// The ids of a filter that asks for nothing but them. Beside other conditions `has_id` is refused: ids are no fields.
///
/// # Errors
/// Ids that none can be.
pub(crate) fn ids_alone(filter: &Value) -> Result<Option<Vec<PointId>>, Failure> {
    // Of one condition all and one are the same.
    let alone = |filter| only(filter, "must").or_else(|| only(filter, "should"));
    let Some(conditions) = filter.as_object().and_then(alone) else { return Ok(None) };
    let condition = match conditions.as_array().map(Vec::as_slice) {
        Some([condition]) => condition,
        Some(_) => return Ok(None),
        None => conditions,
    };
    let Some(ids) = condition.as_object().and_then(|condition| only(condition, "has_id")) else { return Ok(None) };
    let read = Vec::<PointId>::deserialize(ids);
    read.map(Some).map_err(|error| invalid(&format!("`has_id`: {error}")))
}

/// What is said under `name`, if nothing is said beside it.
fn only<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut said = said(object);
    match (said.next(), said.next()) {
        (Some((key, value)), None) if key == name => Some(value),
        _ => None,
    }
}

fn combination(filter: &Value, depth: usize) -> Result<Translated, Failure> {
    if depth > DEPTH_MAX {
        return Err(invalid(&format!("nested deeper than the limit of {DEPTH_MAX} levels")));
    }
    let object = object(filter, "the filter")?;
    let mut all = Vec::new();
    for (key, value) in said(object) {
        match key.as_str() {
            "must" => all.extend(conditions(value, depth)?.into_iter().filter_map(Translated::optional)),
            "must_not" => {
                let nots = conditions(value, depth)?.into_iter();
                all.extend(nots.map(|condition| json!({ "$not": condition.explicit() })));
            }
            "should" => all.extend(any(conditions(value, depth)?)),
            "min_should" => all.extend(at_least(value, depth)?),
            _ => {
                return Err(invalid(&format!(
                    "`{key}` is no part of a filter; there are must, should, must_not, min_should"
                )));
            }
        }
    }
    Ok(match all.len() {
        0 => Translated::Every,
        1 => Translated::Those(all.remove(0)),
        _ => Translated::Those(json!({ "$and": all })),
    })
}

/// A list of conditions, or one by itself.
fn conditions(value: &Value, depth: usize) -> Result<Vec<Translated>, Failure> {
    match value.as_array() {
        Some(list) => list.iter().map(|value| condition(value, depth + 1)).collect(),
        None => Ok(vec![condition(value, depth + 1)?]),
    }
}

/// One of these; nothing is asked where there is none, or where one lets everything through.
fn any(conditions: Vec<Translated>) -> Option<Value> {
    let all: Option<Vec<_>> = conditions.into_iter().map(Translated::optional).collect();
    all.filter(|some| !some.is_empty()).map(|some| json!({ "$or": some }))
}

fn at_least(value: &Value, depth: usize) -> Result<Vec<Value>, Failure> {
    let object = object(value, "`min_should`")?;
    if let Some(key) = object.keys().find(|key| !["conditions", "min_count"].contains(&key.as_str())) {
        return Err(invalid(&format!("`min_should` has no `{key}`; there are conditions and min_count")));
    }
    let count = object.get("min_count").and_then(Value::as_u64).unwrap_or(0);
    let conditions = conditions(object.get("conditions").unwrap_or(&Value::Null), depth)?;
    if count == 0 {
        return Err(invalid("`min_count` has to be at least 1"));
    }
    if count > conditions.len() as u64 {
        let there_are = conditions.len();
        return Err(invalid(&format!(
            "`min_count` is {count}, and there are {there_are} conditions: nothing can match"
        )));
    }
    if count == 1 {
        return Ok(any(conditions).into_iter().collect());
    }
    if count == conditions.len() as u64 {
        return Ok(conditions.into_iter().filter_map(Translated::optional).collect());
    }
    Err(unsupported("`min_should` with some of its conditions", "use `min_count` 1, or that of all conditions"))
}

fn condition(value: &Value, depth: usize) -> Result<Translated, Failure> {
    let condition = object(value, "a condition")?;
    let is_combination = ["must", "should", "must_not", "min_should"].iter().any(|key| condition.contains_key(*key));
    if condition.is_empty() || is_combination {
        return combination(value, depth);
    }
    if let Some(empty) = condition.get("is_empty").filter(|empty| empty.is_object()) {
        check_alone("is_empty", condition)?;
        let key = path(empty.get("key"))?;
        return Ok(Translated::Those(json!({ key: {"$exists": false} })));
    }
    for what in ["has_id", "nested", "has_vector", "slice"] {
        if condition.contains_key(what) {
            return Err(unsupported(
                &format!("the condition `{what}`"),
                "`has_id` can only be the one condition of a scroll, a count or a delete; fields are named by their path",
            ));
        }
    }
    if condition.get("is_null").is_some_and(Value::is_object) {
        return Err(unsupported(
            "the condition `is_null`",
            "null and a missing field are the same here: use `is_empty`",
        ));
    }
    field(condition).map(Translated::Those)
}

/// A condition that nothing can stand beside.
fn check_alone(name: &str, condition: &Map<String, Value>) -> Result<(), Failure> {
    match said(condition).find(|(key, _)| *key != name) {
        Some((key, _)) => Err(invalid(&format!("`{key}` has no place beside `{name}`: they are two conditions"))),
        None => Ok(()),
    }
}

/// `{"key": …}` with one test or several, all of which hold.
fn field(condition: &Map<String, Value>) -> Result<Value, Failure> {
    let key = path(condition.get("key"))?;
    let mut tests = Vec::new();
    for (name, value) in said(condition).filter(|(name, _)| *name != "key") {
        tests.push(match name.as_str() {
            "match" => matched(value)?,
            "range" => range(value)?,
            "is_empty" => json!({"$exists": !value.as_bool().unwrap_or(true)}),
            _ => {
                let what = format!("the test `{name}` of the field `{key}`");
                return Err(unsupported(&what, "there are match, range and is_empty"));
            }
        });
    }
    match tests.len() {
        0 => Err(invalid(&format!("the field `{key}` has no test"))),
        1 => Ok(json!({ key: tests.remove(0) })),
        _ => Ok(json!({"$and": tests.into_iter().map(|test| json!({ key.as_str(): test })).collect::<Vec<_>>()})),
    }
}

fn matched(value: &Value) -> Result<Value, Failure> {
    let object = object(value, "`match`")?;
    let mut said = said(object);
    match (said.next(), said.next()) {
        (Some((kind, value)), None) => match kind.as_str() {
            "value" => Ok(json!({ "$eq": value })),
            "any" => Ok(json!({ "$in": value })),
            // A missing field differs from nothing.
            "except" => Ok(json!({"$nin": value, "$exists": true})),
            _ => Err(unsupported(&format!("`match` by `{kind}`"), "there are value, any and except")),
        },
        _ => Err(invalid("`match` takes one of value, any and except")),
    }
}

fn range(value: &Value) -> Result<Value, Failure> {
    let object = object(value, "`range`")?;
    let mut tests = Map::new();
    for (side, bound) in said(object) {
        if !matches!(side.as_str(), "gt" | "gte" | "lt" | "lte") {
            return Err(invalid(&format!("`range` has no `{side}`; there are gt, gte, lt, lte")));
        }
        if !bound.is_number() {
            return Err(unsupported(
                "a `range` of anything but numbers",
                "store times as numbers, such as seconds since 1970",
            ));
        }
        tests.insert(format!("${side}"), bound.clone());
    }
    if tests.is_empty() { Err(invalid("`range` has no bound")) } else { Ok(Value::Object(tests)) }
}

/// A path as we write it: arrays are reached through without a word.
fn path(key: Option<&Value>) -> Result<String, Failure> {
    let key = key.and_then(Value::as_str).ok_or_else(|| invalid("a condition has no `key`"))?;
    let path = key.replace("[]", "");
    if path.is_empty() || path.contains(['[', '"']) || path.starts_with('$') {
        let what = format!("the path `{key}`");
        return Err(unsupported(&what, "a path is names joined by dots, and `[]` behind a list"));
    }
    Ok(path)
}

/// What is not null: a client may write what it does not use as null.
fn said(object: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    object.iter().filter(|(_, value)| !value.is_null())
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, Failure> {
    value.as_object().ok_or_else(|| invalid(&format!("{what} has to be an object")))
}

fn invalid(message: &str) -> Failure {
    Failure::new(ErrorCode::InvalidFilter, format_args!("filter: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "so that facts are short")]
    fn check(filter: Value, ours: Value) {
        let translated = translated(Some(&filter)).unwrap();
        assert_eq!(translated.optional().unwrap_or(Value::Null), ours, "{filter}");
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "so that facts are short")]
    fn check_refused(filter: Value, reason: &str) {
        let failure = translated(Some(&filter)).unwrap_err();
        assert!(failure.message.contains(reason), "{filter}: {failure}");
    }

    fn red() -> Value {
        json!({"key": "color", "match": {"value": "red"}})
    }

    #[test]
    fn combinations_become_ours() {
        let (is_red, small) = (json!({"color": {"$eq": "red"}}), json!({"size": {"$lt": 5, "$gte": 1}}));
        check(json!({"must": [red()]}), is_red.clone());
        check(json!({"must": red(), "must_not": null}), is_red.clone());
        let size = json!({"key": "size", "range": {"gte": 1, "lt": 5, "gt": null}});
        check(json!({"must": [red(), size.clone()]}), json!({"$and": [is_red, small]}));
        check(json!({"should": [red(), size.clone()]}), json!({"$or": [is_red, small]}));
        check(json!({"must_not": [red()]}), json!({"$not": is_red}));
        check(json!({"must": [{"should": [red()]}]}), json!({"$or": [is_red]}));
        check(
            json!({"min_should": {"conditions": [red(), size.clone()], "min_count": 1}}),
            json!({"$or": [is_red, small]}),
        );
        check(json!({"min_should": {"conditions": [red(), size], "min_count": 2}}), json!({"$and": [is_red, small]}));
    }

    #[test]
    fn a_filter_that_asks_for_nothing_lets_everything_through() {
        for filter in [
            json!({}),
            json!({"must": []}),
            json!({"should": []}),
            json!({"must": [{}]}),
            json!({"should": [red(), {}]}),
        ] {
            check(filter, Value::Null);
        }
        check(json!({"must_not": [{}]}), json!({"$not": Translated::Every.explicit()}));
    }

    #[test]
    fn tests_become_ours() {
        let must = |condition: Value| json!({ "must": condition });
        check(must(json!({"key": "a.b", "match": {"any": [1, 2]}})), json!({"a.b": {"$in": [1, 2]}}));
        check(
            must(json!({"key": "a[].b", "match": {"except": ["x"]}})),
            json!({"a.b": {"$exists": true, "$nin": ["x"]}}),
        );
        check(must(json!({"is_empty": {"key": "a"}})), json!({"a": {"$exists": false}}));
        check(must(json!({"key": "a", "is_empty": false})), json!({"a": {"$exists": true}}));
    }

    #[test]
    fn what_we_do_not_have_is_refused_by_name() {
        let must = |condition: Value| json!({ "must": [condition] });
        check_refused(must(json!({"has_id": [1]})), "the condition `has_id` is not supported by Annuli");
        check_refused(must(json!({"is_null": {"key": "a"}})), "use `is_empty`");
        check_refused(must(json!({"nested": {"key": "a", "filter": {}}})), "`nested`");
        check_refused(must(json!({"key": "a", "geo_radius": {}})), "`geo_radius` of the field `a`");
        check_refused(must(json!({"key": "a", "match": {"text": "x"}})), "`match` by `text`");
        check_refused(must(json!({"key": "a", "range": {"gt": "2020-01-01"}})), "anything but numbers");
        check_refused(must(json!({"key": "a[0]", "match": {"value": 1}})), "the path `a[0]`");
        check_refused(must(json!({"is_empty": {"key": "a"}, "key": "b"})), "`key` has no place beside `is_empty`");
        check_refused(json!({"min_should": {"conditions": [], "min_count": 1, "x": 1}}), "`min_should` has no `x`");
        check_refused(json!({"filter": []}), "`filter` is no part of a filter");
        check_refused(json!({"min_should": {"conditions": [red(), red(), red()], "min_count": 2}}), "`min_should`");
    }

    /// Nothing matches such a filter. Taken for one that asks for nothing, it let a delete empty the collection.
    #[test]
    fn more_conditions_than_there_are_can_not_hold() {
        for (conditions, count) in [(json!([]), 1), (json!([]), 2), (json!([red()]), 2)] {
            let filter = json!({"min_should": {"conditions": conditions, "min_count": count}});
            check_refused(filter, "`min_count` is ");
        }
    }

    #[test]
    fn ids_by_themselves_are_told_from_other_filters() {
        let ids = |filter: Value| ids_alone(&filter).map_err(|failure| failure.message);
        let both = Ok(Some(vec![PointId::Number(1), PointId::Number(7)]));
        assert_eq!(ids(json!({"must": [{"has_id": [1, 7]}], "should": null})), both);
        assert_eq!(ids(json!({"must": {"has_id": [1, 7]}})), both);
        assert_eq!(ids(json!({"should": [{"has_id": [1, 7]}], "must": null})), both);
        for other in [
            json!({}),
            json!({"must": [{"has_id": [1]}, red()]}),
            json!({"must": [{"has_id": [1]}], "should": [red()]}),
            json!({"must_not": [{"has_id": [1]}]}),
        ] {
            assert_eq!(ids(other), Ok(None));
        }
        assert!(ids(json!({"must": [{"has_id": ["x"]}]})).unwrap_err().starts_with("filter: `has_id`: `x` is no id"));
    }

    #[test]
    fn a_filter_that_is_nested_too_deep_is_refused() {
        let deep = (0..100).fold(red(), |inner, _| json!({ "must": inner }));
        check_refused(deep, "nested deeper than the limit");
    }
}
