//! Files that one reads to the end.

use super::tree::is_rust;
use super::{File, Finding};

/// About where a reader tires. Tests come last in a file and do not count: one reads them one by one.
const LINES_MAX: usize = 500;

/// Reads a Rust file up to its tests.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let lines = lines_before_tests(&file.code);
    if !is_rust(&file.path) || lines <= LINES_MAX {
        return Vec::new();
    }
    let what = format!("{lines} lines before the tests, {LINES_MAX} are a page");
    vec![Finding::new(&file.path, LINES_MAX + 1, what, "split it along its nouns")]
}

/// A test module in a file of its own (`#[cfg(test)] mod tests;`) ends nothing: code goes on below it.
fn lines_before_tests(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let opens_tests = |at: &usize| {
        let gated = lines[*at].strip_prefix("#[cfg(test)]");
        gated.is_some_and(|same_line| {
            let mut below = std::iter::once(same_line).chain(lines[at + 1..].iter().copied());
            let item = below.find(|line| !line.is_empty() && !line.starts_with("#[")).unwrap_or_default();
            item.split_whitespace().any(|word| word == "mod") && item.ends_with('{')
        })
    };
    (0..lines.len()).find(opens_tests).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beyond_a_page_is_found() {
        let long = "fn f() {}\n".repeat(LINES_MAX + 1);
        let findings = check(&File::new("router/src/gather.rs", &long));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, LINES_MAX + 1);
        assert_eq!(check(&File::new("router/src/gather.rs", &long[10..])), []);
    }

    #[test]
    fn tests_do_not_count() {
        let tests = "#[cfg(test)]\nmod tests {\n".to_owned() + &"// x\n".repeat(LINES_MAX) + "}\n";
        assert_eq!(check(&File::new("router/src/gather.rs", &tests)), []);
        assert_eq!(lines_before_tests("a\n#[cfg(test)]\n#[allow(x)]\npub(crate) mod tests {\n"), 1);
    }

    #[test]
    fn code_below_a_declared_test_module_counts() {
        let hidden = "#[cfg(test)]\nmod tests;\n".to_owned() + &"fn f() {}\n".repeat(LINES_MAX);
        assert_eq!(check(&File::new("router/src/gather.rs", &hidden)).len(), 1);
    }
}
