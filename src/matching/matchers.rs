//! One matcher on one subject: what it found, or why it found nothing.

use std::borrow::Cow;

use super::elements;
use super::evaluate::Reading;
use super::facts::{Facts, Field, Whom};
use super::text;
use super::truth::Truth;
use crate::model::address::Address;
use crate::model::firing::{Element, Matched};
use crate::model::ids::{normal_handle, normal_symbol};
use crate::model::subject::{Account, Change, Kind, Media, Platform, ProfileField, Tweet};
use crate::rules::condition::{
    Accounts, AuthorMatcher, ChangedMatcher, ContractMatcher, Fields, LinkMatcher, Matcher, MediaMatcher, NumberRange,
    TextMatcher, TextPattern,
};

/// What made a matcher true.
#[derive(Debug)]
pub(super) enum Found<'p> {
    /// A value and the place where it was found.
    Value(Cow<'p, str>, &'static str),
    /// A cashtag in the text.
    Symbol(&'p str),
    /// An address, and where it was found.
    Address(Address, &'static str),
    /// The element that the reading is about.
    Element(&'p Element),
    /// Number so of the subject's tokens.
    Token(usize),
    /// Number so of the tweet's markets.
    Market(usize),
    /// Number so of the tweet's predictions.
    Prediction(usize),
}

/// `Err` is `False` or `Unknown`, never `True`.
type Finding<'p> = Result<Found<'p>, Truth>;

pub(super) fn find<'p>(matcher: &'p Matcher, facts: &'p Facts<'_>, reading: Reading<'p>) -> Finding<'p> {
    match matcher {
        Matcher::Handle(accounts) => handle(accounts, facts, reading),
        Matcher::Target(accounts) => target(accounts, facts, reading),
        Matcher::Author(asked) => author(asked, facts, reading),
        Matcher::Platform(platforms) => platform(platforms, facts, reading),
        Matcher::Kind(kinds) => match facts.tweet().map(|tweet| tweet.kind()) {
            None => Err(Truth::False),
            Some(None) => Err(Truth::absent(reading.settled)),
            Some(Some(kind)) => plain(kinds.iter().find(|of| of.name() == kind.name()).map(|kind| kind.name())),
        },
        Matcher::Text(asked) => in_texts(asked, facts, reading),
        Matcher::Contract(asked) => contract(asked, facts, reading),
        Matcher::Token(_) | Matcher::Market(_) | Matcher::Prediction(_) => element(matcher, facts, reading),
        Matcher::Price(range) => price(range, facts, reading),
        Matcher::Link(asked) => link(asked, facts, reading),
        Matcher::Media(asked) => media(asked, facts, reading),
        Matcher::Changed(asked) => changed(asked, facts),
        Matcher::Age(range) => match facts.age {
            #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds is far below 2^53")]
            Some(age) if range.holds(age.as_millis() as f64) => Ok(Found::Value(format!("{age:.1?}").into(), "")),
            Some(_) => Err(Truth::False),
            None => Err(Truth::absent(reading.settled)),
        },
    }
}

fn plain(found: Option<&str>) -> Finding<'_> {
    found.map(|value| Found::Value(value.into(), "")).ok_or(Truth::False)
}

/// Absent parts of the author are unknown until the content is here, and afterwards too while an update may bring them.
fn absent<'p>(reading: Reading<'_>) -> Finding<'p> {
    Err(Truth::absent(reading.settled))
}

fn handle<'p>(accounts: &'p Accounts, facts: &'p Facts<'_>, reading: Reading<'_>) -> Finding<'p> {
    let actor = facts.actor();
    if let Some(found) = account(accounts, actor.id, actor.handle) {
        return Ok(found);
    }
    if let Whom::Account(event) = facts.about() {
        // Which of the two an actor's handle is after a rename is not known (PROTOCOL 3.5): either will do.
        let renamed = event.changes.iter().filter(|change| change.field == ProfileField::Handle);
        let mut names = renamed.flat_map(|change| [&change.before, &change.after]);
        return names.find_map(|name| account(accounts, actor.id, *name)).ok_or(Truth::False);
    }
    if actor.handle.is_some() { Err(Truth::False) } else { absent(reading) }
}

