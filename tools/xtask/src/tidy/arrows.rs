//! Who may depend on whom.
//!
//! Tiers, innermost first: core, threads and console; dump and coordination; api; contract and traces; replicas; wire, router,
//! cluster and indexer; jina and qdrant; tools; tests and benches.

use super::{File, Finding};

/// A crate, the crates of this workspace that it may use, and what it must never meet outside.
struct Crate {
    folder: &'static str,
    may_use: &'static [&'static str],
    outside: Outside,
}

enum Outside {
    Anything,
    Except(&'static [&'static str]),
    Nothing,
}

const CRATES: &[Crate] = &[
    Crate {
        folder: "indexer/core",
        may_use: &[],
        outside: Outside::Except(&["tokio", "axum", "rocksdb", "serde", "serde_json"]),
    },
    Crate { folder: "indexer/core/fuzz", may_use: &["annuli-core"], outside: Outside::Except(&["rocksdb"]) },
    Crate {
        folder: "dump",
        may_use: &["annuli-core", "annuli-dump-contract"],
        outside: Outside::Except(&["tokio", "axum", "rocksdb"]),
    },
    Crate {
        folder: "dump/contract",
        may_use: &["annuli-core", "annuli-dump"],
        outside: Outside::Except(&["tokio", "axum", "rocksdb"]),
    },
    Crate {
        folder: "dump/s3",
        may_use: &["annuli-core", "annuli-dump", "annuli-dump-contract", "annuli-tests-s3"],
        outside: Outside::Except(&["axum", "rocksdb"]),
    },
    Crate {
        folder: "indexer/api",
        may_use: &["annuli-core", "annuli-dump"],
        outside: Outside::Except(&["tokio", "axum", "rocksdb"]),
    },
    Crate {
        folder: "indexer/contract",
        may_use: &["annuli-api", "annuli-core"],
        outside: Outside::Except(&["axum", "rocksdb", "hnsw_rs"]),
    },
    Crate {
        folder: "indexer/wire",
        may_use: &["annuli-api", "annuli-contract", "annuli-core", "annuli-traces"],
        outside: Outside::Except(&["rocksdb", "hnsw_rs"]),
    },
    Crate {
        folder: "router/coordination",
        may_use: &["annuli-core"],
        outside: Outside::Except(&["axum", "rocksdb", "hnsw_rs"]),
    },
    Crate { folder: "indexer/threads", may_use: &[], outside: Outside::Except(&["tokio", "axum", "rocksdb", "serde"]) },
    Crate { folder: "router/console", may_use: &[], outside: Outside::Except(&["rocksdb", "hnsw_rs"]) },
    Crate {
        folder: "router",
        may_use: &[
            "annuli-api",
            "annuli-console",
            "annuli-coordination",
            "annuli-core",
            "annuli-dump",
            "annuli-threads",
            "annuli-traces",
        ],
        outside: Outside::Except(&["rocksdb", "hnsw_rs"]),
    },
    Crate {
        folder: "router/traces",
        may_use: &["annuli-api"],
        outside: Outside::Except(&["axum", "rocksdb", "hnsw_rs", "serde", "tokio"]),
    },
    Crate {
        folder: "router/replicas",
        may_use: &["annuli-api", "annuli-contract", "annuli-core", "annuli-traces"],
        outside: Outside::Except(&["axum", "rocksdb", "hnsw_rs"]),
    },
    Crate {
        folder: "router/cluster",
        may_use: &["annuli-api", "annuli-coordination", "annuli-core", "annuli-dump"],
        outside: Outside::Except(&["axum", "rocksdb", "hnsw_rs"]),
    },
    Crate {
        folder: "router/jina",
        may_use: &["annuli-api", "annuli-contract", "annuli-core", "annuli-router"],
        outside: Outside::Except(&["rocksdb", "hnsw_rs"]),
    },
    Crate {
        folder: "router/qdrant",
        may_use: &["annuli-api", "annuli-contract", "annuli-core", "annuli-router"],
        outside: Outside::Except(&["rocksdb", "hnsw_rs"]),
    },
    Crate {
        folder: "indexer",
        may_use: &["annuli-api", "annuli-contract", "annuli-core", "annuli-dump", "annuli-threads"],
        outside: Outside::Anything,
    },
    Crate { folder: "tools", may_use: LIBRARIES, outside: Outside::Except(&["rocksdb"]) },
    Crate { folder: "tools/xtask", may_use: &[], outside: Outside::Nothing },
    Crate { folder: "tests/s3", may_use: &[], outside: Outside::Except(&["tokio", "axum", "rocksdb"]) },
    Crate { folder: "tests", may_use: LIBRARIES_AND_BINARY, outside: Outside::Except(&["rocksdb"]) },
    Crate { folder: "tests/sim", may_use: WITHOUT_CXX, outside: Outside::Except(&["axum", "rocksdb", "hnsw_rs"]) },
    Crate { folder: "benches", may_use: LIBRARIES_AND_BINARY, outside: Outside::Except(&["rocksdb"]) },
    Crate { folder: "benches/micro", may_use: &["annuli-core"], outside: Outside::Except(&["rocksdb"]) },
];

