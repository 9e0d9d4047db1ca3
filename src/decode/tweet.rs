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
    b"tweetId" => tweet_id: scalar(tweet_id),
    b"kind" => kind: scalar(kind),
    b"text" => text: scalar(text),
    b"createdAt" => created_at: scalar(moment),
    b"receivedAt" => received_at: scalar(moment),
    b"author" => author: object,
    b"link" => link: scalar(filled),
    b"media" => media: list,
    b"mentions" => mentions: list,
    b"urls" => urls: list,
    b"ref" => reference: boxed,
}

fields! { Author<'de>;
    b"id" => id: scalar(id),
    b"handle" => handle: scalar(handle),
    b"name" => name: scalar(filled),
    b"platform" => platform: scalar(platform),
    b"profileImage" => profile_image: scalar(filled),
    b"followersCount" => followers_count: scalar(count),
    b"followingCount" => following_count: scalar(count),
    b"verifiedType" => verified_type: word(&["blue", "business", "government", "none"]),
    b"banner" => banner: scalar(filled),
    b"bio" => bio: scalar(text),
    b"joinedAt" => joined_at: scalar(moment),
    b"location" => location: scalar(filled),
    b"metrics" => metrics: object,
    b"url" => url: scalar(filled),
    b"websiteUrl" => website_url: scalar(filled),
    b"verifiedLabel" => verified_label: object,
}

fields! { Metrics;
    b"likes" => likes: scalar(count),
    b"tweets" => tweets: scalar(count),
}

fields! { VerifiedLabel<'de>;
    b"badge" => badge: scalar(filled),
    b"description" => description: scalar(filled),
    b"url" => url: scalar(filled),
}

fields! { Media<'de>, usable |media| !media.url.is_empty();
    b"url" => url: scalar(required),
    b"type" => kind: word(&["image", "video", "gif"]),
    b"thumbnail" => thumbnail: scalar(filled),
}

fields! { Mention<'de>, usable |mention| mention.id.is_some() || mention.handle.is_some() || mention.name.is_some();
    b"id" => id: scalar(id),
    b"handle" => handle: scalar(handle),
    b"name" => name: scalar(filled),
}

fields! { Link<'de>, usable |link| !link.url.is_empty();
    b"url" => url: scalar(required),
    b"name" => name: scalar(filled),
    b"tco" => tco: scalar(filled),
}

fields! { Reference<'de>;
    b"type" => kind: scalar(kind),
    b"tweetId" => tweet_id: scalar(id),
    b"text" => text: scalar(text),
    b"author" => author: object,
    b"media" => media: list,
}

fields! { MetaPart<'de>;
    b"tweetId" => tweet_id: scalar(tweet_id),
    b"ocr" => ocr: object,
    b"detected" => detected: object,
}

fields! { Ocr<'de>;
    b"text" => text: scalar(text),
}

fields! { Detected<'de>;
    b"tokens" => tokens: list,
    b"cex" => markets: list,
    b"prediction" => predictions: list,
}

fields! { Token<'de>, usable |token| token.symbol.is_some() || token.name.is_some() || token.contract.is_some();
    b"symbol" => symbol: scalar(filled),
    b"name" => name: scalar(filled),
    b"contract" => contract: scalar(filled),
    b"chain" => chain: scalar(filled),
    b"networkId" => network_id: scalar(count),
    b"priceUsd" => price_usd: scalar(price),
    b"sources" => sources: sources,
}

fields! { Market<'de>, usable |market| market.exchange.is_some() || market.symbol.is_some() || market.url.is_some();
    b"exchange" => exchange: word(&["bybit", "binance", "hyperliquid"]),
    b"symbol" => symbol: scalar(filled),
    b"baseAsset" => base_asset: scalar(filled),
    b"quoteAsset" => quote_asset: scalar(filled),
    b"priceUsd" => price_usd: scalar(price),
    b"url" => url: scalar(filled),
    b"sources" => sources: sources,
}

fields! { Prediction<'de>, usable |market| market.exchange.is_some() || market.market_id.is_some() || market.title.is_some();
    b"exchange" => exchange: word(&["polymarket", "kalshi"]),
    b"marketId" => market_id: scalar(id),
    b"title" => title: scalar(filled),
    b"priceUsd" => price_usd: scalar(price),
    b"url" => url: scalar(filled),
    b"sources" => sources: sources,
}

/// `sources`: a list of words.
pub(super) fn sources<'de>(from: &mut Reader<'de>, into: &mut Sources<'de>) -> Result<(), Malformed> {
    if from.peek()? != b'[' {
        return from.absent();
    }
    from.elements(|from| {
        let source = from.scalar(filled)?;
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
