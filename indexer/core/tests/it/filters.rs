//! A search with a filter finds what an exact search among the matches finds, whichever way was planned for it.

use crate::documents::{Documents, open, vector};
use crate::numbers::Numbers;
use annuli_core::filter::{FieldPath, Operand, Scalar, Side, Test};
use annuli_core::metric::PreparedQuery;
use annuli_core::plan::{Plan, Question, Walk, plan};
use annuli_core::segment::{Allowed, Breadth, Scratch, Segment};
use annuli_core::{Filter, HnswParams, Metadata, Metric, Number, Quantization, Value};
use std::convert::Infallible;
use std::sync::LazyLock;

const ROWS: usize = 6_500;
const DIM: usize = 512;
const K: usize = 10;
const EF: usize = 10;

/// So many and so long rows that every plan is the best for some filter.
struct World {
    documents: Documents,
    segment: Segment,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut numbers = Numbers(9);
    let centres: Vec<_> = (0..40).map(|_| numbers.vector(DIM)).collect();
    // Whole numbers, so that the file is small.
    let mut around = |centre: &Vec<f32>| -> Vec<f32> {
        centre.iter().map(|component| ((component + 0.7 * numbers.component()) * 70.0).round()).collect()
    };
    let vectors = (0..ROWS).map(|row| around(&centres[row % 40])).collect();
    let mut numbers = Numbers(10);
    let documents = Documents::with_metadata(vectors, |row| {
        let percent = Value::Number(Number::Integer(i128::from(numbers.below(100))));
        let side = Value::Text(if numbers.below(2) == 0 { "left" } else { "right" }.into());
        let group = Value::Number(Number::Integer(row as i128 % 40));
        let tags = Value::Array(vec![Value::Number(Number::Integer(row as i128 % 7)), Value::Null]);
        let fields =
            [("percent".into(), percent), ("side".into(), side), ("tags".into(), tags), ("group".into(), group)];
        // Some have none.
        let fields = if row % 11 == 3 { [].into() } else { fields.into() };
        Metadata::new(fields).unwrap()
    });
    let hnsw = HnswParams::new(None, Some(60)).unwrap();
    let file = documents.to_bytes_by(2, Metric::Euclidean, Quantization::Int8, hnsw);
    World { segment: open(&file).unwrap(), documents }
});

fn field(path: &str, test: Test) -> Filter {
    Filter::Field(FieldPath::new(path), test)
}

fn number(number: i128) -> Number {
    Number::Integer(number)
}

fn percents_below(bound: i128) -> Filter {
    field("percent", Test::Order(Side::Below, Operand::Number(number(bound))))
}

/// The row of each slot.
fn rows_by_slot(segment: &Segment) -> Vec<usize> {
    let row = |slot| usize::try_from(segment.point(slot).0 / 10).unwrap();
    (0..).take(segment.len()).map(row).collect()
}

#[track_caller]
fn check(filter: &Filter, expected: Plan) {
    let World { documents, segment } = &*WORLD;
    let rows = rows_by_slot(segment);
    let selection = segment.columns().select(filter);
    let Ok(slots) =
        selection.settle(|slot| Ok::<_, Infallible>(filter.matches(&documents.metadata[rows[slot as usize]])));
    let matching: Vec<u32> =
        (0..).zip(&rows).filter(|(_, row)| filter.matches(&documents.metadata[**row])).map(|(slot, _)| slot).collect();
    assert_eq!(slots.iter().collect::<Vec<_>>(), matching, "{filter:?}");

    let allowed = Allowed { words: Some(slots.words()), count: matching.len() };
    let question = Question {
        rows: u32::try_from(ROWS).unwrap(),
        matches: slots.count(),
        k: K,
        ef: EF,
        dim: segment.dim(),
        precision: segment.precision(),
    };
    assert_eq!(plan(&question), expected, "{} matches of {filter:?}", matching.len());

    let mut numbers = Numbers(11);
    let mut scratch = Scratch::default();
    let (mut found, mut wanted) = (0, 0);
    for row in (0..ROWS).step_by(ROWS / 60) {
        let query: Vec<_> =
            documents.vectors[row].iter().map(|component| component + 20.0 * numbers.component()).collect();
        let query = PreparedQuery::new(Metric::Euclidean, &vector(&query));
        let Ok(exact) = segment.exact(&query, K, allowed, &mut scratch, || Ok::<_, Infallible>(()));
        let hits = segment.search(&query, Breadth { k: K, ef: EF }, allowed, &mut scratch);
        assert_eq!(hits.len(), K.min(matching.len()));
        assert!(hits.iter().all(|hit| filter.matches(&documents.metadata[rows[hit.slot as usize]])), "{filter:?}");
        let farthest = exact.last().map_or(0.0, |hit| hit.distance);
        found += hits.iter().filter(|hit| hit.distance <= farthest).count();
        wanted += exact.len();
    }
    assert!(found as f64 >= 0.95 * wanted as f64, "{found} of {wanted}: {filter:?}");
}

#[test]
fn one_and_ten_percent_are_found() {
    check(&percents_below(1), Plan::Scan);
    check(&percents_below(11), Plan::Scan);
}

#[test]
fn a_fifth_is_found_over_the_others() {
    check(&percents_below(20), Plan::Walk(Walk::Over));
}

#[test]
fn what_lies_elsewhere_than_the_query_is_found() {
    let groups = (0..8).map(|group| Scalar::Number(number(group))).collect();
    check(&field("group", Test::In(groups)), Plan::Walk(Walk::Over));
}

#[test]
fn a_half_and_more_are_found_through_the_others() {
    check(&percents_below(55), Plan::Walk(Walk::Through));
    check(&field("side", Test::Equal(Scalar::Text("left".into()))), Plan::Walk(Walk::Through));
    check(&Filter::Not(Box::new(percents_below(10))), Plan::Walk(Walk::Through));
}

#[test]
fn lists_and_what_is_missing_are_found() {
    check(&field("tags", Test::In(vec![Scalar::Number(number(2)), Scalar::Text("2".into())])), Plan::Scan);
    check(&field("percent", Test::Exists(false)), Plan::Scan);
    let none = Filter::All(vec![percents_below(30), field("side", Test::Exists(false))]);
    check(&none, Plan::Scan);
}
