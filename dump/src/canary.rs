//! `canaries.json`: sample queries with exact answers, which a replica must find again before it serves.

use crate::limits::CANARIES_BYTES_MAX;
use annuli_core::id::{DocId, InvalidDocId};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// The version that this release writes, and the newest that it reads.
const FORMAT_VERSION: u64 = 1;

/// A query and the hits that an exact search of the dumped shard gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Canary {
    /// The query; its dimension is the index's.
    pub vector: Vec<f32>,
    /// The answer, nearest first.
    pub hits: Vec<CanaryHit>,
}

/// One document of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct CanaryHit {
    /// The document.
    pub id: DocId,
    /// How far it is from the query, by the index's metric.
    pub distance: f32,
}

/// Canaries of a version that this release does not know: a newer release wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("canaries.json has format version {found}, this release reads version {FORMAT_VERSION}")]
pub struct UnknownCanariesVersion {
    found: u64,
}

/// Canaries that no reader would accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeCanariesError {
    /// JSON has no form for infinity and NaN.
    #[error("canary {canary} has a component or a distance that is not finite")]
    NotFinite {
        /// Its position.
        canary: usize,
    },
    /// More than a reader takes into memory.
    #[error("canaries.json would have {bytes} bytes, the limit is {CANARIES_BYTES_MAX}: take fewer queries")]
    TooLarge {
        /// Their length as JSON.
        bytes: u64,
    },
}

