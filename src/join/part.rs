//! What one envelope says of a tweet, as a tweet of its own that owns its texts: borrowed envelope in, [`Part`] out.

use std::cell::Cell;
use std::cmp::Ordering;
use std::sync::Arc;

use super::merge::{merge_links, merge_markets, merge_media, merge_mentions, merge_predictions, merge_tokens};
use crate::model::address::Address;
use crate::model::envelope as wire;
use crate::model::ids::TweetId;
use crate::model::subject::{Account, Link, Market, Media, Mention, Prediction, Reference, Sources, Str, Token, Tweet};
use crate::model::time::Timestamp;

/// Which parts say it better: later ones override earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// What a pin, unpin or delete says beside the id.
    Pin,
    Content,
    Update,
    Meta,
}

/// What one envelope says of a tweet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) rank: Rank,
    pub(super) ts: Option<Timestamp>,
    pub(super) says: Arc<Tweet>,
    /// What it takes, near enough.
    pub(super) bytes: usize,
}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    /// By rank, then by time, and what it says decides between equals: nothing depends on which came first.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.rank, self.ts).cmp(&(other.rank, other.ts)).then_with(|| self.says.cmp(&other.says))
    }
}

impl Part {
    /// Of a content, an update, or (as [`Rank::Pin`]) of a delete, pin or unpin.
    pub(super) fn of_tweet(part: &wire::TweetPart<'_>, rank: Rank, ts: Option<Timestamp>) -> Self {
        let owner = Owner::default();
        let mut says = Tweet::unknown(TweetId::new(&part.tweet_id));
        says.parts.content = rank == Rank::Content;
        says.parts.update = rank == Rank::Update;
        says.stated_kind.clone_from(&part.kind);
        says.text = part.text.as_ref().map(|text| owner.text(text));
        says.created_at = part.created_at;
        says.received_at = part.received_at;
        says.author = owner.account(part.author.as_ref());
        says.link = owner.filled(part.link.as_ref());
        owner.media(&mut says.media, &part.media);
        for mention in &part.mentions {
            merge_mentions(&mut says.mentions, &[owner.mention(mention)]);
        }
        for link in &part.urls {
            merge_links(&mut says.urls, &[owner.link(link)]);
        }
        says.reference = part.reference.as_ref().map(|reference| owner.reference(reference));
        Self::new(rank, ts, says, &owner)
    }

    /// Of a meta.
    pub(super) fn of_meta(meta: &wire::MetaPart<'_>, ts: Option<Timestamp>) -> Self {
        let owner = Owner::default();
        let mut says = Tweet::unknown(TweetId::new(&meta.tweet_id));
        says.parts.meta = true;
        says.ocr = meta.ocr.as_ref().and_then(|ocr| owner.filled(ocr.text.as_ref()));
        if let Some(detected) = &meta.detected {
            for token in &detected.tokens {
                merge_tokens(&mut says.tokens, &[owner.token(token)]);
            }
            for market in &detected.markets {
                merge_markets(&mut says.markets, &[owner.market(market)]);
            }
            for prediction in &detected.predictions {
                merge_predictions(&mut says.predictions, &[owner.prediction(prediction)]);
            }
        }
        Self::new(Rank::Meta, ts, says, &owner)
    }

    fn new(rank: Rank, ts: Option<Timestamp>, says: Tweet, owner: &Owner) -> Self {
        let elements = size_of_val(says.media.as_slice())
            + size_of_val(says.mentions.as_slice())
            + size_of_val(says.urls.as_slice())
            + size_of_val(says.tokens.as_slice())
            + size_of_val(says.markets.as_slice())
            + size_of_val(says.predictions.as_slice())
            + says.reference.as_ref().map_or(0, |reference| size_of_val(reference.media.as_slice()));
        // The lists stand twice: here, and in the tweet that the parts make.
        let bytes = size_of::<Self>() + size_of::<Tweet>() + 2 * elements + owner.bytes.get();
        Self { rank, ts, says: Arc::new(says), bytes }
    }

    /// Whether it says more than which tweet it is about.
    pub(super) fn says_something(&self) -> bool {
        let Tweet { stated_kind, text, created_at, received_at, author, link, media, mentions, urls, reference, .. } =
            &*self.says;
        stated_kind.is_some()
            || text.is_some()
            || created_at.is_some()
            || received_at.is_some()
            || *author != Account::default()
            || link.is_some()
            || !(media.is_empty() && mentions.is_empty() && urls.is_empty())
            || reference.is_some()
    }
}

