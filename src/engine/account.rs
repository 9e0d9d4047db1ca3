//! A step told whole: what every rule made of it and why, and what became of each firing's sends.
//!
//! This is what `birdcall explain`, `why` and `test` show. It is beside the path: [`Engine::step`] knows nothing of it.

use std::sync::Arc;

use super::observer::Asked;
use super::over_time::Said;
use super::{Effect, Engine, Input};
use crate::matching::Node;
use crate::model::delivery::{Outcome, Suppression};
use crate::model::envelope::Envelope;
use crate::model::firing::{Element, Firing};
use crate::model::ids::{FiringId, TweetId};
use crate::model::message::Body;
use crate::model::subject::{Event, Str, Subject};
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::suppress::days::{Days, OfDay};
use crate::window::Verdict;

/// What the rules make of one subject at one moment.
#[derive(Clone, Debug)]
pub struct Account {
    /// What they are asked about, as it is known then.
    pub subject: Subject,
    /// When.
    pub at: Timestamp,
    /// One for each rule that was asked for, in the order of the rules.
    pub rules: Vec<RuleAccount>,
}

/// What one rule makes of it.
#[derive(Clone, Debug)]
pub struct RuleAccount {
    /// Its place among the rules.
    pub rule: usize,
    /// Its name.
    pub name: Str,
    /// In one word: of the elements of a rule with `each` the one that came furthest.
    pub answer: Answer,
    /// Why: one tree, or one for each element of a rule with `each`. Empty where nothing was looked at.
    pub seen: Vec<Seen>,
    /// Of a rule with `each` for which there is no element to look at: the tree without one, for what else is in its way.
    pub without: Option<Node>,
}

/// One look at a rule: as a whole, or with one element.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The element, of a rule with `each`.
    pub element: Option<Element>,
    /// The step, of a sequence; the first is zero.
    pub step: Option<usize>,
    /// The id that its firing has, or would have.
    pub id: FiringId,
    /// In one word.
    pub answer: Answer,
    /// Why.
    pub node: Node,
}

/// What a rule says to a subject. What becomes of a firing (cooldown, limit, hours, mode, age) is told of each of its sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It became true at this moment, and fires.
    Fires,
    /// It is or was true, and has fired before; of an element: it, or another one of the same name.
    Fired,
    /// It is true, and what its window asks for is not.
    OverTime(Gathering),
    /// It is unknown: something that it asks about has not arrived.
    Unknown {
        /// Then what has not arrived counts as absent. `None`: that is not settled yet.
        until: Option<Timestamp>,
    },
    /// It is false.
    False,
    /// With `each`: there is nothing of the kind.
    NoElement,
    /// Its mode is off.
    Off,
    /// It is about other events.
    OtherEvent,
}

/// Why a match made nothing true over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gathering {
    /// There are so many of so many.
    Has(u32, u32),
    /// It is true, and was told of already.
    Told,
    /// It came too late to be counted.
    Late,
    /// There is nothing to compare with.
    First,
    /// To a window of this type (as rules.toml spells it) it is nothing to fire for.
    Known(&'static str),
    /// The match has nothing of what is counted.
    Nothing,
    /// It has been counted before.
    Counted,
}

impl Gathering {
    pub(super) fn of(said: &Said, window: &'static str) -> Self {
        match said {
            Said::Not(Verdict::Gathers { have, need }) => Self::Has(*have, *need),
            Said::Fires(_) | Said::Not(Verdict::Fires(_) | Verdict::Fired) => Self::Told,
            Said::Not(Verdict::Late) => Self::Late,
            Said::Not(Verdict::First) => Self::First,
            Said::Not(Verdict::Known) => Self::Known(window),
            Said::Nothing => Self::Nothing,
            Said::Again => Self::Counted,
        }
    }
}

