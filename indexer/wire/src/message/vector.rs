//! Vectors in messages.

use super::invalid::Invalid;
use annuli_core::Vector;
use bincode::{BorrowDecode, Encode};
use std::borrow::Cow;

/// A vector's components as little-endian f32, in one piece.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct VectorBytes<'a>(Cow<'a, [u8]>);

impl<'a> From<&'a Vector> for VectorBytes<'a> {
    fn from(vector: &'a Vector) -> Self {
        let components = vector.as_slice();
        if cfg!(target_endian = "little") {
            return Self(Cow::Borrowed(bytemuck::cast_slice(components)));
        }
        Self(Cow::Owned(components.iter().flat_map(|component| component.to_le_bytes()).collect()))
    }
}

impl TryFrom<VectorBytes<'_>> for Vector {
    type Error = Invalid;

    fn try_from(message: VectorBytes<'_>) -> Result<Self, Invalid> {
        let (components, []) = message.0.as_chunks::<4>() else {
            return Err(Invalid::VectorBytes { bytes: message.0.len() });
        };
        Ok(Self::new(components.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())?)
    }
}
