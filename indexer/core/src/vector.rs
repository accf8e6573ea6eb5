//! Vectors: finite, bounded and right-sized by construction, so that no distance is ever NaN and nobody checks again.

use crate::limits::{COMPONENT_ABS_MAX, COSINE_LENGTH_MIN, DIM_MAX};
use std::fmt;

/// Number of components of every vector of an index: 1 to 4,096.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dim(u16);

/// A dimension that no index may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an index cannot have dimension {dim}: it needs 1 to {DIM_MAX}")]
pub struct InvalidDim {
    dim: u64,
}

impl Dim {
    /// Checks the bounds.
    pub fn new(dim: u64) -> Result<Self, InvalidDim> {
        match u16::try_from(dim) {
            Ok(small) if small > 0 && usize::from(small) <= DIM_MAX => Ok(Self(small)),
            Ok(_) | Err(_) => Err(InvalidDim { dim }),
        }
    }

    /// The number.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An embedding: 1 to 4,096 components, each finite and of a magnitude that no distance can overflow with.
#[derive(Clone, PartialEq)]
pub struct Vector {
    components: Box<[f32]>,
    length: f32,
}

/// Why a list of numbers is no vector.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidVector {
    /// No components, or more than any index has.
    #[error("has {components} components, a vector has 1 to {DIM_MAX}")]
    Size {
        /// How many there are.
        components: usize,
    },
    /// NaN, an infinity, or a JSON null, which is how some clients write them.
    #[error("component {position} is not a finite number")]
    NotFinite {
        /// Where, counted from 0.
        position: usize,
    },
    /// So large that distances would overflow.
    #[error("component {position} is {value}, beyond ±{COMPONENT_ABS_MAX:e}: distances would overflow")]
    TooLarge {
        /// Where, counted from 0.
        position: usize,
        /// The component.
        value: f32,
    },
}

/// A vector without a direction, in an index that compares directions.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "has length {length:e}: under the metric cosine a vector needs a direction (a length of at least {COSINE_LENGTH_MIN:e})"
)]
pub struct NoDirection {
    length: f32,
}

impl Vector {
    /// Checks every component.
    pub fn new(components: Vec<f32>) -> Result<Self, InvalidVector> {
        if components.is_empty() || components.len() > DIM_MAX {
            return Err(InvalidVector::Size { components: components.len() });
        }
        let mut squares = 0.0_f64;
        for (position, &value) in components.iter().enumerate() {
            if !value.is_finite() {
                return Err(InvalidVector::NotFinite { position });
            }
            if value.abs() > COMPONENT_ABS_MAX {
                return Err(InvalidVector::TooLarge { position, value });
            }
            squares += f64::from(value) * f64::from(value);
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most 64e15, far inside an f32")]
        let length = squares.sqrt() as f32;
        Ok(Self { components: components.into_boxed_slice(), length })
    }

    /// How many components it has.
    pub fn dim(&self) -> Dim {
        Dim(u16::try_from(self.components.len()).expect("checked against DIM_MAX by new"))
    }

    /// The components, as they were given.
    pub fn as_slice(&self) -> &[f32] {
        &self.components
    }

    /// Euclidean length.
    pub fn length(&self) -> f32 {
        self.length
    }

    /// Returns whether a direction can be told, which the metric cosine needs.
    pub fn check_direction(&self) -> Result<(), NoDirection> {
        if self.length < COSINE_LENGTH_MIN { Err(NoDirection { length: self.length }) } else { Ok(()) }
    }

    /// The components divided by the length; of a vector without direction, the components as they are.
    pub fn normalised(&self) -> Vec<f32> {
        if self.check_direction().is_err() {
            return self.components.to_vec();
        }
        let inverse = 1.0 / f64::from(self.length);
        #[allow(clippy::cast_possible_truncation, reason = "a component of a unit vector is at most 1")]
        let normalise = |&value: &f32| (f64::from(value) * inverse) as f32;
        self.components.iter().map(normalise).collect()
    }
}

/// The Euclidean length of a valid vector's components.
pub(crate) fn length_of(components: &[f32]) -> f32 {
    let squares: f64 = components.iter().map(|&component| f64::from(component) * f64::from(component)).sum();
    #[allow(clippy::cast_possible_truncation, reason = "at most 64e15, far inside an f32")]
    let length = squares.sqrt() as f32;
    length
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vector({} components)", self.components.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(components: Vec<f32>, message: &str) {
        assert_eq!(Vector::new(components).unwrap_err().to_string(), message);
    }

    #[test]
    fn a_vector_is_finite_and_bounded() {
        check_refused(vec![], "has 0 components, a vector has 1 to 4096");
        check_refused(vec![0.0; 4097], "has 4097 components, a vector has 1 to 4096");
        check_refused(vec![0.0, f32::NAN], "component 1 is not a finite number");
        check_refused(vec![f32::NEG_INFINITY], "component 0 is not a finite number");
        check_refused(vec![1.0, -2e15], "component 1 is -2000000000000000, beyond ±1e15: distances would overflow");
    }

    #[test]
    fn a_zero_vector_has_no_direction() {
        assert!(Vector::new(vec![0.0; 3]).unwrap().check_direction().is_err());
        assert!(Vector::new(vec![1e-16; 3]).unwrap().check_direction().is_err());
        assert!(Vector::new(vec![0.0, 1e-14]).unwrap().check_direction().is_ok());
    }

    #[test]
    fn extreme_vectors_normalise_to_length_one() {
        for value in [1e-14, 1.0, 1e15] {
            let unit = Vector::new(vec![value; 4096]).unwrap().normalised();
            let length = Vector::new(unit).unwrap().length();
            assert!((length - 1.0).abs() < 1e-5, "{value}: {length}");
        }
    }
}
