//! What reads by id, listings and counts tell.

use super::Make;
use crate::given::{
    delete, equal, field, id, metadata, now, number, on_a_line, put, put_with, read, read_all, schema, search, soon,
    whole,
};
use crate::subject::Subject;
use annuli_api::ErrorCode;
use annuli_api::shard_api::{Read, ShardList};
use annuli_core::filter::{Operand, Scalar, Side, Test};
use annuli_core::{Filter, Metadata, Metric, Number, Seq, Value};
use std::sync::Arc;

/// Also those that do not exist, and those that are asked for twice.
pub async fn documents_come_in_the_order_asked(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put("a", &[1.0]), put("b", &[2.0])]).await;
    let asked = ["b", "unknown", "a", "b"].map(id).to_vec();
    let got = it.shard.get(asked, read(), soon()).await.unwrap();
    let found: Vec<_> = got.documents.iter().map(|found| found.as_ref().map(|d| (d.id.as_str(), d.seq))).collect();
    assert_eq!(found, [Some(("b", Seq(2))), None, Some(("a", Seq(1))), Some(("b", Seq(2)))]);
    assert_eq!(it.shard.get(vec![], read(), soon()).await.unwrap().documents, []);
}

/// To the bit, under every metric.
pub async fn a_vector_comes_back_as_it_was_sent(make: &impl Make) {
    let components = [1.5e-41, -0.0, 1e15, -3.25, f32::MIN_POSITIVE];
    for metric in Metric::ALL {
        let it = make.make(schema(5, metric)).await;
        it.write(vec![put("a", &components)]).await;
        let got = it.shard.get(vec![id("a")], read_all(), soon()).await.unwrap();
        let back = got.documents[0].as_ref().unwrap().vector.clone().unwrap();
        let bits = |components: &[f32]| components.iter().map(|component| component.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(back.as_slice()), bits(&components), "{metric}");
    }
}

fn everything() -> Metadata {
    let text = |text: &str| Value::Text(text.into());
    metadata([
        ("null", Value::Null),
        ("true", Value::Bool(true)),
        ("small", whole(i64::MIN)),
        ("large", Value::Number(Number::Integer(i128::from(u64::MAX)))),
        ("third", Value::Number(Number::from_float(1.0 / 3.0))),
        ("one", Value::Number(Number::from_float(1.0))),
        ("huge", Value::Number(Number::from_float(1e300))),
        ("text", text("\u{0}\"\\\n ü 🦀")),
        ("", text("")),
        ("a.b", Value::Array(vec![whole(1), Value::Array(vec![]), text("deep")])),
        ("object", Value::Object([("inner".into(), whole(7))].into())),
    ])
}

/// Whatever JSON can say.
pub async fn metadata_comes_back_as_it_was_sent(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put_with("a", &[1.0], everything()), put("b", &[1.0])]).await;
    let got = it.shard.get(vec![id("a"), id("b")], read_all(), soon()).await.unwrap();
    let back = |at: usize| got.documents[at].as_ref().unwrap().metadata.clone();
    assert_eq!(back(0), Some(everything()));
    assert_eq!(back(1), Some(Metadata::default()));
}

/// Nor is it read.
pub async fn what_is_not_asked_for_is_not_returned(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put_with("a", &[1.0], number("n", 1))]).await;
    let got = it.shard.get(vec![id("a")], read(), soon()).await.unwrap().documents.remove(0).unwrap();
    let listed = page(&it, None, 1, None, read()).await.remove(0);
    for document in [got, listed] {
        assert_eq!((document.vector, document.metadata), (None, None));
    }
}

async fn page(
    it: &Subject,
    behind: Option<&str>,
    limit: usize,
    filter: Option<Filter>,
    read: Read,
) -> Vec<annuli_api::shard_api::Document> {
    let list = ShardList { behind: behind.map(id), limit, filter: filter.map(Arc::new) };
    it.shard.list(list, read, soon()).await.unwrap().documents
}

async fn listed(it: &Subject, behind: Option<&str>, limit: usize, filter: Option<Filter>) -> Vec<String> {
    page(it, behind, limit, filter, read()).await.iter().map(|document| document.id.to_string()).collect()
}

/// Whether or not there is a document of the cursor's id.
pub async fn a_listing_goes_on_behind_its_cursor(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write((0..9).map(|n| put_with(&n.to_string(), &[1.0], number("n", n % 2))).collect()).await;
    assert_eq!(listed(&it, None, 4, None).await, ["0", "1", "2", "3"]);
    it.write(vec![delete("3"), put("30", &[1.0])]).await;
    assert_eq!(listed(&it, Some("3"), 3, None).await, ["30", "4", "5"]);
    assert_eq!(listed(&it, Some("4"), 2, Some(equal("n", 1))).await, ["5", "7"]);
    assert_eq!(listed(&it, Some("8"), 2, None).await, [""; 0]);
}

