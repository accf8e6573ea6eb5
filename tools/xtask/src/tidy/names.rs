//! File and module names that would say nothing.

use super::tree::is_rust;
use super::{File, Finding};

const SAY_NOTHING: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "types", "manager"];

/// Reads the path of a Rust file, folders included: `common/mod.rs` is as mute as `common.rs`.
pub(super) fn check(file: &File) -> Vec<Finding> {
    if !is_rust(&file.path) {
        return Vec::new();
    }
    let mute = file.path.trim_end_matches(".rs").split('/').find(|part| SAY_NOTHING.contains(part));
    let mend = "name it after the noun that it holds; what has no common noun belongs into several files";
    mute.map(|part| Finding::new(&file.path, 1, format!("the name `{part}` says nothing"), mend)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mute_name_is_found() {
        for path in ["router/src/utils.rs", "tests/it/common/mod.rs", "dump/src/manager.rs"] {
            assert_eq!(check(&File::new(path, "")).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_noun_is_fine() {
        for path in ["router/src/gather.rs", "dump/src/datatypes.rs", "tests/data/types/README.md"] {
            assert_eq!(check(&File::new(path, "")), [], "{path}");
        }
    }
}
