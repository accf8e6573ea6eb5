//! No file knows the machine it was written on.

use super::{File, Finding};

/// Folders at the root of somebody's machine. Written without their slashes, or this file would break its own rule.
const MACHINES: &[&str] = &["work", "root", "home"];

/// Reads every text file.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in MACHINES.iter().map(|name| format!("/{name}/")) {
        for (line, _) in file.lines().filter(|(_, text)| starts_a_path(text, &folder)) {
            let mend = "write it from the workspace's root, from `~`, or as an argument";
            findings.push(Finding::new(&file.path, line, format!("`{folder}` is a path of one machine"), mend));
        }
    }
    findings
}

/// Whether `folder` begins a path here, rather than continuing one as in a folder below `target` or in a URL.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~}>)*".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_count(text: &str, expected: usize) {
        // The examples are written with `|` for `/`, for the reason that MACHINES gives.
        assert_eq!(check(&File::new("README.md", &text.replace('|', "/"))).len(), expected, "{text}");
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        check_count("see |home|me|notes", 1);
        check_count("DATA=|work|data\nx\n\"|root|.cache\"", 2);
        check_count("|root|", 1);
    }

    #[test]
    fn other_paths_are_fine() {
        check_count("target|work|x and ~|home|x and https:||example.org|home|", 0);
        check_count("$HOME|work|x ${HOME}|work|x <dir>|work|x", 0);
        check_count("|workspace|x |tmp|x |usr|lib", 0);
    }
}
