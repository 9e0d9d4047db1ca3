//! A rules file as it is meant: everything resolved, checked and compiled. It cannot be built invalid by [`super::load`].

use std::sync::Arc;
use std::time::Duration;

use super::condition::Condition;
use super::template::{ChatTemplate, JsonTemplate};
use crate::model::action::{Action, SecretRef, Span};
use crate::model::journal::JournalSettings;
use crate::model::mode::Mode;
use crate::model::subject::{Event, Str};

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
    /// Where to.
    pub send: Vec<Send>,
}

impl Rule {
    /// How old the subject may be when it is sent by way of `send`, which is one of the rule's and goes to `action`.
    #[must_use]
    pub fn max_age_of(&self, send: &Send, action: &Action) -> Duration {
        let max_age = send.max_age.unwrap_or(action.max_age);
        self.max_age.map_or(max_age, |of_rule| of_rule.min(max_age))
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
    /// What is sent, for webhooks: the rule's, else the action's, else `None`: the whole firing.
    pub payload: Option<Payload>,
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
