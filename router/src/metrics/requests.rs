//! Requests: how many, how they ended, how long they took.

use super::{NAMED_WELL, ONCE};
use annuli_api::ErrorCode;
use annuli_api::v1::path;
use axum::http::{Method, StatusCode};
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

/// Seconds of a request: from a search of ten documents to one that nobody should wait for.
const SECONDS: [f64; 15] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// What is said of a path or method that is none of ours: a client must not be able to make lines of its own.
const OTHER: &str = "other";

const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

const STATUSES: std::ops::Range<usize> = 100..600;

/// Counts requests.
pub(crate) struct RequestMeters {
    endpoints: HashMap<&'static str, ByMethod>,
    other: ByMethod,
    errors: IntCounterVec,
    families: Families,
}

/// As they are listed, a line for each label.
struct Families {
    answers: IntCounterVec,
    seconds: HistogramVec,
}

/// In the order of [`METHODS`], and one for the others.
type ByMethod = [OnceLock<EndpointMeters>; METHODS.len() + 1];

/// Found without a lock once they have been used.
struct EndpointMeters {
    endpoint: &'static str,
    method: &'static str,
    seconds: Histogram,
    /// By status.
    answers: Box<[OnceLock<IntCounter>]>,
}

impl RequestMeters {
    pub(super) fn new(registry: &Registry) -> Self {
        let answers = Opts::new("annuli_requests_total", "Requests that were answered, by HTTP status.");
        let answers = IntCounterVec::new(answers, &["endpoint", "method", "code"]).expect(NAMED_WELL);
        let help = "Time from a request's headers to its answer, which then is still to be sent.";
        let seconds = HistogramOpts::new("annuli_request_seconds", help).buckets(SECONDS.to_vec());
        let seconds = HistogramVec::new(seconds, &["endpoint", "method"]).expect(NAMED_WELL);
        let errors = Opts::new("annuli_request_errors_total", "Requests that failed, by the code of the error.");
        let errors = IntCounterVec::new(errors, &["error"]).expect(NAMED_WELL);
        registry.register(Box::new(answers.clone())).expect(ONCE);
        registry.register(Box::new(seconds.clone())).expect(ONCE);
        registry.register(Box::new(errors.clone())).expect(ONCE);
        let endpoints = path::ALL.map(|endpoint| (endpoint, ByMethod::default())).into();
        Self { endpoints, other: ByMethod::default(), errors, families: Families { answers, seconds } }
    }

    /// A request to `endpoint`, a path as the API has it, was answered.
    pub(crate) fn answered(&self, endpoint: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let known = endpoint.and_then(|endpoint| self.endpoints.get_key_value(endpoint));
        let (endpoint, by_method) = known.map_or((OTHER, &self.other), |(&endpoint, by_method)| (endpoint, by_method));
        let place = METHODS.iter().position(|known| known == method).unwrap_or(METHODS.len());
        let meters = by_method[place].get_or_init(|| self.families.of(endpoint, place));
        meters.seconds.observe(took.as_secs_f64());
        let status = usize::from(status.as_u16());
        if let Some(answers) = status.checked_sub(STATUSES.start).and_then(|place| meters.answers.get(place)) {
            answers.get_or_init(|| self.families.answers_of(meters, status)).inc();
        }
    }

    /// A request failed.
    pub(crate) fn failed(&self, code: ErrorCode) {
        self.errors.with_label_values(&[code.to_string()]).inc();
    }
}

impl Families {
    fn of(&self, endpoint: &'static str, place: usize) -> EndpointMeters {
        let method = ["GET", "POST", "PUT", "DELETE", OTHER][place];
        EndpointMeters {
            endpoint,
            method,
            seconds: self.seconds.with_label_values(&[endpoint, method]),
            answers: STATUSES.map(|_| OnceLock::new()).collect(),
        }
    }

    fn answers_of(&self, meters: &EndpointMeters, status: usize) -> IntCounter {
        self.answers.with_label_values(&[meters.endpoint, meters.method, &status.to_string()])
    }
}
