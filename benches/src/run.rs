//! One run: each data set through a program with a fresh workspace.

use crate::connection::ExchangeFailed;
use crate::dataset::cache::Cache;
use crate::dataset::{self, Dataset, Name, Neighbours, NoDataset};
use crate::files::FileFailed;
use crate::machine::{self, Machine};
use crate::recall::UnusableFilter;
use crate::remote_index::{IndexFailed, RemoteIndex};
use crate::restart::{self, RestartFailed};
use crate::results::{DatasetResults, Results};
use crate::search::Bench;
use crate::server::{self, Process, Program, ServerFailed};
use crate::settings::{Settings, Target};
use crate::{ingest, truth, usage};

/// Exact search compares every document, so a sample of the queries has to do.
const EXACT_QUERIES_MAX: usize = 200;

/// Why a run ended without results.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunFailed {
    #[error(transparent)]
    Dataset(#[from] NoDataset),
    #[error(transparent)]
    File(#[from] FileFailed),
    #[error(transparent)]
    Filter(#[from] UnusableFilter),
    #[error(transparent)]
    Server(#[from] ServerFailed),
    #[error(transparent)]
    Index(#[from] IndexFailed),
    #[error("search: {0}")]
    Search(#[from] ExchangeFailed),
    #[error(transparent)]
    Restart(#[from] RestartFailed),
}

/// Measures what the settings say, with each of the data sets.
pub(crate) fn run(
    settings: Settings,
    names: &[Name],
    cache: &Cache,
    date: Option<String>,
) -> Result<Results, RunFailed> {
    // Asked first: truth may take minutes to compute, which would be in vain without a program.
    let program_version = match &settings.target {
        Target::Program(path) => Some(server::version_of(path)?),
        Target::Address(_) => None,
    };
    let mut datasets = Vec::with_capacity(names.len());
    for &name in names {
        let dataset = dataset::load(name, cache)?;
        let neighbours = truth::of(&dataset, cache)?;
        datasets.push(match &settings.target {
            Target::Program(path) => {
                with_program(&Program::new(path, settings.shards)?, &dataset, &neighbours, &settings)
            }
            Target::Address(address) => at_address(address, &dataset, &neighbours, &settings),
        }?);
    }
    let revision = machine::revision();
    Ok(Results { date, machine: Machine::this(), program_version, revision, settings, datasets })
}

/// Everything, with a program of our own.
fn with_program(
    program: &Program,
    dataset: &Dataset,
    neighbours: &Neighbours,
    settings: &Settings,
) -> Result<DatasetResults, RunFailed> {
    let process = program.start()?;
    let index = RemoteIndex::create(&process.address, dataset, settings.shards, None)?;
    let (mut results, sample) = measure(&index, dataset, neighbours, settings, Some(&process))?;
    eprintln!("{}: restart", dataset.name.as_str());
    results.restart = Some(restart::measure(program, process, &index, dataset, &sample)?);
    Ok(results)
}

/// What can be measured from outside; the index is deleted afterwards.
fn at_address(
    address: &str,
    dataset: &Dataset,
    neighbours: &Neighbours,
    settings: &Settings,
) -> Result<DatasetResults, RunFailed> {
    let index = RemoteIndex::create(address, dataset, settings.shards, None)?;
    let (results, _) = measure(&index, dataset, neighbours, settings, None)?;
    index.delete()?;
    Ok(results)
}

/// Everything but the restart, for which it also returns the exact answers of now.
fn measure(
    index: &RemoteIndex,
    dataset: &Dataset,
    neighbours: &Neighbours,
    settings: &Settings,
    process: Option<&Process>,
) -> Result<(DatasetResults, restart::Sample), RunFailed> {
    let pid = process.map(Process::pid);
    let memory = || pid.and_then(usage::memory);
    let load_average_before = machine::load_average();
    eprintln!("{}: storing {} documents", dataset.name.as_str(), dataset.ids.len());
    let ingest = ingest::measure(index, dataset, pid)?;
    let memory_after_build = memory();
    let bench = Bench::new(index, dataset, neighbours, pid)?;
    let points = bench.points(settings)?;
    let memory_after_search = memory();
    let queries = sample(dataset.queries.nrows());
    let (exact, answers) = bench.exact(&queries)?;
    let results = DatasetResults {
        name: dataset.name.as_str(),
        metric: dataset.metric.name(),
        documents: dataset.ids.len(),
        dim: dataset.base.ncols(),
        queries: dataset.queries.nrows(),
        load_average_before,
        ingest,
        memory_after_build,
        points,
        memory_after_search,
        exact,
        restart: None,
    };
    Ok((results, restart::Sample { queries, answers }))
}

/// Numbers spread evenly over all queries: where a set is sorted, its start is not like the rest.
fn sample(queries: usize) -> Vec<usize> {
    let step = queries.div_ceil(EXACT_QUERIES_MAX).max(1);
    (0..queries).step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_all_queries() {
        assert_eq!(sample(3), [0, 1, 2]);
        assert_eq!(sample(200).len(), 200);
        let sample = sample(10_000);
        assert_eq!((sample.len(), sample[1], sample[199]), (200, 50, 9_950));
    }
}
