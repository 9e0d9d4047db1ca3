//! What one envelope says of a tweet, as a tweet of its own with texts that lie in the envelope: what it lists twice stands in it once.

use super::merge::{merge_link, merge_market, merge_media, merge_mention, merge_prediction, merge_token};
use crate::model::address::Address;
use crate::model::envelope as wire;
use crate::model::ids::TweetId;
use crate::model::subject::{Account, Link, Market, Media, Mention, Platform, Prediction, Reference, Sources, Token, Tweet};

/// Which parts say it better: later ones override earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// What a pin, unpin or delete says beside the id.
    Pin,
    Content,
    Update,
    Meta,
}

/// Of a content, an update, or (as [`Rank::Pin`]) of a delete, pin or unpin.
pub(super) fn of_tweet<'a>(part: &'a wire::TweetPart<'_>, rank: Rank) -> Tweet<&'a str> {
    let mut says = Tweet::unknown(TweetId::new(&part.tweet_id));
    says.parts.content = rank == Rank::Content;
    says.parts.update = rank == Rank::Update;
    says.stated_kind = part.kind.as_ref().map(|kind| kind.with(|word| &**word));
    says.text = part.text.as_deref();
    says.created_at = part.created_at;
    says.received_at = part.received_at;
    if let Some(author) = &part.author {
        says.author = account(author);
    }
    says.link = filled(part.link.as_ref());
    says.media = united(&part.media, media, merge_media);
    says.mentions = united(&part.mentions, mention, merge_mention);
    says.urls = united(&part.urls, link, merge_link);
    says.reference = part.reference.as_ref().map(|of| reference(of));
    says
}

/// Of a meta.
pub(super) fn of_meta<'a>(meta: &'a wire::MetaPart<'_>) -> Tweet<&'a str> {
    let mut says = Tweet::unknown(TweetId::new(&meta.tweet_id));
    says.parts.meta = true;
    says.ocr = meta.ocr.as_ref().and_then(|ocr| filled(ocr.text.as_ref()));
    if let Some(detected) = &meta.detected {
        says.tokens = united(&detected.tokens, token, merge_token);
        says.markets = united(&detected.markets, market, merge_market);
        says.predictions = united(&detected.predictions, prediction, merge_prediction);
    }
    says
}

/// A list in which each element stands once.
fn united<'a, W, T>(from: &'a [W], read: impl Fn(&'a W) -> T, unite: impl Fn(&mut Vec<T>, T)) -> Vec<T> {
    match from {
        [] => Vec::new(),
        from => {
            let mut into = Vec::with_capacity(from.len());
            from.iter().for_each(|of| unite(&mut into, read(of)));
            into
        }
    }
}

/// Empty is as good as absent, so that it never overrides what is known.
fn filled<'a>(text: Option<&'a wire::Text<'_>>) -> Option<&'a str> {
    text.map(wire::Text::as_str).filter(|text| !text.is_empty())
}

pub(super) fn account<'a>(author: &'a wire::Author<'_>) -> Account<&'a str> {
    Account {
        id: filled(author.id.as_ref()),
        handle: filled(author.handle.as_ref()),
        name: filled(author.name.as_ref()),
        platform: author.platform.as_ref().map(|platform| Platform::with(platform, |word| &**word)),
        avatar: filled(author.profile_image.as_ref()),
        banner: filled(author.banner.as_ref()),
        bio: filled(author.bio.as_ref()),
        followers: author.followers_count,
        following: author.following_count,
        joined_at: author.joined_at,
        location: filled(author.location.as_ref()),
        url: filled(author.url.as_ref().or(author.website_url.as_ref())),
        verified: filled(author.verified_type.as_ref()),
    }
}

fn media<'a>(media: &'a wire::Media<'_>) -> Media<&'a str> {
    Media { kind: filled(media.kind.as_ref()), url: &media.url, thumbnail: filled(media.thumbnail.as_ref()) }
}

fn mention<'a>(mention: &'a wire::Mention<'_>) -> Mention<&'a str> {
    Mention { id: filled(mention.id.as_ref()), handle: filled(mention.handle.as_ref()), name: filled(mention.name.as_ref()) }
}

fn link<'a>(link: &'a wire::Link<'_>) -> Link<&'a str> {
    Link { url: &link.url, name: filled(link.name.as_ref()), tco: filled(link.tco.as_ref()) }
}

fn reference<'a>(reference: &'a wire::Reference<'_>) -> Reference<&'a str> {
    Reference {
        kind: reference.kind.as_ref().map(|kind| kind.with(|word| &**word)),
        tweet_id: reference.tweet_id.as_ref().map(|id| TweetId::new(id)),
        text: reference.text.as_deref(),
        author: reference.author.as_ref().map(account).unwrap_or_default(),
        media: united(&reference.media, media, merge_media),
    }
}

fn token<'a>(token: &'a wire::Token<'_>) -> Token<&'a str> {
    Token {
        symbol: token.symbol.as_ref().map(|symbol| wire::bare(symbol, '$')).filter(|symbol| !symbol.is_empty()),
        name: filled(token.name.as_ref()),
        contract: filled(token.contract.as_ref()),
        address: token.contract.as_ref().and_then(|contract| Address::parse(contract).ok()),
        chain: filled(token.chain.as_ref()),
        network: token.network_id,
        price: token.price_usd,
        sources: sources(&token.sources),
    }
}

fn market<'a>(market: &'a wire::Market<'_>) -> Market<&'a str> {
    Market {
        exchange: filled(market.exchange.as_ref()),
        symbol: filled(market.symbol.as_ref()),
        base: filled(market.base_asset.as_ref()),
        quote: filled(market.quote_asset.as_ref()),
        price: market.price_usd,
        url: filled(market.url.as_ref()),
        sources: sources(&market.sources),
    }
}

fn prediction<'a>(market: &'a wire::Prediction<'_>) -> Prediction<&'a str> {
    Prediction {
        exchange: filled(market.exchange.as_ref()),
        id: filled(market.market_id.as_ref()),
        title: filled(market.title.as_ref()),
        price: market.price_usd,
        url: filled(market.url.as_ref()),
        sources: sources(&market.sources),
    }
}

fn sources(sources: &wire::Sources<'_>) -> Sources {
    Sources { text: sources.text, ocr: sources.ocr, meta: true }
}
