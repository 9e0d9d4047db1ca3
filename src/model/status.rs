//! How a running instance is: what `birdcall status` shows and the control socket says. Built by the app, read by anybody.
//!
//! Moments are written as RFC 3339 in UTC, as everywhere in birdcall's JSON. Names of states are one word each, and stay.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::mode::Mode;
use super::time::Timestamp;

/// A running instance at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The process.
    pub pid: u32,
    /// The program's version.
    pub version: String,
    /// When it started.
    #[serde(with = "moment")]
    pub started_at: Timestamp,
    /// When this was said.
    #[serde(with = "moment")]
    pub now: Timestamp,
    /// Where envelopes come from.
    pub feed: FeedStatus,
    /// Whether orders may go.
    pub orders: OrdersStatus,
    /// Mutes that hold.
    #[serde(default)]
    pub mutes: u64,
    /// What is asked of them; `None` when that cannot change while it runs.
    #[serde(default)]
    pub rules: Option<RulesStatus>,
    /// What is kept.
    pub journal: JournalStatus,
    /// One for each action, in the order of the rules.
    pub lanes: Vec<LaneStatus>,
    /// One for each rule and action that the rule sends to, in the order of the rules.
    pub counts: Vec<Count>,
    /// One for each rule with a window that has taken something in, by name.
    #[serde(default)]
    pub windows: Vec<WindowStatus>,
    /// Whether every one of `counts` agrees with itself, as the program found at its latest check.
    pub agree: bool,
    /// Tasks that run in the process: as many as it has parts, whatever has gone through it.
    pub tasks: u64,
}

/// What the window of a rule remembers, and had to forget since the rules have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowStatus {
    /// The rule.
    pub rule: String,
    /// Keys that it remembers.
    pub keys: u64,
    /// Matches that it remembers.
    pub matches: u64,
    /// Keys that it had to forget for want of room (`max_keys`), while they still mattered.
    pub evicted_keys: u64,
    /// Matches that it had to forget for want of room.
    pub evicted_matches: u64,
    /// Matches that came too late to be counted.
    pub late: u64,
}

/// The connection to the feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedStatus {
    /// How it is.
    pub state: FeedState,
    /// In words, when it is not connected: the latest loss or refusal.
    pub why: Option<String>,
    /// The feed's host, without path and key.
    pub host: String,
    /// Since when it is so.
    #[serde(with = "moment")]
    pub since: Timestamp,
    /// When the latest frame came.
    #[serde(with = "moment::maybe")]
    pub last_frame_at: Option<Timestamp>,
    /// The latest tweet that came.
    pub last_tweet: Option<LastTweet>,
    /// From the feed's own time of the latest live envelope to its arrival here, in milliseconds.
    pub lag_ms: Option<u64>,
    /// How often it was lost since the start.
    pub losses: u64,
    /// What was missed, the oldest first.
    pub gaps: Vec<Gap>,
}

/// How the connection to the feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedState {
    /// Open.
    Connected,
    /// Never open yet.
    Connecting,
    /// Lost; it is being opened again.
    Lost,
    /// The feed refuses us for good.
    Refused,
}

/// A tweet that was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastTweet {
    /// Its id.
    pub id: String,
    /// When it came here.
    #[serde(with = "moment")]
    pub at: Timestamp,
}

/// A time in which the feed was not heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Its first moment.
    #[serde(with = "moment")]
    pub from: Timestamp,
    /// Its last moment; `None` while it lasts.
    #[serde(with = "moment::maybe")]
    pub to: Option<Timestamp>,
    /// What became of it.
    pub state: GapState,
    /// In words, when it could not be filled, or not to the end.
    pub why: Option<String>,
}

/// What became of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// It lasts, or is being filled.
    Open,
    /// The history API has given what was missed.
    Filled,
    /// What was missed cannot be had.
    Unavailable,
}

/// Whether orders may go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrdersStatus {
    /// They may.
    pub armed: bool,
    /// Why not, or who armed them.
    pub why: Option<String>,
    /// Since when it is so; `None`: as the rules say, from the start.
    #[serde(with = "moment::maybe")]
    pub since: Option<Timestamp>,
}

/// The rules that are in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulesStatus {
    /// Rules.
    pub rules: u64,
    /// Actions.
    pub actions: u64,
    /// Since when.
    #[serde(with = "moment")]
    pub since: Timestamp,
    /// Why the files are not what is in force, if they are not.
    pub refused: Option<RefusedRules>,
    /// Settings that were changed since the start and count only after a restart.
    pub after_restart: Vec<String>,
}

/// Files that could not take the place of the rules in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedRules {
    /// When that was tried.
    #[serde(with = "moment")]
    pub at: Timestamp,
    /// In one line.
    pub brief: String,
    /// Every mistake, with its place; cut off where it is very long.
    pub text: String,
}

/// The journal's health.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JournalStatus {
    /// How it is.
    pub state: JournalState,
    /// In words, when it is degraded; when it is fine, what somebody should see to.
    pub why: Option<String>,
    /// Its size on disk.
    pub bytes: u64,
    /// Records that wait for the writer.
    pub queue: u64,
    /// Unmatched entries that were not recorded, as the disk was slow.
    pub shed: u64,
    /// Other records that could not be kept.
    pub unrecorded: u64,
}

/// How the journal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalState {
    /// It records.
    Fine,
    /// It cannot record at the moment: alerts go on, orders are refused.
    Degraded,
    /// There is none.
    #[default]
    None,
}

