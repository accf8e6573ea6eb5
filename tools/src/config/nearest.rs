//! The known name that somebody meant who wrote an unknown one.

/// The one of `known` that is nearest to `word`, if it is near enough to be a slip of the pen: a third of its letters.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known.into_iter().map(|name| (distance(word, name), name));
    let (distance, name) = distances.min()?;
    (distance <= (name.chars().count() / 3).max(1)).then_some(name)
}

/// How many letters must be inserted, removed or replaced to make `b` of `a` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // row[j] is the distance of what was read of `a` to the first j letters of `b`.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter_a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, letter_b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter_a != *letter_b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(nearest(word, ["listen", "limits", "log", "log_format"]), expected, "{word}");
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        check("listn", Some("listen"));
        check("lsiten", Some("listen"));
        check("limit", Some("limits"));
        check("logg", Some("log"));
        check("logformat", Some("log_format"));
    }

    #[test]
    fn another_word_is_not() {
        check("port", None);
        check("service_host", None);
        check("cxx", None);
    }
}
