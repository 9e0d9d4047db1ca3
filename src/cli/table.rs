//! Rows of words → lines that line up on a terminal. Whatever a cell says, it says it on one line and does nothing to the terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::render::sanitise;

/// Between two columns.
const GAP: &str = "  ";
/// Columns on the screen that a cell may take, but in the last column.
const WIDEST: usize = 48;
/// Characters that a cell may have, whatever their width, but in the last column.
const LONGEST: usize = 400;

/// How a cell is coloured: colours go no further than a terminal.
pub(super) const PLAIN: Style = Style::new();
pub(super) const FINE: Style = AnsiColor::Green.on_default();
pub(super) const WAITING: Style = AnsiColor::Cyan.on_default();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const WRONG: Style = AnsiColor::Red.on_default().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const STRONG: Style = Style::new().bold();

/// One cell.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
    to_the_right: bool,
}

impl Cell {
    /// Anybody's words.
    pub(super) fn new(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: clean(text.as_ref()), style, to_the_right: false }
    }

    /// Anybody's words in no colour.
    pub(super) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(text, PLAIN)
    }

    /// A count; zero is faint.
    pub(super) fn number(number: u64, style: Style) -> Self {
        let style = if number == 0 { FAINT } else { style };
        Self { text: number.to_string(), style, to_the_right: true }
    }

    /// A number that names something.
    pub(super) fn id(id: i64) -> Self {
        Self { text: id.to_string(), style: STRONG, to_the_right: true }
    }
}

/// One line, without anything that acts on a terminal.
pub(super) fn clean(text: &str) -> String {
    sanitise::terminal(&sanitise::line(text))
}

/// JSON that means the same and does nothing to a terminal: every character that is not shown as itself is written as `\uXXXX`.
pub(super) fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for letter in json.chars() {
        // Line breaks stand between the values only: within strings they are escaped already.
        if letter == '\n' || sanitise::is_shown(letter) {
            out.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut units) {
            // Writing to a string does not fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// Lines up. `head` has one word for each cell of a row; a missing cell is empty. With a break at the end of every line.
pub(super) fn table(head: &[&str], mut rows: Vec<Vec<Cell>>) -> String {
    let last = head.len().saturating_sub(1);
    for row in &mut rows {
        row.iter_mut().take(last).for_each(|cell| shorten(&mut cell.text));
    }
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.width());
            cells.chain(head.get(column).map(|word| word.width())).max().unwrap_or(0)
        })
        .collect();
    let rights: Vec<bool> =
        (0..head.len()).map(|column| rows.iter().any(|row| row.get(column).is_some_and(|cell| cell.to_the_right))).collect();
    let head = head
        .iter()
        .zip(&rights)
        .map(|(word, right)| Cell { text: (*word).to_owned(), style: FAINT, to_the_right: *right })
        .collect();
    let mut out = String::new();
    for row in std::iter::once(head).chain(rows) {
        line(&mut out, &row, &widths);
    }
    out
}

fn line(out: &mut String, row: &[Cell], widths: &[usize]) {
    // Nothing is filled up behind the last cell that says something.
    let filled = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1);
    for (at, (cell, width)) in row.iter().zip(widths).take(filled).enumerate() {
        let (style, room) = (cell.style, width.saturating_sub(cell.text.width()));
        let (before, after) = if cell.to_the_right { (room, 0) } else { (0, if at + 1 == filled { 0 } else { room }) };
        let gap = if at == 0 { "" } else { GAP };
        // Writing to a string does not fail.
        let _ = write!(out, "{gap}{:before$}{style}{}{style:#}{:after$}", "", cell.text, "");
    }
    out.push('\n');
}

/// Cuts what is wider than a column may be.
fn shorten(text: &mut String) {
    // Some characters have no width, and an id may have a million of them: so many are not looked at one by one from the end.
    let cut = text.char_indices().nth(LONGEST).map(|(at, _)| at);
    match cut {
        Some(at) => text.truncate(at),
        None if text.width() <= WIDEST => return,
        None => {}
    }
    while text.width() >= WIDEST {
        text.pop();
    }
    text.push('…');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_line_up_whatever_the_script() {
        let rows = vec![
            vec![Cell::id(7), Cell::new("listing", FINE), Cell::plain("fine")],
            vec![Cell::id(1041), Cell::plain("上場"), Cell::plain("")],
            vec![Cell::id(12), Cell::plain("e\u{301}te")],
        ];
        let expected = "  ID  RULE     WHY\n   7  listing  fine\n1041  上場\n  12  e\u{301}te\n";
        assert_eq!(bare(&table(&["ID", "RULE", "WHY"], rows)), expected);
    }

    #[test]
    fn a_cell_as_long_as_a_body_is_cut_in_no_time() {
        for long in ["x".repeat(2_000_000), "\u{301}".repeat(1_000_000)] {
            let out = bare(&table(&["X", "Y"], vec![vec![Cell::plain(&long), Cell::plain("y")]]));
            let cell = out.lines().nth(1).unwrap().trim_end_matches("  y");
            assert!(cell.width() <= WIDEST && cell.chars().count() <= LONGEST + 1, "{}", cell.len());
        }
    }

    #[test]
    fn a_cell_is_one_line_that_does_nothing_to_the_terminal() {
        let cell = Cell::plain("a\u{1b}[31mb\r\nc\u{202e}d\u{7}\t\u{9b}2Je\0");
        let out = table(&["X"], vec![vec![cell]]);
        assert_eq!(bare(&out), "X\na[31mb cd 2Je\n");
        let printed = out.lines().nth(1).unwrap();
        assert!(!printed.contains(|letter: char| letter.is_control()), "{printed:?}");
    }

    #[test]
    fn json_means_the_same_and_is_inert() {
        let value = "a\u{1b}[31m\u{9b}2J\u{202e}\u{7f}\n\u{e0041}\u{200b} 上場 👨\u{200d}👩";
        let json = inert(&serde_json::to_string(&[value]).unwrap());
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [value]);
        assert_eq!(sanitise::terminal(&json), json);
        assert!(json.contains("上場") && !json.contains('\u{9b}'), "{json}");
    }

    #[test]
    fn only_the_last_column_may_be_long() {
        let long = "字".repeat(100);
        let out = bare(&table(&["A", "B"], vec![vec![Cell::plain(&long), Cell::plain(&long)]]));
        let row = out.lines().nth(1).unwrap();
        let (first, last) = row.split_once(GAP).unwrap();
        assert!(first.width() <= WIDEST && first.ends_with('…'), "{first}");
        assert_eq!(last, long);
    }

    #[test]
    fn colours_are_closed_where_they_end() {
        let out = table(&["A"], vec![vec![Cell::new("x", WRONG)], vec![Cell::number(0, WRONG)]]);
        assert_eq!(out.lines().nth(1), Some("\u{1b}[1m\u{1b}[31mx\u{1b}[0m"));
        assert!(!out.contains("\u{1b}[31m0"), "a zero is nothing to worry about: {out:?}");
    }
}
