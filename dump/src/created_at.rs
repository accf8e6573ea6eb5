//! When a dump was begun, as the caller's clock said it.

use std::fmt;

/// A time in the form of RFC 3339, for people to read. Dumps are ordered by their ids, never by this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CreatedAt(String);

/// A text that is not in the form of RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{start:?} is not a time as RFC 3339 writes it, like 2026-01-31T12:00:00Z")]
pub struct InvalidCreatedAt {
    start: String,
}

impl CreatedAt {
    /// Checks the form; that a month has so many days is the clock's business.
    pub fn new(text: &str) -> Result<Self, InvalidCreatedAt> {
        if has_the_form(text.as_bytes()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCreatedAt { start: text.chars().take(40).collect() })
        }
    }

    /// The time as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CreatedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn has_the_form(text: &[u8]) -> bool {
    const SECONDS: &[u8] = b"0000-00-00T00:00:00";
    let Some((seconds, rest)) = text.split_at_checked(SECONDS.len()) else { return false };
    matches_pattern(seconds, SECONDS) && is_zone(without_fraction(rest))
}

/// Takes away a point and up to nine digits; anything else is left for the zone to stumble over.
fn without_fraction(text: &[u8]) -> &[u8] {
    let Some(after_point) = text.strip_prefix(b".") else { return text };
    let digits = after_point.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if (1..=9).contains(&digits) { &after_point[digits..] } else { text }
}

fn is_zone(text: &[u8]) -> bool {
    text == b"Z" || matches_pattern(text, b"+00:00") || matches_pattern(text, b"-00:00")
}

/// A `0` in the pattern stands for any digit.
fn matches_pattern(text: &[u8], pattern: &[u8]) -> bool {
    let fits = |(byte, expected): (&u8, &u8)| if *expected == b'0' { byte.is_ascii_digit() } else { byte == expected };
    text.len() == pattern.len() && text.iter().zip(pattern).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(CreatedAt::new(text).is_ok(), valid, "{text:?}");
    }

    #[test]
    fn a_time_is_written_as_rfc_3339_does() {
        check("2026-01-31T12:00:00Z", true);
        check("2026-01-31T12:00:00.123456789+05:30", true);
        check("2026-01-31T12:00:00-08:00", true);
        for text in [
            "",
            "2026-01-31",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00.1234567890Z",
            "2026-01-31T12:00:00Zx",
            "2026-01-31T12:00:00\u{1b}",
            "ä026-01-31T12:00:00Z",
        ] {
            check(text, false);
        }
    }
}
