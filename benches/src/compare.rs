//! Annuli beside its peers: one run, one machine, in turns.

pub(crate) mod cluster_table;
pub(crate) mod goals;
pub(crate) mod growth;
pub(crate) mod own_table;
pub(crate) mod part;
pub(crate) mod ratio;
pub(crate) mod table;

mod server_table;
mod visit;

use crate::cluster::results::{ClusterResults, Searched};
use crate::dataset::cache::Cache;
use crate::dataset::noise::Growth;
use crate::dataset::{self, Dataset, Name, NoDataset};
use crate::files::FileFailed;
use crate::library::results::{LibraryResults, Skipped};
use crate::machine::{self, Machine};
use crate::own::results::OwnResults;
use crate::progress::Progress;
use crate::servers::results::ServersResults;
use crate::{cluster, library, own, servers, truth};
use goals::Outcome;
use part::{Part, Stage};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::time::Duration;
use visit::{Visit, visits};

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareFailed {
    #[error(transparent)]
    Dataset(#[from] NoDataset),
    #[error(transparent)]
    File(#[from] FileFailed),
    #[error("tolerances.toml: {0}")]
    Tolerances(#[from] Box<figment::Error>),
}

/// Everything that was measured, as `results.json` has it.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub date: Option<String>,
    pub machine: Machine,
    /// Of the checkout that the benchmark was built in.
    pub revision: Option<String>,
    pub settings: Settings,
    pub datasets: Vec<Comparison>,
    /// Our engine alone with sets of growing size, the smallest first.
    pub growth: Vec<Comparison>,
    /// Ratios and times that are wanted of these data sets.
    pub goals: Vec<Outcome>,
}

/// What was measured with one data set.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub name: &'static str,
    pub metric: &'static str,
    pub documents: usize,
    pub dim: usize,
    /// That were asked, of all that the set has.
    pub queries: usize,
    /// Load of the machine (one minute) before and after: other work makes every time on the wall longer.
    pub load_average: [Option<f64>; 2],
    pub libraries: LibraryResults,
    pub own: OwnResults,
    pub servers: ServersResults,
    pub cluster: ClusterResults,
    /// What was not begun, since time was up.
    pub left_out: Vec<Stage>,
}

/// What to compare.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    pub parts: Vec<Part>,
    pub libraries: library::Settings,
    pub servers: servers::Settings,
    pub own: own::Settings,
    pub cluster: cluster::Settings,
    /// Sets to grow by.
    pub growth: Vec<Growth>,
    /// Parts that are measured with a million rows as well.
    pub of_a_million: Vec<Part>,
    /// Nothing is begun after this.
    pub at_most: Duration,
}

/// Compares with each of the data sets, and hands over what is there after each stage: a run takes long, and may be
/// ended.
pub(crate) fn compare(
    settings: Settings,
    names: &[Name],
    cache: &Cache,
    date: Option<String>,
    mut keep: impl FnMut(&Results) -> Result<(), FileFailed>,
) -> Result<Results, CompareFailed> {
    let tolerances = goals::tolerances()?;
    let (machine, revision) = (Machine::this(), machine::revision());
    let visits = visits(&settings, names);
    let expected = visits.iter().flat_map(|visit| visit.stages().map(|stage| visit.expected(stage, &settings))).sum();
    let mut progress = Progress::new(expected, settings.at_most);
    let (datasets, growth) = (Vec::new(), Vec::new());
    let mut results = Results { date, machine, revision, settings, datasets, growth, goals: Vec::new() };
    for visit in &visits {
        let dataset = dataset::load(visit.name, cache)?;
        let comparison = Comparison::new(&dataset, results.settings.libraries.queries_max);
        if visit.is_growth() { &mut results.growth } else { &mut results.datasets }.push(comparison);
        for stage in visit.stages() {
            let Results { settings, datasets, growth, .. } = &mut results;
            let comparison = if visit.is_growth() { growth.last_mut() } else { datasets.last_mut() };
            let comparison = comparison.expect("pushed above");
            let what = format!("{}, {}", visit.name.as_str(), stage.as_str());
            if progress.begin(&what, visit.expected(stage, settings)) {
                Bench { settings, cache, progress: &progress }.measure(stage, visit, &dataset, comparison)?;
            } else {
                comparison.left_out.push(stage);
            }
            comparison.load_average[1] = machine::load_average();
            results.goals = goals::outcomes(&tolerances.goal, &results.datasets, &results.growth);
            keep(&results)?;
        }
    }
    Ok(results)
}

impl Comparison {
    /// Nothing yet.
    fn new(dataset: &Dataset, queries_max: usize) -> Self {
        Self {
            name: dataset.name.as_str(),
            metric: dataset.metric.name(),
            documents: dataset.ids.len(),
            dim: dataset.base.ncols(),
            queries: dataset.queries.nrows().min(queries_max),
            load_average: [machine::load_average(), None],
            libraries: LibraryResults::default(),
            own: OwnResults::default(),
            servers: ServersResults::default(),
            cluster: ClusterResults::default(),
            left_out: Vec::new(),
        }
    }

    /// Who is not compared, or not to the end.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = &Skipped> {
        let [own, servers, cluster] = [&self.own.skipped, &self.servers.skipped, &self.cluster.skipped];
        self.libraries.skipped.iter().chain(own).chain(servers).chain(cluster)
    }
}

