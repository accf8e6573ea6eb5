//! Rules about the workspace's own files, run as tests.
//!
//! A rule is a pure function of a file (or, where it must, of the tree) to findings. Each has a test that shows it
//! red on a bad example; the tests at the end of this file hold every rule over the real tree.

mod tree;

mod arrows;
mod documents;
mod leftovers;
mod limits;
mod names;
mod pages;
mod paths;
mod rooms;

mod code;

pub use tree::{File, Tree, workspace_root};

use std::fmt;

/// One rule, as `cargo xtask tidy` runs it.
pub struct Rule {
    /// What holds where the rule finds nothing.
    pub name: &'static str,
    /// What breaks it.
    pub check: fn(&Tree) -> Vec<Finding>,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule { name: "crate arrows point inward", check: |tree| tree.each(arrows::check) },
    Rule { name: "each foreign power stays in its room", check: |tree| tree.each(rooms::check) },
    Rule { name: "file names say what is inside", check: |tree| tree.each(names::check) },
    Rule { name: "files are pages", check: |tree| tree.each(pages::check) },
    Rule { name: "limits have reasons", check: |tree| tree.each(limits::check) },
    Rule { name: "nothing is left behind", check: |tree| tree.each(leftovers::check) },
    Rule { name: "no path belongs to a machine", check: |tree| tree.each(paths::check) },
    Rule { name: "the changelog names the formats", check: documents::check_changelog },
    Rule { name: "the code map leads somewhere", check: documents::check_code_map },
];

/// One place where a rule is broken, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// From the workspace's root, with `/`.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.what, self.mend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn holds(name: &str) {
        let rule = RULES.iter().find(|rule| rule.name == name).expect("the rule is in RULES");
        let tree = Tree::read(&workspace_root()).expect("the workspace can be read");
        let findings: Vec<String> = (rule.check)(&tree).iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{name}: no longer.\n{}", findings.join("\n"));
    }

    #[test]
    fn crate_arrows_point_inward() {
        holds("crate arrows point inward");
    }

    #[test]
    fn each_foreign_power_stays_in_its_room() {
        holds("each foreign power stays in its room");
    }

    #[test]
    fn file_names_say_what_is_inside() {
        holds("file names say what is inside");
    }

    #[test]
    fn files_are_pages() {
        holds("files are pages");
    }

    #[test]
    fn limits_have_reasons() {
        holds("limits have reasons");
    }

    #[test]
    fn nothing_is_left_behind() {
        holds("nothing is left behind");
    }

    #[test]
    fn no_path_belongs_to_a_machine() {
        holds("no path belongs to a machine");
    }

    #[test]
    fn the_changelog_names_the_formats() {
        holds("the changelog names the formats");
    }

    #[test]
    fn the_code_map_leads_somewhere() {
        holds("the code map leads somewhere");
    }

    #[test]
    fn every_rule_runs_over_the_tree_in_a_test_of_its_own() {
        let this = include_str!("tidy.rs");
        for rule in RULES {
            let called = format!("holds(\"{}\")", rule.name);
            assert!(this.contains(&called), "no test calls {called}");
        }
    }

    #[test]
    fn a_finding_names_file_line_and_remedy() {
        let finding = Finding::new("a/b.rs", 7, "`x` is wrong", "write `y`");
        assert_eq!(finding.to_string(), "a/b.rs:7: `x` is wrong; write `y`");
    }
}
