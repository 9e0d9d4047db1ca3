//! What the history is asked, and what an answer is; whoever answers.

use super::Unavailable;
use super::paging::Stamp;
use super::window::Row;

/// What rows are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Tweet,
    Profile,
    Follow,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Tweet, Self::Profile, Self::Follow];

    /// As the API writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tweet => "TWEET",
            Self::Profile => "PROFILE",
            Self::Follow => "FOLLOW",
        }
    }
}

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) kind: Kind,
    /// `startDate` and `endDate`, of the API's clock.
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) limit: usize,
}

/// One answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// Newest first, as the API answers.
    pub(super) rows: Vec<Row>,
    /// Rows that could not be read.
    pub(super) unusable: usize,
    /// How long it was.
    pub(super) bytes: usize,
    /// How far the API's clock is ahead of ours, in ms; a second more or less, as `Date` says no more.
    pub(super) ahead: Option<i64>,
    /// Requests that it took.
    pub(super) requests: usize,
}

impl Answer {
    /// Whether it is as long as was asked for, and all of one moment by one of the times, as near as bounds can tell moments apart; also
    /// when its rows do not say when they happened.
    pub(super) fn is_of_one_moment(&self, limit: usize) -> bool {
        let is_one = |moment: fn(Stamp) -> Option<i64>| {
            let known = || self.rows.iter().filter_map(|row| moment(row.stamp));
            known().max().zip(known().min()).is_none_or(|(newest, oldest)| newest.saturating_sub(oldest) <= 2)
        };
        let published = |stamp: Stamp| stamp.time.or(stamp.received);
        self.rows.len() + self.unusable >= limit && (is_one(published) || is_one(Stamp::moment))
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is longer than is read: ask for less.
    TooLong,
    Unavailable(Unavailable),
}

impl From<Unavailable> for Failure {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}

/// Whoever can be asked.
pub(super) trait Ask {
    async fn ask(&self, query: Query) -> Result<Answer, Failure>;
}
