//! A rules file as it is meant: everything resolved, checked and compiled. It cannot be built invalid by [`super::load`].

use std::sync::Arc;
use std::time::Duration;

use super::condition::Condition;
use super::hours::Hours;
use super::in_short::InShort;
use super::template::{ChatTemplate, JsonTemplate};
use crate::model::action::{Action, SecretRef, Span};
use crate::model::journal::JournalSettings;
use crate::model::limits::MESSAGE_EDITED_FOR;
use crate::model::mode::Mode;
use crate::model::rate::Rate;
use crate::model::subject::{Event, Str};
use crate::model::window::Part;

/// The rule that birdcall's own notices are counted and recorded under. No rule of a file can have it.
pub const NOTICES: &str = "birdcall";

/// Everything that a rules file or folder says.
#[derive(Clone, Debug)]
pub struct RuleSet {
    /// How the feed is reached.
    pub feed: FeedSettings,
    /// How the journal is kept.
    pub journal: JournalSettings,
    /// The places to send to.
    pub actions: Vec<Action>,
    /// The rules, in the order of the files.
    pub rules: Vec<Rule>,
}

impl RuleSet {
    /// The action of this name that the rules have; not one that is retired.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<(usize, &Action)> {
        self.actions.iter().enumerate().find(|(_, action)| action.name == name && !action.retired)
    }

    /// How far back what happened matters: to windows, cooldowns, limits and messages that are edited. Zero where there are none.
    #[must_use]
    pub fn reach(&self) -> Duration {
        self.reach_but_for(|_| false)
    }

    /// The same, but for the windows of rules of which they are known.
    #[must_use]
    pub fn reach_but_for(&self, is_known: impl Fn(&Rule) -> bool) -> Duration {
        let awake = self.rules.iter().filter(|rule| rule.mode != Mode::Off);
        let reach = |rule: &Rule| {
            let window = rule.window.as_deref().filter(|_| !is_known(rule)).map(Window::reach).unwrap_or_default();
            rule.reach_of_firings().max(window)
        };
        awake.map(reach).max().unwrap_or_default()
    }

    /// Gives the actions other numbers: number `n` of now is number `places[n]` of `actions`, which holds what is to be kept beside them.
    #[must_use]
    pub fn renumbered(mut self, actions: Vec<Action>, places: &[usize]) -> Self {
        let place = |action: usize| places.get(action).copied().unwrap_or(action);
        self.rules.iter_mut().flat_map(|rule| &mut rule.send).for_each(|send| send.action = place(send.action));
        self.feed.notices.iter_mut().for_each(|action| *action = place(*action));
        Self { actions, ..self }
    }
}

/// `[feed]`.
#[derive(Clone, Debug)]
pub struct FeedSettings {
    /// Where it is; `wss://ws.tweetstream.io/ws` unless the file says otherwise.
    pub url: String,
    /// The API key. `None`: the command line or `TWEETSTREAM_API_KEY` must give it.
    pub key: Option<SecretRef>,
    /// How the key is shown.
    pub auth: Auth,
    /// How long rules wait for `meta` after the content.
    pub meta_timeout: Duration,
    /// Where its history is, as the file says: `https://`, or `http://` within this machine or a private network. `None`: where the feed's
    /// own history is known to be.
    pub history: Option<String>,
    /// The actions that are told what concerns the feed and the program itself, such as a gap. Indices into [`RuleSet::actions`], each once;
    /// none that is off or places orders.
    pub notices: Vec<usize>,
}

/// How the key is shown to the feed (PROTOCOL 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// `Sec-WebSocket-Protocol: tweetstream.v1, tweetstream.auth.token.KEY`.
    #[default]
    Subprotocol,
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `?apiKey=KEY`.
    Query,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name: unique, and part of every firing's id.
    pub name: Str,
    /// Where the name stands.
    pub span: Span,
    /// The events it is about; never empty.
    pub on: Vec<Event>,
    /// What it asks.
    pub when: Condition,
    /// One firing for each matching element instead of one for the tweet.
    pub each: Option<Each>,
    /// Replaces `meta_timeout`.
    pub wait: Option<Duration>,
    /// Nothing older fires.
    pub max_age: Option<Duration>,
    /// The stricter of its own and that of `[defaults]`. [`Mode::Off`]: it is not evaluated.
    pub mode: Mode,
    /// Over time. `None`: every match fires.
    pub window: Option<Arc<Window>>,
    /// What holds its firings back. `None`: nothing does.
    pub brakes: Option<Box<Brakes>>,
    /// Where to.
    pub send: Vec<Send>,
    /// What is on record of it goes by that.
    pub(super) in_short: InShort,
}

impl Rule {
    /// How far back its firings matter.
    fn reach_of_firings(&self) -> Duration {
        let edited = if self.send.iter().any(|send| send.update) { MESSAGE_EDITED_FOR } else { Duration::ZERO };
        self.held_for().max(edited)
    }

