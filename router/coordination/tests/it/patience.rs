//! Waiting for something to happen, with an end.

use std::future::Future;
use std::time::Duration;
use tokio::time::timeout;

/// The longest that anything in these tests takes: ten times what it takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What comes of it.
///
/// # Panics
/// When nothing has come of it after [`PATIENCE`].
pub(crate) async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, happens).await {
        Ok(happened) => happened,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}
