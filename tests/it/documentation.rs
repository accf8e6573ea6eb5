//! The commands that pages tell their readers to type are typed, in the order in which they stand there, into a shell
//! in an empty folder. A command that fails fails the page.

mod page;
mod reader;

use page::{Page, Said};
use reader::Reader;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Pages with commands; each is typed by a test of its own below.
const TYPED: [&str; 3] = ["README.md", "docs/operating.md", "docs/quick-start.md"];

/// Languages of blocks that nobody types: drawings, answers, files, and programs that `tests/clients` tries.
const NOT_TYPED: [&str; 6] = ["", "json", "python", "text", "toml", "yaml"];

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[track_caller]
fn type_in(page: &str) {
    let page = Page::read(&repository().join(page), page);
    let mut reader = Reader::new(repository());
    page.blocks.iter().filter(|block| block.said == Said::Typed).for_each(|block| reader.will_type(block));
    reader.types();
}

#[test]
fn the_commands_of_the_readme_do_what_they_are_said_to() {
    type_in("README.md");
}

#[test]
fn the_commands_of_the_quick_start_do_what_they_are_said_to() {
    type_in("docs/quick-start.md");
}

#[test]
fn the_commands_for_operators_do_what_they_are_said_to() {
    type_in("docs/operating.md");
}

#[test]
fn every_page_with_commands_is_typed() {
    let mut folders = vec![repository().to_owned(), repository().join("docs")];
    let mut with_commands = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = folder.read_dir() else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let in_docs = folder.starts_with(repository().join("docs"));
            if in_docs && path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
                let page = Page::read(&path, &name);
                for block in &page.blocks {
                    let language = block.language.as_str();
                    assert!(
                        language == "sh" || NOT_TYPED.contains(&language),
                        "{}: nothing is known of the language `{language}`",
                        block.place
                    );
                }
                if page.blocks.iter().any(|block| block.said == Said::Typed) {
                    with_commands.insert(PathBuf::from(name));
                }
            }
        }
    }
    assert_eq!(with_commands, TYPED.iter().map(PathBuf::from).collect());
}
