//! Filters that cannot be read. They say what is wrong and where, on every endpoint that takes one.

use annuli_api::ErrorCode;
use annuli_core::limits::{FILTER_DEPTH_MAX, FILTER_TERMS_MAX};
use annuli_tests::index::percent_encoded;
use annuli_tests::{Index, Sharing};
use serde_json::{Value, json};
use std::sync::Arc;

/// Two documents, on two shards.
fn fresh_index() -> Index {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1], "metadata": {"size": 1}}, {"id": "b", "vector": [2]}]));
    index
}

/// The tests use one index together: what is refused does not touch it.
fn index() -> Arc<Index> {
    static SHARED: Sharing<Index> = Sharing::new();
    SHARED.get(fresh_index)
}

#[track_caller]
fn check(filter: &Value, says: &str) {
    index().untouched(|index| {
        let refused = |endpoint, body| index.post(endpoint, &body).refused(ErrorCode::InvalidFilter, says);
        refused("search", json!({"vector": [1], "filter": filter}));
        refused("count", json!({"filter": filter}));
        refused("delete", json!({"filter": filter}));
        let listing = format!("/documents?filter={}", percent_encoded(&filter.to_string()));
        index.client.get(&index.path(&listing)).refused(ErrorCode::InvalidFilter, says);
    });
}

#[test]
fn a_filter_is_an_object() {
    check(&json!(["size"]), "filter: the filter takes an object, not a list");
    check(&json!("size"), "filter: the filter takes an object, not a text");
    check(&json!(7), "filter: the filter takes an object, not a number");
}

#[test]
fn an_unknown_operator_is_named_with_those_that_are_known() {
    check(&json!({"$xor": []}), "filter: `$xor` is no operator here; there are $and, $or, $not");
    check(&json!({"size": {"$regex": "x"}}), "filter: `$regex` is no operator of field `size`; there are $eq, $ne");
    check(&json!({"size": {"$gt": 1, "$size": 1}}), "filter: `$size` is no operator of field `size`");
    check(&json!({"$gt": 1}), "filter: `$gt` is no operator here");
}

#[test]
fn an_object_to_compare_with_is_told_how_paths_are_written() {
    let says = "`name` is no operator of field `author` (to reach into an object, write `author.name`)";
    check(&json!({"author": {"name": "ann"}}), says);
}

#[test]
fn an_operand_of_the_wrong_type_is_named() {
    check(&json!({"size": {"$gt": true}}), "filter: $gt of field `size` takes a number or a text, not a boolean");
    check(&json!({"size": {"$lte": null}}), "filter: $lte of field `size` takes a number or a text, not null");
    check(&json!({"size": {"$in": 5}}), "filter: $in of field `size` takes a list, not a number");
    check(&json!({"size": {"$nin": {"a": 1}}}), "filter: $nin of field `size` takes a list, not an object");
    check(&json!({"size": {"$in": [[1]]}}), "filter: $in of field `size` takes a text, a number, true, false or null");
    check(&json!({"size": {"$exists": 1}}), "filter: $exists of field `size` takes true or false, not a number");
    check(&json!({"size": {"$not": 1}}), "filter: $not of field `size` takes an object, not a number");
    check(
        &json!({"size": {"$eq": {"a": 1}}}),
        "filter: $eq of field `size` takes a text, a number, true, false or null",
    );
    check(&json!({"size": [1, 2]}), "filter: field `size` takes a text, a number, true, false or null, not a list");
}

#[test]
fn a_combination_takes_a_list_of_at_least_one_filter() {
    check(&json!({"$and": {}}), "filter: $and takes a list, not an object");
    check(&json!({"$or": []}), "filter: $or needs at least one condition");
    check(&json!({"$and": [1]}), "filter: $and takes an object, not a number");
    check(&json!({"$not": [{"size": 1}]}), "filter: $not takes an object, not a list");
    check(&json!({"size": {}}), "filter: field `size` needs at least one condition");
}

#[test]
fn depth_and_terms_are_bounded() {
    let nested = |levels| (1..levels).fold(json!({"size": 1}), |inner, _| json!({"$not": inner}));
    check(&nested(FILTER_DEPTH_MAX + 1), "filter: nested deeper than the limit of 32 levels");
    index().count_matching(&nested(FILTER_DEPTH_MAX));
    let values = |terms| json!({"size": {"$in": (0..terms).collect::<Vec<_>>()}});
    let says = "filter: more than 1024 terms; objects, operators and values count, those of $in and $nin too";
    check(&values(FILTER_TERMS_MAX), says);
    // The object and the operator count too.
    assert_eq!(index().count_matching(&values(FILTER_TERMS_MAX - 2)), 1);
}

#[test]
fn the_path_to_a_field_is_bounded() {
    let says = "is too long: a path has at most 512 bytes and 32 names";
    check(&json!({"x".repeat(513): 1}), says);
    check(&json!({vec!["x"; 33].join("."): 1}), says);
    assert_eq!(index().count_matching(&json!({vec!["x"; 32].join("."): 1})), 0);
    assert_eq!(index().count_matching(&json!({"x".repeat(512): 1})), 0);
}

#[test]
fn a_filter_nested_as_deep_as_json_is_read_is_refused() {
    let nested = |levels| (1..levels).fold(json!({"size": 1}), |inner, _| json!({"$and": [inner]}));
    check(&nested(60), "filter: nested deeper than the limit of 32 levels");
}

#[test]
fn a_filter_of_a_listing_that_is_not_json_is_refused() {
    let index = index();
    let answer = index.client.get(&index.path("/documents?filter=size"));
    answer.refused(ErrorCode::InvalidFilter, "`filter` is not JSON: ");
}

#[test]
fn a_delete_by_a_filter_without_a_condition_is_refused() {
    fresh_index().untouched(|index| {
        let refused = |filter, says| {
            index.post("delete", &json!({"filter": filter})).refused(ErrorCode::InvalidFilter, says);
        };
        refused(json!({}), "an empty filter would delete every document");
        refused(json!({"$and": [{}]}), "$and needs at least one condition");
        refused(json!({"$or": [{}, {"size": 1}]}), "$or needs at least one condition");
        refused(json!({"$not": {"$not": {}}}), "$not needs at least one condition");
    });
}

#[test]
fn an_empty_filter_matches_everything_where_nothing_is_lost() {
    let index = index();
    assert_eq!(index.count_matching(&json!({})), 2);
    assert_eq!(index.found(&json!({"vector": [0], "filter": {}})), ["a", "b"]);
}
