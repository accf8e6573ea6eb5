//! The innermost loops alone: distance kernels in every form that this processor runs, and the k nearest of many.
//!
//! Medians over samples of a millisecond, and the least, which other work on the machine disturbs least. With
//! `counts`, instructions instead, compared with those in git. This crate builds in seconds: it knows the core and
//! nothing else of the workspace.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the tables are this program's output")]

mod columns;
mod counts;
mod kernels;
mod numbers;
mod timing;
mod top_k;

use counts::subject::Subject;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            time_all();
            ExitCode::SUCCESS
        }
        ["counts"] => counts::run(),
        // Under valgrind, called by `counts`.
        ["subject", name, segment] => run_subject(name, Path::new(segment)),
        _ => {
            eprintln!("usage: annuli-micro [counts]");
            ExitCode::from(2)
        }
    }
}

fn time_all() {
    kernels::measure();
    println!();
    top_k::measure();
    println!();
    columns::measure();
}

fn run_subject(name: &str, segment: &Path) -> ExitCode {
    let Some(subject) = Subject::all().into_iter().find(|subject| subject.to_string() == name) else {
        eprintln!("no subject is named `{name}`");
        return ExitCode::from(2);
    };
    subject.run(segment);
    ExitCode::SUCCESS
}