/// Bytes that are not canaries.
#[derive(Debug, thiserror::Error)]
pub enum ReadCanariesError {
    /// The source failed.
    #[error("canaries.json cannot be read: {0}")]
    Read(io::Error),
    /// More than is taken into memory.
    #[error("canaries.json has more than {CANARIES_BYTES_MAX} bytes")]
    TooLarge,
    /// Not JSON, or not the fields of canaries.
    #[error("canaries.json is malformed: {0}")]
    Json(serde_json::Error),
    /// Written by a newer release.
    #[error(transparent)]
    Version(#[from] UnknownCanariesVersion),
    /// An answer that names no document.
    #[error("canary {canary} is wrong: {error}")]
    DocId {
        /// Its position.
        canary: usize,
        /// What is wrong.
        error: InvalidDocId,
    },
}

/// The bytes of `canaries.json`.
pub fn write_canaries(canaries: &[Canary]) -> Result<Vec<u8>, EncodeCanariesError> {
    if let Some(canary) = canaries.iter().position(|canary| !is_finite(canary)) {
        return Err(EncodeCanariesError::NotFinite { canary });
    }
    let file =
        CanariesFile { format_version: FORMAT_VERSION, canaries: canaries.iter().map(CanaryFile::from).collect() };
    let json = serde_json::to_vec(&file).expect("text and finite numbers always have a JSON form");
    match json.len() as u64 {
        bytes if bytes > CANARIES_BYTES_MAX => Err(EncodeCanariesError::TooLarge { bytes }),
        _ => Ok(json),
    }
}

/// Reads `canaries.json` to its end, within the limit.
pub fn read_canaries(source: &mut dyn Read) -> Result<Vec<Canary>, ReadCanariesError> {
    let mut json = Vec::new();
    source.take(CANARIES_BYTES_MAX + 1).read_to_end(&mut json).map_err(ReadCanariesError::Read)?;
    if json.len() as u64 > CANARIES_BYTES_MAX {
        return Err(ReadCanariesError::TooLarge);
    }
    // As for the manifest: a newer file should be called newer, not malformed.
    let Version { format_version } = serde_json::from_slice(&json).map_err(ReadCanariesError::Json)?;
    if format_version != FORMAT_VERSION {
        return Err(UnknownCanariesVersion { found: format_version }.into());
    }
    let file: CanariesFile = serde_json::from_slice(&json).map_err(ReadCanariesError::Json)?;
    file.canaries.into_iter().enumerate().map(|(position, canary)| canary_of(position, canary)).collect()
}

#[derive(Deserialize)]
struct Version {
    format_version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CanariesFile {
    format_version: u64,
    canaries: Vec<CanaryFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CanaryFile {
    vector: Vec<f32>,
    hits: Vec<HitFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HitFile {
    id: String,
    distance: f32,
}

impl From<&Canary> for CanaryFile {
    fn from(canary: &Canary) -> Self {
        let hit = |hit: &CanaryHit| HitFile { id: hit.id.to_string(), distance: hit.distance };
        Self { vector: canary.vector.clone(), hits: canary.hits.iter().map(hit).collect() }
    }
}

/// JSON numbers are finite, and serde refuses those beyond what an f32 holds.
fn canary_of(position: usize, file: CanaryFile) -> Result<Canary, ReadCanariesError> {
    let hit = |hit: HitFile| match DocId::new(&hit.id) {
        Ok(id) => Ok(CanaryHit { id, distance: hit.distance }),
        Err(error) => Err(ReadCanariesError::DocId { canary: position, error }),
    };
    Ok(Canary { vector: file.vector, hits: file.hits.into_iter().map(hit).collect::<Result<_, _>>()? })
}

fn is_finite(canary: &Canary) -> bool {
    canary.vector.iter().all(|component| component.is_finite())
        && canary.hits.iter().all(|hit| hit.distance.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canary(vector: Vec<f32>, distances: &[f32]) -> Canary {
        let hit = |distance: &f32| CanaryHit { id: DocId::new("ä \"1\"").unwrap(), distance: *distance };
        Canary { vector, hits: distances.iter().map(hit).collect() }
    }

    proptest! {
        #[test]
        fn canaries_read_back_bit_by_bit(
            vector in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO | prop::num::f32::SUBNORMAL, 0..8),
            distances in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::ZERO, 0..8),
        ) {
            let canaries = [canary(vector, &distances), canary(vec![], &[])];
            let json = write_canaries(&canaries).unwrap();
            let read = read_canaries(&mut &json[..]).unwrap();
            let bits = |canaries: &[Canary]| -> Vec<u32> {
                let hits = |canary: &Canary| canary.hits.iter().map(|hit| hit.distance).collect::<Vec<_>>();
                canaries.iter().flat_map(|canary| [canary.vector.clone(), hits(canary)].concat()).map(f32::to_bits).collect()
            };
            prop_assert_eq!(bits(&read), bits(&canaries));
            prop_assert_eq!(&read, &canaries);
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_not_written() {
        for (vector, distances) in [(vec![f32::NAN], &[][..]), (vec![], &[f32::INFINITY][..])] {
            let canaries = [canary(vec![], &[]), canary(vector, distances)];
            assert_eq!(write_canaries(&canaries), Err(EncodeCanariesError::NotFinite { canary: 1 }));
        }
    }

    #[track_caller]
    fn check_refused(json: &str, expected: &str) {
        assert_eq!(read_canaries(&mut json.as_bytes()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn malformed_canaries_are_refused() {
        check_refused(
            r#"{"format_version":2,"canaries":[],"colour":"yellow"}"#,
            "canaries.json has format version 2, this release reads version 1",
        );
        check_refused(
            r#"{"format_version":1,"canaries":[],"colour":"yellow"}"#,
            "canaries.json is malformed: unknown field `colour`, expected `format_version` or `canaries` at line 1 column 42",
        );
        check_refused(
            r#"{"format_version":1,"canaries":[{"vector":[1e39],"hits":[]}]}"#,
            "canaries.json is malformed: number out of range at line 1 column 47",
        );
        check_refused(
            r#"{"format_version":1,"canaries":[{"vector":[],"hits":[{"id":"","distance":0}]}]}"#,
            "canary 0 is wrong: a document id is empty: it needs 1 to 512 bytes",
        );
    }

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let error = read_canaries(&mut io::repeat(b' ')).unwrap_err();
        assert_eq!(error.to_string(), "canaries.json has more than 33554432 bytes");
    }
}