    /// How far back firings matter to its cooldowns and limits, and those of its sends.
    #[must_use]
    pub fn held_for(&self) -> Duration {
        let brakes = self.brakes.iter().chain(self.send.iter().filter_map(|send| send.brakes.as_ref()));
        brakes.map(|brakes| brakes.reach()).max().unwrap_or_default()
    }

    /// It fires when nothing comes any more.
    #[must_use]
    pub fn awaits_silence(&self) -> bool {
        self.silent_for().is_some()
    }

    /// For how long nothing has to come for it to fire, of a rule that fires for that.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        let window = self.window.as_deref().filter(|_| self.mode != Mode::Off)?;
        matches!(window.kind, WindowKind::Silence).then_some(window.within)
    }

    /// The steps of a sequence: each is looked at by itself.
    #[must_use]
    pub fn steps(&self) -> Option<&[Step]> {
        match self.window.as_deref() {
            Some(Window { kind: WindowKind::Sequence { steps }, .. }) => Some(steps),
            _ => None,
        }
    }

    /// How old the subject may be when it is sent by way of `send`, which is one of the rule's and goes to `action`.
    #[must_use]
    pub fn max_age_of(&self, send: &Send, action: &Action) -> Duration {
        let max_age = send.max_age.unwrap_or(action.max_age);
        self.max_age.map_or(max_age, |of_rule| of_rule.min(max_age))
    }
}

/// `[rule.window]`: what has to be true over time of a rule's matches for it to fire (RULES 4). Time is when things happened, by the log.
#[derive(Clone, Debug)]
pub struct Window {
    /// What has to be true.
    pub kind: WindowKind,
    /// Within what time; for [`WindowKind::FirstSeen`] and [`WindowKind::Silence`] for how long not. At least one second.
    pub within: Duration,
    /// What is counted apart. Empty: all matches of the rule together.
    pub per: Vec<Part>,
    /// It may fire again so long after it has fired. `None`: once it has not been true in between.
    pub rearm: Option<Duration>,
    /// So many keys are remembered; of more, what was not heard of for longest is forgotten, and that is counted.
    pub max_keys: usize,
}

/// Nothing comes later than that, in fact.
const LATEST: Duration = Duration::from_secs(86_400);

impl Window {
    /// How far back from now matches matter: with them, and what the past has left of those before them, it goes on as if it had all of them.
    #[must_use]
    pub fn reach(&self) -> Duration {
        match self.kind {
            WindowKind::Silence => self.within,
            // Whether the price before one that comes late had moved is known by those before that.
            WindowKind::Change { .. } => self.within.saturating_mul(3),
            // What comes late is counted with what was there then. Of very long times it is not that late.
            WindowKind::FirstSeen { .. } => self.within.saturating_add(self.within.min(LATEST)),
            _ => self.within.saturating_mul(2),
        }
    }

    /// What it counts, and apart by what: thresholds and times are no part of that.
    #[must_use]
    pub(super) fn counted(&self) -> String {
        let of = match &self.kind {
            WindowKind::Distinct { of, .. } | WindowKind::FirstSeen { of } => of.name().to_owned(),
            WindowKind::Cross(level) => format!("{:?}", level.direction),
            // No step may stand for another one.
            WindowKind::Sequence { steps } => format!("{steps:?}"),
            WindowKind::Count { .. } | WindowKind::Change { .. } | WindowKind::Silence => String::new(),
        };
        let per: Vec<_> = self.per.iter().map(|part| part.name()).collect();
        format!("{} {of} per {}", self.kind.name(), per.join(", "))
    }

    /// By what a price is told from those before it, as soon as it comes.
    pub(super) fn taken_for(&self) -> String {
        match &self.kind {
            WindowKind::Cross(level) => format!("{:?}", level.price),
            WindowKind::Change { .. } => format!("{:?}", self.kind),
            _ => String::new(),
        }
    }

    /// Whether it fires for what was not seen before.
    #[must_use]
    pub fn is_first_seen(&self) -> bool {
        matches!(self.kind, WindowKind::FirstSeen { .. })
    }

    /// Whether what comes of its matches may hang on others further back than [`RuleSet::reach`]. What `first_seen` leaves is apart from that.
    #[must_use]
    pub fn leaves_traces(&self) -> bool {
        matches!(self.kind, WindowKind::Cross(_) | WindowKind::Sequence { .. }) || self.rearm.is_some()
    }
}

