//! A path of a template × a rule → whether its value is there when the rule fires, and what makes sure that it is.
//!
//! Rules fire as soon as they are true, mostly on the text: prices, symbols and contracts of detections come later, with meta. What
//! the feed sends with every tweet in practice (the text, the author's handle) counts as there.

use super::condition::{AuthorMatcher, Fields, Matcher};
use super::ruleset::Each;
use super::send::Context;
use super::template::reads::ELEMENT;
use super::when::{Leaf, Presence, Tree, element, gather_required};
use super::window;
use crate::model::subject::{Event, Kind};
use Presence::{Always, Maybe, Never};

/// What is known of a rule's firings.
#[derive(Debug)]
pub(super) struct Known<'t> {
    on: &'t [Event],
    each: Option<Each>,
    tree: &'t Tree,
    required: Vec<&'t Leaf>,
    /// They are silences.
    silent: bool,
    /// Their window passes over what has no price.
    of_prices: bool,
}

impl<'t> Known<'t> {
    pub(super) fn new(context: &Context<'t>, tree: &'t Tree) -> Self {
        let mut required = Vec::new();
        gather_required(tree, &mut required);
        let (on, each) = (context.scope.on, context.scope.each);
        let silent = context.over_time.is_some_and(window::Read::is_silence);
        let of_prices = context.over_time.is_some_and(window::Read::is_of_prices);
        Self { on, each, tree, required, silent, of_prices }
    }

    /// Whether a value is there, over all events of the rule.
    pub(super) fn presence(&self, path: &[&str]) -> Presence {
        // Only tweets have what `each` makes a firing of.
        let fires = |event: &&Event| self.each.is_none() || event.is_about_a_tweet();
        let mut events = self.on.iter().filter(fires).map(|event| self.on_event(*event, path));
        let first = events.next().unwrap_or(Maybe);
        events.fold(first, |all, one| if all == one { all } else { Maybe })
    }

    fn on_event(&self, event: Event, path: &[&str]) -> Presence {
        let tweet = event.is_about_a_tweet();
        match path {
            ["window", "members", ELEMENT, "price"] => self.price_of_a_member(tweet),
            ["window", ..] => Always,
            _ if self.silent => self.on_silence(tweet, path),
            ["rule" | "event" | "firing", ..] => Always,
            ["author", rest @ ..] => self.author(rest),
            ["matched", rest @ ..] => {
                if rest.contains(&"place") {
                    Maybe
                } else {
                    Always
                }
            }
            ["account", rest @ ..] => {
                if tweet {
                    Never
                } else {
                    self.account(event, rest)
                }
            }
            _ if !tweet => Never,
            ["tweet", rest @ ..] => self.tweet(event, rest),
            ["ref", rest @ ..] => self.reference(rest),
            ["ocr"] => {
                if self.searches(|fields| fields == Fields { ocr: true, ..NOWHERE }) {
                    Always
                } else {
                    Maybe
                }
            }
            ["tokens" | "markets" | "predictions"] => Always,
            [name, rest @ ..] => match sort(name) {
                Some(sort) => self.element(sort, rest),
                None => Always,
            },
            [] => Always,
        }
    }

    /// Of the last that was heard a silence has who it was, which tweet, when, and the token that it is counted by.
    fn on_silence(&self, tweet: bool, path: &[&str]) -> Presence {
        let is_there = match path {
            ["rule" | "event" | "firing", ..] | ["author" | "matched"] => true,
            ["account"] | ["account", "actor" | "id"] => !tweet,
            ["author", part] => is_of_the_last(part),
            ["account", "actor", part] => !tweet && is_of_the_last(part),
            // Lists of nothing.
            ["tweet"] | ["tweet", "id" | "link" | "created_at" | "created_at_ms" | "links" | "mentions" | "media"] => tweet,
            ["tokens" | "markets" | "predictions"] => tweet,
            ["token" | "market" | "prediction", rest @ ..] if tweet && self.each.map(Each::name) == path.first().copied() => {
                return self.each.map_or(Never, |each| self.element(each, rest));
            }
            _ => false,
        };
        if is_there { Always } else { Never }
    }

    /// Of the token or market that a match was about, if it was about one.
    fn price_of_a_member(&self, tweet: bool) -> Presence {
        match self.each.filter(|_| tweet) {
            None => Never,
            Some(_) if self.of_prices => Always,
            Some(each) => self.element(each, &["price"]),
        }
    }

    fn element(&self, sort: Each, rest: &[&str]) -> Presence {
        let known = element(self.tree, self.each, sort);
        match rest {
            // One of the list: there as surely as the rule's own, but it may be another.
            [ELEMENT] => {
                if known.there == Never {
                    Maybe
                } else {
                    known.there
                }
            }
            [ELEMENT, ..] => Maybe,
            [part, ..] if known.there == Always && !in_practice(sort, part) && !known.parts.contains(part) => Maybe,
            _ => known.there,
        }
    }

    fn must(&self, holds: impl Fn(&Matcher) -> bool) -> bool {
        self.required.iter().any(|leaf| holds(&leaf.matcher))
    }

    /// Whether a required matcher searches texts in these places.
    fn searches(&self, fields: impl Fn(Fields) -> bool) -> bool {
        self.must(|matcher| match matcher {
            Matcher::Text(text) => fields(text.fields),
            _ => false,
        })
    }

