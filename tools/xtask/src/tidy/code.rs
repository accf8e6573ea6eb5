//! Rust source without its prose.

/// The source with every comment and every string or character literal blanked; line breaks stay, so that line
/// numbers do too.
pub(super) fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    let mut previous = ' ';
    while let Some(next) = rest.chars().next() {
        let after_a_name = is_name(previous);
        match prose_length(rest, after_a_name) {
            Some(length) => {
                let (prose, tail) = rest.split_at(length);
                code.extend(prose.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
                (rest, previous) = (tail, ' ');
            }
            None => {
                code.push(next);
                (rest, previous) = (&rest[next.len_utf8()..], next);
            }
        }
    }
    code
}

/// Whether `line` names `what`: as whole words, so that `unsafe` is not found in `unsafe_code`.
pub(super) fn names(line: &str, what: &str) -> bool {
    line.match_indices(what).any(|(start, _)| {
        let touches =
            |neighbour: Option<char>, edge: Option<char>| neighbour.is_some_and(is_name) && edge.is_some_and(is_name);
        !touches(line[..start].chars().next_back(), what.chars().next())
            && !touches(line[start + what.len()..].chars().next(), what.chars().next_back())
    })
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How many bytes of comment or literal `rest` starts with.
fn prose_length(rest: &str, after_a_name: bool) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    if rest.starts_with('"') {
        return Some(string_length(rest));
    }
    if rest.starts_with('\'') {
        return character_length(rest);
    }
    if after_a_name { None } else { raw_string_length(rest) }
}

/// Block comments nest.
fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `None` for a lifetime.
fn character_length(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next();
        return chars.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1);
    }
    chars.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}

fn raw_string_length(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"]
        .into_iter()
        .find(|prefix| rest.strip_prefix(prefix).is_some_and(|tail| tail.trim_start_matches('#').starts_with('"')))?;
    let hashes = rest[prefix.len()..].find('"').expect("just seen");
    let start = prefix.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&code_only(source)), expected);
        assert_eq!(code_only(source).lines().count(), source.lines().count());
    }

    #[test]
    fn comments_are_prose() {
        check("a // unsafe {\nb", "a b");
        check("a /* one /* two */ still */ b", "a b");
        check("/// `rocksdb::DB`\nfn f() {}", "fn f() {}");
        check("a /* without an end", "a");
    }

    #[test]
    fn strings_are_prose() {
        check(r#"a("unsafe { \" }", b)"#, "a( , b)");
        check(r##"a(r#"one " two"#, b)"##, "a( , b)");
        check("a(b\"x\", br\"y\\\", c)", "a(b , , c)");
        check("a = \"https://example.org\"; b", "a = ; b");
    }

    #[test]
    fn characters_are_prose_and_lifetimes_are_code() {
        check("a('\"', '\\'', '\\u{1F600}', 'é') b", "a( , , , ) b");
        check("fn f<'a>(x: &'a str) -> &'static str", "fn f<'a>(x: &'a str) -> &'static str");
    }

    #[test]
    fn a_name_that_ends_in_r_starts_no_raw_string() {
        check("for\"x\" y", "for y");
        check("r#type", "r#type");
    }

    #[test]
    fn a_name_is_found_whole() {
        assert!(names("unsafe {", "unsafe"));
        assert!(names("use rocksdb::DB;", "rocksdb::"));
        assert!(!names("deny(unsafe_code)", "unsafe"));
        assert!(!names("my_rocksdb::DB", "rocksdb::"));
    }
}
