//! Tweet and tweet → tweet: what is said later overrides what was said before, field by field, and what is absent overrides nothing.

use crate::model::limits;
use crate::model::subject::{Account, Link, Market, Media, Mention, Prediction, Reference, Sources, Token, Tweet};

/// Adds what `from` says to `into`.
pub(super) fn merge<'a>(into: &mut Tweet<&'a str>, from: Tweet<&'a str>) {
    into.parts.content |= from.parts.content;
    into.parts.update |= from.parts.update;
    into.parts.meta |= from.parts.meta;
    known(&mut into.stated_kind, from.stated_kind);
    text(&mut into.text, from.text);
    known(&mut into.created_at, from.created_at);
    known(&mut into.received_at, from.received_at);
    merge_account(&mut into.author, from.author);
    known(&mut into.link, from.link);
    unite_all(&mut into.media, from.media, merge_media);
    unite_all(&mut into.mentions, from.mentions, merge_mention);
    unite_all(&mut into.urls, from.urls, merge_link);
    match (&mut into.reference, from.reference) {
        (Some(into), Some(from)) => merge_reference(into, from),
        (into @ None, from) => *into = from,
        (_, None) => {}
    }
    known(&mut into.ocr, from.ocr);
    unite_all(&mut into.tokens, from.tokens, merge_token);
    unite_all(&mut into.markets, from.markets, merge_market);
    unite_all(&mut into.predictions, from.predictions, merge_prediction);
}

/// Unites two lists.
fn unite_all<T>(into: &mut Vec<T>, from: Vec<T>, unite: impl Fn(&mut Vec<T>, T)) {
    if into.is_empty() && from.len() <= 1 {
        *into = from;
    } else {
        from.into_iter().for_each(|element| unite(into, element));
    }
}

fn known<T>(into: &mut Option<T>, from: Option<T>) {
    if from.is_some() {
        *into = from;
    }
}

/// A text may be known to be empty, but does not become so again.
fn text<'a>(into: &mut Option<&'a str>, from: Option<&'a str>) {
    known(into, from.filter(|from| into.is_none() || !from.is_empty()));
}

fn merge_account<'a>(into: &mut Account<&'a str>, from: Account<&'a str>) {
    known(&mut into.id, from.id);
    known(&mut into.handle, from.handle);
    known(&mut into.name, from.name);
    known(&mut into.platform, from.platform);
    known(&mut into.avatar, from.avatar);
    known(&mut into.banner, from.banner);
    known(&mut into.bio, from.bio);
    known(&mut into.followers, from.followers);
    known(&mut into.following, from.following);
    known(&mut into.joined_at, from.joined_at);
    known(&mut into.location, from.location);
    known(&mut into.url, from.url);
    known(&mut into.verified, from.verified);
}

/// Two references to different tweets are not mixed: the text of one must not stand under the name of the other's author.
fn merge_reference<'a>(into: &mut Reference<&'a str>, from: Reference<&'a str>) {
    if matches!((&into.tweet_id, &from.tweet_id), (Some(into), Some(from)) if into != from) {
        *into = from;
        return;
    }
    known(&mut into.kind, from.kind);
    known(&mut into.tweet_id, from.tweet_id);
    text(&mut into.text, from.text);
    merge_account(&mut into.author, from.author);
    unite_all(&mut into.media, from.media, merge_media);
}

/// Adds an element to a list: to the one at `place`, if it is the same, else at the end, up to [`limits::ELEMENTS`].
fn unite<T>(into: &mut Vec<T>, from: T, place: Option<usize>, merge: impl FnOnce(&mut T, T)) {
    let length = into.len();
    match place.and_then(|place| into.get_mut(place)) {
        Some(same) => merge(same, from),
        None if length < limits::ELEMENTS => into.push(from),
        None => {}
    }
}

/// A [`unite`] where sameness is a matter of two elements alone.
fn unite_by<T>(into: &mut Vec<T>, from: T, same: impl Fn(&T, &T) -> bool, merge: impl FnOnce(&mut T, T)) {
    let place = into.iter().position(|known| same(known, &from));
    unite(into, from, place, merge);
}

/// Equal without regard to case, where both are known.
fn both(one: Option<&str>, other: Option<&str>) -> Option<bool> {
    Some(one?.eq_ignore_ascii_case(other?))
}

/// Known to be different.
fn differ(one: Option<&str>, other: Option<&str>) -> bool {
    both(one, other) == Some(false)
}

pub(super) fn merge_media<'a>(into: &mut Vec<Media<&'a str>>, from: Media<&'a str>) {
    unite_by(
        into,
        from,
        |one, other| one.url == other.url,
        |into, from| {
            known(&mut into.kind, from.kind);
            known(&mut into.thumbnail, from.thumbnail);
        },
    );
}

