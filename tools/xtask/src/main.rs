//! `cargo xtask`: the chores of this workspace, by name.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program speaks on its output")]

use annuli_xtask::tidy;
use std::process::ExitCode;

struct Chore {
    name: &'static str,
    about: &'static str,
    run: fn() -> ExitCode,
}

const CHORES: &[Chore] = &[Chore {
    name: "tidy",
    about: "check crate arrows, rooms, names and documents; the same rules run in `cargo test`",
    run: run_tidy,
}];

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1);
    let Some(wanted) = wanted.as_deref().filter(|name| !matches!(*name, "help" | "--help" | "-h")) else {
        println!("Usage: cargo xtask CHORE\n\nChores:");
        for chore in CHORES {
            println!("  {:<8}{}", chore.name, chore.about);
        }
        return ExitCode::SUCCESS;
    };
    match CHORES.iter().find(|chore| chore.name == wanted) {
        Some(chore) => (chore.run)(),
        None => {
            eprintln!("no chore is named `{wanted}`; `cargo xtask` lists them");
            ExitCode::from(2)
        }
    }
}

fn run_tidy() -> ExitCode {
    let tree = match tidy::Tree::read(&tidy::workspace_root()) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("cannot read the workspace: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut found = 0;
    for rule in tidy::RULES {
        let findings = (rule.check)(&tree);
        if !findings.is_empty() {
            println!("{}:", rule.name);
        }
        for finding in &findings {
            println!("  {finding}");
        }
        found += findings.len();
    }
    if found > 0 {
        println!("{found} findings");
        return ExitCode::FAILURE;
    }
    println!("tidy: {} rules hold over {} files", tidy::RULES.len(), tree.files().len());
    ExitCode::SUCCESS
}