    fn author(&self, rest: &[&str]) -> Presence {
        let asks = |asks: fn(&AuthorMatcher) -> bool| self.must(|of| matches!(of, Matcher::Author(author) if asks(author)));
        let there = match rest {
            ["avatar" | "location" | "url" | "following" | "joined_at"] => false,
            ["followers"] => asks(|author| author.followers.is_some()),
            ["verified"] => asks(|author| !author.verified.is_empty()),
            ["bio"] => asks(|author| !author.bio.is_empty()) || self.searches(|fields| fields == Fields { bio: true, ..NOWHERE }),
            _ => true,
        };
        if there { Always } else { Maybe }
    }

    fn tweet(&self, event: Event, rest: &[&str]) -> Presence {
        let there = match rest {
            ["deleted_at"] => return if event == Event::Delete { Always } else { Never },
            ["received_at"] | ["links" | "mentions", ELEMENT] | ["media", ELEMENT, "kind" | "thumbnail"] => false,
            ["media", ELEMENT, ..] => self.must(|of| matches!(of, Matcher::Media(_))),
            ["text" | "raw_text"] => event == Event::Tweet || self.searches(|fields| fields == Fields::TEXT),
            ["kind"] => event == Event::Tweet || self.must(|of| matches!(of, Matcher::Kind(_))),
            ["created_at" | "created_at_ms"] => event == Event::Tweet || self.must(|of| matches!(of, Matcher::Age(_))),
            _ => true,
        };
        if there { Always } else { Maybe }
    }

    fn reference(&self, rest: &[&str]) -> Presence {
        if self.must(|of| matches!(of, Matcher::Kind(kinds) if kinds.iter().all(|kind| *kind == Kind::Post))) {
            return Never;
        }
        let target = self.must(|of| matches!(of, Matcher::Target(_)));
        let quoted = self.searches(|fields| fields == Fields { quoted: true, ..NOWHERE });
        let there = match rest {
            [] | ["author"] => target || quoted,
            ["text"] => quoted,
            ["author", "handle" | "platform" | "link"] => target,
            _ => false,
        };
        if there { Always } else { Maybe }
    }

    fn account(&self, event: Event, rest: &[&str]) -> Presence {
        let profile = event == Event::ProfileUpdate;
        match rest {
            ["actor", rest @ ..] => self.author(rest),
            ["target", rest @ ..] => {
                if profile {
                    Never
                } else {
                    self.author(rest)
                }
            }
            ["changes", rest @ ..] => match rest {
                _ if !profile => Never,
                [ELEMENT, "before" | "after"] => Maybe,
                _ => Always,
            },
            _ => Always,
        }
    }

    /// What makes sure that a value is there; `None` when nothing does.
    pub(super) fn way(&self, path: &[&str]) -> Option<Way> {
        let (name, part) = match path {
            ["window", "members", ELEMENT, "price"] => (self.each?.name(), "price"),
            [name, part] => (*name, *part),
            [name] => (*name, ""),
            _ => return None,
        };
        let (element, asked) = match (name, part) {
            ("token", "price") => ("token", "price = { above = 0 }"),
            ("token", "contract" | "") => ("token", "contract = true"),
            ("market", "price") => ("market", "price = { above = 0 }"),
            ("market", "") => ("market", "exchange = \"binance\""),
            ("prediction", "price") => ("prediction", "price = { above = 0 }"),
            ("prediction", "") => ("prediction", "exchange = \"polymarket\""),
            _ => return None,
        };
        let beside = self.required.iter().find(|leaf| matches!(leaf.key, "contract" | "cashtag")).map(|leaf| leaf.key);
        let instead = beside.filter(|_| element == "token" && self.each.is_none());
        Some(Way { element, asked, inside: self.must(|of| is(of, element)), instead })
    }
}

/// What is to be asked of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// `token`, `market` or `prediction`.
    pub(super) element: &'static str,
    pub(super) asked: &'static str,
    /// The rule has such a matcher already, into which it belongs.
    pub(super) inside: bool,
    /// The matcher that names the element now: one beside `token` could name another.
    pub(super) instead: Option<&'static str>,
}

fn is_of_the_last(part: &str) -> bool {
    matches!(part, "handle" | "platform" | "link")
}

const NOWHERE: Fields = Fields { text: false, ..Fields::TEXT };

fn is(matcher: &Matcher, element: &str) -> bool {
    match matcher {
        Matcher::Token(_) => element == "token",
        Matcher::Market(_) => element == "market",
        Matcher::Prediction(_) => element == "prediction",
        _ => false,
    }
}

/// What detections come with, though the feed's types do not promise all of it (PROTOCOL 3.3). Nothing in `when` could ask for it.
fn in_practice(sort: Each, part: &str) -> bool {
    match sort {
        Each::Token => part == "sources",
        Each::Market => matches!(part, "sources" | "exchange" | "symbol"),
        Each::Prediction => matches!(part, "sources" | "exchange"),
    }
}

fn sort(name: &str) -> Option<Each> {
    match name {
        "token" | "tokens" => Some(Each::Token),
        "market" | "markets" => Some(Each::Market),
        "prediction" | "predictions" => Some(Each::Prediction),
        _ => None,
    }
}
