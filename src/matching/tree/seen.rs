//! What was seen where a matcher looked, in words: the value that it held, or what stood there instead, or that nothing has come.

use std::time::Duration;

use crate::matching::evaluate::Reading;
use crate::matching::facts::{Facts, Field, Whom};
use crate::matching::matchers::{self, Found};
use crate::matching::text;
use crate::matching::truth::Truth;
use crate::model::address::Address;
use crate::model::firing::Element;
use crate::model::price::Price;
use crate::model::subject::{Account, Token};
use crate::rules::condition::{AuthorMatcher, ContractMatcher, Matcher, TextMatcher, TextPattern};

/// Values that are shown of many.
const SHOWN: usize = 4;
/// Characters of a text on either side of what was found.
const AROUND: usize = 24;
/// Characters of a text of which a part is shown.
const LONGEST: usize = 60;

pub(super) fn seen(matcher: &Matcher, facts: &Facts<'_>, reading: Reading<'_>, found: Result<Found<'_>, Truth>) -> String {
    match matcher {
        Matcher::Handle(_) => author_of(facts),
        Matcher::Target(_) => target_of(facts),
        Matcher::Author(asked) => profile(asked, facts),
        Matcher::Platform(_) => match found {
            Err(Truth::Unknown) => "the platform has not come".to_owned(),
            _ => format!("the platform is {}", facts.actor().platform().name()),
        },
        Matcher::Kind(_) => match facts.tweet().map(|tweet| tweet.kind()) {
            None => "no tweet".to_owned(),
            Some(None) => missing("kind", found.is_err_and(|truth| truth == Truth::Unknown)),
            Some(Some(kind)) => format!("it is a {}", kind.name()),
        },
        Matcher::Text(asked) => in_texts(asked, facts, reading, found),
        Matcher::Contract(asked) => contract(asked, facts, reading, &found),
        Matcher::Token(_) => of_elements(matcher, facts, reading, found, "token", facts.tokens().len()),
        Matcher::Market(_) => {
            let so_many = facts.tweet().map_or(0, |tweet| tweet.markets.len());
            of_elements(matcher, facts, reading, found, "market", so_many)
        }
        Matcher::Prediction(_) => {
            let so_many = facts.tweet().map_or(0, |tweet| tweet.predictions.len());
            of_elements(matcher, facts, reading, found, "prediction market", so_many)
        }
        Matcher::Price(_) => prices(facts, reading),
        Matcher::Link(_) => links(facts, found),
        Matcher::Media(_) => media(facts, found),
        Matcher::Changed(_) => changes(facts),
        Matcher::Age(_) => match facts.age {
            Some(age) => format!("{} old", short(age)),
            None => "its age is not known".to_owned(),
        },
    }
}

/// What is not there.
fn missing(what: &str, may_come: bool) -> String {
    if may_come { format!("no {what} has come") } else { format!("it has no {what}") }
}

fn author_of(facts: &Facts<'_>) -> String {
    let (who, actor) = (if facts.tweet().is_some() { "author" } else { "actor" }, facts.actor());
    match named(actor) {
        Some(name) => format!("the {who} is {name}"),
        None => missing(who, !facts.has_content()),
    }
}

/// `@handle`, with the id if it is known: it is what decides.
fn named(account: &Account<&str>) -> Option<String> {
    match (account.handle, account.id) {
        (Some(handle), Some(id)) => Some(format!("@{handle} (id {id})")),
        (Some(handle), None) => Some(format!("@{handle}")),
        (None, id) => id.map(|id| format!("id {id}")),
    }
}

fn target_of(facts: &Facts<'_>) -> String {
    match facts.about() {
        Whom::Account(event) => match event.target.as_ref().and_then(named) {
            Some(name) => format!("the target is {name}"),
            None => "it has no target".to_owned(),
        },
        Whom::Tweet(tweet) => match tweet.reference.as_ref().map(|reference| named(&reference.author)) {
            Some(Some(name)) => format!("it refers to {name}"),
            Some(None) => "whom it refers to has not come".to_owned(),
            None if matchers::is_post(tweet) => "a post refers to nobody".to_owned(),
            None => missing("reference to another tweet", true),
        },
    }
}