/// Used by tests alone: a library that depends on one of these would carry its panics into the program.
const ONLY_IN_TESTS: &[&str] = &["annuli-contract", "annuli-dump-contract", "annuli-tests-s3"];

const LIBRARIES: &[&str] = &[
    "annuli-api",
    "annuli-cluster",
    "annuli-coordination",
    "annuli-core",
    "annuli-dump",
    "annuli-dump-s3",
    "annuli-indexer",
    "annuli-jina",
    "annuli-qdrant",
    "annuli-replicas",
    "annuli-router",
    "annuli-threads",
    "annuli-traces",
    "annuli-wire",
];
const WITHOUT_CXX: &[&str] = &[
    "annuli-api",
    "annuli-cluster",
    "annuli-contract",
    "annuli-coordination",
    "annuli-core",
    "annuli-dump",
    "annuli-replicas",
    "annuli-router",
];
const LIBRARIES_AND_BINARY: &[&str] = &[
    "annuli",
    "annuli-api",
    "annuli-cluster",
    "annuli-coordination",
    "annuli-core",
    "annuli-dump",
    "annuli-dump-s3",
    "annuli-indexer",
    "annuli-replicas",
    "annuli-router",
    "annuli-tests-s3",
    "annuli-wire",
];

/// Reads a crate's `Cargo.toml`; says nothing of any other file.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let Some(folder) = file.path.strip_suffix("/Cargo.toml") else { return Vec::new() };
    let Some(row) = CRATES.iter().find(|row| row.folder == folder) else {
        let mend = format!("add `{folder}` to CRATES in tools/xtask/src/tidy/arrows.rs, in its tier");
        return vec![Finding::new(&file.path, 1, "a crate without a tier", mend)];
    };
    let mut findings = Vec::new();
    for dependency in dependencies(file) {
        if let Some((what, mend)) = objection(row, &dependency) {
            findings.push(Finding::new(&file.path, dependency.line, what, mend));
        }
    }
    findings
}

fn objection(row: &Crate, dependency: &Dependency) -> Option<(String, String)> {
    let (folder, name) = (row.folder, dependency.name.as_str());
    if name == "annuli" || name.starts_with("annuli-") {
        let outward = !row.may_use.contains(&name);
        let mend = match row.may_use {
            [] => "it may use no crate of this workspace: move what both need inward".to_owned(),
            inner => format!("it may use {}: move what both need inward", inner.join(", ")),
        };
        if !outward && ONLY_IN_TESTS.contains(&name) && !dependency.only_in_tests {
            let mend = "move it to `[dev-dependencies]`".to_owned();
            return Some((format!("`{folder}` depends on `{name}`, which is for tests alone"), mend));
        }
        return outward.then(|| (format!("`{folder}` depends on `{name}`, an arrow that points outward"), mend));
    }
    let banned = match row.outside {
        Outside::Anything => false,
        // A test may read JSON or drive a runtime; what costs C++ to build is kept out of tests as well.
        Outside::Except(names) => names.contains(&name) && (!dependency.only_in_tests || name == "rocksdb"),
        Outside::Nothing => true,
    };
    banned.then(|| {
        let mend = "do it in an outer crate and pass the result in".to_owned();
        (format!("`{folder}` depends on `{name}`, which it must never meet"), mend)
    })
}

struct Dependency {
    line: usize,
    name: String,
    only_in_tests: bool,
}

/// Enough of TOML for the manifests of this workspace: one dependency a line, or a table of its own.
fn dependencies(file: &File) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut table = Table::Other;
    for (line, text) in file.lines() {
        let text = text.trim();
        if let Some(header) = text.strip_prefix('[') {
            table = Table::of(header.split(']').next().unwrap_or_default());
            if let Table::OneDependency { name, only_in_tests } = &table {
                found.push(Dependency { line, name: name.clone(), only_in_tests: *only_in_tests });
            }
            continue;
        }
        let package = package_of(text);
        match &table {
            Table::Dependencies { only_in_tests } if !text.is_empty() && !text.starts_with('#') => {
                let key = text.split(['.', '=', ' ']).next().unwrap_or_default().trim_matches('"');
                let name = package.unwrap_or(key).to_owned();
                found.push(Dependency { line, name, only_in_tests: *only_in_tests });
            }
            Table::OneDependency { only_in_tests, .. } => {
                if let Some(name) = package {
                    found.push(Dependency { line, name: name.to_owned(), only_in_tests: *only_in_tests });
                }
            }
            Table::Dependencies { .. } | Table::Other => {}
        }
    }
    found
}

/// The crate's own name behind a renamed dependency: `db = { package = "rocksdb" }`.
fn package_of(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("package")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?;
    let starts_a_key = before.is_empty() || before.ends_with(['{', ' ', ',']);
    starts_a_key.then(|| value.split('"').next()).flatten()
}