/// What has to be true over time.
#[derive(Clone, Debug)]
pub enum WindowKind {
    /// So many matches.
    Count {
        /// One at least.
        at_least: u32,
    },
    /// Matches with so many different values.
    Distinct {
        /// Of what.
        of: Part,
        /// Two at least.
        at_least: u32,
    },
    /// A value that was not seen for that long.
    FirstSeen {
        /// Of what.
        of: Part,
    },
    /// A price that was on the other side the last time that it was seen.
    Cross(Level),
    /// A price that has moved so far.
    Change {
        /// In per cent of the earlier price; above zero.
        percent: f64,
        /// Which way. `None`: either.
        direction: Option<Direction>,
    },
    /// No match for that long, after there was one.
    Silence,
    /// Matches of all steps, in their order.
    Sequence {
        /// Two to eight.
        steps: Vec<Step>,
    },
}

impl WindowKind {
    /// How many are enough, where that is asked.
    #[must_use]
    pub fn at_least(&self) -> Option<u32> {
        match self {
            Self::Count { at_least } | Self::Distinct { at_least, .. } => Some(*at_least),
            _ => None,
        }
    }

    /// As `type` in rules.toml spells it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Count { .. } => "count",
            Self::Distinct { .. } => "distinct",
            Self::FirstSeen { .. } => "first_seen",
            Self::Cross(_) => "cross",
            Self::Change { .. } => "change",
            Self::Silence => "silence",
            Self::Sequence { .. } => "sequence",
        }
    }
}

/// A price to be crossed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The price, in US dollars; above zero.
    pub price: f64,
    /// From which side: [`Direction::Up`] is crossed by a price above it after one that was not.
    pub direction: Direction,
    /// How far the price must go back, beyond the level, before it can cross once more.
    pub hysteresis: Hysteresis,
}

/// How far a price must go back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hysteresis {
    /// So many US dollars; zero or more.
    Usd(f64),
    /// So many per cent of the level; zero or more, below 100.
    Percent(f64),
}

/// Which way a price goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It rises.
    Up,
    /// It falls.
    Down,
}

/// One step of a sequence.
#[derive(Clone, Debug)]
pub struct Step {
    /// The events that it is about: one or more of the rule's.
    pub on: Vec<Event>,
    /// What it asks, beside what the rule asks.
    pub when: Condition,
}

/// `cooldown`: after a firing none of the same key for so long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// How long.
    pub lasts: Duration,
    /// What is held back apart. Empty: all firings of the rule together.
    pub per: Vec<Part>,
}

/// What holds firings back: of a rule, or of one of its sends.
#[derive(Clone, Debug, Default)]
pub struct Brakes {
    /// After a firing.
    pub cooldown: Option<Cooldown>,
    /// At most so many in any span of so long, each. Their burst is their count.
    pub limits: Vec<Rate>,
    /// Only in these hours. Of a rule alone.
    pub hours: Option<Arc<Hours>>,
}

impl Brakes {
    /// Whether they may go on with what others remember that were in their place: those remember as much, and count the same apart.
    #[must_use]
    pub fn go_on_from(&self, before: Option<&Self>) -> bool {
        let per = |of: &Self| of.cooldown.as_ref().map(|cooldown| cooldown.per.clone());
        let is_remembered = self.reach() <= before.map(Self::reach).unwrap_or_default();
        is_remembered && (self.cooldown.is_none() || before.is_some_and(|before| per(before) == per(self)))
    }

    fn reach(&self) -> Duration {
        let cooldown = self.cooldown.as_ref().map(|cooldown| cooldown.lasts).unwrap_or_default();
        self.limits.iter().map(|limit| limit.per).fold(cooldown, Duration::max)
    }
}

/// What `each` counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Each {
    /// On-chain tokens, those that birdcall recognised in the text included.
    Token,
    /// Markets of exchanges.
    Market,
    /// Prediction markets.
    Prediction,
}

impl Each {
    /// As rules.toml spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Market => "market",
            Self::Prediction => "prediction",
        }
    }
}

/// One entry of a rule's `send`.
#[derive(Clone, Debug)]
pub struct Send {
    /// Index into [`RuleSet::actions`].
    pub action: usize,
    /// Overrides the action's.
    pub max_age: Option<Duration>,
    /// The strictest of `[defaults]`, the rule, the action and this entry: what counts.
    pub mode: Mode,
    /// What is said, for chat and console: the rule's, else the action's, else `None`: the default for the event.
    pub template: Option<Arc<ChatTemplate>>,
    /// What holds back what goes this way. `None`: nothing does.
    pub brakes: Option<Box<Brakes>>,
    /// What is sent, for webhooks: the rule's, else the action's, else `None`: the whole firing.
    pub payload: Option<Payload>,
    /// The message is edited as more becomes known: only where the platform can edit.
    pub update: bool,
}

/// The body of a webhook, from a template.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A JSON document.
    Json(Arc<JsonTemplate>),
    /// `application/x-www-form-urlencoded`: names and templates of values.
    Form(Arc<JsonTemplate>),
}

impl Payload {
    /// The variables that it asks for.
    #[must_use]
    pub fn uses(&self) -> &[&'static str] {
        match self {
            Self::Json(template) | Self::Form(template) => template.uses(),
        }
    }
}