pub(super) fn merge_mention<'a>(into: &mut Vec<Mention<&'a str>>, from: Mention<&'a str>) {
    unite_by(
        into,
        from,
        |one, other| match (&one.id, &other.id) {
            (Some(one), Some(other)) => one == other,
            _ => both(one.handle, other.handle).unwrap_or(one == other),
        },
        |into, from| {
            known(&mut into.id, from.id);
            known(&mut into.handle, from.handle);
            known(&mut into.name, from.name);
        },
    );
}

pub(super) fn merge_link<'a>(into: &mut Vec<Link<&'a str>>, from: Link<&'a str>) {
    unite_by(
        into,
        from,
        |one, other| one.url == other.url || (one.tco.is_some() && one.tco == other.tco),
        |into, from| {
            into.url = from.url;
            known(&mut into.name, from.name);
            known(&mut into.tco, from.tco);
        },
    );
}

pub(super) fn merge_token<'a>(into: &mut Vec<Token<&'a str>>, from: Token<&'a str>) {
    let place = same_token(into, &from);
    unite(into, from, place, |into, from| {
        known(&mut into.symbol, from.symbol);
        known(&mut into.name, from.name);
        known(&mut into.contract, from.contract);
        known(&mut into.address, from.address);
        known(&mut into.chain, from.chain);
        known(&mut into.network, from.network);
        known(&mut into.price, from.price);
        unite_sources(&mut into.sources, from.sources);
    });
}

/// Tokens are the same by their contract. One without a contract is the same as the only one that bears its symbol; when several do,
/// nobody can say which is meant, and it stays a token of its own: a price must not move from one token to another.
fn same_token(list: &[Token<&str>], token: &Token<&str>) -> Option<usize> {
    let elsewhere = |known: &Token<&str>| {
        differ(known.chain, token.chain) || matches!((known.network, token.network), (Some(one), Some(other)) if one != other)
    };
    let same_contract = |known: &&Token<&str>| match (&known.address, &token.address) {
        (Some(one), Some(other)) => one == other,
        _ => known.contract.is_some() && known.contract == token.contract,
    };
    if token.contract.is_some()
        && let Some(place) = list.iter().position(|known| same_contract(&known) && !elsewhere(known))
    {
        return Some(place);
    }
    let same_name = |known: &Token<&str>| match both(known.symbol, token.symbol) {
        Some(same) => same,
        None => known.symbol == token.symbol && both(known.name, token.name) == Some(true),
    };
    let candidates = || list.iter().enumerate().filter(|(_, known)| same_name(known) && !elsewhere(known));
    let bare = candidates().find(|(_, known)| known.contract.is_none());
    let mut all = candidates();
    let only = all.next().filter(|_| all.next().is_none());
    let same = if token.contract.is_none() { bare.or(only) } else { only.filter(|(_, known)| known.contract.is_none()) };
    same.map(|(place, _)| place)
}

pub(super) fn merge_market<'a>(into: &mut Vec<Market<&'a str>>, from: Market<&'a str>) {
    unite_by(
        into,
        from,
        |one, other| {
            !differ(one.exchange, other.exchange)
                && one.exchange.is_some() == other.exchange.is_some()
                && both(one.symbol, other.symbol).or_else(|| both(one.url, other.url)).unwrap_or(one == other)
        },
        |into, from| {
            known(&mut into.symbol, from.symbol);
            known(&mut into.base, from.base);
            known(&mut into.quote, from.quote);
            known(&mut into.price, from.price);
            known(&mut into.url, from.url);
            unite_sources(&mut into.sources, from.sources);
        },
    );
}

pub(super) fn merge_prediction<'a>(into: &mut Vec<Prediction<&'a str>>, from: Prediction<&'a str>) {
    unite_by(
        into,
        from,
        |one, other| {
            !differ(one.exchange, other.exchange)
                && one.exchange.is_some() == other.exchange.is_some()
                && both(one.id, other.id)
                    .or_else(|| both(one.url, other.url))
                    .or_else(|| both(one.title, other.title))
                    .unwrap_or(one == other)
        },
        |into, from| {
            known(&mut into.id, from.id);
            known(&mut into.title, from.title);
            known(&mut into.price, from.price);
            known(&mut into.url, from.url);
            unite_sources(&mut into.sources, from.sources);
        },
    );
}

fn unite_sources(into: &mut Sources, from: Sources) {
    into.text |= from.text;
    into.ocr |= from.ocr;
    into.meta |= from.meta;
}
