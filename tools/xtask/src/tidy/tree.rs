//! The workspace's files, read once.

use super::Finding;
use super::code::code_only;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What no commit holds: see `.gitignore`. The tree is walked rather than asked of git, so that the rules also run
/// in a source archive.
const NOT_TRACKED_ANYWHERE: &[&str] = &[".git", "__pycache__"];
const NOT_TRACKED_AT_THE_ROOT: &[&str] = &["target", "workspace"];

/// A text file of the workspace.
pub struct File {
    /// From the workspace's root, with `/`.
    pub path: String,
    /// As it stands.
    pub text: String,
    /// Of a Rust file: the text with comments and literals blanked, so that a rule about code never meets prose.
    /// Lines and columns are those of `text`. Of any other file: empty.
    pub code: String,
}

impl File {
    /// The file at `path` with the contents `text`.
    pub fn new(path: &str, text: &str) -> Self {
        let code = if is_rust(path) { code_only(text) } else { String::new() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// Lines of code, numbered from 1.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.code)
    }

    /// Lines as they stand, numbered from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.text)
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// All text files, by path.
pub struct Tree {
    files: BTreeMap<String, File>,
}

impl Tree {
    /// Reads every file below `root` but build output and git's own.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let name = entry.file_name();
                let is = |names: &[&str]| names.iter().any(|listed| name == *listed);
                if is(NOT_TRACKED_ANYWHERE) || (folder == root && is(NOT_TRACKED_AT_THE_ROOT)) {
                    continue;
                }
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    // What is not UTF-8 is data, and no rule reads data.
                    if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                        files.push(File::new(&relative(&entry.path(), root), &text));
                    }
                }
            }
        }
        Ok(Self::of(files))
    }

    /// A tree of exactly these files.
    pub fn of(files: Vec<File>) -> Self {
        Self { files: files.into_iter().map(|file| (file.path.clone(), file)).collect() }
    }

    /// Every file, in the order of their paths.
    pub fn files(&self) -> &BTreeMap<String, File> {
        &self.files
    }

    /// Whether a file or a folder with text files stands at `path`.
    pub fn holds(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }

    /// What `check` finds in each file.
    pub fn each(&self, check: fn(&File) -> Vec<Finding>) -> Vec<Finding> {
        self.files.values().flat_map(check).collect()
    }
}

/// The folder that holds the workspace's `Cargo.toml`.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether the file is Rust source.
pub(super) fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn relative(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).expect("the walk never leaves the root");
    let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
    names.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_and_its_build_output_is_not() {
        let tree = Tree::read(&workspace_root()).expect("readable");
        assert!(tree.holds("Cargo.toml"));
        assert!(tree.holds("tools/xtask/src"));
        assert!(!tree.holds("target"));
        assert!(!tree.holds("tools/xtask/src/tidy/nothing.rs"));
    }
}
