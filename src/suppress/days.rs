//! How many deliveries each action has begun on a day, of UTC: what `max_per_day` is held against.

use crate::model::time::Timestamp;

const DAY: i64 = 86_400_000;

/// Of each action, by its place among the rules, its latest day.
#[derive(Clone, Debug, Default)]
pub struct Days(Vec<Day>);

#[derive(Clone, Copy, Debug, Default)]
struct Day {
    day: i64,
    begun: u32,
}

/// Which one of its action's day a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfDay {
    /// The first is one; of one that has no room, one more than there may be.
    pub nth: u32,
    /// How many there may be.
    pub most: u32,
}

impl OfDay {
    /// Whether it may be sent.
    #[must_use]
    pub fn has_room(self) -> bool {
        self.nth <= self.most
    }
}

impl Days {
    /// One more delivery of an action that may begin `most` on the day of `at`.
    pub fn begin(&mut self, action: usize, most: u32, at: Timestamp) -> OfDay {
        let today = self.of(action, at);
        let of = OfDay { nth: today.begun.saturating_add(1), most };
        if of.has_room() {
            today.begun = of.nth;
        }
        of
    }

    /// So many were begun on that day before.
    pub fn restore(&mut self, action: usize, at: Timestamp, begun: u32) {
        self.of(action, at).begun = begun;
    }

    /// The day of that moment; it is a new one if the latest was another.
    fn of(&mut self, action: usize, at: Timestamp) -> &mut Day {
        if self.0.len() <= action {
            self.0.resize(action + 1, Day::default());
        }
        let today = day(at);
        let of = &mut self.0[action];
        if of.day != today {
            *of = Day { day: today, begun: 0 };
        }
        of
    }
}

/// The day of a moment, counted from 1970.
#[must_use]
pub fn day(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY)
}

/// When the day of a moment began.
#[must_use]
pub fn day_begins(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(day(at).saturating_mul(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_utc_and_each_action_has_its_own() {
        let mut days = Days::default();
        let noon = Timestamp::from_millis(20_000 * DAY + DAY / 2);
        let mut begin = |action, after: i64| days.begin(action, 2, noon.shifted(after)).nth;
        assert_eq!([begin(3, 0), begin(3, 1), begin(3, 2), begin(3, DAY / 2 - 1), begin(3, DAY / 2)], [1, 2, 3, 3, 1]);
        assert_eq!(begin(0, 0), 1);
        assert!(!OfDay { nth: 3, most: 2 }.has_room());
    }
}
