//! The headers of a call.

use hyper::header::{HeaderName, HeaderValue};
use std::time::Duration;

/// The secret of the cluster.
pub(crate) const SECRET: HeaderName = HeaderName::from_static("annuli-secret");

/// How much time the call has left, in milliseconds. Not a moment: the clocks of two machines need not agree.
pub(crate) const DEADLINE_MS: HeaderName = HeaderName::from_static("annuli-deadline-ms");

/// The most that a call may have, in milliseconds: a day, as the most that a client's request may ask for.
const TIME_LEFT_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// What messages are.
pub(crate) const MESSAGE: HeaderValue = HeaderValue::from_static("application/vnd.annuli.message");

/// What failures are.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The time left, as it is sent: whole milliseconds, never more than there are.
pub(crate) fn time_left(left: Duration) -> HeaderValue {
    HeaderValue::from(u64::try_from(left.as_millis()).unwrap_or(TIME_LEFT_MS_MAX).min(TIME_LEFT_MS_MAX))
}

/// The time left that was sent.
pub(crate) fn read_time_left(value: &HeaderValue) -> Option<Duration> {
    let milliseconds = value.to_str().ok()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(milliseconds.min(TIME_LEFT_MS_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_read_back_in_whole_milliseconds() {
        let back = |left| read_time_left(&time_left(left));
        assert_eq!(back(Duration::from_micros(1_999)), Some(Duration::from_millis(1)));
        assert_eq!(back(Duration::MAX), Some(Duration::from_secs(24 * 60 * 60)));
        assert_eq!(read_time_left(&HeaderValue::from_static("soon")), None);
        assert_eq!(read_time_left(&HeaderValue::from_static("-1")), None);
    }
}
