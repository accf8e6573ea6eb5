//! Whether somebody who says "I live" still says it. Decides without I/O.

use std::time::Duration;

/// A counter that a living holder moves on, as one observer sees it by the observer's own clock. Clocks of two processes
/// are never compared.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    last: Option<(u64, Duration)>,
}

/// What a look at it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It has moved, or may still.
    Alive,
    /// It has stood still for the whole ttl.
    Lapsed,
}

impl Pulse {
    /// What is to be thought of a counter that stands at `beat` now. A first look proves nothing: the ttl counts from it.
    pub(super) fn look(&mut self, beat: u64, now: Duration, ttl: Duration) -> Sign {
        match self.last {
            Some((last, since)) if last == beat => {
                if now.saturating_sub(since) > ttl {
                    Sign::Lapsed
                } else {
                    Sign::Alive
                }
            }
            _ => {
                self.last = Some((beat, now));
                Sign::Alive
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(5);

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_counter_that_stands_still_for_more_than_the_ttl_has_lapsed() {
        let mut pulse = Pulse::default();
        assert_eq!(pulse.look(1, second(100), TTL), Sign::Alive);
        assert_eq!(pulse.look(1, second(105), TTL), Sign::Alive);
        assert_eq!(pulse.look(1, second(106), TTL), Sign::Lapsed);
    }

    #[test]
    fn an_observer_that_was_stopped_itself_sees_that_the_counter_went_on() {
        let mut pulse = Pulse::default();
        assert_eq!(pulse.look(1, second(100), TTL), Sign::Alive);
        assert_eq!(pulse.look(700, second(3700), TTL), Sign::Alive);
        assert_eq!(pulse.look(700, second(3705), TTL), Sign::Alive);
        assert_eq!(pulse.look(700, second(3706), TTL), Sign::Lapsed);
    }
}
