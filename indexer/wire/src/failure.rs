//! Failures between processes: the JSON of the public API. Not bincode: who is of another release has to be able to read
//! why it was refused.

use annuli_api::error::FailureBody;
use annuli_api::{ErrorCode, Failure};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The failure as it is sent.
pub(crate) fn write(failure: Failure) -> Vec<u8> {
    serde_json::to_vec(&FailureBody { error: failure }).expect("a failure is texts and JSON values")
}

/// A failure of a peer, which may know codes that this release does not.
#[derive(Deserialize)]
struct ForeignBody {
    error: ForeignFailure,
}

#[derive(Deserialize)]
struct ForeignFailure {
    code: Value,
    message: String,
    #[serde(default)]
    details: Map<String, Value>,
}

/// The failure that was sent; `None` if it was none.
pub(crate) fn read(bytes: &[u8]) -> Option<Failure> {
    let ForeignFailure { code, message, details } = serde_json::from_slice::<ForeignBody>(bytes).ok()?.error;
    let known = serde_json::from_value::<ErrorCode>(code.clone());
    Some(match known {
        Ok(code) => Failure { code, message, details },
        Err(_) => {
            let message = format!("a shard of another release failed with the code {code}: {message}");
            Failure { code: ErrorCode::Internal, message, details }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_api::Effect;

    #[test]
    fn a_failure_is_read_back() {
        let failure = Failure::above_limit("`k`", 3, 2).with_effect(Effect::None);
        assert_eq!(read(&write(failure.clone())), Some(failure));
    }

    #[test]
    fn a_code_of_another_release_is_a_failure_all_the_same() {
        let failure = read(br#"{"error": {"code": "too_tired", "message": "not now", "details": {"a": 1}}}"#).unwrap();
        assert_eq!(failure.code, ErrorCode::Internal);
        assert_eq!(failure.message, "a shard of another release failed with the code \"too_tired\": not now");
        assert_eq!(failure.details["a"], 1);
    }

    #[test]
    fn what_is_no_failure_is_none() {
        for bytes in ["", "<html>", "{}", r#"{"error": "no"}"#, "[[[[[["] {
            assert_eq!(read(bytes.as_bytes()), None, "{bytes}");
        }
    }
}
