//! A firing → the facts of its card: tokens with price, chain and contract, markets, predictions, profile changes, OCR, what matched.

use super::card::{Fact, Piece};
use super::{over_time, sanitise};
use crate::model::firing::{Element, Firing, Matched};
use crate::model::price::Price;
use crate::model::subject::{About, Change, Event, Market, Prediction, ProfileField, Token, Tweet};
use crate::rules::template::words;

/// Elements of one kind that a message shows; the rest is a number.
const SHOWN: usize = 4;
/// Matchers that a message names.
const MATCHES: usize = 8;

/// Matchers whose match everybody sees.
const SAID: [&str; 3] = ["handle", "kind", "platform"];

/// All facts, the one that the firing is about first.
pub(super) fn of(firing: &Firing) -> Vec<Fact> {
    let mut facts = Vec::new();
    match &firing.subject.about {
        About::Tweet(tweet) => {
            elements(&mut facts, firing, tweet);
            let by_ocr = firing.matched.iter().any(|matched| matched.place == "ocr") || found_in_image(firing);
            if let Some(ocr) = tweet.ocr.as_deref().filter(|_| by_ocr) {
                facts.push(Fact {
                    name: "In the image",
                    pieces: vec![Piece::Block(sanitise::written(ocr).into_owned())],
                    more: 0,
                });
            }
            if firing.subject.event == Event::Delete
                && let Some(at) = tweet.deleted_at
                && let Some(created) = tweet.created_at
            {
                let lived = format!("{} after it was posted", words::age(at.since(created)));
                facts.push(Fact { name: "Deleted", pieces: vec![Piece::Ours(lived)], more: 0 });
            }
        }
        About::Account(event) => {
            facts.extend(event.changes.iter().map(change));
            if let Some(bio) = event.target.as_ref().and_then(|target| target.bio.as_deref()) {
                facts.push(Fact { name: "Their bio", pieces: vec![Piece::Block(sanitise::written(bio).into_owned())], more: 0 });
            }
            if let Some(followers) = event.target.as_ref().and_then(|target| target.followers) {
                facts.push(Fact {
                    name: "Their followers",
                    pieces: vec![Piece::Ours(words::grouped(&followers.to_string()))],
                    more: 0,
                });
            }
        }
    }
    facts.extend(firing.window.as_deref().and_then(|told| over_time::members(told, firing.at)));
    facts.extend(over_time::held(firing.held));
    facts.extend(matched(&firing.matched));
    // What was nothing but invisible characters is nothing now.
    for fact in &mut facts {
        fact.pieces.retain(|piece| !piece.text().is_empty());
    }
    facts.retain(|fact| !fact.pieces.is_empty());
    facts
}

fn found_in_image(firing: &Firing) -> bool {
    match &firing.element {
        Some(Element::Token(token)) => token.sources.ocr && !token.sources.text,
        Some(Element::Market(market)) => market.sources.ocr && !market.sources.text,
        Some(Element::Prediction(prediction)) => prediction.sources.ocr && !prediction.sources.text,
        None => false,
    }
}

fn elements(facts: &mut Vec<Fact>, firing: &Firing, tweet: &Tweet) {
    let (mut tokens, mut markets, mut predictions): (Vec<_>, Vec<_>, Vec<_>) = (Vec::new(), Vec::new(), Vec::new());
    match &firing.element {
        Some(Element::Token(token)) => tokens.push(token),
        Some(Element::Market(market)) => markets.push(market),
        Some(Element::Prediction(prediction)) => predictions.push(prediction),
        None => {}
    }
    let first = (tokens.first().copied(), markets.first().copied(), predictions.first().copied());
    // What the rule found in the text, too, was found in more places than the detection says, and is the same all the same.
    let is_token = |one: &Token, other: &Token| Token { sources: other.sources, ..one.clone() } == *other;
    let is_market = |one: &Market, other: &Market| Market { sources: other.sources, ..one.clone() } == *other;
    let is_prediction = |one: &Prediction, other: &Prediction| Prediction { sources: other.sources, ..one.clone() } == *other;
    tokens.extend(tweet.tokens.iter().filter(|of| !first.0.is_some_and(|first| is_token(first, of))));
    markets.extend(tweet.markets.iter().filter(|of| !first.1.is_some_and(|first| is_market(first, of))));
    predictions.extend(tweet.predictions.iter().filter(|of| !first.2.is_some_and(|first| is_prediction(first, of))));
    if let Some(Element::Market(_)) = firing.element {
        some(facts, "Market", &markets, market);
        some(facts, "Token", &tokens, token);
    } else {
        some(facts, "Token", &tokens, token);
        some(facts, "Market", &markets, market);
    }
    some(facts, "Prediction", &predictions, prediction);
}

fn some<T>(facts: &mut Vec<Fact>, name: &'static str, all: &[&T], fact: impl Fn(&T) -> Vec<Piece>) {
    facts.extend(all.iter().take(SHOWN).map(|one| Fact { name, pieces: fact(one), more: 0 }));
    if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        facts.push(Fact { name, pieces: vec![Piece::Ours(format!("and {more} more"))], more });
    }
}

