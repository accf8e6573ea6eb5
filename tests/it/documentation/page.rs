//! The blocks of code of a page.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use std::fs;
use std::path::Path;

/// In a comment before a block: it is not typed, for the reason that follows.
const NOT_TYPED: &str = "<!-- not typed in tests:";

/// A page of documentation.
pub(super) struct Page {
    pub(super) blocks: Vec<Block>,
}

/// A block of code.
pub(super) struct Block {
    /// Page and line.
    pub(super) place: String,
    /// As it stands behind the fence; empty where nothing does.
    pub(super) language: String,
    pub(super) text: String,
    pub(super) said: Said,
}

/// What is said of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is commands.
    Typed,
    /// It is none, or they are not for tests.
    Shown,
}

impl Page {
    /// Reads a page, which messages call by that name.
    pub(super) fn read(path: &Path, name: &str) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (mut blocks, mut is_excused, mut inside) = (Vec::<Block>::new(), false, false);
        for (event, range) in Parser::new(&text).into_offset_iter() {
            #[expect(clippy::wildcard_enum_match_arm, reason = "a page has much beside blocks")]
            match event {
                Event::Html(html) => is_excused = is_excused || html.starts_with(NOT_TYPED),
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    let line = text[..range.start].lines().count() + 1;
                    let is_typed = &*language == "sh" && !is_excused;
                    blocks.push(Block {
                        place: format!("{name}:{line}"),
                        language: language.into_string(),
                        text: String::new(),
                        said: if is_typed { Said::Typed } else { Said::Shown },
                    });
                    (inside, is_excused) = (true, false);
                }
                Event::End(TagEnd::CodeBlock) => inside = false,
                Event::Text(text) if inside => blocks.last_mut().unwrap().text.push_str(&text),
                _ => {}
            }
        }
        Self { blocks }
    }
}
