//! The facts. Each makes a shard of its own, and panics when the shard does not keep its promise.

use crate::subject::Subject;
use annuli_core::IndexSchema;

pub mod changes;
pub mod positions;
pub mod reads;
pub mod searches;
pub mod writes;

/// Makes shards.
pub trait Make: Sync {
    /// A fresh shard of that schema.
    fn make(&self, schema: IndexSchema) -> impl Future<Output = Subject> + Send;
}

impl<F, Made> Make for F
where
    F: Fn(IndexSchema) -> Made + Sync,
    Made: Future<Output = Subject> + Send,
{
    fn make(&self, schema: IndexSchema) -> impl Future<Output = Subject> + Send {
        self(schema)
    }
}
