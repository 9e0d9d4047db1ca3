//! What the states of all types of windows have in common: keys, and what their past leaves behind.

use super::Lefts;
use super::keys::{Listed, Tally};
use super::moment::Moment;
use crate::model::time::Timestamp;
use crate::model::window::Left;

/// What is remembered of the matches of one rule, by a type of window.
pub(super) trait Past {
    /// All keys.
    fn keys(&self) -> &dyn Listed;

    /// What the past of a key leaves behind.
    fn left(&self, key: &str, now: Timestamp) -> Left;

    /// All keys are as they were left, the one that was left last first, as far as there is room.
    fn restore(&mut self, lefts: &Lefts, moment: &Moment, tally: &mut Tally);
}
