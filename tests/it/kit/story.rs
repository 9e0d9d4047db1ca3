//! A story in, firings out: rules and frames of the feed through decode and the engine, in the log's time, without sockets.

use std::sync::Arc;

use birdcall::engine::{Effect, Engine, Hold, Input};
use birdcall::model::delivery::Outcome;
use birdcall::model::firing::{Element, Firing, Origin};
use birdcall::model::mute::Mute;
use birdcall::model::time::Timestamp;
use birdcall::{decode, rules};
use serde_json::{Value, json};

/// When stories begin: 2026-06-17T12:40:00Z, in milliseconds.
pub(crate) const START: i64 = 1_781_700_000_000;

/// An engine with the rules of a story.
pub(crate) struct Story {
    engine: Engine,
    effects: Vec<Effect>,
    origin: Origin,
}

impl Story {
    /// Rules as a user writes them. Every rule without a `send` line of its own needs one: `send = ["out"]` is a console.
    pub(crate) fn new(rules: &str) -> Self {
        let text = format!("[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n{rules}");
        let sources = [rules::Source::rules("rules.toml", text)];
        let loaded = rules::load(&sources);
        let Some(set) = loaded.ruleset else {
            panic!("{}", rules::render(&loaded.diagnostics, &sources, rules::Style::Plain));
        };
        Self { engine: Engine::new(Arc::new(set)), effects: Vec::new(), origin: Origin::Live }
    }

    /// What comes from now on did not come over the live socket.
    pub(crate) fn from(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// As [`Story::from`], from here on.
    pub(crate) fn now_from(&mut self, origin: Origin) -> &mut Self {
        self.origin = origin;
        self
    }

    /// The feed's clock is so far ahead of the one by which things happen here.
    pub(crate) fn feed_is_ahead(&mut self, ms: i64) -> &mut Self {
        self.engine.feed_is_ahead(ms);
        self
    }

    /// What is muted from here on.
    pub(crate) fn mute(&mut self, mutes: &[Mute]) -> &mut Self {
        self.engine.set_mutes(mutes.iter().cloned());
        self
    }

    /// How many firings a mute has held.
    pub(crate) fn held(&self, number: i64) -> u64 {
        self.engine.mutes().held(number)
    }

    /// What waits do not end from here on.
    pub(crate) fn hold(&mut self, hold: Hold) -> &mut Self {
        self.engine.hold(hold);
        self
    }

    /// A frame comes: what is done before any other message than an order is made, and the rest.
    pub(crate) fn in_two(&mut self, ms: i64, frame: &Value) -> [Vec<Effect>; 2] {
        let (frame, at) = (frame.to_string(), Timestamp::from_millis(START + ms));
        let envelope = decode::decode(&frame).unwrap_or_else(|why| panic!("{why}: {frame}"));
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        self.engine.step_to_orders(&Input::Entry { envelope: &envelope, at, origin: self.origin }, &mut first);
        assert!(self.engine.is_unfinished());
        self.engine.finish(&mut rest);
        assert!(!self.engine.is_unfinished());
        [first, rest]
    }

    /// Time passes, with all that the engine wants done.
    pub(crate) fn all_at(&mut self, ms: i64) -> Vec<Effect> {
        self.engine.step(&Input::Tick(Timestamp::from_millis(START + ms)), &mut self.effects);
        std::mem::take(&mut self.effects)
    }

    /// An envelope comes `ms` after the start. Returns what fired.
    pub(crate) fn at(&mut self, ms: i64, envelope: &Value) -> Vec<String> {
        self.give(ms, envelope);
        self.fired()
    }

    /// Nothing comes until `ms` after the start.
    pub(crate) fn tick(&mut self, ms: i64) -> Vec<String> {
        self.engine.step(&Input::Tick(Timestamp::from_millis(START + ms)), &mut self.effects);
        self.fired()
    }

    /// As [`Story::at`], with all that the engine wants done.
    pub(crate) fn all(&mut self, ms: i64, envelope: &Value) -> Vec<Effect> {
        self.give(ms, envelope);
        std::mem::take(&mut self.effects)
    }

    /// As [`Story::at`], with the deliveries that ended before they began.
    pub(crate) fn ends(&mut self, ms: i64, envelope: &Value) -> Vec<Outcome> {
        let of = |effect| match effect {
            Effect::Ended(report) => Some(report.outcome),
            _ => None,
        };
        self.all(ms, envelope).into_iter().filter_map(of).collect()
    }

    /// As [`Story::at`], with the ids of the firings.
    pub(crate) fn ids(&mut self, ms: i64, envelope: &Value) -> Vec<String> {
        self.give(ms, envelope);
        self.firings().iter().map(|firing| firing.id.to_string()).collect()
    }

    fn give(&mut self, ms: i64, envelope: &Value) {
        let frame = envelope.to_string();
        let envelope = decode::decode(&frame).unwrap_or_else(|error| panic!("{frame}: {error}"));
        let at = Timestamp::from_millis(START + ms);
        self.engine.step(&Input::Entry { envelope: &envelope, at, origin: self.origin }, &mut self.effects);
    }

    /// Names of the rules that fired in the last step, with the element if there is one; sorted.
    fn fired(&mut self) -> Vec<String> {
        let mut names: Vec<_> = self.firings().iter().map(|firing| name(firing)).collect();
        names.sort();
        names
    }

    fn firings(&mut self) -> Vec<Arc<Firing>> {
        let of = |effect: Effect| match effect {
            Effect::Fired(firing) => Some(firing),
            _ => None,
        };
        self.effects.drain(..).filter_map(of).collect()
    }
}

fn name(firing: &Firing) -> String {
    let element = match &firing.element {
        Some(Element::Token(token)) => token.symbol.clone().or_else(|| token.contract.clone()),
        Some(Element::Market(market)) => market.exchange.clone(),
        Some(Element::Prediction(of)) => of.exchange.clone(),
        None => None,
    };
    element.map_or_else(|| firing.rule.to_string(), |element| format!("{} {element}", firing.rule))
}

/// A post by `handle`.
pub(crate) fn content(id: &str, handle: &str, text: &str) -> Value {
    json!({"v": 1, "t": "tweet", "op": "content", "id": id, "ts": START, "d": {
        "tweetId": id, "kind": "post", "text": text, "createdAt": START, "author": {"handle": format!("@{handle}")}
    }})
}

/// The `update` of a tweet with these fields.
pub(crate) fn update(id: &str, fields: &Value) -> Value {
    of_tweet("update", id, fields)
}

/// The `meta` of a tweet with these detections.
pub(crate) fn meta(id: &str, detected: &Value) -> Value {
    of_tweet("meta", id, &json!({ "detected": detected }))
}

/// Any envelope about a tweet.
pub(crate) fn of_tweet(op: &str, id: &str, fields: &Value) -> Value {
    let mut data = fields.clone();
    data["tweetId"] = json!(id);
    json!({"v": 1, "t": "tweet", "op": op, "id": id, "ts": START + 1, "d": data})
}

/// A detected token.
pub(crate) fn token(symbol: &str, contract: &str, price: f64) -> Value {
    json!({"symbol": symbol, "contract": contract, "chain": "solana", "priceUsd": price, "sources": ["text"]})
}
