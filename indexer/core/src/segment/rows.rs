//! Documents that become a segment.

use crate::id::{Point, Seq};
use crate::metadata::Metadata;

/// Documents in the order of their points, wherever they are: rows in memory, or other segments that are merged.
pub trait Rows: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Returns whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of a row.
    fn id(&self, row: usize) -> &str;

    /// The point of a row.
    fn point(&self, row: usize) -> Point;

    /// The write of a row.
    fn seq(&self, row: usize) -> Seq;

    /// Puts the vector of a row into `vector`.
    fn read_vector(&self, row: usize, vector: &mut Vec<f32>);

    /// Puts what is to be stored beside a row into `payload`: the same bytes each time.
    fn read_payload(&self, row: usize, payload: &mut Vec<u8>);

    /// The metadata of a row, which filters ask for.
    fn metadata(&self, row: usize) -> Metadata;
}
