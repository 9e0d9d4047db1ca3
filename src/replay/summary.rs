//! What a replay has found, for people's eyes and for programs. The names of its JSON stay.

use serde::{Serialize, Serializer};

use super::orders::Order;
use super::tally::{Ends, Played};
use super::timeline::Timeline;
use super::worth::Worths;
use crate::matching::element_name;
use crate::model::firing::Firing;
use crate::model::ids::FiringId;
use crate::model::time::Timestamp;
use crate::render::link;

/// Characters of a text that are kept of what fired.
const WORDS: usize = 140;

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// When the first entry was received.
    #[serde(serialize_with = "moment")]
    pub from: Option<Timestamp>,
    /// And the last.
    #[serde(serialize_with = "moment")]
    pub to: Option<Timestamp>,
    /// How many there were.
    pub entries: u64,
    /// Of these, from the history.
    pub backfilled: u64,
    /// Firings of all rules.
    pub firings: u64,
    /// Matches that had fired before.
    pub repeated: u64,
    /// Tweets with rules still waiting that had to be forgotten.
    pub settled_early: u64,
    /// Each rule, in the order of the file.
    pub rules: Vec<RuleSummary>,
    /// Orders that would have been placed, oldest first: the newest of them.
    pub orders: Vec<Order>,
    /// Older ones, that there was no room to keep.
    pub orders_not_followed: u64,
    /// What became of all orders; `None` when there were none.
    pub worth: Option<Worths>,
    /// Firings over time.
    pub timeline: Timeline,
}

impl Summary {
    /// What all deliveries would have come to.
    #[must_use]
    pub fn ends(&self) -> Ends {
        self.rules.iter().fold(Ends::default(), |sum, rule| Ends {
            orders: sum.orders + rule.ends.orders,
            messages: sum.messages + rule.ends.messages,
            paper: sum.paper + rule.ends.paper,
            off: sum.off + rule.ends.off,
            expired: sum.expired + rule.ends.expired,
            incomplete: sum.incomplete + rule.ends.incomplete,
            max_per_day: sum.max_per_day + rule.ends.max_per_day,
            muted: sum.muted + rule.ends.muted,
            cooldown: sum.cooldown + rule.ends.cooldown,
            limit: sum.limit + rule.ends.limit,
            out_of_hours: sum.out_of_hours + rule.ends.out_of_hours,
        })
    }
}

/// One rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleSummary {
    /// Its name.
    pub name: String,
    /// Its mode.
    pub mode: &'static str,
    /// How often it fired.
    pub firings: u64,
    /// Of these, on what did not come live.
    pub late: u64,
    /// On how many different authors' words.
    pub authors: u64,
    /// On how many different tokens, markets and prediction markets.
    pub tokens: u64,
    /// There were more of these than there was room to tell apart.
    pub more_authors_or_tokens: bool,
    /// What its deliveries would have come to.
    pub ends: Ends,
    /// From a tweet's creation to the firing, of what came live: half took no longer.
    pub delay_p50_ms: Option<u64>,
    /// 95 % took no longer.
    pub delay_p95_ms: Option<u64>,
    /// The longest.
    pub delay_max_ms: Option<u64>,
    /// What became of its orders; `None` when it had none.
    pub worth: Option<Worths>,
    /// When it first fired.
    pub first: Option<String>,
    /// And last.
    pub last: Option<String>,
    /// When else.
    pub timeline: Timeline,
}

/// A firing, in short.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// Its id.
    #[serde(rename = "firing", serialize_with = "shown")]
    pub id: FiringId,
    /// When.
    #[serde(serialize_with = "sure_moment")]
    pub at: Timestamp,
    /// The rule's name.
    pub rule: String,
    /// The key of the subject.
    pub subject: String,
    /// It did not come live.
    pub late: bool,
    /// Who.
    pub author: Option<String>,
    /// The first words of the text, as they were written.
    pub text: Option<String>,
    /// Where the tweet is.
    pub link: Option<String>,
    /// Which token, market or prediction market, of a rule that fires for each.
    pub element: Option<String>,
    /// Nothing of it is sent for this reason: `cooldown`, `limit`, … `null`: something is.
    pub held: Option<&'static str>,
}

impl Told {
    /// Of a firing.
    #[must_use]
    pub fn of(firing: &Firing) -> Self {
        let (actor, tweet) = (firing.subject.actor(), firing.subject.tweet());
        let words = |text: &str| text.chars().take(WORDS).collect();
        Self {
            id: firing.id,
            at: firing.at,
            rule: firing.rule.to_string(),
            subject: firing.subject.key(),
            late: firing.is_late(),
            author: actor.handle.as_ref().or(actor.name.as_ref()).map(|name| words(name)),
            text: tweet.and_then(|tweet| tweet.text.as_deref()).map(words),
            link: tweet.and_then(|tweet| link::tweet(&tweet.id, actor)),
            element: firing.element.as_ref().map(|element| words(&element_name(element))),
            held: None,
        }
    }

    /// The same, with what kept it back.
    #[must_use]
    pub fn played(of: &Played) -> Self {
        Self { held: of.held, ..Self::of(&of.firing) }
    }
}

/// RFC 3339.
pub(super) fn written(at: Timestamp) -> String {
    at.to_string()
}

#[expect(clippy::ref_option, reason = "serde hands it over so")]
fn moment<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    at.map(written).serialize(to)
}

pub(super) fn sure_moment<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

fn shown<S: Serializer>(id: &FiringId, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}