impl std::fmt::Display for Gathering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Has(have, need) => write!(f, "the window has {have} of {need}"),
            Self::Told => f.write_str("the window was told of already, and has not been untrue since"),
            Self::Late => f.write_str("it is too old to be counted by the window"),
            Self::First => f.write_str("the window has nothing to compare it with"),
            Self::Known("first_seen") => f.write_str("it was seen before, within the window's time"),
            Self::Known("cross") => f.write_str("the price has not crossed"),
            Self::Known("change") => f.write_str("the price has not changed so much within the window's time"),
            Self::Known("silence") => {
                f.write_str("it is what was heard: the window fires when nothing comes after it for so long")
            }
            Self::Known(_) => f.write_str("nothing new to the window"),
            Self::Nothing => f.write_str("it has nothing of what the window counts"),
            Self::Counted => f.write_str("the window has counted it"),
        }
    }
}

impl Answer {
    /// One word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fires => "fires",
            Self::Fired => "fired",
            Self::OverTime(_) => "window",
            Self::Unknown { .. } => "unknown",
            Self::False | Self::NoElement => "false",
            Self::Off => "off",
            Self::OtherEvent => "event",
        }
    }

    /// A window has taken it in at this moment.
    #[must_use]
    pub fn is_news_of_a_window(self) -> bool {
        matches!(self, Self::OverTime(of) if of != Gathering::Counted)
    }

    /// The higher the nearer to a firing.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Fires => 5,
            Self::OverTime(_) => 4,
            Self::Unknown { .. } => 3,
            Self::Fired => 2,
            Self::False => 1,
            Self::NoElement | Self::Off | Self::OtherEvent => 0,
        }
    }
}

impl RuleAccount {
    /// Its looks one by one: of a rule with `each` what it says to each element. What was not looked at stays as it is.
    #[must_use]
    pub fn looks(&self) -> Vec<Self> {
        if self.seen.is_empty() {
            return vec![self.clone()];
        }
        self.seen.iter().map(|seen| Self { answer: seen.answer, seen: vec![seen.clone()], ..self.clone() }).collect()
    }

    /// How much is missing for it to fire, for those that do not: the fewer matchers the nearer. `None`: nothing was looked at.
    #[must_use]
    pub fn distance(&self) -> Option<f32> {
        let nearest = self.seen.iter().map(|seen| seen.node.distance()).min_by(f32::total_cmp);
        // The element is what is missing beside.
        nearest.or_else(|| self.without.as_ref().map(|node| node.distance() + 1.0))
    }
}

/// What became of one of a firing's sends.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Index of the action in the rule set.
    pub action: usize,
    /// In one word what was done.
    pub way: Way,
    /// Nothing is sent at or after this moment; `None` of what ended before it began.
    pub expires_at: Option<Timestamp>,
    /// The message, if one was made.
    pub body: Option<Arc<Body>>,
    /// By whose cooldown, limit or hours it was held back.
    pub held: Option<HeldBack>,
    /// Where its action has a `max_per_day`, and it was to be sent.
    pub of_day: Option<OfDay>,
}

/// By what a send was held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// By the rule's own, and not by that of the send.
    pub by_rule: bool,
    /// Until when, if nothing else happens.
    pub until: Option<Timestamp>,
}

/// How a send goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To its lane, as an order.
    Order,
    /// To its lane.
    Message,
    /// `mode = "paper"`: everything but sent.
    Paper,
    /// It ended before it began: off, expired, or incomplete.
    Ended(Outcome),
}

/// A firing and what became of its sends.
#[derive(Clone, Debug)]
pub struct FiringAccount {
    /// What fired.
    pub firing: Arc<Firing>,
    /// In the order in which they went.
    pub fates: Vec<Fate>,
}

/// All that happened at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// It came of a wait's end, and not of an envelope.
    pub of_wait: bool,
    /// What the rules make of what it was about. Of an envelope that says nothing to rules there is none.
    pub accounts: Vec<Account>,
    /// What fired.
    pub firings: Vec<FiringAccount>,
}

impl Moment {
    /// Something fired, or was counted by a window.
    #[must_use]
    pub fn says_something(&self) -> bool {
        let mut looks = self.accounts.iter().flat_map(|account| &account.rules).flat_map(|of| &of.seen);
        !self.firings.is_empty() || looks.any(|seen| seen.answer.is_news_of_a_window())
    }
}