fn profile(asked: &AuthorMatcher, facts: &Facts<'_>) -> String {
    let actor = facts.actor();
    let mut seen = Vec::new();
    if asked.followers.is_some() {
        seen.push(actor.followers.map_or("followers not known".to_owned(), |count| format!("{count} followers")));
    }
    if !asked.verified.is_empty() {
        seen.push(actor.verified.map_or("verification not known".to_owned(), |badge| format!("verified: {badge}")));
    }
    for (asked, field) in [(&asked.name, Field::Name), (&asked.bio, Field::Bio)] {
        if !asked.is_empty() {
            let text = facts.text(field).map(|text| quoted(text.exact()));
            seen.push(text.map_or(format!("no {} has come", field.name()), |text| format!("{} {text}", field.name())));
        }
    }
    seen.join(", ")
}

fn in_texts(asked: &TextMatcher, facts: &Facts<'_>, reading: Reading<'_>, found: Result<Found<'_>, Truth>) -> String {
    let is_cashtag = matches!(asked.pattern, TextPattern::Cashtag(_));
    if let (true, Some(Element::Token(token))) = (is_cashtag, reading.element) {
        return token.symbol.as_ref().map_or_else(|| missing("symbol", true), |symbol| format!("the token at hand is ${symbol}"));
    }
    let place = |field: Field| if field == Field::Text { "the text".to_owned() } else { format!("its {}", field.name()) };
    match found {
        Ok(Found::Symbol(symbol)) => format!("${symbol} stands in the text"),
        Ok(Found::Value(value, name)) => {
            let field = Field::ALL.into_iter().find(|field| field.name() == name).unwrap_or(Field::Text);
            let where_ = facts.text(field).and_then(|text| around(&asked.pattern, text, &value));
            let what = match asked.pattern {
                TextPattern::Regex(_) => "it".to_owned(),
                _ => quoted(&value),
            };
            where_.map_or_else(
                || format!("{what} stands in {}", place(field)),
                |at| format!("{what} stands in {}: {at}", place(field)),
            )
        }
        _ => {
            let look = |field: Field| match facts.text(field) {
                Some(text) if is_cashtag => match text.cashtags() {
                    [] => format!("{} has no cashtag", place(field)),
                    tags => format!("{} has {}", place(field), some(tags.iter().map(|tag| format!("${tag}")), tags.len())),
                },
                Some(_) => format!("{} has none of it", place(field)),
                None => {
                    let may_come = matchers::missing_text(field, facts, reading) == Truth::Unknown;
                    missing(field.name(), may_come)
                }
            };
            matchers::fields(asked.fields).map(look).collect::<Vec<_>>().join("; ")
        }
    }
}

/// Where in the text, with what stands around it.
fn around(pattern: &TextPattern, text: &crate::matching::facts::NormalText<'_>, value: &str) -> Option<String> {
    let (whole, range) = match pattern {
        TextPattern::Keyword { exact, .. } | TextPattern::Contains { exact, .. } => {
            let whole = text.cased(*exact);
            let at = whole.find(value).or_else(|| whole.find(value.trim()))?;
            (whole, at..(at + value.len()).min(whole.len()))
        }
        TextPattern::Regex(of) => {
            let pattern = of.iter().find(|pattern| pattern.written() == value)?;
            (text.exact(), pattern.find(text.exact())?)
        }
        TextPattern::Cashtag(_) => return None,
    };
    let (before, rest) = whole.split_at_checked(range.start)?;
    let (_, after) = whole.split_at_checked(range.end)?;
    let held = rest.get(..range.end - range.start)?;
    let begin = before.char_indices().rev().nth(AROUND).map(|(at, _)| at);
    let end = after.char_indices().nth(AROUND).map(|(at, _)| at);
    let (lead, tail) = (if begin.is_some() { "…" } else { "" }, if end.is_some() { "…" } else { "" });
    let held: String =
        if held.chars().count() > LONGEST { held.chars().take(LONGEST).chain(['…']).collect() } else { held.to_owned() };
    Some(format!("“{lead}{}»{held}«{}{tail}”", before.get(begin.unwrap_or(0)..)?, after.get(..end.unwrap_or(after.len()))?))
}

