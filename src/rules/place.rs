//! Bytes of a file → lines and columns, as people and other programs count them.

use super::Source;
use super::check::line_starts;
use crate::model::action::Span;

/// A place between two characters. Lines and columns are counted from one, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Bytes between two places of which it is known how many characters stand before them: a line may be as long as its file.
const STEP: usize = 1_024;

#[derive(Debug)]
struct File<'s> {
    source: &'s Source,
    /// Where its lines begin.
    lines: Vec<usize>,
    /// How many characters stand before each [`STEP`].
    characters: Vec<usize>,
}

impl<'s> File<'s> {
    fn of(source: &'s Source) -> Self {
        let steps = source.text.as_bytes().chunks(STEP).scan(0, |before, step| {
            let here = *before;
            *before += characters(step);
            Some(here)
        });
        Self { source, lines: line_starts(&source.text), characters: steps.collect() }
    }

    /// How many characters begin before a byte.
    fn before(&self, at: usize) -> usize {
        let step = (at / STEP).min(self.characters.len().saturating_sub(1));
        let rest = self.source.text.as_bytes().get(step * STEP..at).unwrap_or_default();
        self.characters.get(step).copied().unwrap_or_default() + characters(rest)
    }
}

/// Every byte but those within a character: a place may lie in the middle of one.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// Files that know where their lines begin.
#[derive(Debug)]
pub struct Places<'s> {
    files: Vec<File<'s>>,
}

impl<'s> Places<'s> {
    /// Of these files.
    #[must_use]
    pub fn of(sources: &'s [Source]) -> Self {
        Self { files: sources.iter().map(File::of).collect() }
    }

    /// The name of a file.
    #[must_use]
    pub fn name(&self, file: usize) -> Option<&'s str> {
        self.files.get(file).map(|file| file.source.name.as_str())
    }

    /// Where a part of a file begins, and the place behind it.
    #[must_use]
    pub fn locate(&self, span: Span) -> Option<(Position, Position)> {
        let start = self.position(span.file, span.start)?;
        Some((start, self.position(span.file, span.end.max(span.start))?))
    }

    fn position(&self, file: usize, at: usize) -> Option<Position> {
        let file = self.files.get(file)?;
        let at = at.min(file.source.text.len());
        let line = file.lines.partition_point(|start| *start <= at);
        let begin = file.lines.get(line.checked_sub(1)?)?;
        let column = file.before(at).checked_sub(file.before(*begin))? + 1;
        Some(Position { line, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_lines_are_those_of_an_editor() {
        let text = "a = 1\r\nb = \"上x\"\n\nc".to_owned();
        let sources = [Source::rules("f", text)];
        let places = Places::of(&sources);
        let at = |start, end| {
            let (from, to) = places.locate(Span { file: 0, start, end }).unwrap();
            ((from.line, from.column), (to.line, to.column))
        };
        assert_eq!(at(0, 1), ((1, 1), (1, 2)));
        assert_eq!(at(11, 17), ((2, 5), (2, 9)), "one character of three bytes");
        assert_eq!(at(4, 18), ((1, 5), (3, 1)));
        assert_eq!(at(19, 20), ((4, 1), (4, 2)));
        assert_eq!(at(99, 7), ((4, 2), (4, 2)), "what is not in the file is its end");
        assert_eq!(places.locate(Span { file: 1, start: 0, end: 0 }), None);
        let long = [Source::rules("l", format!("\n{}x", "上".repeat(3_000)))];
        for (at, column) in [(1, 1), (1 + 3 * 341, 342), (1 + 3 * 2_000, 2_001), (9_001, 3_001), (9_002, 3_002)] {
            let found = Places::of(&long).locate(Span { file: 0, start: at, end: at }).unwrap().0;
            assert_eq!((found.line, found.column), (2, column), "{at}");
        }
        assert_eq!((places.name(0), places.name(1)), (Some("f"), None));
    }
}