/// Where both ids are known they decide, so that a renamed account is found and a squatter on its old name is not.
fn account<'p>(accounts: &'p Accounts, id: Option<&str>, handle: Option<&str>) -> Option<Found<'p>> {
    if let Some(found) = id.and_then(|id| accounts.by_id.get(id)).map(|(id, ())| id) {
        let name = accounts.by_handle.iter().find(|(_, of)| of.as_deref() == Some(found)).map(|(name, _)| &**name);
        return Some(Found::Value(name.unwrap_or(found).into(), ""));
    }
    let (name, wanted) = accounts.by_handle.get(&*normal_handle(handle?))?;
    let other = matches!((wanted.as_deref(), id), (Some(wanted), Some(id)) if wanted != id);
    (!other).then(|| Found::Value((&**name).into(), ""))
}

fn target<'p>(accounts: &'p Accounts, facts: &'p Facts<'_>, reading: Reading<'_>) -> Finding<'p> {
    let of = |target: &Account<&str>| account(accounts, target.id, target.handle);
    match facts.about() {
        Whom::Account(event) => event.target.as_ref().and_then(of).ok_or(Truth::False),
        Whom::Tweet(tweet) => match &tweet.reference {
            Some(reference) => match of(&reference.author) {
                Some(found) => Ok(found),
                None if reference.author.handle.is_some() => Err(Truth::False),
                None => absent(reading),
            },
            // A reply without its reference is completed by an update; a post has none.
            None if is_post(tweet) => Err(Truth::False),
            None => absent(reading),
        },
    }
}

fn author<'p>(asked: &'p AuthorMatcher, facts: &'p Facts<'_>, reading: Reading<'_>) -> Finding<'p> {
    let actor = facts.actor();
    let known = |holds: Option<bool>| holds.map_or(Truth::absent(reading.settled), |holds| Truth::of(Some(holds)));
    let patterns = |patterns: &[TextPattern], field: Field| {
        Truth::all(patterns.iter().map(|pattern| known(facts.text(field).map(|text| text::find(pattern, text).is_some()))))
    };
    #[expect(clippy::cast_precision_loss, reason = "numbers of followers are far below 2^53")]
    let followers = asked.followers.map_or(Truth::True, |range| known(actor.followers.map(|count| range.holds(count as f64))));
    let verified = if asked.verified.is_empty() {
        Truth::True
    } else {
        known(actor.verified.map(|badge| asked.verified.iter().any(|of| of.eq_ignore_ascii_case(badge))))
    };
    match Truth::all([followers, verified, patterns(&asked.name, Field::Name), patterns(&asked.bio, Field::Bio)]) {
        Truth::True => Ok(Found::Value(actor.handle.unwrap_or_default().into(), "")),
        truth => Err(truth),
    }
}

fn platform<'p>(platforms: &'p [Platform], facts: &'p Facts<'_>, reading: Reading<'_>) -> Finding<'p> {
    let actor = facts.actor();
    if actor.platform.is_none() && !facts.has_content() && !reading.settled {
        return Err(Truth::Unknown);
    }
    let platform = actor.platform();
    plain(platforms.iter().find(|of| of.name() == platform.name()).map(|platform| platform.name()))
}

/// The fields that are asked, in the order of the documentation.
pub(super) fn fields(asked: Fields) -> impl Iterator<Item = Field> {
    let all = [
        (asked.text, Field::Text),
        (asked.quoted, Field::Quoted),
        (asked.ocr, Field::Ocr),
        (asked.name, Field::Name),
        (asked.bio, Field::Bio),
    ];
    all.into_iter().filter_map(|(asked, field)| asked.then_some(field))
}

fn in_texts<'p>(asked: &'p TextMatcher, facts: &'p Facts<'_>, reading: Reading<'_>) -> Finding<'p> {
    if let (TextPattern::Cashtag(symbols), Some(Element::Token(token))) = (&asked.pattern, reading.element) {
        // With `each = "token"` a cashtag speaks of the token at hand, not of another one in the same text.
        match token.symbol.as_deref() {
            Some(symbol) if symbols.contains(&*normal_symbol(symbol)) => {}
            Some(_) => return Err(Truth::False),
            None => return Err(Truth::absent(reading.settled || facts.has_meta())),
        }
    }
    let mut truth = Truth::False;
    for field in fields(asked.fields) {
        match facts.text(field) {
            Some(found) => {
                if let Some(value) = text::find(&asked.pattern, found) {
                    let is_cashtag = matches!(asked.pattern, TextPattern::Cashtag(_)) && field == Field::Text;
                    return Ok(if is_cashtag { Found::Symbol(value) } else { Found::Value(value.into(), field.name()) });
                }
            }
            None => truth = Truth::any([truth, missing_text(field, facts, reading)]),
        }
    }
    Err(truth)
}

