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

/// Files that know where their lines begin.
#[derive(Debug)]
pub struct Places<'s> {
    files: Vec<(&'s Source, Vec<usize>)>,
}

impl<'s> Places<'s> {
    /// Of these files.
    #[must_use]
    pub fn of(sources: &'s [Source]) -> Self {
        Self { files: sources.iter().map(|source| (source, line_starts(&source.text))).collect() }
    }

    /// The name of a file.
    #[must_use]
    pub fn name(&self, file: usize) -> Option<&'s str> {
        self.files.get(file).map(|(source, _)| source.name.as_str())
    }

    /// Where a part of a file begins, and the place behind it.
    #[must_use]
    pub fn locate(&self, span: Span) -> Option<(Position, Position)> {
        let start = self.position(span.file, span.start)?;
        Some((start, self.position(span.file, span.end.max(span.start))?))
    }

    fn position(&self, file: usize, at: usize) -> Option<Position> {
        let (source, starts) = self.files.get(file)?;
        let at = at.min(source.text.len());
        let line = starts.partition_point(|start| *start <= at);
        let begin = starts.get(line.checked_sub(1)?)?;
        let before = source.text.as_bytes().get(*begin..at)?;
        // Every byte but those within a character: the place may lie in the middle of one.
        let column = before.iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
        Some(Position { line, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_lines_are_those_of_an_editor() {
        let text = "a = 1\r\nb = \"上x\"\n\nc".to_owned();
        let sources = [Source { name: "f".to_owned(), text }];
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
        assert_eq!((places.name(0), places.name(1)), (Some("f"), None));
    }
}
