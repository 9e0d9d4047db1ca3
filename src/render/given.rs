//! What the template of a payload is given: a value that stands alone is looked up by its name, and only a template that does more with them has
//! all of its variables made. An order's body is mostly the former, and it waits for nothing that is not in it.

use std::cell::OnceCell;

use minijinja::Value;
use serde_json::Value as Json;

use super::gather::{self, Gather};
use super::values::Caps;
use super::{link, sanitise};
use crate::model::firing::{Element, Firing};
use crate::model::subject::{Account, Token, Tweet};
use crate::model::time::Timestamp;
use crate::rules::template::{One, Values};

/// The values of one firing, as the template's `uses` ask for them.
pub(super) struct Given<'f> {
    firing: &'f Firing,
    expires_at: Timestamp,
    uses: &'f [&'static str],
    all: OnceCell<Value>,
}

impl<'f> Given<'f> {
    pub(super) fn new(firing: &'f Firing, expires_at: Timestamp, uses: &'f [&'static str]) -> Self {
        Self { firing, expires_at, uses, all: OnceCell::new() }
    }
}

impl Values for Given<'_> {
    fn one(&self, variable: &str, field: &str) -> One {
        let gather = Gather::new(self.firing, self.expires_at, Caps::TEMPLATE);
        let subject = &self.firing.subject;
        match (variable, field) {
            ("rule", "") => text(gather.line(&self.firing.rule)),
            ("event", "") => text(subject.event.name()),
            ("firing", field) => of_firing(self.firing, self.expires_at, field),
            ("tweet", field) => subject.tweet().map_or(One::Absent, |tweet| of_tweet(&gather, tweet, field)),
            ("author", field) => of_account(&gather, subject.actor(), field),
            ("token", field) => match &self.firing.element {
                Some(Element::Token(token)) => of_token(&gather, token, field),
                _ => One::Absent,
            },
            _ => One::NotAlone,
        }
    }

    fn all(&self) -> &Value {
        self.all.get_or_init(|| gather::context(self.firing, self.expires_at, self.uses))
    }
}

fn of_firing(firing: &Firing, expires_at: Timestamp, field: &str) -> One {
    match field {
        "id" => text(firing.id.to_string()),
        "at" => text(firing.at.to_string()),
        "at_ms" => One::Value(firing.at.as_millis().into()),
        "expires_at" => text(expires_at.to_string()),
        "expires_at_ms" => One::Value(expires_at.as_millis().into()),
        "late" => One::Value(firing.is_late().into()),
        "held" => One::Value(firing.held.into()),
        _ => One::NotAlone,
    }
}

fn of_tweet(gather: &Gather<'_>, tweet: &Tweet, field: &str) -> One {
    match field {
        "id" => text(gather.line(tweet.id.as_str())),
        "text" => some(tweet.text.as_ref().map(|raw| gather.capped(sanitise::written(raw), Caps::TEMPLATE.text))),
        "raw_text" => some(tweet.text.as_ref().map(|raw| gather.capped(&**raw, Caps::TEMPLATE.text))),
        "link" => some(link::tweet(&tweet.id, &tweet.author)),
        "kind" => some(tweet.kind().map(|kind| gather.line(kind.name()))),
        "created_at" => some(tweet.created_at.map(|at| at.to_string())),
        "created_at_ms" => tweet.created_at.map_or(One::Absent, |at| One::Value(at.as_millis().into())),
        _ => One::NotAlone,
    }
}

fn of_account(gather: &Gather<'_>, account: &Account, field: &str) -> One {
    match field {
        "id" => some(gather.short(account.id.as_ref())),
        "handle" => some(gather.short(account.handle.as_ref())),
        "name" => some(account.name.as_deref().map(|name| gather.capped(sanitise::name(name), Caps::TEMPLATE.short))),
        "platform" => text(gather.line(account.platform().name())),
        "link" => some(link::profile(account)),
        "followers" => account.followers.map_or(One::Absent, |followers| One::Value(followers.into())),
        _ => One::NotAlone,
    }
}

fn of_token(gather: &Gather<'_>, token: &Token, field: &str) -> One {
    match field {
        "symbol" => some(gather.short(token.symbol.as_ref())),
        "name" => some(gather.short(token.name.as_ref())),
        "contract" => some(gather.short(token.contract.as_ref())),
        "chain" => some(gather.short(token.chain.as_ref())),
        "price" => token.price.map_or(One::Absent, |price| One::Value(price.usd().into())),
        _ => One::NotAlone,
    }
}

fn text(text: impl Into<String>) -> One {
    One::Value(Json::String(text.into()))
}

fn some(value: Option<String>) -> One {
    value.map_or(One::Absent, text)
}