pub(super) fn missing_text(field: Field, facts: &Facts<'_>, reading: Reading<'_>) -> Truth {
    let Some(tweet) = facts.tweet() else { return Truth::False };
    let complete = match field {
        Field::Text => tweet.parts.content,
        Field::Ocr => tweet.parts.meta,
        // A post has nothing to quote; a reply's reference is completed by an update.
        Field::Quoted => tweet.parts.content && tweet.reference.is_none() && is_post(tweet),
        // Profiles come with the author or with an update of it.
        Field::Name | Field::Bio => false,
    };
    Truth::absent(complete || reading.settled)
}

/// Said to be a post. Where the feed says no kind, an update may still bring what it replies to.
pub(super) fn is_post(tweet: &Tweet<&str>) -> bool {
    tweet.stated_kind == Some(Kind::Post)
}

/// A t.co link says where it leads only when an update has expanded it.
pub(super) fn hides_a_link(tweet: &Tweet<&str>) -> bool {
    let expanded = |url: &str| tweet.urls.iter().any(|link| link.tco == Some(url));
    let mut links = tweet.text.into_iter().flat_map(text::links);
    !tweet.parts.content || links.any(|url| host(url) == Some("t.co") && !expanded(url))
}

fn contract<'p>(asked: &'p ContractMatcher, facts: &'p Facts<'_>, reading: Reading<'p>) -> Finding<'p> {
    let wanted = |address: &Address| asked.addresses.is_empty() || asked.addresses.contains(address);
    if let Some(Element::Token(token)) = reading.element {
        return match token.address.filter(wanted) {
            Some(address) => Ok(Found::Address(address, "")),
            None if token.address.is_some() => Err(Truth::False),
            None => Err(Truth::absent(reading.settled || facts.has_meta())),
        };
    }
    // An address may still come out of a link that is not expanded yet.
    let mut truth = Truth::absent(reading.settled || !facts.tweet().is_some_and(hides_a_link));
    for field in fields(asked.fields) {
        match facts.text(field) {
            Some(text) => {
                if let Some(address) = text.addresses().iter().find(|address| wanted(address)) {
                    return Ok(Found::Address(*address, field.name()));
                }
            }
            None => truth = Truth::any([truth, missing_text(field, facts, reading)]),
        }
    }
    if let Some(address) = facts.link_addresses().iter().find(|address| wanted(address)) {
        return Ok(Found::Address(*address, "link"));
    }
    let detected = facts.tweet().map(|tweet| tweet.tokens.as_slice()).unwrap_or_default();
    if let Some(address) = detected.iter().filter_map(|token| token.address).find(wanted) {
        return Ok(Found::Address(address, "meta"));
    }
    Err(Truth::any([truth, Truth::absent(reading.settled || facts.has_meta())]))
}

/// Token, market or prediction: the element of the reading if it is of that sort, else any of the tweet.
fn element<'p>(matcher: &'p Matcher, facts: &'p Facts<'_>, reading: Reading<'p>) -> Finding<'p> {
    let complete = reading.settled || facts.has_meta();
    match (matcher, reading.element) {
        (Matcher::Token(asked), Some(Element::Token(token))) => bound(elements::token(asked, token, complete), reading),
        (Matcher::Market(asked), Some(Element::Market(market))) => bound(elements::market(asked, market), reading),
        (Matcher::Prediction(asked), Some(Element::Prediction(of))) => bound(elements::prediction(asked, of), reading),
        (Matcher::Token(asked), _) => {
            let truths = facts.tokens().iter().map(|token| elements::token(asked, token, complete));
            first(truths, complete, Found::Token)
        }
        (Matcher::Market(asked), _) => {
            let markets = facts.tweet().map(|tweet| tweet.markets.as_slice()).unwrap_or_default();
            first(markets.iter().map(|market| elements::market(asked, market)), complete, Found::Market)
        }
        (Matcher::Prediction(asked), _) => {
            let predictions = facts.tweet().map(|tweet| tweet.predictions.as_slice()).unwrap_or_default();
            first(predictions.iter().map(|of| elements::prediction(asked, of)), complete, Found::Prediction)
        }
        _ => Err(Truth::False),
    }
}

