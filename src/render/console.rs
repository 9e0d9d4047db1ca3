//! A card → a few lines for a terminal, in pieces that the edge may colour. No control characters but line breaks, nothing invisible.

use super::card::{Card, Fact, Piece, Who};
use super::fit::{chars, cut};
use super::sanitise;
use crate::model::message::{ConsoleBody, Role};

/// Code points of a tweet's text, of another's, of one value.
const TEXT: usize = 600;
const QUOTED: usize = 200;
const VALUE: usize = 120;
/// Facts of one name; a terminal has little room.
const FACTS: usize = 2;

/// The lines.
pub(super) fn body(card: &Card) -> ConsoleBody {
    let mut lines = Lines::default();
    let about = card.title.about.as_ref().map_or_else(String::new, |about| format!(" · {about}"));
    lines.push(Role::Title, &format!("{} {}{about}", card.emoji, card.title.text), VALUE * 2);
    lines.plain("  ");
    if let Some(who) = &card.who {
        person(&mut lines, who);
        lines.plain(&format!(" {}", card.verb()));
        if let Some(whom) = &card.whom {
            lines.plain(" ");
            person(&mut lines, whom);
        }
        lines.plain(&format!("{} · ", who.place));
    }
    lines.plain(&card.age());
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

fn person(lines: &mut Lines, who: &Who) {
    lines.push(Role::Author, &who.line(), VALUE);
}

/// All facts on one line, as far as they go.
fn facts(lines: &mut Lines, card: &Card) {
    let mut first = true;
    for (name, group) in card.grouped() {
        for fact in group.iter().take(FACTS) {
            lines.plain(if first { "\n  " } else { "   " });
            first = false;
            lines.plain(&format!("{}: ", name.to_lowercase()));
            lines.push(Role::Fact, &words(fact), VALUE * 2);
        }
        if let Some(more) = group.len().checked_sub(FACTS).filter(|more| *more > 0) {
            lines.plain(&format!(" (+{more})"));
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
