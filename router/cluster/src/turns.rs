//! One look for all who ask at about the same time.

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Looks, one after the other, of which each serves everybody who asked before it began.
pub(crate) struct Turns {
    /// When the last look that succeeded began.
    succeeded: Mutex<Instant>,
}

impl Turns {
    /// Nobody has looked yet.
    pub(crate) fn new() -> Self {
        Self { succeeded: Mutex::new(Instant::now()) }
    }

    /// Looks when it is this one's turn, unless somebody has since it asked. A look that fails, or is given up, serves
    /// nobody: who waits behind it looks for itself. `look` says whether it succeeded.
    pub(crate) async fn take(&self, look: impl Future<Output = bool>) {
        let asked = Instant::now();
        let mut succeeded = self.succeeded.lock().await;
        if *succeeded > asked {
            return;
        }
        let began = Instant::now();
        if look.await {
            *succeeded = began;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join;
    use std::cell::Cell;
    use std::time::Duration;
    use tokio::time::sleep;

    /// How many looks there are if one is under way while two more ask, and whether the first of them succeeds.
    async fn looks(first_of_two_succeeds: bool) -> u32 {
        let (turns, looks) = (Turns::new(), &Cell::new(0));
        let look = |succeeds| async move {
            looks.set(looks.get() + 1);
            sleep(Duration::from_millis(1)).await;
            succeeds
        };
        join(turns.take(look(true)), join(turns.take(look(first_of_two_succeeds)), turns.take(look(true)))).await;
        looks.get()
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_while_one_looks_waits_for_the_next_look_which_serves_all() {
        assert_eq!(looks(true).await, 2);
    }

    /// It had counted as one, and the others went on with what was known before.
    #[tokio::test(start_paused = true)]
    async fn a_look_that_fails_serves_nobody() {
        assert_eq!(looks(false).await, 3);
    }
}