fn bound<'p>(truth: Truth, reading: Reading<'p>) -> Finding<'p> {
    match (truth, reading.element) {
        (Truth::True, Some(element)) => Ok(Found::Element(element)),
        (Truth::True, None) => Err(Truth::False),
        (truth, _) => Err(truth),
    }
}

/// The first that is true; else unknown while another may come.
fn first<'p>(truths: impl Iterator<Item = Truth>, complete: bool, found: fn(usize) -> Found<'p>) -> Finding<'p> {
    let mut truth = Truth::absent(complete);
    for (at, of) in truths.enumerate() {
        if of == Truth::True {
            return Ok(found(at));
        }
        truth = Truth::any([truth, of]);
    }
    Err(truth)
}

fn price<'p>(range: &'p NumberRange, facts: &'p Facts<'_>, reading: Reading<'p>) -> Finding<'p> {
    let complete = reading.settled || facts.has_meta();
    let holds = |price: Option<crate::model::price::Price>| match price {
        Some(price) => Truth::of(Some(range.holds(price.usd()))),
        None => Truth::absent(complete),
    };
    match reading.element {
        Some(Element::Token(token)) => return bound(holds(token.price), reading),
        Some(Element::Market(market)) => return bound(holds(market.price), reading),
        Some(Element::Prediction(of)) => return bound(holds(of.price), reading),
        None => {}
    }
    let (markets, predictions) = match facts.tweet() {
        Some(tweet) => (tweet.markets.as_slice(), tweet.predictions.as_slice()),
        None => (&[][..], &[][..]),
    };
    first(facts.tokens().iter().map(|token| holds(token.price)), complete, Found::Token)
        .or_else(|truth| {
            first(markets.iter().map(|of| holds(of.price)), complete, Found::Market).map_err(|of| Truth::any([truth, of]))
        })
        .or_else(|truth| {
            let truths = predictions.iter().map(|of| holds(of.price));
            first(truths, complete, Found::Prediction).map_err(|of| Truth::any([truth, of]))
        })
}

fn link<'p>(asked: &'p LinkMatcher, facts: &'p Facts<'_>, reading: Reading<'_>) -> Finding<'p> {
    let Some(tweet) = facts.tweet() else { return Err(Truth::False) };
    let in_text = tweet.text.into_iter().flat_map(text::links);
    for url in tweet.urls.iter().map(|link| link.url).chain(in_text) {
        if let Some(found) = leads_to(asked, url) {
            return Ok(Found::Value(found.into(), "link"));
        }
    }
    Err(Truth::absent(reading.settled || !hides_a_link(tweet)))
}

fn leads_to<'p>(asked: &'p LinkMatcher, url: &str) -> Option<&'p str> {
    let to = |domain: &str| {
        let host = host(url).unwrap_or_default();
        let head = host.len().checked_sub(domain.len()).and_then(|at| host.split_at_checked(at));
        head.is_some_and(|(head, tail)| tail.eq_ignore_ascii_case(domain) && (head.is_empty() || head.ends_with('.')))
    };
    let domain = asked.domains.iter().find(|domain| to(domain)).map(|domain| &**domain);
    domain.or_else(|| asked.patterns.iter().find(|pattern| pattern.is_match(url)).map(|pattern| pattern.written()))
}

/// The host of a URL, without user, port and final dot. The feed sometimes leaves the scheme out.
pub(super) fn host(url: &str) -> Option<&str> {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let authority = after.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(host.split(':').next()?.trim_end_matches('.'))
}

fn media<'p>(asked: &'p MediaMatcher, facts: &'p Facts<'_>, reading: Reading<'_>) -> Finding<'p> {
    let Some(tweet) = facts.tweet() else { return Err(Truth::False) };
    for media in &tweet.media {
        let kind = media_kind(media);
        if asked.kinds.is_empty() {
            return Ok(Found::Value(kind.to_owned().into(), "media"));
        }
        if let Some(found) = asked.kinds.iter().find(|of| of.eq_ignore_ascii_case(kind)) {
            return Ok(Found::Value((&**found).into(), "media"));
        }
    }
    // Media may come with an update, as links do.
    Err(Truth::absent(tweet.parts.update || reading.settled))
}