/// What measuring takes, whatever is measured.
struct Bench<'a> {
    settings: &'a Settings,
    cache: &'a Cache,
    progress: &'a Progress,
}

impl Bench<'_> {
    fn measure(&self, stage: Stage, visit: &Visit, dataset: &Dataset, into: &mut Comparison) -> Result<(), FileFailed> {
        let Self { settings, cache, progress } = self;
        let neighbours = || truth::of(dataset, cache);
        match stage {
            Stage::Libraries => {
                let all = &settings.libraries;
                let settings = if visit.is_growth() { &all.of_growth() } else { all };
                into.libraries = library::compare(settings, dataset, &neighbours()?, cache, progress)?;
            }
            Stage::Exact => own::exact(dataset, &neighbours()?, &mut into.own, progress),
            Stage::Own => {
                own::service(&settings.own, &visit.parts, dataset, &neighbours()?, &mut into.own, progress);
            }
            Stage::Servers => {
                into.servers = servers::compare(&settings.servers, dataset, &neighbours()?, cache, progress)?;
            }
            Stage::Dumps => cluster::dumps(&settings.cluster, dataset, &mut into.cluster, progress),
            Stage::Scaling => cluster::scaling(&settings.cluster, dataset, &mut into.cluster, progress),
            Stage::Rollouts => cluster::rollouts(&settings.cluster, dataset, &mut into.cluster, progress),
            Stage::SlowClients => cluster::slow_clients(&settings.cluster, dataset, &mut into.cluster, progress),
        }
        Ok(())
    }
}

impl library::Settings {
    /// The same for our engine alone, on one thread.
    fn of_growth(&self) -> Self {
        Self {
            peers: vec![library::peer::Peer::Annuli],
            threads: vec![NonZeroUsize::MIN],
            shares: Vec::new(),
            ..self.clone()
        }
    }
}

/// What is wrong, whatever the machine: answers that no search may give, and floors that noise does not reach.
pub(crate) fn faults(results: &Results) -> Result<Vec<String>, CompareFailed> {
    let floors = goals::outcomes(&goals::tolerances()?.floor, &results.datasets, &results.growth);
    let lost = floors.iter().filter(|floor| floor.met() == Some(false));
    let mut faults: Vec<String> = lost.map(|floor| format!("{}, floor", table::goal_cells(floor).join(", "))).collect();
    for comparison in results.datasets.iter().chain(&results.growth) {
        for peer in &comparison.libraries.peers {
            let bad: usize = peer.search.iter().flat_map(|series| &series.points).map(|point| point.bad_hits).sum();
            // A peer's faults are its own affair; they show in its recall.
            if bad > 0 && peer.name.starts_with(ratio::OURS) {
                faults.push(format!("{}: {bad} hits of {} are no row, or stand twice", comparison.name, peer.name));
            }
        }
        if let Some(exact) = comparison.own.exact.as_ref().filter(|exact| exact.tally.found < exact.tally.wanted) {
            let (found, wanted) = (exact.tally.found, exact.tally.wanted);
            faults.push(format!("{}: exact search found {found} of {wanted} nearest rows", comparison.name));
        }
        if let Some(rollouts) =
            comparison.cluster.rollouts.as_ref().filter(|rollouts| rollouts.during.searches.failed > 0)
        {
            let Searched { failed, failures, .. } = &rollouts.during.searches;
            faults.push(format!(
                "{}: {failed} searches failed during rollouts: {}",
                comparison.name,
                failures.join("; ")
            ));
        }
        let beside = comparison.cluster.slow_clients.iter().flat_map(|slow| &slow.rounds);
        for round in beside.filter(|round| round.failed > 0) {
            let (failed, failures) = (round.failed, round.failures.join("; "));
            faults.push(format!("{}: {failed} searches failed beside slow clients: {failures}", comparison.name));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Settings that measure these parts with nobody.
    pub(super) fn settings(parts: Vec<Part>) -> Settings {
        let (program, one) = (PathBuf::from("annuli"), NonZeroUsize::MIN);
        Settings {
            parts,
            libraries: library::Settings {
                peers: Vec::new(),
                threads: vec![one],
                shares: Vec::new(),
                build_threads: one,
                rounds: one,
                queries_max: 100,
                m: 16,
                ef_construction: 200,
            },
            servers: servers::Settings {
                peers: Vec::new(),
                program: program.clone(),
                shards: 1,
                connections: vec![one],
                rounds: one,
                seconds_per_round: 0.1,
                queries_max: 100,
                m: 16,
                ef_construction: 200,
                recall: 0.95,
                among: vec![None],
            },
            own: own::Settings {
                program: program.clone(),
                connections: one,
                build_threads: one,
                rounds: one,
                seconds_per_round: 0.1,
                queries_max: 100,
                m: 16,
                ef_construction: 200,
                recall: 0.95,
            },
            cluster: cluster::Settings {
                program,
                shards: 1,
                steps: vec![1],
                rollouts: one,
                searches: 1,
                rounds: one,
                seconds_per_round: 0.1,
                m: 16,
                ef_construction: 200,
            },
            growth: Vec::new(),
            of_a_million: Vec::new(),
            at_most: Duration::from_secs(60),
        }
    }
}
