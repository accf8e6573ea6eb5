//! The benchmark of Annuli: it drives the real program over HTTP, as a client does, with real data sets.
//!
//! `run` starts the program, stores a data set, measures recall, load, memory and a restart, and writes a report;
//! `fetch` only brings the data here. Modules in reading order.

mod cli;
mod settings;

mod run;

mod ingest;
mod load;
mod restart;
mod search;

mod fault;
mod report;
mod results;

mod cluster;
mod compare;
mod library;
mod own;
mod page;
mod progress;
mod servers;
mod worker;

mod recall;
mod truth;

mod dataset;
mod distance;

mod connection;
mod remote_index;
mod server;

mod clock;
mod figures;
mod files;
mod machine;
mod tool;
mod usage;
mod watchdog;
mod workers;

use clap::Parser;
use cli::{Cli, Command, Compare, Run};
use compare::CompareFailed;
use dataset::NoDataset;
use dataset::cache::{Cache, NoCacheFolder};
use files::FileFailed;
use run::RunFailed;
use serde::Serialize;
use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;
use worker::WorkerEnded;

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Cache(#[from] NoCacheFolder),
    #[error(transparent)]
    Dataset(#[from] NoDataset),
    #[error(transparent)]
    Run(#[from] RunFailed),
    #[error(transparent)]
    Compare(#[from] CompareFailed),
    #[error(transparent)]
    Worker(#[from] WorkerEnded),
    #[error(transparent)]
    File(#[from] FileFailed),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Cache::new(cli.data).map_err(Failed::from).and_then(|cache| match cli.command {
        Command::Fetch { dataset } => fetch(dataset.names(), &cache),
        Command::Run(arguments) => run(&arguments, &cache),
        Command::Compare(arguments) => compare(&arguments, &cache),
        Command::Worker { engine } => Ok(worker::serve(engine).map(|()| ExitCode::SUCCESS)?),
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

fn fetch(names: &[dataset::Name], cache: &Cache) -> Result<ExitCode, Failed> {
    for &name in names {
        let folder = dataset::fetch(name, cache)?;
        print(&format!("{}: {}\n", name.as_str(), folder.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn run(arguments: &Run, cache: &Cache) -> Result<ExitCode, Failed> {
    let date = arguments.date.clone().or_else(machine::date);
    let results = run::run(arguments.settings(), arguments.names(), cache, date)?;
    let report = report::markdown(&results);
    print(&report);
    write(&arguments.out, &results, &report)?;
    Ok(verdict(&fault::faults(&results, arguments.strictness())))
}

fn compare(arguments: &Compare, cache: &Cache) -> Result<ExitCode, Failed> {
    let date = arguments.date.clone().or_else(machine::date);
    let keep = |results: &compare::Results| {
        write(&arguments.out, results, &compare::table::markdown(results))?;
        files::write(&arguments.out.join("report.html"), page::html(results).as_bytes())
    };
    let results = compare::compare(arguments.settings(), &arguments.names(), cache, date, keep)?;
    print(&compare::table::markdown(&results));
    Ok(verdict(&compare::faults(&results)?))
}

fn verdict(faults: &[impl Display]) -> ExitCode {
    for fault in faults {
        eprintln!("fault: {fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write(folder: &Path, results: &impl Serialize, report: &str) -> Result<(), FileFailed> {
    let json = serde_json::to_vec_pretty(results).expect("results have text for keys and finite numbers");
    files::create_folder(folder)?;
    files::write(&folder.join("results.json"), &json)?;
    files::write(&folder.join("report.md"), report.as_bytes())
}

#[expect(clippy::print_stdout, reason = "the report is this program's output")]
fn print(text: &str) {
    print!("{text}");
}
