//! A share of a whole, as people write it: from 0 to 1.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A share of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

/// It is never NaN.
impl Eq for Share {}

/// A number that is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a share goes from 0 to 1")]
pub struct InvalidShare;

impl Share {
    /// One in a hundred.
    pub const HUNDREDTH: Self = Self(0.01);

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = InvalidShare;

    fn try_from(number: f64) -> Result<Self, InvalidShare> {
        if (0.0..=1.0).contains(&number) { Ok(Self(number)) } else { Err(InvalidShare) }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}
