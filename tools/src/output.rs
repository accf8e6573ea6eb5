//! What is printed on stdout: answers, and nothing else.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{self, Write};

/// Width of a table that goes to a file or a pipe, where nothing says how wide it may be.
const WIDTH_WITHOUT_TERMINAL: u16 = 120;

/// Prints text as it is.
pub fn text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints JSON for programs, with line breaks for people.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    text(&format!("{json}\n"))
}

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers, so that their digits stand below each other.
    Right,
}

/// How wide a table on stdout may be.
pub fn width() -> u16 {
    Table::new().width().unwrap_or(WIDTH_WITHOUT_TERMINAL)
}

/// A table that is at most so wide: a cell that does not fit is shortened to one line.
pub fn table(columns: &[(&str, Align)], rows: impl IntoIterator<Item = Vec<String>>, width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|(name, _)| *name));
    table.set_width(width);
    for row in rows {
        let mut row = comfy_table::Row::from(row.iter().map(|cell| printable(cell)).collect::<Vec<_>>());
        row.max_height(1);
        table.add_row(row);
    }
    for (column, (_, align)) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 2));
        column.set_cell_alignment(match align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
    }
    format!("{}\n", table.trim_fmt())
}

/// Text that came over the network may hold sequences that command a terminal.
pub fn printable(text: &str) -> String {
    let letter =
        |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [(&str, Align); 3] = [("id", Align::Left), ("score", Align::Right), ("metadata", Align::Left)];

    fn row(cells: [&str; 3]) -> Vec<String> {
        cells.map(str::to_owned).to_vec()
    }

    #[test]
    fn numbers_stand_below_each_other() {
        let rows = vec![row(["nginx", "0.5", "{}"]), row(["a", "10.25", ""])];
        let expected = "\
id     score  metadata
nginx    0.5  {}
a      10.25
";
        assert_eq!(table(&COLUMNS, rows, 80), expected);
    }

    #[test]
    fn a_cell_that_does_not_fit_is_shortened_to_one_line() {
        let rows = vec![row(["nginx", "0.5", "small, powerful and scalable web server"])];
        let table = table(&COLUMNS, rows, 40);
        assert_eq!(table.lines().count(), 2, "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 40), "{table}");
        assert!(table.contains("nginx") && table.contains("small,") && table.ends_with("…\n"), "{table}");
    }

    #[test]
    fn control_characters_are_spelled_out() {
        let table = table(&COLUMNS, [row(["a\u{1b}[2J\nb", "", ""])], 80);
        assert!(table.contains("a\\u{1b}[2J\\nb"), "{table}");
    }
}
