//! What is said of strangers who ask for what only an admin may do.
//!
//! Whoever reaches the port may ask as often as they like. A line for each would let them fill a disk, and hide among
//! themselves what else is written down: so they are counted, and a line a second says how many there were.

use super::audit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Between two lines: at some 500 bytes each, whoever asks without pause writes less than 50 MB a day.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Strangers of late.
#[derive(Default)]
pub(super) struct Strangers(Mutex<OfLate>);

#[derive(Default)]
struct OfLate {
    /// Until then nothing is said.
    quiet_until: Option<Instant>,
    /// Those who came meanwhile.
    left_out: u64,
}

impl Strangers {
    /// Lets one be written down by `say`, if there was none a moment ago; else counts it.
    pub(super) fn came(self: &Arc<Self>, say: impl FnOnce()) {
        let now = Instant::now();
        let mut of_late = self.of_late();
        if let Some(until) = of_late.quiet_until.filter(|&until| now < until) {
            of_late.left_out += 1;
            if of_late.left_out == 1 {
                let strangers = Arc::clone(self);
                tokio::spawn(async move {
                    sleep_until(until).await;
                    strangers.count();
                });
            }
            return;
        }
        of_late.quiet_until = Some(now + LINE_EVERY);
        drop(of_late);
        say();
    }

    /// Says how many were left out.
    fn count(&self) {
        let mut of_late = self.of_late();
        of_late.quiet_until = Some(Instant::now() + LINE_EVERY);
        let left_out = std::mem::take(&mut of_late.left_out);
        drop(of_late);
        audit::more_strangers(left_out);
    }

    fn of_late(&self) -> MutexGuard<'_, OfLate> {
        // Nobody panics while they count.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::audit::heard::Heard;
    use super::*;
    use tokio::time::sleep;

    /// When whoever counts has counted.
    const A_LINE_LATER: Duration = Duration::from_millis(1_001);

    #[tokio::test(start_paused = true)]
    async fn of_many_strangers_one_is_written_down_a_second_and_the_others_are_counted() {
        let heard = Heard::default();
        let _log = heard.listen();
        let strangers = Arc::new(Strangers::default());
        let come = |name: &'static str| strangers.came(|| tracing::info!(target: "audit", name, "came"));
        (0..1_000).for_each(|_| come("first"));
        assert_eq!(heard.lines(), ["INFO audit: came name=\"first\""]);
        sleep(A_LINE_LATER).await;
        let counted = "INFO audit: strangers asked for what only an admin may do, and were refused left_out=999";
        assert_eq!(heard.lines()[1..], [counted]);
        come("too soon after a line");
        sleep(A_LINE_LATER).await;
        assert_eq!(heard.lines().len(), 3);
        sleep(A_LINE_LATER).await;
        come("later");
        assert_eq!(heard.lines()[3..], ["INFO audit: came name=\"later\""]);
    }
}
