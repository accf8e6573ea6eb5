//! Waiting for something to become true, with an end.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// The longest that anything in these tests takes: ten times what it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something to see.
///
/// # Panics
/// When there is nothing after [`PATIENCE`].
#[track_caller]
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    look_for(PATIENCE, what, look)
}

#[track_caller]
fn look_for<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = now() + patience;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(now() < end, "{what}: not within {} seconds", patience.as_secs());
        pause();
    }
}

/// Looks until the condition holds.
///
/// # Panics
/// When it does not after [`PATIENCE`].
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

/// Looks until the condition holds, where it matters how soon it does.
///
/// # Panics
/// When it does not within that time.
#[track_caller]
pub fn wait_until_within(patience: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let began = now();
    look_for(patience, what, || holds().then_some(()));
    eprintln!("{what}: after {:?}", now().duration_since(began));
}

/// Waits for a message that nobody sends: unlike a parked thread, this never returns early.
fn pause() {
    let (_nobody, silence) = sync_channel::<()>(1);
    assert_eq!(silence.recv_timeout(PAUSE), Err(RecvTimeoutError::Timeout));
}

#[expect(clippy::disallowed_methods, reason = "the tests' one look at the clock: how long to go on waiting")]
fn now() -> Instant {
    Instant::now()
}
