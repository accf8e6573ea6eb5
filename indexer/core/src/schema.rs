//! What an index is: fixed when it is created.

use crate::id::ShardCount;
use crate::limits::{HNSW_EF_CONSTRUCTION_DEFAULT, HNSW_EF_CONSTRUCTION_MAX, HNSW_M_DEFAULT, HNSW_M_MAX, HNSW_M_MIN};
use crate::metric::Metric;
use crate::vector::{Dim, NoDirection, Vector};
use std::fmt;

/// The schema of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSchema {
    /// Components of every vector.
    pub dim: Dim,
    /// How vectors are compared.
    pub metric: Metric,
    /// Into how many parts the index is split.
    pub shards: ShardCount,
    /// How its graphs are built.
    pub hnsw: HnswParams,
    /// By what its graphs are walked.
    pub quantization: Quantization,
}

/// Why a vector does not fit an index.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum UnfitVector {
    /// Another number of components.
    #[error("has {got} dimensions, the index has {want}")]
    Dimension {
        /// Components of the vector.
        got: Dim,
        /// Components of the index.
        want: Dim,
    },
    /// No direction, under cosine.
    #[error(transparent)]
    NoDirection(#[from] NoDirection),
}

impl IndexSchema {
    /// Returns whether `vector` can be stored in, or compared with, an index of this schema.
    pub fn check(&self, vector: &Vector) -> Result<(), UnfitVector> {
        if vector.dim() != self.dim {
            return Err(UnfitVector::Dimension { got: vector.dim(), want: self.dim });
        }
        Ok(self.metric.check(vector)?)
    }
}

/// How an HNSW graph is built (Malkov and Yashunin, arXiv 1603.09320).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswParams {
    m: u16,
    ef_construction: u16,
}

/// Parameters that build no good graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHnswParams {
    /// M out of bounds.
    #[error("hnsw.m is {m}: it needs {HNSW_M_MIN} to {HNSW_M_MAX}")]
    M {
        /// What was asked for.
        m: usize,
    },
    /// A beam narrower than the links it has to find, or wider than any use.
    #[error("hnsw.ef_construction is {ef_construction}: it needs {min} (hnsw.m) to {HNSW_EF_CONSTRUCTION_MAX}")]
    EfConstruction {
        /// What was asked for.
        ef_construction: usize,
        /// The least that would do.
        min: usize,
    },
}

impl HnswParams {
    /// Checks the bounds; what is `None` gets its default.
    pub fn new(m: Option<usize>, ef_construction: Option<usize>) -> Result<Self, InvalidHnswParams> {
        let m = m.unwrap_or(HNSW_M_DEFAULT);
        if !(HNSW_M_MIN..=HNSW_M_MAX).contains(&m) {
            return Err(InvalidHnswParams::M { m });
        }
        let ef_construction = ef_construction.unwrap_or(HNSW_EF_CONSTRUCTION_DEFAULT.max(m));
        if !(m..=HNSW_EF_CONSTRUCTION_MAX).contains(&ef_construction) {
            return Err(InvalidHnswParams::EfConstruction { ef_construction, min: m });
        }
        let small = |number: usize| u16::try_from(number).expect("both limits are below 65,536");
        Ok(Self { m: small(m), ef_construction: small(ef_construction) })
    }

    /// Links of a node (M); on the lowest level twice as many.
    pub const fn m(self) -> usize {
        self.m as usize
    }

    /// Width of the beam that looks for a new node's neighbours.
    pub const fn ef_construction(self) -> usize {
        self.ef_construction as usize
    }
}

/// By what the graphs of an index are walked. Whatever it is, vectors are kept as they came, and the best of
/// a walk are measured on them: it decides which documents are found, never their distances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Quantization {
    /// The vectors themselves: the most recall at a given width, four bytes of memory for a component where codes take
    /// one, and slower searches, since a walk is bound by memory.
    None,
    /// Codes of 8 bits, one byte of memory for a component. Costs hardly any recall; where it would, because values lie
    /// too far apart for such codes, a segment is built and walked on its vectors all the same.
    #[default]
    Int8,
    /// Codes of 4 bits where memory matters more than recall: half of what 8 bits take, in whole cache lines, so that up
    /// to 64 components nothing is saved. Graphs are built by 8 bits. Walks are less
    /// exact, so that more of what they find is measured on the vectors, and the same recall needs a wider `ef`.
    Int4,
}

/// A text that names no quantization.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no quantization: choose none, int8 or int4")]
pub struct UnknownQuantization {
    name: String,
}

impl Quantization {
    /// Every quantization.
    pub const ALL: [Self; 3] = [Self::None, Self::Int8, Self::Int4];

    /// The name in requests and stored schemas.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
        }
    }

    /// The quantization of that name.
    pub fn from_name(name: &str) -> Result<Self, UnknownQuantization> {
        Self::ALL
            .into_iter()
            .find(|quantization| quantization.name() == name)
            .ok_or_else(|| UnknownQuantization { name: name.chars().take(64).collect() })
    }
}

impl fmt::Display for Quantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graph_parameters_have_defaults_and_bounds() {
        let default = HnswParams::new(None, None).unwrap();
        assert_eq!((default.m(), default.ef_construction()), (16, 200));
        assert!(HnswParams::new(Some(3), None).is_err());
        assert!(HnswParams::new(Some(129), None).is_err());
        assert!(HnswParams::new(Some(16), Some(2001)).is_err());
        assert_eq!(
            HnswParams::new(Some(32), Some(31)).unwrap_err().to_string(),
            "hnsw.ef_construction is 31: it needs 32 (hnsw.m) to 2000"
        );
    }

    #[test]
    fn a_quantization_is_known_by_its_name() {
        for quantization in Quantization::ALL {
            assert_eq!(Quantization::from_name(quantization.name()), Ok(quantization));
        }
        assert_eq!(
            Quantization::from_name("Int8").unwrap_err().to_string(),
            "`Int8` is no quantization: choose none, int8 or int4"
        );
    }

    #[test]
    fn a_vector_of_another_dimension_does_not_fit() {
        let schema = IndexSchema {
            dim: Dim::new(3).unwrap(),
            metric: Metric::Cosine,
            shards: ShardCount::ONE,
            hnsw: HnswParams::new(None, None).unwrap(),
            quantization: Quantization::Int8,
        };
        let refusal =
            |components: &[f32]| schema.check(&Vector::new(components.to_vec()).unwrap()).unwrap_err().to_string();
        assert_eq!(refusal(&[1.0, 2.0]), "has 2 dimensions, the index has 3");
        assert!(refusal(&[0.0; 3]).starts_with("has length 0e0: under the metric cosine"));
    }
}
