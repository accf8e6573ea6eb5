//! Whether an answer says what a real server said.

use serde_json::Value;

/// What differs between any two servers, or is said by the executor behind a captured one alone.
const OF_THAT_SERVER: [&str; 5] = ["requestId", "routes", "shard", "shard_id", "__results__"];

/// Every field of `captured` stands in `ours` with an equal value. A field that is null may be absent.
#[track_caller]
pub(crate) fn check(step: &str, captured: &Value, ours: &Value) {
    if let Err(difference) = compare(captured, ours) {
        panic!("step {step}: {difference}\ncaptured: {captured}\nours:     {ours}");
    }
}

fn compare(captured: &Value, ours: &Value) -> Result<(), String> {
    match (captured, ours) {
        (Value::Object(captured), Value::Object(_) | Value::Null) => {
            for (name, value) in captured.iter().filter(|(name, _)| !OF_THAT_SERVER.contains(&name.as_str())) {
                let ours = ours.get(name).unwrap_or(&Value::Null);
                compare(value, ours).map_err(|difference| format!("{name}: {difference}"))?;
            }
            Ok(())
        }
        (Value::Array(captured), Value::Array(ours)) if captured.len() == ours.len() => {
            let pairs = captured.iter().zip(ours).enumerate();
            pairs.into_iter().try_for_each(|(at, (captured, ours))| {
                compare(captured, ours).map_err(|difference| format!("{at}: {difference}"))
            })
        }
        (Value::Number(captured), Value::Number(ours)) => {
            let (captured, ours) = (captured.as_f64().unwrap(), ours.as_f64().unwrap());
            // The captured server compares in double precision.
            let near = (captured - ours).abs() <= 1e-6 * captured.abs().max(1.0);
            if near { Ok(()) } else { Err(format!("{captured} is not {ours}")) }
        }
        _ if captured == ours => Ok(()),
        _ => Err(format!("{captured} is not {ours}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_is_found_wherever_it_is() {
        let captured = json!({"a": null, "b": [{"c": 1.0}], "routes": 7});
        assert_eq!(compare(&captured, &json!({"b": [{"c": 1, "d": 2}]})), Ok(()));
        assert_eq!(compare(&captured, &json!({"b": [{"c": 2}]})), Err("b: 0: c: 1 is not 2".to_owned()));
        assert!(compare(&captured, &json!({"b": []})).is_err());
        assert!(compare(&captured, &json!({"a": 1, "b": [{"c": 1}]})).is_err());
    }
}
