//! A card → a few lines for a terminal, in pieces that the edge may colour. No control characters but line breaks, nothing invisible.

use super::card::{Card, Fact, Piece};
use super::fit::{chars, cut};
use super::sanitise;
use crate::model::message::{ConsoleBody, Role};

/// Code points of a tweet's text, of another's, of one value.
const TEXT: usize = 600;
const QUOTED: usize = 200;
const VALUE: usize = 120;
/// Facts of one name; a terminal has little room.
const FACTS: usize = 2;
/// Characters for a fact's name.
const COLUMN: usize = 12;

/// The lines.
pub(super) fn body(card: &Card) -> ConsoleBody {
    let mut lines = Lines::default();
    lines.push(Role::Title, &card.headline(), VALUE * 2);
    lines.plain("  ");
    if let Some(who) = &card.who {
        lines.push(Role::Author, &who.safe(), VALUE);
        lines.plain(&format!(" {} · ", card.act()));
    }
    lines.plain(&card.when());
    if let Some(names) = card.names() {
        lines.plain(" · ");
        lines.push(Role::Quoted, &names, VALUE);
    }
    match (&card.text, &card.note) {
        (Some(text), _) => lines.line(Role::Quoted, text, TEXT),
        (None, Some(note)) => lines.line(Role::Plain, note, TEXT),
        (None, None) => {}
    }
    if let Some(quoted) = &card.quoted {
        lines.line(Role::Plain, &format!("{}: ", card.over_quoted()), VALUE);
        lines.push(Role::Quoted, quoted, QUOTED);
    }
    facts(&mut lines, card);
    if let Some(link) = &card.link {
        lines.plain("\n  ");
        lines.push(Role::Link, link, 2_048);
    }
    lines.plain("\n");
    ConsoleBody { pieces: lines.pieces }
}

/// A line for each fact, its name in a column of its own; what matched comes last and weighs least.
fn facts(lines: &mut Lines, card: &Card) {
    for (name, group) in card.grouped() {
        let role = if name == "Matched" { Role::Plain } else { Role::Fact };
        for fact in group.iter().take(FACTS) {
            lines.plain(&format!("\n  {:COLUMN$} ", name.to_lowercase()));
            lines.push(role, &words(fact), VALUE * 2);
        }
        let more: usize = group.iter().skip(FACTS).map(|fact| fact.more.max(1)).sum();
        if more > 0 {
            lines.plain(&format!(" · and {more} more"));
        }
    }
}

fn words(fact: &Fact) -> String {
    let word = |piece: &Piece| cut(&sanitise::line(piece.text()), VALUE, chars).into_owned();
    fact.pieces.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[derive(Default)]
struct Lines {
    pieces: Vec<(Role, String)>,
}

impl Lines {
    /// Our own words and spaces.
    fn plain(&mut self, text: &str) {
        if !text.is_empty() {
            self.pieces.push((Role::Plain, text.to_owned()));
        }
    }

    fn push(&mut self, role: Role, text: &str, limit: usize) {
        let line = sanitise::line(&sanitise::terminal(text));
        if !line.is_empty() {
            self.pieces.push((role, cut(&line, limit, chars).into_owned()));
        }
    }

    fn line(&mut self, role: Role, text: &str, limit: usize) {
        self.plain("\n  ");
        self.push(role, text, limit);
        if text.ends_with(' ') {
            self.plain(" ");
        }
    }
}
