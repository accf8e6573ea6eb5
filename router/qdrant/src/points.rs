//! Points as answers have them.

use crate::payload_selector::PayloadSelector;
use crate::point_id::SaidId;
use crate::unsupported::unsupported;
use annuli_api::Failure;
use annuli_api::v1::document::StoredDocument;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::v1::search::{Include, WireHit};
use annuli_api::v1::vector::WireVector;
use annuli_core::Metric;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;

/// A point as it is stored.
#[derive(Serialize)]
pub(crate) struct Record {
    id: SaidId,
    payload: Option<WireMetadata>,
    vector: Option<WireVector>,
}

/// A point that was found.
#[derive(Serialize)]
pub(crate) struct ScoredPoint {
    id: SaidId,
    version: u64,
    score: f32,
    payload: Option<WireMetadata>,
    vector: Option<WireVector>,
}

/// Which parts of points an answer has.
pub(crate) struct Parts {
    payload: PayloadSelector,
    vector: bool,
}

/// `with_vector`: whether, or which by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VectorSelector {
    /// The vector, or not.
    Unnamed(bool),
    /// Vectors by names.
    Named,
}

impl<'de> Deserialize<'de> for VectorSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SelectorVisitor)
    }
}

struct SelectorVisitor;

impl<'de> Visitor<'de> for SelectorVisitor {
    type Value = VectorSelector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E>(self, wanted: bool) -> Result<VectorSelector, E> {
        Ok(VectorSelector::Unnamed(wanted))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<VectorSelector, A::Error> {
        let mut selector = VectorSelector::Unnamed(false);
        while let Some(name) = sequence.next_element::<Box<str>>()? {
            // The vector that there is may be written as if it had a name.
            let is_unnamed = name.is_empty() && selector != VectorSelector::Named;
            selector = if is_unnamed { VectorSelector::Unnamed(true) } else { VectorSelector::Named };
        }
        Ok(selector)
    }
}

impl Parts {
    /// What a request asks for, where without a word there is a payload or not.
    pub(crate) fn new(
        payload: Option<PayloadSelector>,
        vector: Option<VectorSelector>,
        payload_default: bool,
    ) -> Result<Self, Failure> {
        let vector = match vector {
            None => false,
            Some(VectorSelector::Unnamed(wanted)) => wanted,
            Some(VectorSelector::Named) => {
                return Err(unsupported("`with_vector` by name", "a collection has one unnamed vector: say true"));
            }
        };
        Ok(Self { payload: payload.unwrap_or(PayloadSelector::All(payload_default)), vector })
    }

    /// What is to be read of documents for it.
    pub(crate) fn include(&self) -> Vec<Include> {
        let payload = self.payload.wants_payload().then_some(Include::Metadata);
        payload.into_iter().chain(self.vector.then_some(Include::Vector)).collect()
    }

    /// The same, as the query of a listing has it.
    pub(crate) fn include_text(&self) -> String {
        let name = |part| match part {
            Include::Metadata => "metadata",
            Include::Vector => "vector",
        };
        self.include().into_iter().map(name).collect::<Vec<_>>().join(",")
    }

    fn payload(&self, metadata: Option<WireMetadata>) -> Option<WireMetadata> {
        metadata.and_then(|metadata| self.payload.part(metadata))
    }

    /// A stored document.
    pub(crate) fn record(&self, document: StoredDocument) -> Record {
        let StoredDocument { id, seq: _, vector, metadata } = document;
        Record { id: SaidId(id), payload: self.payload(metadata), vector }
    }

    /// A stored document among points that are found by no query.
    pub(crate) fn unscored(&self, document: StoredDocument) -> ScoredPoint {
        let StoredDocument { id, seq, vector, metadata } = document;
        ScoredPoint { id: SaidId(id), version: seq, score: 0.0, payload: self.payload(metadata), vector }
    }

    /// A hit. Its score is a distance where a collection is asked for distances.
    pub(crate) fn scored(&self, metric: Metric, hit: WireHit) -> ScoredPoint {
        let score = score(metric, &hit);
        let WireHit { id, vector, metadata, .. } = hit;
        ScoredPoint { id: SaidId(id), version: 0, score, payload: self.payload(metadata), vector }
    }
}

/// What Qdrant calls the score: a similarity, but the distance itself of `Euclid`.
pub(crate) fn score(metric: Metric, hit: &WireHit) -> f32 {
    match metric {
        Metric::Cosine | Metric::InnerProduct => hit.score,
        Metric::Euclidean => hit.distance,
    }
}

/// Whether a score is beyond a threshold, on the better side.
pub(crate) fn is_beyond(metric: Metric, score: f32, threshold: f32) -> bool {
    match metric {
        Metric::Cosine | Metric::InnerProduct => score > threshold,
        Metric::Euclidean => score < threshold,
    }
}