/// The kind as stated, else as X's own addresses tell it.
pub(super) fn media_kind<'a>(media: &Media<&'a str>) -> &'a str {
    match media.kind {
        Some(kind) => kind,
        None if media.url.contains("/tweet_video") => "gif",
        None if host(media.url) == Some("video.twimg.com") => "video",
        None if media.url.contains("pbs.twimg.com/media") => "image",
        None => "unknown",
    }
}

fn changed<'p>(asked: &'p ChangedMatcher, facts: &'p Facts<'_>) -> Finding<'p> {
    let Whom::Account(event) = facts.about() else { return Err(Truth::False) };
    let holds = |patterns: &[TextPattern], value: Option<&str>| {
        let text = value.map(|value| super::facts::NormalText::new(value.into()));
        patterns.iter().all(|pattern| text.as_ref().is_some_and(|text| text::find(pattern, text).is_some()))
    };
    let of = |change: &&Change<&str>| {
        asked.fields.contains(&change.field) && holds(&asked.before, change.before) && holds(&asked.after, change.after)
    };
    event.changes.iter().find(of).map(|change| Found::Value(change.field.name().into(), "profile")).ok_or(Truth::False)
}

/// For people: which matcher held, with what, where.
pub(super) fn tell(matcher: &Matcher, found: Found<'_>, facts: &Facts<'_>) -> Matched {
    let (value, place) = match found {
        Found::Value(value, place) => (value.into_owned(), place),
        Found::Symbol(symbol) => (format!("${symbol}"), "text"),
        Found::Address(address, place) => (address.to_string(), place),
        Found::Element(element) => (element_name(element), ""),
        Found::Token(at) => match facts.tokens().get(at) {
            Some(token) => (element_name(&Element::Token(token.owned())), if token.sources.meta { "meta" } else { "text" }),
            None => (String::new(), ""),
        },
        Found::Market(at) => {
            let market = facts.tweet().and_then(|tweet| tweet.markets.get(at));
            (market.map(|market| element_name(&Element::Market(market.owned()))).unwrap_or_default(), "meta")
        }
        Found::Prediction(at) => {
            let of = facts.tweet().and_then(|tweet| tweet.predictions.get(at));
            (of.map(|of| element_name(&Element::Prediction(of.owned()))).unwrap_or_default(), "meta")
        }
    };
    Matched { matcher: name(matcher), value, place }
}

pub(super) fn element_name(element: &Element) -> String {
    match element {
        Element::Token(token) => match (&token.symbol, &token.contract) {
            (Some(symbol), _) => format!("${symbol}"),
            (None, Some(contract)) => contract.to_string(),
            (None, None) => token.name.as_deref().unwrap_or_default().to_owned(),
        },
        Element::Market(market) => {
            let parts = [&market.exchange, &market.symbol];
            parts.into_iter().flatten().map(|part| &**part).collect::<Vec<_>>().join(" ")
        }
        Element::Prediction(of) => of.title.as_deref().or(of.id.as_deref()).unwrap_or_default().to_owned(),
    }
}

pub(super) fn name(matcher: &Matcher) -> &'static str {
    match matcher {
        Matcher::Handle(_) => "handle",
        Matcher::Target(_) => "target",
        Matcher::Author(_) => "author",
        Matcher::Platform(_) => "platform",
        Matcher::Kind(_) => "kind",
        Matcher::Text(TextMatcher { pattern: TextPattern::Keyword { .. }, .. }) => "keyword",
        Matcher::Text(TextMatcher { pattern: TextPattern::Contains { .. }, .. }) => "contains",
        Matcher::Text(TextMatcher { pattern: TextPattern::Regex(_), .. }) => "regex",
        Matcher::Text(TextMatcher { pattern: TextPattern::Cashtag(_), .. }) => "cashtag",
        Matcher::Contract(_) => "contract",
        Matcher::Token(_) => "token",
        Matcher::Market(_) => "market",
        Matcher::Prediction(_) => "prediction",
        Matcher::Price(_) => "price",
        Matcher::Link(_) => "link",
        Matcher::Media(_) => "media",
        Matcher::Changed(_) => "changed",
        Matcher::Age(_) => "age",
    }
}
