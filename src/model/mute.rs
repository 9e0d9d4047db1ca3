//! A mute: what somebody does not want to hear of for a while.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::status::moment;
use super::time::Timestamp;

/// Whose name a mute has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Muted {
    /// A rule's: its firings go nowhere.
    Rule,
    /// An action's: nothing goes there.
    Action,
}

impl Muted {
    /// Both. The words differ by more than a letter, so that a damaged one is never the other.
    pub const ALL: [Self; 2] = [Self::Rule, Self::Action];

    /// As the journal spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Action => "action",
        }
    }
}

/// What a mute is about. All that is named must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuteOf {
    /// Whose name it is.
    pub what: Muted,
    /// The name of the rule or action.
    pub name: String,
    /// A symbol, without the `$` and in upper case, or a contract: only firings about that token.
    pub token: Option<String>,
    /// `handle` or `handle#id`: only firings on what that account does.
    pub handle: Option<String>,
}

impl MuteOf {
    /// Whether it is about all that this rule sends to this action.
    #[must_use]
    pub fn is_all_of(&self, rule: &str, action: &str) -> bool {
        let name = match self.what {
            Muted::Rule => rule,
            Muted::Action => action,
        };
        self.name == name && !self.is_narrowed()
    }

    /// Whether it is about a token or an account alone.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        self.token.is_some() || self.handle.is_some()
    }

    /// Whether it is about all that `other` is about.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let wider = |mine: &Option<String>, of: &Option<String>| mine.is_none() || mine == of;
        self.what == other.what
            && self.name == other.name
            && wider(&self.token, &other.token)
            && wider(&self.handle, &other.handle)
    }
}

impl fmt::Display for MuteOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(token) = &self.token {
            write!(f, ", token {token}")?;
        }
        self.handle.as_ref().map_or(Ok(()), |handle| write!(f, ", @{handle}"))
    }
}

/// One mute. Its moments are the log's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// For people to name it by; the first is 1.
    pub number: i64,
    /// What it is about.
    #[serde(flatten)]
    pub of: MuteOf,
    /// It holds from then on.
    #[serde(with = "moment")]
    pub from: Timestamp,
    /// It was to hold until then.
    #[serde(with = "moment")]
    pub until: Timestamp,
    /// Somebody has ended it before.
    #[serde(with = "moment::maybe")]
    pub ended: Option<Timestamp>,
    /// In the words of whoever made it.
    pub because: Option<String>,
}

impl Mute {
    /// It holds nothing at or after this moment.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.ended.map_or(self.until, |ended| ended.min(self.until))
    }

    /// Whether it holds at a moment.
    #[must_use]
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.ends()
    }
}

/// A mute, and how many firings it has held back so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuteStatus {
    /// The mute.
    #[serde(flatten)]
    pub mute: Mute,
    /// Firings.
    pub held: u64,
    /// The rules of a running instance have nothing of that name any more.
    #[serde(default)]
    pub gone: bool,
}

/// What a mute would have held, of the firings of the last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WouldHold {
    /// So many.
    pub held: u64,
    /// Of so many firings of its rule, or that went to its action.
    pub of: u64,
    /// There are more than were looked through: both numbers may be higher.
    #[serde(default)]
    pub at_least: bool,
}
