//! Every limit says why it is what it is.

use super::{File, Finding};

/// Reads the files named `limits.rs`.
pub(super) fn check(file: &File) -> Vec<Finding> {
    if !file.path.ends_with("/limits.rs") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut documented = false;
    for ((line, text), (_, code)) in file.lines().zip(file.code_lines()) {
        let (text, code) = (text.trim_start(), code.trim_start());
        if code.starts_with("pub const ") || code.starts_with("pub(crate) const ") {
            if !documented {
                let name = code.split("const ").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
                let mend = "say above it, in a `///` comment, what breaks beyond it";
                findings.push(Finding::new(&file.path, line, format!("the limit `{name}` has no reason"), mend));
            }
            documented = false;
        } else if !code.starts_with("#[") {
            documented = text.starts_with("///");
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_lines(text: &str, expected: &[usize]) {
        let findings = check(&File::new("indexer/core/src/limits.rs", text));
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn a_limit_without_a_reason_is_found() {
        check_lines("pub const A: usize = 1;", &[1]);
        check_lines("/// Why.\n\npub const A: usize = 1;", &[3]);
        check_lines("/// Why.\npub const A: usize = 1;\npub const B: usize = 1;", &[3]);
        check_lines("// Why.\npub const A: usize = 1;", &[2]);
    }

    #[test]
    fn a_limit_with_a_reason_is_fine() {
        check_lines("/// Why.\npub const A: usize = 1;", &[]);
        check_lines("/// Why.\n#[rustfmt::skip]\npub const A: usize = 1;", &[]);
        check_lines("const PRIVATE: usize = 1;", &[]);
    }

    #[test]
    fn other_files_are_not_read() {
        assert_eq!(check(&File::new("indexer/core/src/id.rs", "pub const A: usize = 1;")), []);
    }
}
