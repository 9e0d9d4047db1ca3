//! A firing → its [`Values`], all of them or only those that a template asks for: sanitised, and cut to the caps.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::Serde;

use super::values::{
    AccountEventValues, AccountValues, Caps, ChangeValues, FiringValues, MarketValues, MatchedValues, MediaValues, MemberValues,
    PredictionValues, ReferenceValues, TokenValues, TweetValues, Values, WindowValues,
};
use super::{fit, link, sanitise};
use crate::model::firing::{Element, Firing};
use crate::model::subject::{About, Account, AccountEvent, Market, Prediction, Reference, Sources, Str, Token, Tweet};
use crate::model::time::Timestamp;
use crate::model::window::Member;

/// Everything that a firing says.
pub(super) fn all(firing: &Firing, expires_at: Timestamp, caps: Caps) -> Values {
    let gather = Gather::new(firing, expires_at, caps);
    let tweet = firing.subject.tweet();
    let (token, market, prediction) = gather.element();
    Values {
        rule: gather.line(&firing.rule),
        firing: gather.firing(),
        event: firing.subject.event.name(),
        tweet: tweet.map(|tweet| gather.tweet(tweet)),
        author: gather.account(firing.subject.actor()),
        reference: tweet.and_then(|tweet| tweet.reference.as_ref()).map(|reference| gather.reference(reference)),
        token,
        market,
        prediction,
        tokens: tweet.map_or_else(Vec::new, |tweet| gather.list(&tweet.tokens, Gather::token)),
        markets: tweet.map_or_else(Vec::new, |tweet| gather.list(&tweet.markets, Gather::market)),
        predictions: tweet.map_or_else(Vec::new, |tweet| gather.list(&tweet.predictions, Gather::prediction)),
        ocr: tweet.and_then(|tweet| gather.long(tweet.ocr.as_ref())),
        account: gather.event().map(|event| gather.account_event(event)),
        matched: gather.matched(),
        window: gather.window(),
        truncated: gather.cut.get(),
    }
}

/// The variables for templates that ask for `uses`; `firing` is always among them, as the filter `ago` looks there.
pub(super) fn context(firing: &Firing, expires_at: Timestamp, uses: &[&'static str]) -> Value {
    let gather = Gather::new(firing, expires_at, Caps::TEMPLATE);
    let mut values: BTreeMap<&'static str, Value> = BTreeMap::new();
    values.insert("firing", value(gather.firing()));
    for name in uses {
        if let Some(value) = gather.variable(name) {
            values.insert(name, value);
        }
    }
    Value::from_pairs(values)
}

fn value(of: impl serde::Serialize) -> Value {
    Value::from(Serde(of))
}

pub(super) struct Gather<'f> {
    firing: &'f Firing,
    expires_at: Timestamp,
    caps: Caps,
    cut: Cell<bool>,
}

impl<'f> Gather<'f> {
    pub(super) fn new(firing: &'f Firing, expires_at: Timestamp, caps: Caps) -> Self {
        Self { firing, expires_at, caps, cut: Cell::new(false) }
    }

    fn variable(&self, name: &str) -> Option<Value> {
        let subject = &self.firing.subject;
        let tweet = subject.tweet();
        let (token, market, prediction) = self.element();
        let value = match name {
            "rule" => Value::from(self.line(&self.firing.rule)),
            "event" => Value::from(subject.event.name()),
            "tweet" => value(self.tweet(tweet?)),
            "author" => value(self.account(subject.actor())),
            "ref" => value(self.reference(tweet?.reference.as_ref()?)),
            "token" => value(token?),
            "market" => value(market?),
            "prediction" => value(prediction?),
            "tokens" => value(self.list(&tweet?.tokens, Self::token)),
            "markets" => value(self.list(&tweet?.markets, Self::market)),
            "predictions" => value(self.list(&tweet?.predictions, Self::prediction)),
            "ocr" => Value::from(self.long(tweet?.ocr.as_ref())?),
            "account" => value(self.account_event(self.event()?)),
            "matched" => value(self.matched()),
            "window" => value(self.window()?),
            _ => return None,
        };
        Some(value)
    }

