//! What several tests use together, made by the first and dropped with the last: a static value would outlive them all,
//! and a child process with it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A place for a value that is made when somebody wants it.
pub struct Sharing<T>(Mutex<Weak<T>>);

impl<T> Sharing<T> {
    /// An empty place.
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The value; made now if nobody else uses one.
    pub fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        // A test that failed while it made one has left the place empty.
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = shared.upgrade().unwrap_or_else(|| Arc::new(make()));
        *shared = Arc::downgrade(&value);
        value
    }
}

impl<T> Default for Sharing<T> {
    fn default() -> Self {
        Self::new()
    }
}
