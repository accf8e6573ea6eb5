//! What was meant to go before anybody else reads it.

use super::code::names;
use super::{File, Finding};

const ANYWHERE: &[(&str, &str)] = &[
    ("todo!", "write it, or return an error that says it is not there"),
    ("unimplemented!", "write it, or return an error that says it is not there"),
    ("dbg!", "delete it, or log what an operator needs"),
];

/// Reads Rust code.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, code) in file.code_lines() {
        for (word, mend) in ANYWHERE.iter().filter(|(word, _)| names(code, word)) {
            findings.push(Finding::new(&file.path, line, format!("`{word}` left behind"), *mend));
        }
        if ignores_a_test(code) {
            let mend = "mend the test or delete it: one that does not run proves nothing";
            findings.push(Finding::new(&file.path, line, "an ignored test", mend));
        }
        if is_test_code(&file.path) && !is_in_simulated_time(&file.path) && names(code, "sleep") {
            let mend =
                "wait for the event itself, with a deadline: a sleep is too short on a busy machine, else too long";
            findings.push(Finding::new(&file.path, line, "a test sleeps", mend));
        }
    }
    findings
}

fn ignores_a_test(code: &str) -> bool {
    code.contains("#[ignore") || (code.contains("#[cfg_attr") && names(code, "ignore"))
}

fn is_test_code(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/")
}

/// Where a sleep takes no time, and is as long on every machine.
fn is_in_simulated_time(path: &str) -> bool {
    path.starts_with("tests/sim/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_lines(path: &str, code: &str, expected: &[usize]) {
        let lines: Vec<usize> = check(&File::new(path, code)).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expected, "{path}: {code}");
    }

    #[test]
    fn unfinished_code_is_found() {
        check_lines("router/src/lib.rs", "fn f() {\n    todo!()\n}", &[2]);
        check_lines("router/src/lib.rs", "unimplemented!();\ndbg!(x);", &[1, 2]);
        check_lines("router/src/lib.rs", "// todo! is banned\nlet x = \"dbg!\";", &[]);
    }

    #[test]
    fn ignored_tests_are_found() {
        check_lines("router/src/lib.rs", "#[test]\n#[ignore]\nfn f() {}", &[2]);
        check_lines("router/src/lib.rs", "#[ignore = \"slow\"]", &[1]);
        check_lines("router/src/lib.rs", "#[cfg_attr(miri, ignore)]", &[1]);
    }

    #[test]
    fn sleeping_tests_are_found() {
        check_lines("tests/it/main.rs", "std::thread::sleep(SECOND);", &[1]);
        check_lines("dump/tests/archive.rs", "use tokio::time::{Duration, sleep};", &[1]);
        check_lines("tests/it/main.rs", "let sleeper = asleep();", &[]);
        check_lines("tests/sim/durable.rs", "tokio::time::sleep(pause).await;", &[]);
        check_lines("router/src/retry.rs", "tokio::time::sleep(pause).await;", &[]);
    }
}
