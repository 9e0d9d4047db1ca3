//! Which names a template may use, and what each of them is. In: a name and the rules' events. Out: its shape, or why there is none.
//!
//! `render::values` builds exactly these values; a test there holds the two against each other.

use super::Scope;
use crate::model::subject::Event;
use crate::rules::ruleset::Each;

/// What a value of a template is, as far as a template can go wrong on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text, a number or a truth value: it can be written out.
    Plain,
    /// Named fields.
    Table(&'static [(&'static str, Shape)]),
    /// Any number of such.
    List(&'static Shape),
    /// The `loop` variable, whose `cycle` and `changed` can be called.
    Loop,
    /// Not known: everything is allowed.
    Any,
}

use Shape::{List, Plain, Table};

const FIRING: Shape = Table(&[
    ("id", Plain),
    ("at", Plain),
    ("at_ms", Plain),
    ("age", Plain),
    ("expires_at", Plain),
    ("expires_at_ms", Plain),
    ("late", Plain),
    ("held", Plain),
]);

const ACCOUNT: Shape = Table(&[
    ("id", Plain),
    ("handle", Plain),
    ("name", Plain),
    ("platform", Plain),
    ("link", Plain),
    ("avatar", Plain),
    ("bio", Plain),
    ("location", Plain),
    ("url", Plain),
    ("followers", Plain),
    ("following", Plain),
    ("verified", Plain),
    ("joined_at", Plain),
]);

const MEDIA: Shape = Table(&[("kind", Plain), ("url", Plain), ("thumbnail", Plain)]);

const TWEET: Shape = Table(&[
    ("id", Plain),
    ("text", Plain),
    ("raw_text", Plain),
    ("link", Plain),
    ("kind", Plain),
    ("created_at", Plain),
    ("created_at_ms", Plain),
    ("received_at", Plain),
    ("deleted_at", Plain),
    ("links", List(&Plain)),
    ("mentions", List(&Plain)),
    ("media", List(&MEDIA)),
]);

const REFERENCE: Shape = Table(&[("id", Plain), ("text", Plain), ("link", Plain), ("kind", Plain), ("author", ACCOUNT)]);

const SOURCES: Shape = List(&Plain);

const TOKEN: Shape = Table(&[
    ("symbol", Plain),
    ("name", Plain),
    ("contract", Plain),
    ("chain", Plain),
    ("network", Plain),
    ("price", Plain),
    ("sources", SOURCES),
]);

const MARKET: Shape = Table(&[
    ("exchange", Plain),
    ("symbol", Plain),
    ("base", Plain),
    ("quote", Plain),
    ("price", Plain),
    ("url", Plain),
    ("sources", SOURCES),
]);

const PREDICTION: Shape =
    Table(&[("exchange", Plain), ("id", Plain), ("title", Plain), ("price", Plain), ("url", Plain), ("sources", SOURCES)]);

const MATCHED: Shape = Table(&[("matcher", Plain), ("value", Plain), ("place", Plain)]);

const MEMBER: Shape =
    Table(&[("who", Plain), ("event", Plain), ("at", Plain), ("at_ms", Plain), ("price", Plain), ("link", Plain)]);
const WINDOW: Shape = Table(&[("type", Plain), ("key", Plain), ("count", Plain), ("members", List(&MEMBER))]);

const CHANGE: Shape = Table(&[("field", Plain), ("before", Plain), ("after", Plain)]);
const CHANGES: Shape = List(&CHANGE);

const PROFILE_EVENT: Shape = Table(&[("id", Plain), ("actor", ACCOUNT), ("changes", CHANGES)]);
const FOLLOW_EVENT: Shape = Table(&[("id", Plain), ("actor", ACCOUNT), ("target", ACCOUNT)]);
const ANY_ACCOUNT_EVENT: Shape = Table(&[("id", Plain), ("actor", ACCOUNT), ("target", ACCOUNT), ("changes", CHANGES)]);

/// Every variable, in the order of RULES 5.
pub const VARIABLES: [&str; 16] = [
    "rule",
    "firing",
    "event",
    "tweet",
    "author",
    "ref",
    "token",
    "tokens",
    "market",
    "markets",
    "prediction",
    "predictions",
    "ocr",
    "account",
    "matched",
    "window",
];

/// What a variable is for rules on these events.
///
/// # Errors
/// Why it is never there: `None` when there is no such variable at all.
pub fn variable(name: &str, scope: &Scope<'_>) -> Result<(&'static str, Shape), Option<String>> {
    let Some(known) = VARIABLES.into_iter().find(|known| *known == name) else {
        return Err(None);
    };
    let shape = match known {
        "rule" | "event" => Plain,
        "firing" => FIRING,
        "author" => ACCOUNT,
        "matched" => List(&MATCHED),
        "window" if scope.window => WINDOW,
        "window" => return Err(Some("`window` is never there in a rule without `[rule.window]`".to_owned())),
        "account" => return account(scope).map(|shape| (known, shape)),
        _ => return of_a_tweet(known, scope).map(|shape| (known, shape)),
    };
    Ok((known, shape))
}

fn account(scope: &Scope<'_>) -> Result<Shape, Option<String>> {
    let profile = scope.on.contains(&Event::ProfileUpdate);
    let follow = scope.on.contains(&Event::Follow) || scope.on.contains(&Event::Unfollow);
    match (profile, follow) {
        (true, true) => Ok(ANY_ACCOUNT_EVENT),
        (true, false) => Ok(PROFILE_EVENT),
        (false, true) => Ok(FOLLOW_EVENT),
        (false, false) => Err(Some(format!("`account` is never there {}", on(scope)))),
    }
}

fn of_a_tweet(known: &str, scope: &Scope<'_>) -> Result<Shape, Option<String>> {
    if !scope.on.iter().any(|event| event.is_about_a_tweet()) {
        return Err(Some(format!("`{known}` is never there {}", on(scope))));
    }
    let element = |each: Each, shape: Shape| match scope.each {
        Some(other) if other != each => Err(Some(format!("`{known}` is never there in a rule with each = \"{}\"", other.name()))),
        _ => Ok(shape),
    };
    match known {
        "tweet" => Ok(TWEET),
        "ref" => Ok(REFERENCE),
        "token" => element(Each::Token, TOKEN),
        "tokens" => Ok(List(&TOKEN)),
        "market" => element(Each::Market, MARKET),
        "markets" => Ok(List(&MARKET)),
        "prediction" => element(Each::Prediction, PREDICTION),
        "predictions" => Ok(List(&PREDICTION)),
        _ => Ok(Plain),
    }
}

fn on(scope: &Scope<'_>) -> String {
    let events: Vec<&str> = scope.on.iter().map(|event| event.name()).collect();
    format!("in a rule on {}", events.join(", "))
}