/// Of their ids' UTF-8.
pub async fn a_listing_is_in_the_order_of_bytes(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(["ä", "Z", "a", "aa", "10", "9", "🦀", "a/b"].map(|id| put(id, &[1.0])).to_vec()).await;
    assert_eq!(listed(&it, None, 99, None).await, ["10", "9", "Z", "a", "a/b", "aa", "ä", "🦀"]);
}

/// On search, count and list alike.
pub async fn every_test_of_a_filter_is_the_filters_own_truth(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let documents = [
        ("all", everything()),
        ("none", Metadata::default()),
        ("one", number("one", 1)),
        ("text", metadata([("text", Value::Text("b".into()))])),
        ("list", metadata([("one", Value::Array(vec![whole(1), whole(5)]))])),
    ];
    it.write(documents.iter().map(|(id, metadata)| put_with(id, &[1.0], metadata.clone())).collect()).await;
    for filter in filters() {
        let mut expected: Vec<_> =
            documents.iter().filter(|(_, metadata)| filter.matches(metadata)).map(|(id, _)| *id).collect();
        expected.sort_unstable();
        assert_eq!(listed(&it, None, 9, Some(filter.clone())).await, expected, "{filter:?}");
        assert_eq!(it.count(Some(filter.clone())).await, expected.len() as u64, "{filter:?}");
        let mut search = search(&[0.0], 9);
        search.filter = Some(Arc::new(filter.clone()));
        let hits = it.search(search).await;
        let mut found = crate::given::ids(&hits);
        found.sort_unstable();
        assert_eq!(found, expected, "{filter:?}");
    }
}

fn filters() -> Vec<Filter> {
    let integer = |n: i64| Number::Integer(i128::from(n));
    let mut filters = vec![
        Filter::All(vec![]),
        Filter::Any(vec![]),
        field("null", Test::Equal(Scalar::Null)),
        field("true", Test::Equal(Scalar::Bool(true))),
        field("one", Test::Equal(Scalar::Number(integer(1)))),
        field("third", Test::Equal(Scalar::Number(Number::from_float(1.0 / 3.0)))),
        field("large", Test::Equal(Scalar::Number(Number::Integer(i128::from(u64::MAX))))),
        field("text", Test::Equal(Scalar::Text("b".into()))),
        field("object.inner", Test::In(vec![Scalar::Number(integer(7)), Scalar::Bool(false)])),
        field("one", Test::In(vec![])),
        field("one", Test::Exists(true)),
        field("one", Test::Exists(false)),
        field("a.b", Test::Equal(Scalar::Text("deep".into()))),
    ];
    for side in [Side::Above, Side::AtLeast, Side::Below, Side::AtMost] {
        filters.push(field("one", Test::Order(side, Operand::Number(integer(1)))));
        filters.push(field("one", Test::Order(side, Operand::Number(Number::from_float(1.5)))));
        filters.push(field("text", Test::Order(side, Operand::Text("b".into()))));
    }
    let negated: Vec<_> = filters.iter().cloned().map(|filter| Filter::Not(Box::new(filter))).collect();
    filters.extend(negated);
    let pairs: Vec<_> =
        filters.windows(2).flat_map(|pair| [Filter::All(pair.to_vec()), Filter::Any(pair.to_vec())]).collect();
    filters.extend(pairs);
    filters
}

/// Nobody waits for it.
pub async fn a_read_whose_time_is_over_has_no_answer(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put("a", &[1.0])]).await;
    let failures = [
        it.shard.search(search(&[0.0], 1), now()).await.unwrap_err(),
        it.shard.get(vec![id("a")], read(), now()).await.unwrap_err(),
        it.shard.list(ShardList { behind: None, limit: 1, filter: None }, read(), now()).await.unwrap_err(),
        it.shard.count(None, read(), now()).await.unwrap_err(),
    ];
    assert_eq!(failures.map(|failure| failure.code), [ErrorCode::DeadlineExceeded; 4]);
}

/// And how much there is.
pub async fn the_status_tells_where_the_shard_stands(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let position = it.write(vec![put("a", &[1.0]), put("a", &[2.0]), put("b", &[2.0])]).await.position;
    let status = it.shard.status().await.unwrap();
    assert_eq!((status.shard.0, status.position, status.documents), (0, position, 2));
}
