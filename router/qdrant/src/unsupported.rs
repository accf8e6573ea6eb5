//! What Qdrant has and Annuli does not: refused, never left out.

use crate::envelope::Refusal;
use annuli_api::{ErrorCode, Failure};
use axum::http::{Method, Uri};
use serde::de::IgnoredAny;

/// Something in a body that is not supported. Null stands for absent.
pub(crate) type Absent = Option<IgnoredAny>;

/// The refusal of `what`, with what can be done instead.
pub(crate) fn unsupported(what: &str, instead: &str) -> Failure {
    Failure::new(ErrorCode::InvalidRequest, format_args!("{what} is not supported by Annuli: {instead}"))
}

/// Refuses the first field that is there.
pub(crate) fn refuse_fields(fields: &[(&str, &Absent)]) -> Result<(), Failure> {
    match fields.iter().find(|(_, value)| value.is_some()) {
        Some((name, _)) => Err(unsupported(&format!("`{name}`"), "leave it out")),
        None => Ok(()),
    }
}

/// A call that Qdrant has and we have not.
pub(crate) async fn call(method: Method, uri: Uri) -> Refusal {
    let what = format!("{method} {}", uri.path());
    Refusal(unsupported(&what, "docs/migrating.md lists the calls that there are"))
}
