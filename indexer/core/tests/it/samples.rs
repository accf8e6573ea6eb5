//! Small segments to start from, one of each kind.

use crate::documents::Documents;
use crate::numbers::Numbers;
use annuli_core::value::Object;
use annuli_core::{HnswParams, Metadata, Metric, Number, Quantization, Value};
use std::sync::LazyLock;

/// Whole numbers, which codes hold exactly.
fn whole(rows: usize, dim: usize) -> Vec<Vec<f32>> {
    let mut numbers = Numbers(1);
    (0..rows).map(|_| (0..dim).map(|_| numbers.below(200) as f32 - 60.0).collect()).collect()
}

fn fractions(rows: usize, dim: usize) -> Vec<Vec<f32>> {
    let mut numbers = Numbers(2);
    (0..rows).map(|_| numbers.vector(dim)).collect()
}

/// Values of every type, of which some are shared by many rows and some belong to one.
fn metadata(row: usize) -> Metadata {
    let integer = |number: usize| Value::Number(Number::Integer(number as i128));
    let text = |text: String| Value::Text(text.into());
    let mut object: Object = [
        ("row".into(), integer(row)),
        ("ten".into(), integer(row % 10)),
        ("text".into(), text(format!("text-{}", row % 7))),
        ("long".into(), text(format!("{}{row}", "l".repeat(128)))),
        ("tags".into(), Value::Array(vec![integer(row % 3), text(format!("tag-{}", row % 4)), Value::Null])),
        ("half".into(), Value::Bool(row.is_multiple_of(2))),
    ]
    .into();
    if row.is_multiple_of(5) {
        object.remove("ten");
    }
    Metadata::new(object).unwrap()
}

fn bytes(vectors: Vec<Vec<f32>>, metric: Metric, quantization: Quantization) -> Vec<u8> {
    // The fewest links make the most levels.
    Documents::with_metadata(vectors, metadata).to_bytes(
        metric,
        quantization,
        HnswParams::new(Some(4), Some(16)).unwrap(),
    )
}

/// Files that are searched by looking at every row, since they are small: each metric with each way to hold a vector.
pub(crate) fn small() -> &'static [Vec<u8>] {
    static SMALL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let mut files = vec![bytes(Vec::new(), Metric::Euclidean, Quantization::Int8)];
        for metric in Metric::ALL {
            files.push(bytes(whole(70, 5), metric, Quantization::Int8));
            files.push(bytes(fractions(70, 5), metric, Quantization::Int8));
            files.push(bytes(fractions(70, 5), metric, Quantization::None));
            files.push(bytes(whole(70, 5), metric, Quantization::Int4));
            files.push(bytes(fractions(70, 5), metric, Quantization::Int4));
        }
        files
    });
    &SMALL
}

/// Files whose rows are dear enough to look at that the graph is walked.
pub(crate) fn walked() -> &'static [Vec<u8>] {
    static WALKED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        vec![
            bytes(whole(1_500, 512), Metric::Euclidean, Quantization::Int8),
            bytes(fractions(450, 128), Metric::Cosine, Quantization::None),
            bytes(fractions(600, 256), Metric::InnerProduct, Quantization::Int8),
            bytes(whole(2_000, 512), Metric::Euclidean, Quantization::Int4),
            bytes(fractions(1_000, 512), Metric::InnerProduct, Quantization::Int4),
        ]
    });
    &WALKED
}