/// One action's lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// The action's name.
    pub action: String,
    /// `discord`, `telegram`, `slack`, `webhook`, `console`.
    pub kind: String,
    /// Of the action.
    pub mode: Mode,
    /// It carries orders.
    pub trading: bool,
    /// How it is.
    pub state: LaneState,
    /// In words, when it is not fine.
    pub why: Option<String>,
    /// Deliveries that wait in it.
    pub waiting: u64,
    /// A connection is open, so that the next delivery costs no handshake.
    pub warm: bool,
    /// Deliveries that arrived since the start.
    pub delivered: u64,
    /// Requests that were made since the start.
    pub attempts: u64,
    /// Of messages that had arrived.
    #[serde(default)]
    pub edits: EditCounts,
}

/// How often messages were edited since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditCounts {
    /// They say something else now.
    pub made: u64,
    /// They were given up.
    pub failed: u64,
}

/// How a lane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// It sends.
    #[default]
    Ok,
    /// Its pace, or the destination's word, holds it back.
    Throttled,
    /// The destination fails, and is only probed.
    CircuitOpen,
    /// The destination refuses us for good: nothing is sent until its action is another one, or a restart.
    Disabled,
}

/// What became of one rule's firings on their way to one action, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The rule's name.
    pub rule: String,
    /// The action's name.
    pub action: String,
    /// Deliveries that were made of them.
    pub matched: u64,
    /// They arrived.
    pub delivered: u64,
    /// They were held back, by reason.
    pub suppressed: BTreeMap<String, u64>,
    /// They were too old.
    pub expired: u64,
    /// The destination refused them.
    pub dead: u64,
    /// They may have arrived.
    pub unknown: u64,
    /// They have not ended yet.
    pub pending: u64,
}

impl Count {
    /// Whether every one of them is accounted for.
    #[must_use]
    pub fn agrees(&self) -> bool {
        let ends = [self.delivered, self.expired, self.dead, self.unknown, self.pending];
        let sum = ends.iter().chain(self.suppressed.values()).fold(0_u64, |sum, count| sum.saturating_add(*count));
        self.matched == sum
    }
}

/// One word for tables; the same as in JSON.
macro_rules! words {
    ($($state:ident { $($variant:ident: $word:literal),+ })+) => {$(
        impl $state {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// One word for tables, the same as in JSON.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $state {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    )+};
}

words! {
    FeedState { Connected: "connected", Connecting: "connecting", Lost: "lost", Refused: "refused" }
    GapState { Open: "open", Filled: "filled", Unavailable: "unavailable" }
    JournalState { Fine: "fine", Degraded: "degraded", None: "none" }
    LaneState { Ok: "ok", Throttled: "throttled", CircuitOpen: "circuit_open", Disabled: "disabled" }
}

/// A moment as it is shown: RFC 3339 in UTC, or `N ms` where no calendar reaches.
pub(super) mod moment {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Timestamp;

    fn parse<E: de::Error>(written: &str) -> Result<Timestamp, E> {
        let bare = written.strip_suffix(" ms").and_then(|ms| ms.parse().ok());
        let ms = bare.or_else(|| written.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond));
        ms.map(Timestamp::from_millis).ok_or_else(|| E::custom("a moment as in RFC 3339 is expected"))
    }

    pub(in crate::model) fn serialize<S: Serializer>(moment: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(moment)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        parse(&String::deserialize(from)?)
    }

    pub(in crate::model) mod maybe {
        use serde::{Deserialize, Deserializer, Serializer};

        use super::super::Timestamp;

        #[expect(clippy::ref_option, reason = "serde's signature")]
        pub(in crate::model) fn serialize<S: Serializer>(moment: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
            match moment {
                Some(moment) => to.collect_str(moment),
                None => to.serialize_none(),
            }
        }

        pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
            Option::<String>::deserialize(from)?.map(|written| super::parse(&written)).transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_agrees_when_every_firing_ended_or_waits() {
        let suppressed = BTreeMap::from([("paper".to_owned(), 2), ("disarmed".to_owned(), 1)]);
        let mut count =
            Count { matched: 11, delivered: 3, suppressed, expired: 1, dead: 1, unknown: 1, pending: 2, ..Count::default() };
        assert!(count.agrees());
        count.pending = 1;
        assert!(!count.agrees());
        count.pending = u64::MAX;
        assert!(!count.agrees(), "a sum that overflows agrees with nothing");
    }

    #[test]
    fn every_state_is_named_as_in_json() {
        fn same(state: impl Serialize + fmt::Display) {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        }
        FeedState::ALL.iter().for_each(same);
        GapState::ALL.iter().for_each(same);
        JournalState::ALL.iter().for_each(same);
        LaneState::ALL.iter().for_each(same);
    }

    #[test]
    fn moments_survive_the_way_there_and_back() {
        for ms in [0, 1_781_700_000_231, -62_000_000_000_000, i64::MAX, i64::MIN] {
            let gap = Gap { from: Timestamp::from_millis(ms), to: None, state: GapState::Open, why: None };
            let json = serde_json::to_string(&gap).unwrap();
            assert_eq!(serde_json::from_str::<Gap>(&json).unwrap(), gap, "{json}");
        }
        let gap = Gap { from: Timestamp::default(), to: Some(Timestamp::default()), state: GapState::Filled, why: None };
        let json = serde_json::to_string(&gap).unwrap();
        assert_eq!(json, r#"{"from":"1970-01-01T00:00:00.000Z","to":"1970-01-01T00:00:00.000Z","state":"filled","why":null}"#);
        assert!(serde_json::from_str::<Gap>(&json.replace("1970", "in")).is_err());
    }
}
