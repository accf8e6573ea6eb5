//! What a request's query says: seconds, switches. What is not known there means something to other servers.

use annuli_api::shard_api::Consistency;
use annuli_api::{ErrorCode, Failure};
use serde::Deserialize;

/// The query of any call.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    wait: Option<String>,
    timeout: Option<String>,
    consistency: Option<String>,
}

impl Asked {
    /// Whether the caller waits until it is done.
    pub(crate) fn waits(&self, default: bool) -> bool {
        self.wait.as_deref().map_or(default, |wait| wait == "true")
    }

    /// The time allowed, in milliseconds.
    pub(crate) fn timeout_ms(&self) -> Result<Option<u64>, Failure> {
        let Some(seconds) = &self.timeout else { return Ok(None) };
        let wrong = |_| Failure::new(ErrorCode::InvalidRequest, "`timeout` has to be a whole number of seconds");
        Ok(Some(seconds.parse::<u64>().map_err(wrong)?.saturating_mul(1_000)))
    }

    /// Who may answer: who asks for more than one copy's word gets the primary's.
    pub(crate) fn consistency(&self) -> Option<Consistency> {
        self.consistency.as_ref().map(|_| Consistency::Primary)
    }
}
