//! Dumps and rollouts in a row, in a cluster that is searched without a pause and written to: what searches notice.

use super::processes::{Cluster, Size};
use super::results::{Rollouts, ToFlip, UnderLoad};
use super::searchers::{self, Searcher};
use super::{Failed, Settings, writes};
use crate::clock::{Stopwatch, pause};
use crate::dataset::Dataset;
use crate::dataset::split::shuffled;
use crate::figures::median;
use crate::progress::Progress;
use crate::remote_index::{Effort, RemoteIndex};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One more of each than can be taken away without anybody's notice.
const SIZE: Size = Size { shards: 3, replicas: 2, routers: 2 };

/// Searching clients of each router.
const CLIENTS: usize = 2;

/// The beam of every search.
const EF: usize = 64;

/// Queries that are asked over and over.
const QUERIES: usize = 500;

/// Measures searches before, then while one generation follows the other.
pub(super) fn measure(settings: &Settings, dataset: &Dataset, progress: &Progress) -> Result<Rollouts, Failed> {
    progress.tell("starting and filling a cluster of 3 shards, 2 replicas of each, 2 routers");
    let cluster = Cluster::start(&settings.program, SIZE)?;
    let index = settings.fill(cluster.address(0), dataset, SIZE.shards)?;
    index.dump()?;
    index.roll_out()?;
    index.wait_until_served(SIZE.replicas as usize)?;
    let routers: Vec<RemoteIndex> = cluster.routers.iter().map(|router| index.moved_to(&router.address)).collect();
    let bench = Bench { settings, dataset, progress, routers };
    let (before, ()) = bench.under_load(|_| {
        progress.tell("searches and writes, while nothing is rolled out");
        pause(Duration::from_secs_f64(settings.seconds_per_round * settings.rounds.get() as f64));
        Ok(())
    })?;
    let (during, flips) = bench.under_load(|answered| bench.roll_out(answered))?;
    let middle = |of: fn(&ToFlip) -> f64| median(flips.iter().map(of)).expect("at least one rollout");
    Ok(Rollouts {
        shards: SIZE.shards,
        replicas: SIZE.replicas,
        routers: SIZE.routers,
        clients: CLIENTS * bench.routers.len(),
        ef: EF,
        before,
        during,
        seconds_to_dump: middle(|flip| flip.seconds_to_dump),
        seconds_to_flip: middle(|flip| flip.seconds),
        seconds_to_flip_max: flips.iter().map(|flip| flip.seconds).fold(0.0, f64::max),
        flips,
    })
}

struct Bench<'a> {
    settings: &'a Settings,
    dataset: &'a Dataset,
    progress: &'a Progress,
    /// The index, at each of them.
    routers: Vec<RemoteIndex>,
}

impl Bench<'_> {
    /// Does `work` while there are searches through all routers, and writes through the first.
    fn under_load<T>(&self, work: impl FnOnce(&AtomicU64) -> Result<T, Failed>) -> Result<(UnderLoad, T), Failed> {
        let mut queries = shuffled(self.dataset.queries.nrows());
        queries.truncate(QUERIES);
        let request = |index: &RemoteIndex, query| index.search(self.dataset, &[query], Effort::Ef(EF), None);
        let requests = |index: &RemoteIndex| queries.iter().map(|&query| request(index, query)).collect::<Vec<_>>();
        let requests: Vec<_> = self.routers.iter().map(requests).collect();
        let of_router = |(index, requests)| Searcher { address: RemoteIndex::address(index), requests };
        let of_each = || self.routers.iter().zip(requests.iter().map(Vec::as_slice)).map(of_router);
        let searchers: Vec<_> = (0..CLIENTS).flat_map(|_| of_each()).collect();
        let ((outcome, writes), searches) = searchers::while_doing(&searchers, |answered| {
            writes::while_doing(&self.routers[0], self.dataset, || work(answered))
        })?;
        Ok((UnderLoad { searches, writes }, outcome))
    }

    /// As many as are wanted, and more until there were as many searches as are wanted.
    fn roll_out(&self, answered: &AtomicU64) -> Result<Vec<ToFlip>, Failed> {
        let mut flips = Vec::new();
        let [first, second] = [&self.routers[0], self.routers.last().expect("there are routers")];
        while flips.len() < self.settings.rollouts.get() || answered.load(Ordering::Relaxed) < self.settings.searches {
            let so_far = answered.load(Ordering::Relaxed);
            self.progress.tell(&format!("rollout {}, {so_far} searches so far", flips.len() + 1));
            let watch = Stopwatch::start();
            first.dump()?;
            let seconds_to_dump = watch.seconds();
            second.roll_out()?;
            flips.push(ToFlip { seconds_to_dump, seconds: watch.seconds() });
        }
        Ok(flips)
    }
}
