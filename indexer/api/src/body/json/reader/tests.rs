use super::*;
use crate::v1::document::{IndexRequest, UpdateRequest};
use crate::v1::search::SearchRequest;
use crate::v1::vector::WireVector;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;

fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
    Reader::read(json.as_bytes())
}

/// A request with its vectors as they are kept by the quick reader: NaN is then equal to itself, too.
trait Packed {
    fn pack(&mut self) {}
}

impl Packed for Value {}

impl Packed for WireVector {
    fn pack(&mut self) {
        if let Self::Numbers(numbers) = self {
            *self = Self::Packed(numbers.iter().flat_map(|number| number.to_le_bytes()).collect());
        }
    }
}

impl Packed for SearchRequest {
    fn pack(&mut self) {
        self.vector.iter_mut().chain(self.vectors.iter_mut().flatten()).for_each(Packed::pack);
    }
}

impl Packed for IndexRequest {
    fn pack(&mut self) {
        self.documents.iter_mut().for_each(|document| document.vector.pack());
    }
}

impl Packed for UpdateRequest {
    fn pack(&mut self) {
        self.documents.iter_mut().filter_map(|document| document.vector.as_mut()).for_each(Packed::pack);
    }
}

/// The quick reader gives what serde_json gives; both refuse, or none does.
#[track_caller]
fn check<T: DeserializeOwned + Debug + PartialEq + Packed>(json: &str) {
    let slow = serde_json::from_str::<T>(json);
    let message = format!("{json}: {slow:?}");
    let slow = slow.ok().map(|mut value| {
        value.pack();
        value
    });
    assert_eq!(read::<T>(json), slow, "{message}");
}

#[test]
fn requests_are_read_as_serde_json_reads_them() {
    let searches = [
        r#"{"vector":[1,2.5,-3e-2,0],"limit":10,"ef":64}"#,
        r#" { "vector" : [ 1 , 2 ] , "include" : [ "metadata" , "vector" ] , "exact" : true , "filter" : {"a": [1.5, "x", null]} } "#,
        r#"{"vector":null,"vectors":[[1],"AACAPw==",[]],"offset":0,"score_threshold":-0.25}"#,
        r#"{"vector":[null,1e39,-1e39]}"#,
        r#"{"id":"a\u00e4\"\n","after":"ä"}"#,
        r#"{"consistency":"primary","allow_partial":false}"#,
        "{}",
        r#"{"vector":[1,]}"#,
        r#"{"vector":[,1]}"#,
        r#"{"vector":[1 2]}"#,
        r#"{"vector":[1,"2"]}"#,
        r#"{"vector":[1,[2]]}"#,
        r#"{"vector":[1}"#,
        r#"{"vector":[1e400]}"#,
        r#"{"vector":7}"#,
        r#"{"score_threshold":1e39}"#,
        r#"{"limit":-1}"#,
        r#"{"limit":1.0}"#,
        r#"{"limit":1,}"#,
        r#"{"limit":1} x"#,
        r#"{"limit":1,"limit":2}"#,
        r#"{"unknown":1}"#,
        r#"{"include":["score"]}"#,
        r#"{limit:1}"#,
        r#"{"id":"a"#,
        r#"{"id":"\"}"#,
        "{\"id\":\"a\tb\"}",
        r#"{"id":"\x"}"#,
        r#"{"filter":nul}"#,
        "",
        "null",
        "[]",
    ];
    searches.into_iter().for_each(check::<SearchRequest>);
    let documents = [
        r#"{"documents":[{"id":"a","vector":[1,2],"metadata":{"x":{"y":[1,-1,1.5,true,null,"ä\t"]}},"if_seq":0}]}"#,
        r#"{"documents":[{"id":"a","vector":"AACAPw=="}],"timeout_ms":1}"#,
        r#"{"documents":[]}"#,
        r#"{"documents":{}}"#,
        r#"{"documents":[{"id":"a","id":"b","vector":[1]}]}"#,
        r#"{"documents":[{"id":7,"vector":[1]}]}"#,
        r#"{"documents":[{"id":"a"}]}"#,
    ];
    documents.into_iter().for_each(check::<IndexRequest>);
    documents.into_iter().for_each(check::<UpdateRequest>);
}

#[test]
fn nesting_is_bounded_as_serde_json_bounds_it() {
    for depth in 120..135 {
        check::<Value>(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        check::<Value>(&format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth)));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_as_serde_json_reads_it(value in any_json()) {
        check::<Value>(&value.to_string());
        check::<Value>(&serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn damaged_json_is_read_as_serde_json_reads_it(
        value in any_json(), at: prop::sample::Index, with in "[\\[\\]{},:\"0-9a-z\\\\ .-]?",
    ) {
        let mut text = value.to_string();
        let at = text.floor_char_boundary(at.index(text.len()));
        let end = text.ceil_char_boundary(at + 1);
        text.replace_range(at..end, &with);
        check::<Value>(&text);
    }
}
