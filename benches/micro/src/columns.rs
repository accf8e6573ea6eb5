//! Columns of a segment: building them, opening them, and selecting rows by them. The rows are made up, with fields
//! like those of the shipped data set: few values, some, lists of some, and a different one in each row.

use crate::numbers::Numbers;
use crate::timing::time;
use annuli_core::column::{Columns, ColumnsBuilder};
use annuli_core::filter::{FieldPath, Operand, Scalar, Side, Test};
use annuli_core::value::Object;
use annuli_core::{Filter, Metadata, Number, Value};
use std::hint::black_box;

const SEGMENTS: [u32; 2] = [100_000, 1_000_000];

/// Prints a row for each size of segment and thing to do.
pub(crate) fn measure() {
    println!("columns of a segment, µs");
    println!("{:45} {:>9} {:>9} {:>9}", "", "rows", "median", "least");
    for rows in SEGMENTS {
        measure_segment(rows);
    }
}

fn measure_segment(rows: u32) {
    let mut numbers = Numbers::new(3);
    let documents: Vec<Metadata> = (0..rows).map(|slot| document(slot, &mut numbers)).collect();
    let print = |what: &str, timing| println!("{what:45} {rows:>9} {timing}");
    if rows == SEGMENTS[0] {
        print("build", time(1000, || drop(black_box(build(&documents)))));
    }
    let bytes = build(&documents);
    println!("{:45} {rows:>9} {:>9} bytes a row", "section", bytes.len() / documents.len());
    let columns = Columns::from_bytes(&bytes, rows).expect("what was just built");
    print("open", time(1000, || _ = black_box(Columns::from_bytes(black_box(&bytes), rows))));
    for (name, filter) in filters(rows) {
        let share = f64::from(columns.select(&filter).sure().count()) / f64::from(rows) * 100.0;
        let what = format!("select {name} ({share:.1} %)");
        print(&what, time(1000, || drop(black_box(columns.select(black_box(&filter))))));
        let what = format!("estimate {name}");
        print(&what, time(1000, || _ = black_box(columns.estimate(black_box(&filter)))));
    }
    let (name, filter) = &filters(rows)[0];
    let plain = || _ = black_box(documents.iter().filter(|metadata| filter.matches(metadata)).count());
    print(&format!("plain evaluation of {name}"), time(1000, plain));
}

fn build(documents: &[Metadata]) -> Vec<u8> {
    let rows = u32::try_from(documents.len()).expect("slots are u32");
    let mut builder = ColumnsBuilder::new(rows);
    (0..rows).zip(documents).for_each(|(slot, metadata)| builder.add(slot, metadata));
    builder.finish()
}

fn document(slot: u32, numbers: &mut Numbers) -> Metadata {
    let mut below = |bound: u64| numbers.next() % bound;
    let integer = |number: u64| Value::Number(Number::Integer(number.into()));
    let text = |text: String| Value::Text(text.into());
    // The square of a uniform number is more often small: a skew like that of real sections and tags.
    let section = below(8) * below(8);
    let tags = (0..below(9)).map(|_| text(format!("facet::tag-{}", below(20) * below(20)))).collect();
    let fields = [
        ("synopsis", text(format!("what the package of row {slot} is good for, {}", below(1 << 20)))),
        ("section", text(format!("section-{section}"))),
        ("percent", integer(below(100))),
        ("installed_kb", integer(below(4_000_000))),
        ("source", text(format!("source-{}", slot / 3))),
        ("tags", Value::Array(tags)),
    ];
    let object: Object = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Metadata::new(object).expect("not deep")
}

fn filters(rows: u32) -> Vec<(&'static str, Filter)> {
    let field = |path: &str, test| Filter::Field(FieldPath::new(path), test);
    let number = |value: u32| Number::Integer(value.into());
    let order = |path, side, value| field(path, Test::Order(side, Operand::Number(number(value))));
    let equal = |path, value: String| field(path, Test::Equal(Scalar::Text(value.into())));
    let percents =
        |count: u32| field("percent", Test::In((0..count).map(|value| Scalar::Number(number(value))).collect()));
    vec![
        ("one percent of few values", percents(1)),
        ("ten of few values", percents(10)),
        ("half of few values", order("percent", Side::Below, 50)),
        ("one percent of unique numbers", order("installed_kb", Side::Below, 40_000)),
        ("ten percent of unique numbers", order("installed_kb", Side::Below, 400_000)),
        ("half of unique numbers", order("installed_kb", Side::Below, 2_000_000)),
        (
            "one percent between two bounds",
            Filter::All(vec![
                order("installed_kb", Side::AtLeast, 2_000_000),
                order("installed_kb", Side::Below, 2_040_000),
            ]),
        ),
        ("a rare text", equal("source", format!("source-{}", rows / 6))),
        ("a frequent text", equal("section", "section-0".to_owned())),
        ("a tag of an array", equal("tags", "facet::tag-12".to_owned())),
        (
            "a section and a tag and a range",
            Filter::All(vec![
                equal("section", "section-0".to_owned()),
                equal("tags", "facet::tag-12".to_owned()),
                order("installed_kb", Side::Below, 2_000_000),
            ]),
        ),
    ]
}
