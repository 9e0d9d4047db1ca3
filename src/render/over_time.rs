//! What a window and what holds firings back add to a card: who was counted, when and at what price, and how many were not told of.

use super::card::{Fact, Piece};
use super::{link, sanitise};
use crate::model::time::Timestamp;
use crate::model::window::{Member, Told};
use crate::rules::template::words;

/// Members that a message shows: the newest.
const SHOWN: usize = 6;

/// The matches that a window came of.
pub(super) fn members(told: &Told, now: Timestamp) -> Option<Fact> {
    let name = match told.kind {
        "count" => "In all",
        "distinct" => "Together",
        "first_seen" => "First",
        "cross" | "change" => "Price",
        "silence" => "Last heard",
        _ => "In order",
    };
    let mut pieces = Vec::new();
    if matches!(told.kind, "count" | "distinct") {
        pieces.push(Piece::Ours(words::grouped(&told.count.to_string())));
    }
    // Of very many not all are remembered.
    let before = told.members.len().saturating_sub(SHOWN);
    let forgotten = (told.count as usize).saturating_sub(told.members.len());
    if before + forgotten > 0 {
        pieces.push(Piece::Ours(format!("· {} earlier", words::grouped(&(before + forgotten).to_string()))));
    }
    for of in told.members.iter().skip(before) {
        member(&mut pieces, of, now);
    }
    (!pieces.is_empty()).then_some(Fact { name, pieces, more: 0 })
}

fn member(pieces: &mut Vec<Piece>, of: &Member, now: Timestamp) {
    if !pieces.is_empty() {
        pieces.push(Piece::Ours("·".to_owned()));
    }
    if let Some(who) = &of.who {
        let handle = format!("@{}", sanitise::line(who.as_str()).trim_start_matches('@'));
        pieces.push(match link::member(of).filter(|_| link::is_handle(&handle[1..])) {
            Some(url) => Piece::Post { handle, url },
            None => Piece::Theirs(handle),
        });
    }
    let ago = words::ago(now.since(of.at));
    pieces.push(Piece::Ours(match of.price {
        Some(price) => format!("{} {ago}", words::usd(price.usd())),
        None => ago,
    }));
}

/// How many were held back since the last message.
pub(super) fn held(held: u32) -> Option<Fact> {
    let text = format!("and {} more since the last message", words::grouped(&held.to_string()));
    (held > 0).then(|| Fact { name: "Held back", pieces: vec![Piece::Ours(text)], more: 0 })
}
