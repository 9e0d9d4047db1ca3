//! Tweet and tweet → tweet: what is said later overrides what was said before, field by field, and what is absent overrides nothing.

use crate::model::limits;
use crate::model::subject::{Account, Link, Market, Media, Mention, Prediction, Reference, Sources, Str, Token, Tweet};

/// Adds what `from` says to `into`.
pub(super) fn merge(into: &mut Tweet, from: &Tweet) {
    into.parts.content |= from.parts.content;
    into.parts.update |= from.parts.update;
    into.parts.meta |= from.parts.meta;
    known(&mut into.stated_kind, from.stated_kind.as_ref());
    text(&mut into.text, from.text.as_ref());
    known(&mut into.created_at, from.created_at.as_ref());
    known(&mut into.received_at, from.received_at.as_ref());
    merge_account(&mut into.author, &from.author);
    known(&mut into.link, from.link.as_ref());
    merge_media(&mut into.media, &from.media);
    merge_mentions(&mut into.mentions, &from.mentions);
    merge_links(&mut into.urls, &from.urls);
    match (&mut into.reference, &from.reference) {
        (Some(into), Some(from)) => merge_reference(into, from),
        (into @ None, Some(from)) => *into = Some(from.clone()),
        (_, None) => {}
    }
    known(&mut into.ocr, from.ocr.as_ref());
    merge_tokens(&mut into.tokens, &from.tokens);
    merge_markets(&mut into.markets, &from.markets);
    merge_predictions(&mut into.predictions, &from.predictions);
}

fn known<T: Clone>(into: &mut Option<T>, from: Option<&T>) {
    if let Some(from) = from {
        *into = Some(from.clone());
    }
}

/// A text may be known to be empty, but does not become so again.
fn text(into: &mut Option<Str>, from: Option<&Str>) {
    known(into, from.filter(|from| into.is_none() || !from.is_empty()));
}

fn merge_account(into: &mut Account, from: &Account) {
    known(&mut into.id, from.id.as_ref());
    known(&mut into.handle, from.handle.as_ref());
    known(&mut into.name, from.name.as_ref());
    known(&mut into.platform, from.platform.as_ref());
    known(&mut into.avatar, from.avatar.as_ref());
    known(&mut into.banner, from.banner.as_ref());
    known(&mut into.bio, from.bio.as_ref());
    known(&mut into.followers, from.followers.as_ref());
    known(&mut into.following, from.following.as_ref());
    known(&mut into.joined_at, from.joined_at.as_ref());
    known(&mut into.location, from.location.as_ref());
    known(&mut into.url, from.url.as_ref());
    known(&mut into.verified, from.verified.as_ref());
}

/// Two references to different tweets are not mixed: the text of one must not stand under the name of the other's author.
fn merge_reference(into: &mut Reference, from: &Reference) {
    if matches!((&into.tweet_id, &from.tweet_id), (Some(into), Some(from)) if into != from) {
        into.clone_from(from);
        return;
    }
    known(&mut into.kind, from.kind.as_ref());
    known(&mut into.tweet_id, from.tweet_id.as_ref());
    text(&mut into.text, from.text.as_ref());
    merge_account(&mut into.author, &from.author);
    merge_media(&mut into.media, &from.media);
}

/// Unites two lists: an element that `find` recognises is merged, another is added at the end, up to [`limits::ELEMENTS`].
fn unite<T: Clone>(into: &mut Vec<T>, from: &[T], find: impl Fn(&[T], &T) -> Option<usize>, merge: impl Fn(&mut T, &T)) {
    for element in from {
        if let Some(place) = find(into, element) {
            into.get_mut(place).into_iter().for_each(|same| merge(same, element));
        } else if into.len() < limits::ELEMENTS {
            into.push(element.clone());
        }
    }
}

/// A [`unite`] where sameness is a matter of two elements alone.
fn unite_by<T: Clone>(into: &mut Vec<T>, from: &[T], same: impl Fn(&T, &T) -> bool, merge: impl Fn(&mut T, &T)) {
    unite(into, from, |list, element| list.iter().position(|known| same(known, element)), merge);
}

/// Equal without regard to case, where both are known.
fn both(one: Option<&Str>, other: Option<&Str>) -> Option<bool> {
    Some(one?.eq_ignore_ascii_case(other?))
}

/// Known to be different.
fn differ(one: Option<&Str>, other: Option<&Str>) -> bool {
    both(one, other) == Some(false)
}

pub(super) fn merge_media(into: &mut Vec<Media>, from: &[Media]) {
    unite_by(
        into,
        from,
        |one, other| one.url == other.url,
        |into, from| {
            known(&mut into.kind, from.kind.as_ref());
            known(&mut into.thumbnail, from.thumbnail.as_ref());
        },
    );
}

