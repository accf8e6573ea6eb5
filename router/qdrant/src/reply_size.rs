//! How much one answer may hold, as in our own API: a small request can ask for a very large answer.

use annuli_api::{Failure, Index};
use annuli_core::limits::{REPLY_COMPONENTS_MAX, REPLY_HITS_MAX};

/// What has been asked for so far.
#[derive(Debug, Default)]
pub(crate) struct ReplySize {
    points: usize,
    components: usize,
}

impl ReplySize {
    /// Takes so many points more into account, with their vectors or without.
    ///
    /// # Errors
    /// `limit_exceeded` when the answer would not fit into memory.
    pub(crate) fn add(&mut self, points: usize, with_vector: bool, index: &Index) -> Result<(), Failure> {
        let components = if with_vector { points.saturating_mul(index.schema.dim.get()) } else { 0 };
        self.points = self.points.saturating_add(points);
        self.components = self.components.saturating_add(components);
        check("the number of points in the reply", self.points, REPLY_HITS_MAX)?;
        check("the number of vector components in the reply", self.components, REPLY_COMPONENTS_MAX)
    }
}

fn check(what: &str, asked: usize, max: usize) -> Result<(), Failure> {
    if asked > max { Err(Failure::above_limit(what, asked, max)) } else { Ok(()) }
}
