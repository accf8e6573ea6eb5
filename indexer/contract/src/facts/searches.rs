//! What searches find.

use super::Make;
use crate::given::{equal, id, ids, number, on_a_line, put, put_with, read_all, schema, search, soon, vector};
use annuli_api::ErrorCode;
use annuli_api::shard_api::{Include, Read, SearchMode, ShardSearch};
use annuli_core::metric::PreparedQuery;
use annuli_core::{Metric, Vector};
use std::sync::Arc;

/// A vector that is made of a number, far from any order.
fn scattered(n: u32) -> [f32; 3] {
    let component = |salt: u32| ((n.wrapping_mul(2_654_435_761).wrapping_add(salt) >> 7) % 2_001) as f32 / 100.0 - 10.0;
    [component(1), component(77_777_777), component(900_000_001)]
}

/// By the distances of the metric, and each hit says its own.
pub async fn hits_are_nearest_first_under_every_metric(make: &impl Make) {
    for metric in Metric::ALL {
        let it = make.make(schema(3, metric)).await;
        it.write((0..300).map(|n| put(&format!("{n:03}"), &scattered(n))).collect()).await;
        let query = vector(&[1.0, -2.0, 3.0]);
        let prepared = PreparedQuery::new(metric, &query);
        let mut all: Vec<_> =
            (0..300).map(|n| (prepared.distance(&vector(&scattered(n))).to_bits(), format!("{n:03}"))).collect();
        all.sort_by(|a, b| f32::from_bits(a.0).total_cmp(&f32::from_bits(b.0)).then_with(|| a.1.cmp(&b.1)));
        all.truncate(20);
        let hits = it.search(search(query.as_slice(), 20)).await;
        let found: Vec<_> = hits.results[0].iter().map(|hit| (hit.distance.to_bits(), hit.id.to_string())).collect();
        assert_eq!(found, all, "{metric}");
    }
}

/// Also where there are more of them than hits.
pub async fn equal_distances_are_ordered_by_id(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let ids = ["m", "b", "z", "ä", "a", "B", "10", "9"];
    it.write(ids.iter().enumerate().map(|(n, id)| put(id, &[if n % 2 == 0 { 1.0 } else { -1.0 }])).collect()).await;
    assert_eq!(it.nearest(&[0.0], 9).await, ["10", "9", "B", "a", "b", "m", "z", "ä"]);
    assert_eq!(it.nearest(&[0.0], 3).await, ["10", "9", "B"]);
}

/// However many are asked for.
pub async fn there_are_never_more_hits_than_documents(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    assert_eq!(it.nearest(&[0.0], 10).await, [""; 0]);
    it.write(vec![put("a", &[1.0]), put("b", &[2.0])]).await;
    assert_eq!(it.nearest(&[0.0], 10_000).await, ["a", "b"]);
    assert_eq!(it.nearest(&[0.0], 1).await, ["a"]);
}

/// However many there are.
pub async fn every_query_has_its_result_in_its_place(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write((0..100).map(|n| put(&format!("{n:02}"), &[n as f32])).collect()).await;
    let queries: Arc<[Vector]> = (0..100).rev().map(|n| vector(&[n as f32 + 0.1])).collect();
    let hits = it.search(ShardSearch { queries, ..search(&[0.0], 1) }).await;
    let found: Vec<_> = hits.results.iter().map(|hits| hits[0].id.to_string()).collect();
    assert_eq!(found, (0..100).rev().map(|n| format!("{n:02}")).collect::<Vec<_>>());
}

/// There are as many hits as without it.
pub async fn the_excepted_document_is_no_hit_and_takes_no_place(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put("a", &[0.0]), put("b", &[1.0]), put("c", &[2.0])]).await;
    let except = |text| ShardSearch { except: Some(id(text)), ..search(&[0.0], 2) };
    assert_eq!(ids(&it.search(except("a")).await), ["b", "c"]);
    assert_eq!(ids(&it.search(except("c")).await), ["a", "b"]);
    assert_eq!(ids(&it.search(except("unknown")).await), ["a", "b"]);
}

/// In every mode.
pub async fn a_filter_narrows_a_search_before_it_counts_hits(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write((0..60).map(|n| put_with(&format!("{n:02}"), &[n as f32], number("n", n % 6))).collect()).await;
    for mode in [SearchMode::Exact, SearchMode::Approximate { ef: 10 }] {
        let search = ShardSearch { filter: Some(Arc::new(equal("n", 5))), mode, ..search(&[0.0], 3) };
        assert_eq!(ids(&it.search(search).await), ["05", "11", "17"], "{mode:?}");
    }
}

/// By its dimension, and by its direction where one is needed.
pub async fn a_query_that_does_not_fit_is_refused(make: &impl Make) {
    let it = make.make(schema(2, Metric::Cosine)).await;
    let code = async |components: &[f32]| it.shard.search(search(components, 1), soon()).await.unwrap_err().code;
    assert_eq!(code(&[1.0]).await, ErrorCode::DimensionMismatch);
    assert_eq!(code(&[0.0, 0.0]).await, ErrorCode::InvalidVector);
}

/// And nothing else.
pub async fn hits_carry_what_was_asked_for(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    it.write(vec![put_with("a", &[2.0], number("n", 1))]).await;
    for (with_metadata, with_vector) in [(false, false), (true, false), (false, true), (true, true)] {
        let include = Include { metadata: with_metadata, vector: with_vector };
        let search = ShardSearch { read: Read { include, ..read_all() }, ..search(&[0.0], 1) };
        let hit = it.search(search).await.results[0][0].clone();
        assert_eq!(hit.metadata, with_metadata.then(|| number("n", 1)));
        assert_eq!(hit.vector, with_vector.then(|| vector(&[2.0])));
    }
}