/// Copies texts out of the frame, once, and counts their bytes.
#[derive(Default)]
pub(super) struct Owner {
    bytes: Cell<usize>,
}

impl Owner {
    fn text(&self, text: &wire::Text<'_>) -> Str {
        // Two counters stand in front of shared text.
        self.bytes.set(self.bytes.get() + text.len() + 2 * size_of::<usize>());
        Str::from(text.as_str())
    }

    /// Empty is as good as absent, so that it never overrides what is known.
    fn filled(&self, text: Option<&wire::Text<'_>>) -> Option<Str> {
        text.filter(|text| !text.is_empty()).map(|text| self.text(text))
    }

    pub(super) fn account(&self, author: Option<&wire::Author<'_>>) -> Account {
        let Some(author) = author else { return Account::default() };
        Account {
            id: self.filled(author.id.as_ref()),
            handle: self.filled(author.handle.as_ref()),
            name: self.filled(author.name.as_ref()),
            platform: author.platform.clone(),
            avatar: self.filled(author.profile_image.as_ref()),
            banner: self.filled(author.banner.as_ref()),
            bio: self.filled(author.bio.as_ref()),
            followers: author.followers_count,
            following: author.following_count,
            joined_at: author.joined_at,
            location: self.filled(author.location.as_ref()),
            url: self.filled(author.url.as_ref().or(author.website_url.as_ref())),
            verified: self.filled(author.verified_type.as_ref()),
        }
    }

    fn media(&self, into: &mut Vec<Media>, from: &[wire::Media<'_>]) {
        for media in from {
            let media = Media {
                kind: self.filled(media.kind.as_ref()),
                url: self.text(&media.url),
                thumbnail: self.filled(media.thumbnail.as_ref()),
            };
            merge_media(into, &[media]);
        }
    }

    fn mention(&self, mention: &wire::Mention<'_>) -> Mention {
        Mention {
            id: self.filled(mention.id.as_ref()),
            handle: self.filled(mention.handle.as_ref()),
            name: self.filled(mention.name.as_ref()),
        }
    }

    fn link(&self, link: &wire::Link<'_>) -> Link {
        Link { url: self.text(&link.url), name: self.filled(link.name.as_ref()), tco: self.filled(link.tco.as_ref()) }
    }

    fn reference(&self, reference: &wire::Reference<'_>) -> Reference {
        let mut owned = Reference {
            kind: reference.kind.clone(),
            tweet_id: reference.tweet_id.as_ref().map(|id| TweetId::new(id)),
            text: reference.text.as_ref().map(|text| self.text(text)),
            author: self.account(reference.author.as_ref()),
            media: Vec::new(),
        };
        self.media(&mut owned.media, &reference.media);
        owned
    }

    fn token(&self, token: &wire::Token<'_>) -> Token {
        Token {
            symbol: self.filled(token.symbol.clone().map(|symbol| symbol.without('$')).as_ref()),
            name: self.filled(token.name.as_ref()),
            contract: self.filled(token.contract.as_ref()),
            address: token.contract.as_ref().and_then(|contract| Address::parse(contract).ok()),
            chain: self.filled(token.chain.as_ref()),
            network: token.network_id,
            price: token.price_usd,
            sources: sources(&token.sources),
        }
    }

    fn market(&self, market: &wire::Market<'_>) -> Market {
        Market {
            exchange: self.filled(market.exchange.as_ref()),
            symbol: self.filled(market.symbol.as_ref()),
            base: self.filled(market.base_asset.as_ref()),
            quote: self.filled(market.quote_asset.as_ref()),
            price: market.price_usd,
            url: self.filled(market.url.as_ref()),
            sources: sources(&market.sources),
        }
    }

    fn prediction(&self, market: &wire::Prediction<'_>) -> Prediction {
        Prediction {
            exchange: self.filled(market.exchange.as_ref()),
            id: self.filled(market.market_id.as_ref()),
            title: self.filled(market.title.as_ref()),
            price: market.price_usd,
            url: self.filled(market.url.as_ref()),
            sources: sources(&market.sources),
        }
    }
}

fn sources(sources: &wire::Sources<'_>) -> Sources {
    Sources { text: sources.text, ocr: sources.ocr, meta: true }
}