    fn event(&self) -> Option<&'f AccountEvent> {
        match &self.firing.subject.about {
            About::Account(event) => Some(event),
            About::Tweet(_) => None,
        }
    }

    fn element(&self) -> (Option<TokenValues>, Option<MarketValues>, Option<PredictionValues>) {
        match &self.firing.element {
            Some(Element::Token(token)) => (Some(self.token(token)), None, None),
            Some(Element::Market(market)) => (None, Some(self.market(market)), None),
            Some(Element::Prediction(prediction)) => (None, None, Some(self.prediction(prediction))),
            None => (None, None, None),
        }
    }

    fn firing(&self) -> FiringValues {
        FiringValues {
            id: self.firing.id,
            at: self.firing.at.to_string(),
            at_ms: self.firing.at,
            age: self.firing.at.since(self.firing.subject.at).as_secs_f64(),
            expires_at: self.expires_at.to_string(),
            expires_at_ms: self.expires_at,
            late: self.firing.is_late(),
            held: self.firing.held,
        }
    }

    fn tweet(&self, tweet: &Tweet) -> TweetValues {
        let capped = |text: Cow<'_, str>| self.capped(text, self.caps.text);
        TweetValues {
            id: self.line(tweet.id.as_str()),
            text: tweet.text.as_ref().map(|text| capped(sanitise::written(text))),
            raw_text: tweet.text.as_ref().map(|text| capped(Cow::Borrowed(text))),
            link: link::tweet(&tweet.id, &tweet.author),
            kind: tweet.kind().map(|kind| self.line(kind.name())),
            created_at: tweet.created_at.map(|at| at.to_string()),
            created_at_ms: tweet.created_at,
            received_at: tweet.received_at.map(|at| at.to_string()),
            deleted_at: tweet.deleted_at.map(|at| at.to_string()),
            links: self.list(&tweet.urls, |gather, link| gather.line(&link.url)),
            mentions: self.list(&tweet.mentions, |gather, mention| gather.short(mention.handle.as_ref()).unwrap_or_default()),
            media: self.list(&tweet.media, |gather, media| MediaValues {
                kind: gather.short(media.kind.as_ref()),
                url: gather.line(&media.url),
                thumbnail: gather.short(media.thumbnail.as_ref()),
            }),
        }
    }

    fn account(&self, account: &Account) -> AccountValues {
        AccountValues {
            id: self.short(account.id.as_ref()),
            handle: self.short(account.handle.as_ref()),
            name: account.name.as_deref().map(|name| self.capped(sanitise::name(name), self.caps.short)),
            platform: self.line(account.platform().name()),
            link: link::profile(account),
            avatar: self.short(account.avatar.as_ref()),
            bio: self.long(account.bio.as_ref()),
            location: self.short(account.location.as_ref()),
            url: self.short(account.url.as_ref()),
            followers: account.followers,
            following: account.following,
            verified: self.short(account.verified.as_ref()),
            joined_at: account.joined_at.map(|at| at.to_string()),
        }
    }

    fn reference(&self, reference: &Reference) -> ReferenceValues {
        ReferenceValues {
            id: reference.tweet_id.as_ref().map(|id| self.line(id.as_str())),
            kind: reference.kind.as_ref().map(|kind| self.line(kind.name())),
            text: self.long(reference.text.as_ref()),
            link: reference.tweet_id.as_ref().and_then(|id| link::tweet(id, &reference.author)),
            author: self.account(&reference.author),
        }
    }

    fn token(&self, token: &Token) -> TokenValues {
        TokenValues {
            symbol: self.short(token.symbol.as_ref()),
            name: self.short(token.name.as_ref()),
            contract: self.short(token.contract.as_ref()),
            chain: self.short(token.chain.as_ref()),
            network: token.network,
            price: token.price,
            sources: sources(token.sources),
        }
    }

    fn market(&self, market: &Market) -> MarketValues {
        MarketValues {
            exchange: self.short(market.exchange.as_ref()),
            symbol: self.short(market.symbol.as_ref()),
            base: self.short(market.base.as_ref()),
            quote: self.short(market.quote.as_ref()),
            price: market.price,
            url: self.short(market.url.as_ref()),
            sources: sources(market.sources),
        }
    }

    fn prediction(&self, prediction: &Prediction) -> PredictionValues {
        PredictionValues {
            exchange: self.short(prediction.exchange.as_ref()),
            id: self.short(prediction.id.as_ref()),
            title: self.short(prediction.title.as_ref()),
            price: prediction.price,
            url: self.short(prediction.url.as_ref()),
            sources: sources(prediction.sources),
        }
    }

    fn account_event(&self, event: &AccountEvent) -> AccountEventValues {
        AccountEventValues {
            id: self.line(&event.id),
            actor: self.account(&event.actor),
            target: event.target.as_ref().map(|target| self.account(target)),
            changes: self.list(&event.changes, |gather, change| ChangeValues {
                field: change.field.name(),
                before: gather.long(change.before.as_ref()),
                after: gather.long(change.after.as_ref()),
            }),
        }
    }

    fn matched(&self) -> Vec<MatchedValues> {
        self.list(&self.firing.matched, |gather, matched| MatchedValues {
            matcher: matched.matcher,
            value: gather.line(&matched.value),
            place: Some(matched.place).filter(|place| !place.is_empty()),
        })
    }

    fn window(&self) -> Option<WindowValues> {
        let told = self.firing.window.as_deref()?;
        let member = |gather: &Self, member: &Member| MemberValues {
            who: member.who.as_ref().map(|who| gather.line(who.as_str())),
            event: member.event.name(),
            at: member.at.to_string(),
            at_ms: member.at,
            price: member.price,
            link: link::member(member),
        };
        let members = self.list(&told.members, member);
        Some(WindowValues { r#type: told.kind, key: self.line(&told.key.replace('\u{1f}', " ")), count: told.count, members })
    }

    fn list<T, V>(&self, items: &[T], value: impl Fn(&Self, &T) -> V) -> Vec<V> {
        if items.len() > self.caps.list {
            self.cut.set(true);
        }
        items.iter().take(self.caps.list).map(|item| value(self, item)).collect()
    }

    fn long(&self, text: Option<&Str>) -> Option<String> {
        text.map(|text| self.capped(sanitise::written(text), self.caps.other))
    }

    pub(super) fn short(&self, text: Option<&Str>) -> Option<String> {
        text.map(|text| self.line(text))
    }

    pub(super) fn line(&self, text: &str) -> String {
        self.capped(sanitise::line(text), self.caps.short)
    }

    pub(super) fn capped<'t>(&self, text: impl Into<Cow<'t, str>>, bytes: usize) -> String {
        let text = text.into();
        if fit::fits_json(&text, bytes) {
            return text.into_owned();
        }
        self.cut.set(true);
        fit::cut(&text, bytes, fit::json).into_owned()
    }
}

fn sources(sources: Sources) -> Vec<&'static str> {
    let named = [(sources.text, "text"), (sources.ocr, "ocr"), (sources.meta, "meta")];
    named.into_iter().filter_map(|(found, name)| found.then_some(name)).collect()
}