fn contract(asked: &ContractMatcher, facts: &Facts<'_>, reading: Reading<'_>, found: &Result<Found<'_>, Truth>) -> String {
    match found {
        Ok(Found::Address(address, "")) => format!("the token at hand has {address}"),
        Ok(Found::Address(address, place)) => format!("{address} stands in the {place}"),
        _ => {
            if let Some(Element::Token(token)) = reading.element {
                return token
                    .contract
                    .as_ref()
                    .map_or_else(|| missing("contract", true), |of| format!("the token at hand has {of}"));
            }
            let in_texts = matchers::fields(asked.fields).filter_map(|field| facts.text(field)).flat_map(|text| text.addresses());
            let detected = facts.tweet().into_iter().flat_map(|tweet| tweet.tokens.iter().filter_map(|token| token.address));
            let mut all: Vec<Address> = in_texts.chain(facts.link_addresses()).copied().chain(detected).collect();
            all.dedup();
            let mut seen = match all.as_slice() {
                [] => "no address in it".to_owned(),
                all => format!("it has {}", some(all.iter().map(Address::to_string), all.len())),
            };
            if !facts.has_meta() {
                seen.push_str("; no meta has come");
            }
            seen
        }
    }
}

fn of_elements(
    matcher: &Matcher,
    facts: &Facts<'_>,
    reading: Reading<'_>,
    found: Result<Found<'_>, Truth>,
    sort: &str,
    so_many: usize,
) -> String {
    match found {
        Ok(found) => matchers::tell(matcher, found, facts).value,
        Err(_) if reading.element.is_some_and(|element| sort_of(element) == sort) => String::new(),
        Err(_) => {
            let meta = if facts.has_meta() { "" } else { "; no meta has come" };
            match so_many {
                0 => format!("no {sort} in it{meta}"),
                1 => format!("{}{meta}", only_name(matcher, facts)),
                many => format!("{many} {sort}s{meta}"),
            }
        }
    }
}

/// The one token, market or prediction market that there is.
fn only_name(matcher: &Matcher, facts: &Facts<'_>) -> String {
    let element = match matcher {
        Matcher::Token(_) => facts.tokens().first().map(|token| Element::Token(token.owned())),
        Matcher::Market(_) => facts.tweet().and_then(|tweet| tweet.markets.first()).map(|of| Element::Market(of.owned())),
        _ => facts.tweet().and_then(|tweet| tweet.predictions.first()).map(|of| Element::Prediction(of.owned())),
    };
    element.as_ref().map(element_name).unwrap_or_default()
}

fn sort_of(element: &Element) -> &'static str {
    match element {
        Element::Token(_) => "token",
        Element::Market(_) => "market",
        Element::Prediction(_) => "prediction market",
    }
}

fn prices(facts: &Facts<'_>, reading: Reading<'_>) -> String {
    if let Some(element) = reading.element {
        return format!("the one at hand is {}", element_name(element));
    }
    let mut all: Vec<_> = facts.tokens().iter().map(|token| element_name(&Element::Token(token.owned()))).collect();
    if let Some(tweet) = facts.tweet() {
        all.extend(tweet.markets.iter().map(|market| element_name(&Element::Market(market.owned()))));
        all.extend(tweet.predictions.iter().map(|of| element_name(&Element::Prediction(of.owned()))));
    }
    let meta = if facts.has_meta() { "" } else { "; no meta has come" };
    let so_many = all.len();
    if so_many == 0 { format!("no price in it{meta}") } else { format!("{}{meta}", some(all.into_iter(), so_many)) }
}

fn links(facts: &Facts<'_>, found: Result<Found<'_>, Truth>) -> String {
    let Some(tweet) = facts.tweet() else { return "no tweet".to_owned() };
    let in_text = tweet.text.into_iter().flat_map(text::links);
    let mut all: Vec<&str> = tweet.urls.iter().map(|link| link.url).chain(in_text).collect();
    all.dedup();
    let hides = if found.is_err_and(|truth| truth == Truth::Unknown) { "; one more may come" } else { "" };
    let so_many = all.len();
    if so_many == 0 { format!("no link in it{hides}") } else { format!("links to {}{hides}", some(all.into_iter(), so_many)) }
}