pub(super) fn merge_mentions(into: &mut Vec<Mention>, from: &[Mention]) {
    unite_by(
        into,
        from,
        |one, other| match (&one.id, &other.id) {
            (Some(one), Some(other)) => one == other,
            _ => both(one.handle.as_ref(), other.handle.as_ref()).unwrap_or(one == other),
        },
        |into, from| {
            known(&mut into.id, from.id.as_ref());
            known(&mut into.handle, from.handle.as_ref());
            known(&mut into.name, from.name.as_ref());
        },
    );
}

pub(super) fn merge_links(into: &mut Vec<Link>, from: &[Link]) {
    unite_by(
        into,
        from,
        |one, other| one.url == other.url || (one.tco.is_some() && one.tco == other.tco),
        |into, from| {
            into.url.clone_from(&from.url);
            known(&mut into.name, from.name.as_ref());
            known(&mut into.tco, from.tco.as_ref());
        },
    );
}

pub(super) fn merge_tokens(into: &mut Vec<Token>, from: &[Token]) {
    unite(into, from, same_token, |into, from| {
        known(&mut into.symbol, from.symbol.as_ref());
        known(&mut into.name, from.name.as_ref());
        known(&mut into.contract, from.contract.as_ref());
        known(&mut into.address, from.address.as_ref());
        known(&mut into.chain, from.chain.as_ref());
        known(&mut into.network, from.network.as_ref());
        known(&mut into.price, from.price.as_ref());
        unite_sources(&mut into.sources, from.sources);
    });
}

/// Tokens are the same by their contract. One without a contract is the same as the only one that bears its symbol; when several do,
/// nobody can say which is meant, and it stays a token of its own: a price must not move from one token to another.
fn same_token(list: &[Token], token: &Token) -> Option<usize> {
    let elsewhere = |known: &Token| {
        differ(known.chain.as_ref(), token.chain.as_ref())
            || matches!((known.network, token.network), (Some(one), Some(other)) if one != other)
    };
    let same_contract = |known: &&Token| match (&known.address, &token.address) {
        (Some(one), Some(other)) => one == other,
        _ => known.contract.is_some() && known.contract == token.contract,
    };
    if token.contract.is_some()
        && let Some(place) = list.iter().position(|known| same_contract(&known) && !elsewhere(known))
    {
        return Some(place);
    }
    let same_name = |known: &Token| match both(known.symbol.as_ref(), token.symbol.as_ref()) {
        Some(same) => same,
        None => known.symbol == token.symbol && both(known.name.as_ref(), token.name.as_ref()) == Some(true),
    };
    let candidates = || list.iter().enumerate().filter(|(_, known)| same_name(known) && !elsewhere(known));
    let bare = candidates().find(|(_, known)| known.contract.is_none());
    let mut all = candidates();
    let only = all.next().filter(|_| all.next().is_none());
    let same = if token.contract.is_none() { bare.or(only) } else { only.filter(|(_, known)| known.contract.is_none()) };
    same.map(|(place, _)| place)
}

pub(super) fn merge_markets(into: &mut Vec<Market>, from: &[Market]) {
    unite_by(
        into,
        from,
        |one, other| {
            !differ(one.exchange.as_ref(), other.exchange.as_ref())
                && one.exchange.is_some() == other.exchange.is_some()
                && both(one.symbol.as_ref(), other.symbol.as_ref())
                    .or_else(|| both(one.url.as_ref(), other.url.as_ref()))
                    .unwrap_or(one == other)
        },
        |into, from| {
            known(&mut into.symbol, from.symbol.as_ref());
            known(&mut into.base, from.base.as_ref());
            known(&mut into.quote, from.quote.as_ref());
            known(&mut into.price, from.price.as_ref());
            known(&mut into.url, from.url.as_ref());
            unite_sources(&mut into.sources, from.sources);
        },
    );
}

pub(super) fn merge_predictions(into: &mut Vec<Prediction>, from: &[Prediction]) {
    unite_by(
        into,
        from,
        |one, other| {
            !differ(one.exchange.as_ref(), other.exchange.as_ref())
                && one.exchange.is_some() == other.exchange.is_some()
                && both(one.id.as_ref(), other.id.as_ref())
                    .or_else(|| both(one.url.as_ref(), other.url.as_ref()))
                    .or_else(|| both(one.title.as_ref(), other.title.as_ref()))
                    .unwrap_or(one == other)
        },
        |into, from| {
            known(&mut into.id, from.id.as_ref());
            known(&mut into.title, from.title.as_ref());
            known(&mut into.price, from.price.as_ref());
            known(&mut into.url, from.url.as_ref());
            unite_sources(&mut into.sources, from.sources);
        },
    );
}

fn unite_sources(into: &mut Sources, from: Sources) {
    into.text |= from.text;
    into.ocr |= from.ocr;
    into.meta |= from.meta;
}
