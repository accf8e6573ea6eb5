//! A place that is held to its promises.

use annuli_dump::DumpStore;
use std::any::Any;

/// A store over an empty place, with what the place lives in.
pub struct Subject {
    /// The store.
    pub store: DumpStore,
    _home: Box<dyn Any + Send>,
}

impl Subject {
    /// `home` is dropped after the last fact about the store.
    pub fn with(store: DumpStore, home: impl Any + Send) -> Self {
        Self { store, _home: Box::new(home) }
    }
}