fn media(facts: &Facts<'_>, found: Result<Found<'_>, Truth>) -> String {
    let Some(tweet) = facts.tweet() else { return "no tweet".to_owned() };
    if tweet.media.is_empty() {
        return missing("media", found.is_err_and(|truth| truth == Truth::Unknown));
    }
    format!("it has {}", some(tweet.media.iter().map(matchers::media_kind), tweet.media.len()))
}

fn changes(facts: &Facts<'_>) -> String {
    let Whom::Account(event) = facts.about() else { return "no change of a profile".to_owned() };
    let value = |of: Option<&str>| of.map_or_else(|| "?".to_owned(), quoted);
    let all = event.changes.iter().map(|of| format!("{}: {} → {}", of.field.name(), value(of.before), value(of.after)));
    if event.changes.is_empty() { "nothing changed".to_owned() } else { some(all, event.changes.len()) }
}

/// What one part of an element is.
pub(super) fn part(element: &Element, part: &str) -> String {
    let text = |value: Option<&str>| value.map_or_else(|| format!("no {part} known"), short_text);
    let sources = |of: crate::model::subject::Sources| {
        let all = [(of.text, "text"), (of.ocr, "ocr"), (of.meta, "meta")];
        all.into_iter().filter_map(|(found, name)| found.then_some(name)).collect::<Vec<_>>().join(", ")
    };
    match (element, part) {
        (Element::Token(of), "symbol") => text(of.symbol.as_deref()),
        (Element::Token(of), "contract") => text(of.contract.as_deref()),
        (Element::Token(of), "chain") => text(of.chain.as_deref()),
        (Element::Token(of), "name") => text(of.name.as_deref()),
        (Element::Token(of), "network") => of.network.map_or_else(|| text(None), |network: u64| network.to_string()),
        (Element::Token(of), "price") => worth(of.price),
        (Element::Token(of), _) => sources(of.sources),
        (Element::Market(of), "exchange") => text(of.exchange.as_deref()),
        (Element::Market(of), "symbol") => text(of.symbol.as_deref()),
        (Element::Market(of), "base") => text(of.base.as_deref()),
        (Element::Market(of), "quote") => text(of.quote.as_deref()),
        (Element::Market(of), "price") => worth(of.price),
        (Element::Market(of), _) => sources(of.sources),
        (Element::Prediction(of), "exchange") => text(of.exchange.as_deref()),
        (Element::Prediction(of), "id") => text(of.id.as_deref()),
        (Element::Prediction(of), "title") => text(of.title.as_deref()),
        (Element::Prediction(of), "price") => worth(of.price),
        (Element::Prediction(of), _) => sources(of.sources),
    }
}

fn worth(price: Option<Price>) -> String {
    price.map_or_else(|| "no price known".to_owned(), |price| price.usd().to_string())
}

/// A token, market or prediction market in a few words: `$DOGE on solana at 0.62`.
#[must_use]
pub fn element_name(element: &Element) -> String {
    let name = matchers::element_name(element);
    let at = |price: Option<Price>| price.map(|price| format!(" at {}", price.usd())).unwrap_or_default();
    match element {
        Element::Token(Token { chain, price, .. }) => {
            let chain = chain.as_ref().map(|chain| format!(" on {chain}")).unwrap_or_default();
            format!("{}{chain}{}", short_text(&name), at(*price))
        }
        Element::Market(of) => format!("{}{}", short_text(&name), at(of.price)),
        Element::Prediction(of) => format!("{}{}", quoted(&name), at(of.price)),
    }
}

/// The first of many.
fn some(of: impl Iterator<Item = impl std::fmt::Display>, so_many: usize) -> String {
    let shown: Vec<_> = of.take(SHOWN).map(|value| short_text(&value.to_string())).collect();
    let more = if so_many > SHOWN { format!(" and {} more", so_many - SHOWN) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn quoted(text: &str) -> String {
    format!("“{}”", short_text(text))
}

fn short_text(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn short(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..10 => format!("{} ms", age.as_millis()),
        10..600 => format!("{seconds} s"),
        600..36_000 => format!("{} min", seconds / 60),
        36_000..432_000 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
