//! Ids, times and pauses of a life, for code that takes functions and no values: those of the one life that this thread
//! lives.

use annuli_cluster::{Origins, StoreWork};
use futures_util::future::BoxFuture;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

thread_local! {
    static MADE: Cell<u64> = const { Cell::new(0) };
}

/// Begins anew, for another life.
pub(crate) fn begin_anew() {
    MADE.set(0);
}

pub(crate) fn origins() -> Origins {
    Origins { new_uuid, utc_now }
}

/// A UUID of version 7, later than those before it.
pub(crate) fn new_uuid() -> Uuid {
    let made = MADE.get() + 1;
    MADE.set(made);
    Uuid::from_u128((u128::from(made) << 80) | (0x7 << 76) | (0x8 << 60))
}

fn utc_now() -> String {
    "2026-01-01T00:00:00Z".to_owned()
}

/// Work in the store of dumps takes a while, and then happens at once.
pub(crate) fn run_store_work(work: StoreWork) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        sleep(Duration::from_millis(1 + MADE.get() % 97)).await;
        work();
        sleep(Duration::from_millis(1 + MADE.get() % 89)).await;
    })
}
