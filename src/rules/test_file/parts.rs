//! Short forms of events → the parts of an envelope, by tables: which key is written how on the wire (PROTOCOL 3).

use serde_json::{Map, Value, json};

use crate::rules::check::Check;
use crate::rules::diagnostic::Diagnostic;
use crate::rules::keys::Place;
use crate::rules::names::choice;
use crate::rules::read::{Field, Node, Table};

/// What stands behind a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sort {
    Text,
    Count,
    Price,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Words.
    Words(&'static [&'static str]),
}

/// A key, how the wire calls it, and what stands behind it.
pub(super) type Part = (&'static str, &'static str, Sort);

const KINDS: &[&str] = &["post", "reply", "quote", "retweet"];
const SOURCES: &[&str] = &["text", "ocr"];

pub(super) const AUTHOR: &[Part] = &[
    ("handle", "handle", Sort::Text),
    ("author_id", "id", Sort::Text),
    ("name", "name", Sort::Text),
    ("followers", "followersCount", Sort::Count),
    ("verified", "verifiedType", Sort::Word(&["blue", "business", "government", "none"])),
    ("bio", "bio", Sort::Text),
    ("platform", "platform", Sort::Word(&["twitter", "truth_social"])),
];
pub(super) const TWEET: &[Part] =
    &[("text", "text", Sort::Text), ("kind", "kind", Sort::Word(KINDS)), ("link", "link", Sort::Text)];
pub(super) const REFERENCE: &[Part] =
    &[("kind", "type", Sort::Word(KINDS)), ("id", "tweetId", Sort::Text), ("text", "text", Sort::Text)];
pub(super) const LINK: &[Part] = &[("url", "url", Sort::Text), ("tco", "tco", Sort::Text)];
pub(super) const PROFILE: &[Part] = &[
    ("name", "name", Sort::Text),
    ("handle", "handle", Sort::Text),
    ("bio", "bio", Sort::Text),
    ("avatar", "avatar", Sort::Text),
    ("banner", "banner", Sort::Text),
    ("location", "location", Sort::Text),
];
pub(super) const TOKEN: &[Part] = &[
    ("symbol", "symbol", Sort::Text),
    ("name", "name", Sort::Text),
    ("contract", "contract", Sort::Text),
    ("chain", "chain", Sort::Text),
    ("network", "networkId", Sort::Count),
    ("price", "priceUsd", Sort::Price),
    ("source", "sources", Sort::Words(SOURCES)),
];
pub(super) const MARKET: &[Part] = &[
    ("exchange", "exchange", Sort::Text),
    ("symbol", "symbol", Sort::Text),
    ("base", "baseAsset", Sort::Text),
    ("quote", "quoteAsset", Sort::Text),
    ("price", "priceUsd", Sort::Price),
    ("url", "url", Sort::Text),
    ("source", "sources", Sort::Words(SOURCES)),
];
pub(super) const PREDICTION: &[Part] = &[
    ("exchange", "exchange", Sort::Text),
    ("id", "marketId", Sort::Text),
    ("title", "title", Sort::Text),
    ("price", "priceUsd", Sort::Price),
    ("url", "url", Sort::Text),
    ("source", "sources", Sort::Words(SOURCES)),
];

/// What a table says of these parts.
pub(super) fn take<'a>(check: &mut Check<'a>, table: &mut Table<'a>, parts: &[Part]) -> Map<String, Value> {
    let mut found = Map::new();
    for (key, wire, sort) in parts {
        if let Some(field) = table.take(key)
            && let Some(value) = value(check, field, *sort)
        {
            found.insert((*wire).to_owned(), value);
        }
    }
    found
}

/// One or more tables of such parts.
pub(super) fn list<'a>(check: &mut Check<'a>, field: Field<'a>, place: Place, parts: &[Part]) -> Vec<Value> {
    let example = "[{ … }]";
    let tables = field.node.tables(check, field.name, place, example);
    tables.into_iter().map(|table| whole(check, table, parts)).collect()
}

/// A table of such parts and no others.
pub(super) fn whole<'a>(check: &mut Check<'a>, mut table: Table<'a>, parts: &[Part]) -> Value {
    let found = take(check, &mut table, parts);
    table.finish(check);
    Value::Object(found)
}

fn value<'a>(check: &mut Check<'a>, field: Field<'a>, sort: Sort) -> Option<Value> {
    let Field { name, node, .. } = field;
    Some(match sort {
        Sort::Text => json!(node.text(check, name, "\"…\"")?),
        Sort::Count => json!(count(check, name, node)?),
        Sort::Price => match node.as_number().filter(|number| number.is_finite() && *number > 0.0) {
            Some(number) => json!(number),
            None if node.as_number().is_some() => {
                let mistake = Diagnostic::error("impossible-range", node.span, format!("`{name}` must be above zero"));
                check.report(mistake.help("leave it out where no price is known"));
                return None;
            }
            None => {
                node.wrong(check, name, "a number", "0.5");
                return None;
            }
        },
        Sort::Word(known) => {
            let known: Vec<_> = known.iter().map(|word| (*word, *word)).collect();
            json!(choice(check, field, &known)?)
        }
        Sort::Words(known) => {
            let known: Vec<_> = known.iter().map(|word| (*word, *word)).collect();
            json!(crate::rules::names::choices(check, field, &known)?)
        }
    })
}

pub(super) fn count(check: &mut Check<'_>, name: &str, node: Node<'_>) -> Option<u64> {
    let count = node.as_integer().and_then(|number| u64::try_from(number).ok());
    if count.is_none() {
        node.wrong(check, name, "a whole number", "1");
    }
    count
}
