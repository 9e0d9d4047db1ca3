//! The tables of the tweet family (PROTOCOL 3.1 to 3.4): which key is which field.

use super::json::Reader;
use super::malformed::Malformed;
use super::object::{Fields, Seen, fields};
use super::scalar::{count, filled, handle, id, kind, moment, platform, price, required, text, tweet_id};
use crate::model::envelope::{
    Author, Detected, Link, Market, Media, Mention, MetaPart, Metrics, Ocr, Prediction, Reference, Sources, Text, Token,
    TweetPart, VerifiedLabel,
};
use crate::model::limits;

fields! { TweetPart<'de>;
    "tweetId" => tweet_id: tweet_id,
    "kind" => kind: kind,
    "text" => text: text,
    "createdAt" => created_at: moment,
    "receivedAt" => received_at: moment,
    "author" => author: object,
    "link" => link: filled,
    "media" => media: list,
    "mentions" => mentions: list,
    "urls" => urls: list,
    "ref" => reference: boxed,
}

fields! { Author<'de>;
    "id" => id: id,
    "handle" => handle: handle,
    "name" => name: filled,
    "platform" => platform: platform,
    "profileImage" => profile_image: filled,
    "followersCount" => followers_count: count,
    "followingCount" => following_count: count,
    "verifiedType" => verified_type: word(&["blue", "business", "government", "none"]),
    "banner" => banner: filled,
    "bio" => bio: text,
    "joinedAt" => joined_at: moment,
    "location" => location: filled,
    "metrics" => metrics: object,
    "url" => url: filled,
    "websiteUrl" => website_url: filled,
    "verifiedLabel" => verified_label: object,
}

fields! { Metrics;
    "likes" => likes: count,
    "tweets" => tweets: count,
}

fields! { VerifiedLabel<'de>;
    "badge" => badge: filled,
    "description" => description: filled,
    "url" => url: filled,
}

fields! { Media<'de>, usable |media| !media.url.is_empty();
    "url" => url: required,
    "type" => kind: word(&["image", "video", "gif"]),
    "thumbnail" => thumbnail: filled,
}

fields! { Mention<'de>, usable |mention| mention.id.is_some() || mention.handle.is_some() || mention.name.is_some();
    "id" => id: id,
    "handle" => handle: handle,
    "name" => name: filled,
}

fields! { Link<'de>, usable |link| !link.url.is_empty();
    "url" => url: required,
    "name" => name: filled,
    "tco" => tco: filled,
}

fields! { Reference<'de>;
    "type" => kind: kind,
    "tweetId" => tweet_id: id,
    "text" => text: text,
    "author" => author: object,
    "media" => media: list,
}

fields! { MetaPart<'de>;
    "tweetId" => tweet_id: tweet_id,
    "ocr" => ocr: object,
    "detected" => detected: object,
}

fields! { Ocr<'de>;
    "text" => text: text,
}

fields! { Detected<'de>;
    "tokens" => tokens: list,
    "cex" => markets: list,
    "prediction" => predictions: list,
}

fields! { Token<'de>, usable |token| token.symbol.is_some() || token.name.is_some() || token.contract.is_some();
    "symbol" => symbol: filled,
    "name" => name: filled,
    "contract" => contract: filled,
    "chain" => chain: filled,
    "networkId" => network_id: count,
    "priceUsd" => price_usd: price,
    "sources" => sources: sources,
}

fields! { Market<'de>, usable |market| market.exchange.is_some() || market.symbol.is_some() || market.url.is_some();
    "exchange" => exchange: word(&["bybit", "binance", "hyperliquid"]),
    "symbol" => symbol: filled,
    "baseAsset" => base_asset: filled,
    "quoteAsset" => quote_asset: filled,
    "priceUsd" => price_usd: price,
    "url" => url: filled,
    "sources" => sources: sources,
}

fields! { Prediction<'de>, usable |market| market.exchange.is_some() || market.market_id.is_some() || market.title.is_some();
    "exchange" => exchange: word(&["polymarket", "kalshi"]),
    "marketId" => market_id: id,
    "title" => title: filled,
    "priceUsd" => price_usd: price,
    "url" => url: filled,
    "sources" => sources: sources,
}

/// `sources`: a list of words.
pub(super) fn sources<'de>(from: &mut Reader<'de>, into: &mut Sources<'de>) -> Result<(), Malformed> {
    if from.peek()? != b'[' {
        return from.absent();
    }
    from.elements(|from| {
        let mut source = None;
        filled(from, &mut source)?;
        match source.as_deref() {
            None => {}
            Some("text") => into.text = true,
            Some("ocr") => into.ocr = true,
            Some(_) => {
                from.tally.note(|odd| &mut odd.unknown_values);
                if into.other.len() < limits::ELEMENTS {
                    into.other.extend(source);
                }
            }
        }
        Ok(())
    })
}

/// `d` of delete, pin and unpin, whose shape is not published (PROTOCOL 3.4): the tweet may stand in `d` itself, in `d.tweet` or in
/// `d.content`.
#[derive(Debug, Default)]
pub(super) struct Lifecycle<'a> {
    flat: TweetPart<'a>,
    tweet: Option<TweetPart<'a>>,
    content: Option<TweetPart<'a>>,
}

impl<'a> Lifecycle<'a> {
    /// The first id of the three, on the first of the three that has a text or an author.
    pub(super) fn resolve(self) -> TweetPart<'a> {
        let nested = || [self.tweet.as_ref(), self.content.as_ref()].into_iter().flatten();
        let ids = || std::iter::once(&self.flat).chain(nested()).map(|part| &part.tweet_id);
        let tweet_id: Text<'a> = ids().find(|id| !id.is_empty()).cloned().unwrap_or_default();
        let says = |part: &TweetPart<'_>| part.text.is_some() || part.author.is_some();
        let part = if says(&self.flat) {
            self.flat
        } else {
            [self.tweet, self.content].into_iter().flatten().find(says).unwrap_or(self.flat)
        };
        TweetPart { tweet_id, ..part }
    }
}

impl<'de> Fields<'de> for Lifecycle<'de> {
    fn read(&mut self, key: &[u8], from: &mut Reader<'de>, seen: &mut Seen) -> Result<bool, Malformed> {
        // The places after those of the flat part's table.
        let (place, slot) = match key {
            b"tweet" => (62, &mut self.tweet),
            b"content" => (63, &mut self.content),
            _ => return self.flat.read(key, from, seen),
        };
        seen.once(place)?;
        from.object(slot)?;
        Ok(true)
    }
}
