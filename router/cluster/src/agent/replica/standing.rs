//! Whether a replica serves what it is to serve, for those who ask while its agent runs.

use arc_swap::ArcSwapOption;
use std::sync::Arc;

/// What a replica lacks.
pub struct Standing(ArcSwapOption<String>);

impl Standing {
    pub(super) fn new() -> Self {
        Self(ArcSwapOption::from_pointee("it is joining the cluster".to_owned()))
    }

    pub(super) fn lacks(&self, what: &str) {
        self.0.store(Some(Arc::new(what.to_owned())));
    }

    pub(super) fn serves(&self) {
        self.0.store(None);
    }

    /// Returns whether the cluster knows of the replica, and it serves the official generation of every index.
    ///
    /// # Errors
    /// What it lacks.
    pub fn check(&self) -> Result<(), String> {
        self.0.load().as_ref().map_or(Ok(()), |lacks| Err(lacks.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_ready_once_it_lacks_nothing() {
        let standing = Standing::new();
        assert_eq!(standing.check(), Err("it is joining the cluster".to_owned()));
        standing.lacks("it has yet to prepare generation 2");
        assert_eq!(standing.check(), Err("it has yet to prepare generation 2".to_owned()));
        standing.serves();
        assert_eq!(standing.check(), Ok(()));
    }
}
