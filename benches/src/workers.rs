//! Work shared out among threads: each takes the next piece when it is done with the last.

use crate::clock::Stopwatch;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Does the pieces 0 to `count` with all `workers` at once and returns what came of each, in order.
///
/// This is also what a closed loop of clients is: each sends its next request when the answer to its last is there.
/// After an error the pieces under way are finished, no more are taken, and one of the errors is returned.
pub(crate) fn share_out<W: Send, T: Send, E: Send>(
    workers: &mut [W],
    count: usize,
    work: impl Fn(&mut W, usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    share_out_passes(workers, count, Duration::ZERO, work)
}

/// The same for all pieces again and again, until `at_least` has passed; the last pass is finished too.
///
/// Nobody waits between passes, so that the load is even. `work` gets the number of a piece in its pass.
pub(crate) fn share_out_passes<W: Send, T: Send, E: Send>(
    workers: &mut [W],
    count: usize,
    at_least: Duration,
    work: impl Fn(&mut W, usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let pieces = Pieces { count, at_least, watch: Stopwatch::start(), taken: Mutex::new(0) };
    let failed = AtomicBool::new(false);
    let take_pieces = |worker: &mut W| {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed)
            && let Some(number) = pieces.take()
        {
            let result = work(worker, number % count).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            done.push((number, result));
        }
        Ok(done)
    };
    let done_by_each: Vec<Result<Vec<(usize, T)>, E>> = thread::scope(|scope| {
        let threads: Vec<_> = workers.iter_mut().map(|worker| scope.spawn(|| take_pieces(worker))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a panic of a worker is a panic of all")).collect()
    });
    let mut done = Vec::new();
    for by_one in done_by_each {
        done.extend(by_one?);
    }
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Hands out pieces, numbered on from pass to pass.
struct Pieces {
    count: usize,
    at_least: Duration,
    watch: Stopwatch,
    taken: Mutex<usize>,
}

impl Pieces {
    fn take(&self) -> Option<usize> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let between_passes = *taken > 0 && taken.is_multiple_of(self.count);
        // Once time is up, `taken` stays between two passes and every later call comes here as well.
        if self.count == 0 || between_passes && self.watch.elapsed() >= self.at_least {
            return None;
        }
        *taken += 1;
        Some(*taken - 1)
    }
}

/// As many workers as the machine runs threads at once.
pub(crate) fn one_per_core() -> Vec<()> {
    vec![(); thread::available_parallelism().map_or(1, usize::from)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn results_come_in_the_order_of_the_pieces() {
        let Ok(squares) = share_out(&mut [(); 4], 100, |(), piece| Ok::<_, Infallible>(piece * piece));
        assert_eq!(squares, (0..100).map(|piece| piece * piece).collect::<Vec<_>>());
    }

    #[test]
    fn every_piece_is_done_once() {
        let mut workers = [0_usize; 3];
        let Ok(_) = share_out(&mut workers, 1000, |done, _| {
            *done += 1;
            Ok::<_, Infallible>(())
        });
        assert_eq!(workers.iter().sum::<usize>(), 1000);
    }

    #[test]
    fn no_pieces_are_no_work() {
        let Ok(done) = share_out(&mut [(); 2], 0, |(), piece| Ok::<_, Infallible>(piece));
        assert!(done.is_empty());
    }

    #[test]
    fn passes_are_whole_and_go_on_until_the_time_is_up() {
        let at_least = Duration::from_millis(20);
        let watch = Stopwatch::start();
        let Ok(done) = share_out_passes(&mut [(); 3], 7, at_least, |(), piece| Ok::<_, Infallible>(piece));
        assert!(watch.elapsed() >= at_least);
        assert!(done.len() > 7 && done.len().is_multiple_of(7), "{}", done.len());
        assert!(done.chunks(7).all(|pass| pass == [0, 1, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn an_error_ends_the_work() {
        let outcome = share_out(&mut [(); 2], 1_000_000, |(), piece| if piece == 5 { Err("five") } else { Ok(piece) });
        assert_eq!(outcome, Err("five"));
    }
}