impl FiringAccount {
    /// Whether a send is an order of news that did not come live: such a one is never made, whatever its age.
    #[must_use]
    pub fn is_too_late_for(&self, fate: &Fate, rules: &RuleSet) -> bool {
        self.firing.is_late() && rules.actions.get(fate.action).is_some_and(|action| action.trading)
    }
}

impl Engine {
    /// As [`Engine::step`], told whole for the rules that are `wanted`: the waits that end before it, each a moment of its own, then itself.
    /// `days` is what actions with a `max_per_day` have begun; it goes on.
    pub fn step_told(&mut self, input: &Input<'_>, wanted: &dyn Fn(&Rule) -> bool, days: &mut Days) -> Vec<Moment> {
        let to = match input {
            Input::Tick(at) | Input::Entry { at, .. } => *at,
        };
        let mut moments = Vec::new();
        while let Some(due) = self.next_deadline().filter(|due| *due <= to) {
            // What was held may be over for long: all of it ends at the moment that is.
            let moment = self.moment(&Input::Tick(due.max(self.observer.now())), wanted, days);
            moments.extend(moment.says_something().then_some(moment));
        }
        let moment = self.moment(input, wanted, days);
        let says_something = matches!(input, Input::Entry { .. }) || moment.says_something();
        moments.extend(says_something.then_some(moment));
        moments
    }

    /// What the rules that are `wanted` make of a remembered tweet now. `None`: it is not remembered.
    pub fn account_of(&mut self, id: &TweetId, wanted: &dyn Fn(&Rule) -> bool) -> Option<Account> {
        self.observer.account_of(id, &Asked { wanted, fired_now: &[], said: &[] })
    }

    /// The silences since a tweet that are still to be told, by rule: when each is due if nothing more comes until then. Time in which the
    /// feed is not heard does not count, and puts it off.
    #[must_use]
    pub fn silences_of(&self, tweet: &TweetId) -> Vec<(Str, Timestamp)> {
        self.firings.over_time.silences_of(tweet)
    }

    fn moment(&mut self, input: &Input<'_>, wanted: &dyn Fn(&Rule) -> bool, days: &mut Days) -> Moment {
        let firings = self.step_to_firings(input, days);
        let said = std::mem::take(&mut self.firings.said);
        let accounts = self.accounts(input, &Asked { wanted, fired_now: &firings, said: &said });
        Moment { at: self.observer.now(), of_wait: matches!(input, Input::Tick(_)), accounts, firings }
    }

    /// One step, and what became of each firing of it.
    fn step_to_firings(&mut self, input: &Input<'_>, days: &mut Days) -> Vec<FiringAccount> {
        let mut effects = Vec::new();
        self.step(input, &mut effects);
        let mut firings = firings(effects, &self.rules, &self.firings.refused);
        firings.iter_mut().for_each(|of| self.hold_to_days(of, days));
        firings
    }

    /// What the rules make of all that the latest step was about, that of the envelope last.
    fn accounts(&mut self, input: &Input<'_>, asked: &Asked<'_>) -> Vec<Account> {
        let own = match input {
            Input::Entry { envelope, .. } => self.about(envelope, asked),
            Input::Tick(_) => None,
        };
        // A pin may have taught what rules on tweets did not know: then it is about both.
        let own_tweet = own.as_ref().filter(|own| own.subject.event == Event::Tweet).and_then(|own| own.subject.tweet());
        let mut others = tweets_of(asked);
        others.retain(|id| own_tweet.is_none_or(|tweet| tweet.id != **id));
        let mut accounts: Vec<_> = others.into_iter().filter_map(|id| self.observer.account_of(id, asked)).collect();
        accounts.extend(own);
        accounts
    }

