//! Annuli beside its peers: one run, one machine, in turns.

pub(crate) mod goals;
pub(crate) mod ratio;
pub(crate) mod table;

mod server_table;

use crate::dataset::cache::Cache;
use crate::dataset::{self, Name, NoDataset};
use crate::files::FileFailed;
use crate::library;
use crate::library::results::LibraryResults;
use crate::machine::{self, Machine};
use crate::servers::results::ServersResults;
use crate::{servers, truth};
use goals::Outcome;
use serde::Serialize;

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
    /// Ratios that are wanted of these data sets.
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
    pub servers: ServersResults,
}

/// What to compare.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    pub libraries: library::Settings,
    pub servers: servers::Settings,
}

/// Compares with each of the data sets, and hands over what is there after each: a run takes long, and may be ended.
pub(crate) fn compare(
    settings: Settings,
    names: &[Name],
    cache: &Cache,
    date: Option<String>,
    mut keep: impl FnMut(&Results) -> Result<(), FileFailed>,
) -> Result<Results, CompareFailed> {
    let tolerances = goals::tolerances()?;
    let (machine, revision) = (Machine::this(), machine::revision());
    let mut results = Results { date, machine, revision, settings, datasets: Vec::new(), goals: Vec::new() };
    for &name in names {
        results.datasets.push(compare_with(name, &results.settings, cache)?);
        results.goals = goals::outcomes(&tolerances.goal, &results.datasets);
        keep(&results)?;
    }
    Ok(results)
}

fn compare_with(name: Name, settings: &Settings, cache: &Cache) -> Result<Comparison, CompareFailed> {
    let dataset = dataset::load(name, cache)?;
    let neighbours = truth::of(&dataset, cache)?;
    let before = machine::load_average();
    let libraries = library::compare(&settings.libraries, &dataset, &neighbours, cache)?;
    let servers = servers::compare(&settings.servers, &dataset, &neighbours, cache)?;
    Ok(Comparison {
        name: name.as_str(),
        metric: dataset.metric.name(),
        documents: dataset.ids.len(),
        dim: dataset.base.ncols(),
        queries: dataset.queries.nrows().min(settings.libraries.queries_max),
        load_average: [before, machine::load_average()],
        libraries,
        servers,
    })
}

/// What is wrong, whatever the machine: answers that no search may give, and floors that noise does not reach.
pub(crate) fn faults(results: &Results) -> Result<Vec<String>, CompareFailed> {
    let floors = goals::outcomes(&goals::tolerances()?.floor, &results.datasets);
    let lost = floors.iter().filter(|floor| floor.met() == Some(false));
    let mut faults: Vec<String> = lost.map(|floor| format!("{}, floor", table::goal_cells(floor).join(", "))).collect();
    for comparison in &results.datasets {
        for peer in &comparison.libraries.peers {
            let bad: usize = peer.search.iter().flat_map(|series| &series.points).map(|point| point.bad_hits).sum();
            // A peer's faults are its own affair; they show in its recall.
            if bad > 0 && peer.name.starts_with(ratio::OURS) {
                faults.push(format!("{}: {bad} hits of {} are no row, or stand twice", comparison.name, peer.name));
            }
        }
    }
    Ok(faults)
}