fn token(token: &Token) -> Vec<Piece> {
    let mut line = Line::default();
    line.theirs(token.symbol.as_deref().map(|symbol| sanitise::line(symbol).trim_start_matches('$').to_owned()));
    line.theirs(token.name.as_deref().map(sanitise::line).filter(|name| Some(name.as_str()) != token.symbol.as_deref()));
    line.ours(token.price.map(|price| words::usd(price.usd())));
    line.theirs(token.chain.as_deref().map(sanitise::line));
    match (token.address, token.contract.as_deref()) {
        // As the chain spells it, so that what is copied is right.
        (Some(address), _) => line.code(&address.to_string()),
        (None, Some(contract)) => line.code(&sanitise::line(contract)),
        (None, None) => {}
    }
    line.pieces
}

fn market(market: &Market) -> Vec<Piece> {
    let mut line = Line::default();
    let pair = || Some(format!("{}/{}", sanitise::line(market.base.as_deref()?), sanitise::line(market.quote.as_deref()?)));
    line.theirs(market.symbol.as_deref().map(sanitise::line).or_else(pair));
    line.theirs(market.exchange.as_deref().map(sanitise::line));
    line.ours(market.price.map(|price| words::usd(price.usd())));
    line.pieces
}

fn prediction(prediction: &Prediction) -> Vec<Piece> {
    let mut line = Line::default();
    line.theirs(prediction.title.as_deref().map(sanitise::line));
    line.ours(prediction.price.map(share));
    line.theirs(prediction.exchange.as_deref().map(sanitise::line));
    line.pieces
}

/// The price of a share of a prediction market: `62¢`, as traders say it, below one dollar.
pub(super) fn share(price: Price) -> String {
    let cents = price.usd() * 100.0;
    if price.usd() > 1.0 {
        words::usd(price.usd())
    } else if cents < 1.0 {
        "under 1¢".to_owned()
    } else {
        let shown = format!("{cents:.1}");
        format!("{}¢", shown.strip_suffix(".0").unwrap_or(&shown))
    }
}

fn change(change: &Change) -> Fact {
    let name = match change.field {
        ProfileField::Name => "Display name",
        ProfileField::Handle => "Handle",
        ProfileField::Bio => "Bio",
        ProfileField::Avatar => "Picture",
        ProfileField::Banner => "Banner",
        ProfileField::Location => "Location",
    };
    // Of a picture only that it changed is worth reading: its address says nothing, and is not ours to show.
    if matches!(change.field, ProfileField::Avatar | ProfileField::Banner) {
        let now = if change.after.as_deref().is_some_and(|after| !after.is_empty()) { "a new one" } else { "removed" };
        return Fact { name, pieces: vec![Piece::Ours(now.to_owned())], more: 0 };
    }
    let side = |value: Option<&str>, absent: &str| match value.map(sanitise::written) {
        Some(text) if text.is_empty() => Piece::Ours("(empty)".to_owned()),
        Some(text) if text.contains('\n') => Piece::Block(text.into_owned()),
        Some(text) => Piece::Theirs(sanitise::line(&text)),
        None => Piece::Ours(absent.to_owned()),
    };
    let (before, after) = (side(change.before.as_deref(), "(not known)"), side(change.after.as_deref(), "(removed)"));
    Fact { name, pieces: vec![before, Piece::Ours("→".to_owned()), after], more: 0 }
}

/// What matched, without what the line about who did what says already, unless nothing else did.
fn matched(all: &[Matched]) -> Option<Fact> {
    let said = |matched: &Matched| matched.place.is_empty() && SAID.contains(&matched.matcher);
    let telling: Vec<&Matched> = all.iter().filter(|matched| !said(matched)).collect();
    let all = if telling.is_empty() { all.iter().collect() } else { telling };
    let mut pieces = Vec::new();
    for (at, matched) in all.iter().take(MATCHES).enumerate() {
        let separator = if at > 0 { "· " } else { "" };
        pieces.push(Piece::Ours(format!("{separator}{}", matched.matcher)));
        let value = sanitise::line(&matched.value);
        // The whole address stands in the fact about the token, to be copied from there.
        let value = if matched.matcher == "contract" { words::short(&value) } else { value };
        if !value.is_empty() {
            pieces.push(Piece::Theirs(format!("“{value}”")));
        }
        if let Some(place) = place(matched.place) {
            pieces.push(Piece::Ours(place.to_owned()));
        }
    }
    if let Some(more) = all.len().checked_sub(MATCHES).filter(|more| *more > 0) {
        pieces.push(Piece::Ours(format!("· and {more} more")));
    }
    (!pieces.is_empty()).then_some(Fact { name: "Matched", pieces, more: 0 })
}

fn place(place: &str) -> Option<&'static str> {
    Some(match place {
        "text" => "in the text",
        "quoted" => "in the quoted text",
        "ocr" => "in the image",
        "name" => "in the name",
        "bio" => "in the bio",
        "link" | "links" => "in a link",
        "meta" => "as detected",
        _ => return None,
    })
}

/// Pieces of one line, parted by dots.
#[derive(Default)]
struct Line {
    pieces: Vec<Piece>,
}

impl Line {
    fn part(&mut self) {
        if !self.pieces.is_empty() {
            self.pieces.push(Piece::Ours("·".to_owned()));
        }
    }

    fn theirs(&mut self, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.part();
            self.pieces.push(Piece::Theirs(text));
        }
    }

    fn ours(&mut self, text: Option<String>) {
        if let Some(text) = text {
            self.part();
            self.pieces.push(Piece::Ours(text));
        }
    }

    fn code(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":_-./".contains(&byte);
        let copyable = text.len() <= 128 && text.bytes().all(plain) && !text.contains("://");
        self.pieces.push(if copyable { Piece::Code(text.to_owned()) } else { Piece::Theirs(text.to_owned()) });
    }
}