    /// What is sent has room in its action's day, or is not sent and begins no cooldown: as a run has it.
    fn hold_to_days(&mut self, of: &mut FiringAccount, days: &mut Days) {
        for fate in of.fates.iter_mut().filter(|fate| matches!(fate.way, Way::Order | Way::Message)) {
            let most = self.rules.actions.get(fate.action).and_then(|action| action.max_per_day);
            fate.of_day = most.map(|most| days.begin(fate.action, most, of.firing.at));
            if fate.of_day.is_some_and(|of_day| !of_day.has_room()) {
                fate.way = Way::Ended(Outcome::Suppressed { reason: Suppression::MaxPerDay });
                (fate.body, fate.expires_at) = (None, None);
                self.expired((&of.firing.rule, of.firing.id), fate.action);
            }
        }
    }

    /// What the rules make of what an envelope is about, right after it.
    fn about(&mut self, envelope: &Envelope<'_>, asked: &Asked<'_>) -> Option<Account> {
        use crate::model::envelope::Body as Says;
        match &envelope.body {
            Says::Content(_) | Says::Update(_) | Says::Meta(_) => {
                self.observer.account_of(&TweetId::new(envelope.body.tweet_id()?), asked)
            }
            _ => self.observer.account_of_event(envelope, asked),
        }
    }
}

/// The tweets that fired, or that a window took in, each once: what was said of one may settle another, that had to be forgotten for it.
fn tweets_of<'a>(asked: &Asked<'a>) -> Vec<&'a TweetId> {
    let mut tweets: Vec<&TweetId> = Vec::new();
    let of_tweets = asked.fired_now.iter().filter(|of| of.firing.subject.event == Event::Tweet);
    let fired = of_tweets.filter_map(|of| of.firing.subject.tweet()).map(|tweet| &tweet.id);
    fired.chain(asked.said.iter().filter_map(|of| of.tweet.as_ref())).for_each(|id| {
        if !tweets.contains(&id) {
            tweets.push(id);
        }
    });
    tweets
}

/// Firings with what became of their sends.
fn firings(
    effects: Vec<Effect>,
    rules: &RuleSet,
    refused: &[(FiringId, Option<usize>, Option<Timestamp>)],
) -> Vec<FiringAccount> {
    let mut found: Vec<FiringAccount> = Vec::new();
    for effect in effects {
        let (id, fate) = match effect {
            Effect::Fired(firing) => {
                found.push(FiringAccount { firing, fates: Vec::new() });
                continue;
            }
            Effect::Deliver(delivery) => {
                let is_order = rules.actions.get(delivery.action).is_some_and(|action| action.trading);
                let way = if is_order { Way::Order } else { Way::Message };
                (delivery.firing.id, Fate::of(&delivery, way))
            }
            Effect::Paper(delivery) => (delivery.firing.id, Fate::of(&delivery, Way::Paper)),
            Effect::Revise(_) | Effect::Trace(_) | Effect::Identity(_) => continue,
            Effect::Ended(report) => {
                let fate = Fate::ended(report.action, report.outcome);
                let is_it = |(id, action, _): &&(FiringId, Option<usize>, Option<Timestamp>)| {
                    *id == report.firing.id && action.is_none_or(|action| action == report.action)
                };
                let held =
                    refused.iter().find(is_it).map(|(_, action, until)| HeldBack { by_rule: action.is_none(), until: *until });
                let held = held.filter(|_| matches!(fate.way, Way::Ended(Outcome::Suppressed { .. })));
                (report.firing.id, Fate { held, ..fate })
            }
        };
        if let Some(of) = found.iter_mut().find(|of| of.firing.id == id) {
            of.fates.push(fate);
        }
    }
    found
}

impl Fate {
    fn of(delivery: &crate::model::delivery::Delivery, way: Way) -> Self {
        let (action, expires_at) = (delivery.action, Some(delivery.expires_at));
        Self { action, way, expires_at, body: Some(Arc::clone(&delivery.body)), held: None, of_day: None }
    }

    fn ended(action: usize, outcome: Outcome) -> Self {
        Self { action, way: Way::Ended(outcome), expires_at: None, body: None, held: None, of_day: None }
    }
}
