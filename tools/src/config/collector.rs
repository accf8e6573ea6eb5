//! Where spans are sent, as people write it: the URL of a collector.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::str::FromStr;
use ureq::http::Uri;

/// Where a collector takes spans, below its URL.
const PATH: &str = "/v1/traces";

/// A collector of spans, by its URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Collector(String);

/// A text that is no URL of a collector. It is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCollector {
    /// Of another form, or of another protocol.
    #[error(
        "it is no URL of a collector: write it like http://127.0.0.1:4318, where spans are taken by OTLP over HTTP"
    )]
    Malformed,
    /// What goes into logs holds no secret.
    #[error(
        "a collector's URL holds no credentials: leave out what stands before the `@`, and set OTEL_EXPORTER_OTLP_HEADERS"
    )]
    Credentials,
}

impl Collector {
    /// Where spans are posted to. Whoever names the whole path means the same.
    pub fn url_of_spans(&self) -> String {
        let base = self.0.trim_end_matches('/');
        if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") }
    }
}

impl FromStr for Collector {
    type Err = InvalidCollector;

    fn from_str(text: &str) -> Result<Self, InvalidCollector> {
        let url: Uri = text.parse().map_err(|_| InvalidCollector::Malformed)?;
        let authority = url.authority().ok_or(InvalidCollector::Malformed)?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.query().is_some() || authority.host().is_empty() {
            return Err(InvalidCollector::Malformed);
        }
        if authority.as_str().contains('@') {
            return Err(InvalidCollector::Credentials);
        }
        Ok(Self(text.to_owned()))
    }
}

/// As a setting: an empty text is none, by which one is taken back that the environment names.
pub(super) mod setting {
    use super::{Collector, Deserialize, Deserializer, Error, Serialize};
    use serde::Serializer;

    pub(in crate::config) fn serialize<S: Serializer>(
        collector: &Option<Collector>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        collector.serialize(serializer)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Collector>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
        text.map(|text| text.parse()).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, InvalidCollector>) {
        let url = text.parse::<Collector>().map(|collector| collector.url_of_spans());
        assert_eq!(url.as_deref().map_err(|error| *error), want, "{text}");
    }

    #[test]
    fn a_collector_takes_spans_below_its_url() {
        for text in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"] {
            check(text, Ok("http://127.0.0.1:4318/v1/traces"));
        }
        check("https://collector.example/otlp", Ok("https://collector.example/otlp/v1/traces"));
    }

    #[test]
    fn what_is_no_collector_is_refused() {
        for text in ["collector:4317", "grpc://collector:4317", "/v1/traces", "http://", "http://h/?key=secret", "a b"]
        {
            check(text, Err(InvalidCollector::Malformed));
        }
        check("http://user:secret@collector:4318", Err(InvalidCollector::Credentials));
    }
}