enum Table {
    Dependencies { only_in_tests: bool },
    OneDependency { name: String, only_in_tests: bool },
    Other,
}

impl Table {
    fn of(header: &str) -> Self {
        if header.starts_with("workspace.") {
            return Self::Other;
        }
        let Some((before, after)) = header.rsplit_once("dependencies") else { return Self::Other };
        let only_in_tests = before.ends_with("dev-");
        match after.strip_prefix('.') {
            Some(name) => Self::OneDependency { name: name.trim_matches('"').to_owned(), only_in_tests },
            None if after.is_empty() => Self::Dependencies { only_in_tests },
            None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn red(path: &str, manifest: &str, expected: &str) {
        let findings = check(&File::new(path, manifest));
        let [finding] = findings.as_slice() else { panic!("one finding expected, got {findings:?}") };
        assert!(finding.to_string().contains(expected), "{finding}");
    }

    #[track_caller]
    fn green(path: &str, manifest: &str) {
        assert_eq!(check(&File::new(path, manifest)), []);
    }

    #[test]
    fn an_inner_crate_may_not_use_an_outer_one() {
        let outward = "[dependencies]\nthiserror.workspace = true\nannuli-dump.workspace = true\n";
        red("indexer/core/Cargo.toml", outward, "indexer/core/Cargo.toml:3: `indexer/core` depends on `annuli-dump`");
        red(
            "router/Cargo.toml",
            "[dependencies]\nannuli-indexer = { path = \"x\" }\n",
            "annuli-api, annuli-console, annuli-coordination",
        );
        red(
            "router/coordination/Cargo.toml",
            "[dependencies]\nannuli-api.workspace = true\n",
            "it may use annuli-core:",
        );
        red("benches/micro/Cargo.toml", "[dependencies]\nannuli.workspace = true\n", "it may use annuli-core:");
    }

    #[test]
    fn a_crate_never_meets_what_is_not_its_business() {
        red("indexer/core/Cargo.toml", "[dependencies]\nserde = \"1\"\n", "`serde`, which it must never meet");
        red("dump/Cargo.toml", "[dependencies]\ntokio.workspace = true\n", "`tokio`");
        red("indexer/api/Cargo.toml", "[dependencies]\naxum.workspace = true\n", "`axum`");
        red("router/Cargo.toml", "[dependencies]\nhnsw_rs.workspace = true\n", "`hnsw_rs`");
    }

    #[test]
    fn every_way_to_write_a_dependency_is_read() {
        red("dump/Cargo.toml", "[dependencies.tokio]\nversion = \"1\"\n", "dump/Cargo.toml:1: ");
        red("dump/Cargo.toml", "[target.'cfg(unix)'.dependencies]\ntokio = \"1\"\n", "`tokio`");
        red("dump/Cargo.toml", "[build-dependencies]\nrocksdb = \"1\"\n", "`rocksdb`");
        red("dump/Cargo.toml", "[dependencies]\ndb = { version = \"1\", package = \"rocksdb\" }\n", "`rocksdb`");
        red("dump/Cargo.toml", "[dependencies.db]\npackage = \"rocksdb\"\n", "`rocksdb`");
    }

    #[test]
    fn tests_may_use_more_but_neither_outer_crates_nor_cxx() {
        green("indexer/core/Cargo.toml", "[dev-dependencies]\nserde_json.workspace = true\n");
        red("indexer/core/Cargo.toml", "[dev-dependencies]\nrocksdb.workspace = true\n", "`rocksdb`");
        red("dump/Cargo.toml", "[dev-dependencies]\nannuli-tests.workspace = true\n", "`annuli-tests`");
    }

    #[test]
    fn what_is_for_tests_stays_in_tests() {
        red("indexer/wire/Cargo.toml", "[dependencies]\nannuli-contract.workspace = true\n", "for tests alone");
        green("indexer/wire/Cargo.toml", "[dev-dependencies]\nannuli-contract.workspace = true\n");
        red(
            "indexer/wire/Cargo.toml",
            "[dependencies]\nannuli-router.workspace = true\n",
            "annuli-contract, annuli-core",
        );
    }

    #[test]
    fn the_chores_depend_on_nothing() {
        green("tools/xtask/Cargo.toml", "[dependencies]\n\n[lints]\nworkspace = true\n");
        red("tools/xtask/Cargo.toml", "[dependencies]\nregex = \"1\"\n", "`regex`");
    }

    #[test]
    fn a_new_crate_must_be_given_a_tier() {
        red("indexer/gpu/Cargo.toml", "[package]\nname = \"annuli-gpu\"\n", "add `indexer/gpu` to CRATES");
    }

    #[test]
    fn what_points_inward_is_fine() {
        green("indexer/Cargo.toml", "[dependencies]\nannuli-core.workspace = true\nrocksdb.workspace = true\n");
        green("dump/Cargo.toml", "# tokio = \"1\"\n[features]\ntokio = []\n");
        green("Cargo.toml", "[workspace.dependencies]\ntokio = \"1\"\n");
    }
}
