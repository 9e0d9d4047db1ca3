//! Times in which nothing could be heard, and a clock that stands still in them.

use std::collections::VecDeque;

use crate::model::time::Timestamp;

/// So many are remembered; of more, the oldest is only known by its length.
const MOST: usize = 64;

/// Parts of the time: apart from each other, in their order.
#[derive(Debug, Default)]
pub(super) struct Deafness {
    /// Each since when and until when.
    times: VecDeque<(i64, i64)>,
    /// How long those before them were.
    before: i64,
}

impl Deafness {
    /// One more, the latest.
    pub(super) fn add(&mut self, since: Timestamp, until: Timestamp) {
        let since = since.as_millis().max(self.times.back().map_or(i64::MIN, |last| last.1));
        if since >= until.as_millis() {
            return;
        }
        self.times.push_back((since, until.as_millis()));
        if self.times.len() > MOST
            && let Some((since, until)) = self.times.pop_front()
        {
            self.before = self.before.saturating_add(until - since);
        }
    }

    /// How long was listened until `at`, in milliseconds, since some moment that is always the same.
    pub(super) fn heard(&self, at: Timestamp) -> i64 {
        let at = at.as_millis();
        let deaf: i64 = self.times.iter().map(|(since, until)| at.min(*until) - at.min(*since)).sum();
        at.saturating_sub(self.before).saturating_sub(deaf)
    }

    /// The first moment until which so long was listened.
    pub(super) fn moment(&self, heard: i64) -> Timestamp {
        let mut at = heard.saturating_add(self.before);
        for (since, until) in &self.times {
            if at <= *since {
                break;
            }
            at = at.saturating_add(until - since);
        }
        Timestamp::from_millis(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn the_clock_stands_still_in_each_of_them_and_goes_on_after_it() {
        let mut deafness = Deafness::default();
        deafness.add(ms(100), ms(150));
        deafness.add(ms(200), ms(300));
        for (at, heard) in
            [(0, 0), (100, 100), (120, 100), (150, 100), (160, 110), (200, 150), (299, 150), (300, 150), (310, 160)]
        {
            assert_eq!(deafness.heard(ms(at)), heard, "{at}");
        }
        for (heard, at) in [(0, 0), (100, 100), (101, 151), (150, 200), (151, 301)] {
            assert_eq!(deafness.moment(heard), ms(at), "{heard}");
        }
    }

    #[test]
    fn what_is_said_twice_counts_once_and_what_is_no_time_not_at_all() {
        let mut deafness = Deafness::default();
        for (since, until) in [(100, 200), (100, 200), (150, 250), (300, 300), (400, 350)] {
            deafness.add(ms(since), ms(until));
        }
        assert_eq!(deafness.heard(ms(1_000)), 850);
    }

    #[test]
    fn of_very_many_the_lengths_are_known() {
        let mut deafness = Deafness::default();
        (0..1_000).for_each(|n| deafness.add(ms(n * 100), ms(n * 100 + 10)));
        assert_eq!(deafness.times.len(), MOST);
        assert_eq!(deafness.heard(ms(100_000)), 90_000);
        assert_eq!(deafness.moment(90_000), ms(100_000));
    }
}
