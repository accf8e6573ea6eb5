//! Documents that stay true: the changelog's form, and every path of the code map.

use super::{File, Finding, Tree};

const CHANGELOG: &str = "CHANGELOG.md";
const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// The changelog opens with what is not released yet, and says there which formats are read and written.
pub(super) fn check_changelog(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.files().get(CHANGELOG) else { return vec![missing(CHANGELOG)] };
    let Some(section) = Section::of(file, "Unreleased") else {
        let mend = "start it with `## [Unreleased]`";
        return vec![Finding::new(CHANGELOG, 1, "no section for what is not released yet", mend)];
    };
    let names_formats = section.lines.iter().any(|(_, line)| heading(line).is_some_and(|(_, text)| text == "Formats"));
    let mend = "add `### Formats`: which versions of store, segment, dump and wire are read and written";
    let finding = Finding::new(CHANGELOG, section.first_line, "the unreleased section has no `Formats`", mend);
    if names_formats { Vec::new() } else { vec![finding] }
}

/// Every path in backticks in the section "Code map" leads to a file or folder, from the workspace's root.
pub(super) fn check_code_map(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.files().get(ARCHITECTURE) else { return vec![missing(ARCHITECTURE)] };
    let Some(section) = Section::of(file, "Code map") else {
        let mend = "add `## Code map`: crate by crate, in reading order";
        return vec![Finding::new(ARCHITECTURE, 1, "no code map", mend)];
    };
    let mut findings = Vec::new();
    for (line, text) in section.lines {
        for path in quoted(text).filter(|quoted| is_path(quoted, tree)) {
            if !tree.holds(path) {
                let what = format!("the code map leads to `{path}`, where nothing stands");
                let mend = "mend the path; it counts from the workspace's root";
                findings.push(Finding::new(ARCHITECTURE, line, what, mend));
            }
        }
    }
    findings
}

fn missing(path: &str) -> Finding {
    Finding::new(path, 1, "the file is missing", "write it: each release and each newcomer starts there")
}

/// From a second-level heading to the next one.
struct Section<'a> {
    first_line: usize,
    lines: Vec<(usize, &'a str)>,
}

impl<'a> Section<'a> {
    fn of(file: &'a File, title: &str) -> Option<Self> {
        let is_title = |line: &str| {
            heading(line).is_some_and(|(level, text)| level == 2 && text.trim_start_matches('[').starts_with(title))
        };
        let (first_line, _) = file.lines().find(|(_, line)| is_title(line))?;
        let below = file.lines().skip(first_line);
        let lines = below.take_while(|(_, line)| heading(line).is_none_or(|(level, _)| level > 2)).collect();
        Some(Self { first_line, lines })
    }
}

/// Level and text of a Markdown heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (level > 0 && text.starts_with(' ')).then(|| (level, text.trim()))
}

/// What stands between backticks: every second piece.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// A Rust file, or something below a folder of the workspace; not an endpoint, a command or a pattern.
fn is_path(quoted: &str, tree: &Tree) -> bool {
    if quoted.starts_with('/') || quoted.contains([' ', '<', '*']) {
        return false;
    }
    let Some((top, _)) = quoted.split_once('/') else { return false };
    quoted.ends_with(".rs")
        || tree.files().keys().any(|path| path.split_once('/').is_some_and(|(first, _)| first == top))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(path: &str, text: &str) -> Tree {
        Tree::of(vec![File::new(path, text), File::new("router/src/gather.rs", "")])
    }

    #[track_caller]
    fn check_red(findings: &[Finding], expected: &str) {
        let [finding] = findings else { panic!("one finding expected, got {findings:?}") };
        assert!(finding.to_string().contains(expected), "{finding}");
    }

    #[test]
    fn a_changelog_without_formats_is_found() {
        check_red(&check_changelog(&tree("README.md", "")), "CHANGELOG.md:1: the file is missing");
        check_red(&check_changelog(&tree(CHANGELOG, "# Changelog\n## 0.1.0\n### Formats\n")), "## [Unreleased]");
        let elsewhere = "## [Unreleased]\n### Added\n## 0.1.0\n### Formats\n";
        check_red(&check_changelog(&tree(CHANGELOG, elsewhere)), "CHANGELOG.md:1: the unreleased section");
    }

    #[test]
    fn a_changelog_with_formats_is_fine() {
        assert_eq!(check_changelog(&tree(CHANGELOG, "# Changelog\n\n## Unreleased\n### Formats\n- store 1\n")), []);
    }

    #[test]
    fn a_code_map_that_leads_nowhere_is_found() {
        check_red(&check_code_map(&tree("README.md", "")), "ARCHITECTURE.md:1: the file is missing");
        check_red(&check_code_map(&tree(ARCHITECTURE, "## Bird's eye view\n")), "no code map");
        let gone = "## Code map\n### `router`\nSee `router/src/gone.rs`.\n";
        check_red(&check_code_map(&tree(ARCHITECTURE, gone)), "ARCHITECTURE.md:3: the code map leads to");
        check_red(&check_code_map(&tree(ARCHITECTURE, "## Code map\n`router/lib/`\n")), "`router/lib/`");
        check_red(&check_code_map(&tree(ARCHITECTURE, "## Code map\n`src/gather.rs`\n")), "from the workspace's root");
    }

    #[test]
    fn a_code_map_that_leads_somewhere_is_fine() {
        let map = "`gone/a.rs`\n## Code map\n`router/src`, `router/src/`, `router/src/gather.rs`, `GET /v1/x`, \
                   `/v1/indexes`, `application/json`, `cargo test`, `workspace/<name>/`\n## Next\n`gone/b.rs`\n";
        assert_eq!(check_code_map(&tree(ARCHITECTURE, map)), []);
    }
}
