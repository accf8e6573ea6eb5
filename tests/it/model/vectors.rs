//! Random vectors and ids, with what makes searches hard: equal vectors and equal distances.

use annuli_api::v1::vector::to_base64;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// Some vector with components up to twice `scale`. Every other one is on a coarse grid, where many are equal.
pub(crate) fn vector(random: &mut StdRng, dim: usize, scale: f32) -> Vec<f32> {
    let component = |random: &mut StdRng, on_grid| match on_grid {
        true => f32::from(random.random_range(-2_i8..=2)) * scale,
        false => random.random_range(-2.0_f32..2.0) * scale,
    };
    let on_grid = random.random_bool(0.5);
    let mut vector: Vec<f32> = (0..dim).map(|_| component(random, on_grid)).collect();
    if vector.iter().all(|&component| component.abs() < scale / 2.0) {
        // Without a direction it could not be compared under every metric.
        vector[0] = scale;
    }
    vector
}

/// The vector in one of the forms that the API takes.
pub(crate) fn to_json(random: &mut StdRng, vector: &[f32]) -> Value {
    if random.random_bool(0.5) { json!(to_base64(vector)) } else { json!(vector) }
}

/// The vector of a reply.
pub(crate) fn from_json(value: &Value) -> Vec<f32> {
    let components = value.as_array().unwrap_or_else(|| panic!("no vector: {value}"));
    #[allow(clippy::cast_possible_truncation, reason = "the service has written f32s")]
    let component = |value: &Value| value.as_f64().unwrap() as f32;
    components.iter().map(component).collect()
}

/// The vector's bits: equal bits are the same vector.
pub(crate) fn bits(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|component| component.to_bits()).collect()
}

/// The id of that number; some are hard to carry in a path, a query or a key.
pub(super) fn id(number: usize) -> String {
    match number % 12 {
        0 => format!("ä ö/ü?{number}&x=%41#"),
        1 => format!("\"{number}\"\n\t\\"),
        2 => format!("🦀{number}"),
        3 => format!("{number}-{}", "x".repeat(500)),
        4 => format!("../{number}"),
        5 => number.to_string(),
        _ => format!("doc-{number:03}"),
    }
}
