//! Moments that may never come.

use std::future::pending;
use tokio::time::{Instant, sleep_until};

/// Waits until that moment; for ever, if there is none.
pub(crate) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
