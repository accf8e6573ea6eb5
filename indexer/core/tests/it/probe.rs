//! Asks a segment everything that it can be asked, and checks what holds of every answer, whatever is in the file.

use annuli_core::filter::{FieldPath, Operand, Scalar, Side, Test};
use annuli_core::limits::{COMPONENT_ABS_MAX, EF_MAX, K_MAX};
use annuli_core::metric::PreparedQuery;
use annuli_core::segment::{Allowed, Breadth, Found, Scratch, Segment};
use annuli_core::{Filter, Number, Vector};
use std::convert::Infallible;

/// Panics where an answer is wrong.
pub(crate) fn probe(segment: &Segment) {
    let slots = u32::try_from(segment.len()).unwrap();
    assert!(format!("{segment:?}").starts_with("Segment("));
    assert_eq!(segment.slots_by_point().len(), segment.len());
    let mut vector = Vec::new();
    for slot in 0..slots {
        assert!(!segment.id(slot).is_empty());
        assert_eq!(segment.slot_of(segment.point(slot)), Some(slot));
        segment.read_vector(slot, &mut vector);
        assert_eq!(vector.len(), segment.dim().get());
        assert!(vector.iter().all(|component| component.is_finite()), "slot {slot}: {vector:?}");
        // Read for its bounds; what they say is the writer's affair.
        let _ = (segment.payload(slot).len(), segment.seq(slot));
    }
    let sets: Vec<_> = allowed_sets(segment).into_iter().chain(filtered_sets(segment)).collect();
    let mut scratch = Scratch::default();
    for query in queries(segment) {
        check(segment, &query, Allowed { words: None, count: segment.len() }, &mut scratch);
        for words in &sets {
            let count = words.iter().map(|word| word.count_ones() as usize).sum();
            check(segment, &query, Allowed { words: Some(words), count }, &mut scratch);
        }
    }
}

fn check(segment: &Segment, query: &PreparedQuery, allowed: Allowed<'_>, scratch: &mut Scratch) {
    // The widest search looks at every slot, for which once is enough.
    let widest = Some(Breadth { k: K_MAX, ef: EF_MAX }).filter(|_| allowed.words.is_none());
    for breadth in [Breadth { k: 1, ef: 1 }, Breadth { k: 10, ef: 30 }].into_iter().chain(widest) {
        check_hits(&segment.search(query, breadth, allowed, scratch), breadth.k, allowed);
    }
    // Which they are depends on codes and their error, and a forged file may lie about both.
    let Ok(exact) = segment.exact(query, 10, allowed, scratch, || Ok::<_, Infallible>(()));
    check_hits(&exact, 10, allowed);
}

fn check_hits(hits: &[Found], k: usize, allowed: Allowed<'_>) {
    assert_eq!(hits.len(), k.min(allowed.count), "{hits:?}");
    assert!(hits.iter().all(|hit| hit.distance.is_finite()), "{hits:?}");
    assert!(hits.is_sorted_by(|a, b| a.distance <= b.distance), "{hits:?}");
    assert!(hits.iter().all(|hit| allowed.holds(hit.slot)), "{hits:?}");
    let mut slots: Vec<_> = hits.iter().map(|hit| hit.slot).collect();
    slots.sort_unstable();
    assert!(slots.is_sorted_by(|a, b| a < b), "a slot twice: {hits:?}");
}

/// The first row's own vector, and vectors that no row is like.
fn queries(segment: &Segment) -> Vec<PreparedQuery> {
    let dim = segment.dim().get();
    let mut own = Vec::new();
    if !segment.is_empty() {
        segment.read_vector(0, &mut own);
    }
    let slope = (0..dim).map(|place| place as f32 * 3.0 - 4.0).collect();
    [own, slope, vec![COMPONENT_ABS_MAX; dim], vec![-1e-14; dim]]
        .into_iter()
        .filter_map(|components| Vector::new(components).ok())
        .filter(|vector| segment.metric().check(vector).is_ok())
        .map(|vector| PreparedQuery::new(segment.metric(), &vector))
        .collect()
}

/// None, few, some and many slots, so that every plan has its turn.
fn allowed_sets(segment: &Segment) -> Vec<Vec<u64>> {
    let set = |allows: fn(usize) -> bool| {
        let mut words = vec![0; segment.len().div_ceil(64)];
        (0..segment.len()).filter(|&slot| allows(slot)).for_each(|slot| words[slot / 64] |= 1 << (slot % 64));
        words
    };
    vec![set(|_| false), set(|slot| slot % 90 == 7), set(|slot| slot % 11 < 2), set(|slot| slot % 2 == 1)]
}

/// What columns select, with the rows that they leave unsure taken in or left out.
fn filtered_sets(segment: &Segment) -> Vec<Vec<u64>> {
    let columns = segment.columns();
    assert_eq!(columns.rows() as usize, segment.len());
    let mut sets = Vec::new();
    for filter in filters() {
        let estimate = columns.estimate(&filter);
        assert!(estimate.least <= estimate.most && estimate.most <= columns.rows(), "{filter:?}: {estimate:?}");
        let selection = columns.select(&filter);
        assert!(selection.sure().count() <= columns.rows());
        if let Some(unsure) = selection.unsure() {
            assert!(unsure.iter().all(|slot| slot < columns.rows() && !selection.sure().contains(slot)), "{filter:?}");
        }
        let Ok(settled) = selection.settle(|slot| Ok::<_, Infallible>(slot % 2 == 0));
        sets.push(settled.into_words());
    }
    // Each is searched over; the last ones are read in full above all the same.
    sets.truncate(3);
    sets
}

/// Every kind of test, over the fields that the samples have.
fn filters() -> Vec<Filter> {
    let field = |path: &str, test| Filter::Field(FieldPath::new(path), test);
    let number = |value: i32| Number::Integer(value.into());
    let text = |text: &str| Scalar::Text(text.into());
    let order = |path, side, value| field(path, Test::Order(side, Operand::Number(number(value))));
    vec![
        field("ten", Test::Equal(Scalar::Number(number(3)))),
        order("row", Side::AtLeast, 20),
        Filter::Not(Box::new(field("text", Test::Equal(text("text-1"))))),
        Filter::All(vec![order("row", Side::Above, 5), order("row", Side::AtMost, 50)]),
        Filter::Any(vec![field("half", Test::Equal(Scalar::Bool(true))), field("ten", Test::Exists(false))]),
        field("tags", Test::In(vec![text("tag-2"), Scalar::Number(number(1))])),
        field("tags", Test::Equal(Scalar::Null)),
        field("long", Test::Equal(text(&format!("{}1", "l".repeat(128))))),
        field("long", Test::Order(Side::Below, Operand::Text("l".repeat(129).into()))),
        field("text", Test::Order(Side::AtLeast, Operand::Text("text-3".into()))),
        field("missing", Test::Exists(true)),
        field("ten", Test::Exists(true)),
    ]
}
