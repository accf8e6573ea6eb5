//! What the document says in prose.

use super::operation::status_of;
use crate::Limits;
use annuli_api::ErrorCode;
use std::collections::BTreeSet;
use std::fmt::Write;
use utoipa::PartialSchema;

/// What the body of a failed request is called.
pub(super) const FAILURE: &str = "FailureBody";

/// What a key is.
pub(super) const KEY: &str = "A key of the server, where its operator has set keys; else none is asked for. `x-role` \
                              of an operation is the role that a key needs: `read`, `write` or `admin`, each of which may \
                              do what those before it may.";

/// What a client should know before it begins.
pub(super) fn about(limits: &Limits) -> String {
    let mut about = format!(
        "Sharded indexes for nearest-neighbour search.\n\n\
         Bodies are JSON or MessagePack (`application/json`, `application/msgpack`), as `content-type` says; answers are \
         what `accept` likes best. A vector is a list of numbers, or little-endian 32-bit floats: base64 in JSON, `bin` in \
         MessagePack.\n\n\
         A body may have {} bytes, and {} requests may be under way at once.\n\n\
         A failed request is answered by `{{\"error\": {{\"code\", \"message\", \"details\"}}}}`. The codes, with their \
         statuses:\n\n",
        limits.body_bytes_max, limits.concurrent_requests_max,
    );
    for code in codes() {
        let status = status_of(&code).unwrap_or_default();
        writeln!(about, "- `{code}`: {status}").expect("a text takes what is written");
    }
    about
}

/// Every code, as it is written.
pub(super) fn codes() -> Vec<String> {
    let schema = serde_json::to_value(ErrorCode::schema()).unwrap_or_default();
    let codes = schema["enum"].as_array().into_iter().flatten();
    codes.filter_map(|code| code.as_str().map(str::to_owned)).collect()
}

/// What a failure's status means.
pub(super) fn of_failures(codes: &BTreeSet<String>) -> String {
    let codes: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    format!("Refused or failed: {}", codes.join(", "))
}
