//! How long a receiver lets an idle connection of HTTP/1.1 stand: what it says and what was seen in, when to renew one out. Pure; moments
//! are times on the lane's clock.
//!
//! A request that is written just as the receiver closes the connection is lost without a word, and an order then ends as unknown. So an
//! idle connection is replaced well before.

use std::time::Duration;

use hyper::header::HeaderMap;

use crate::model::limits::{IDLE_LIFE_KEPT, IDLE_LIFE_MIN};

/// What is known of one receiver.
#[derive(Debug, Default)]
pub(crate) struct Life {
    /// Its own latest word.
    told: Option<Duration>,
    /// The shortest that was seen, and when.
    seen: Option<(Duration, Duration)>,
}

impl Life {
    /// The receiver says how long. Says whether that is news.
    pub(crate) fn tell(&mut self, told: Duration) -> bool {
        self.told.replace(told) != Some(told)
    }

    /// The receiver has ended a connection that had been idle for so long. What ends sooner than [`IDLE_LIFE_MIN`] says nothing of its age.
    pub(crate) fn ended(&mut self, idle: Duration, now: Duration) {
        if idle >= IDLE_LIFE_MIN && self.seen(now).is_none_or(|seen| idle <= seen) {
            self.seen = Some((idle, now));
        }
    }

    fn seen(&self, now: Duration) -> Option<Duration> {
        self.seen.filter(|(_, at)| now.saturating_sub(*at) < IDLE_LIFE_KEPT).map(|(seen, _)| seen)
    }

    /// An idle connection is to be replaced after so long, if ever: after three quarters of its life.
    pub(crate) fn renew_after(&self, now: Duration) -> Option<Duration> {
        let life = self.told.into_iter().chain(self.seen(now)).min()?;
        (life >= IDLE_LIFE_MIN).then(|| life * 3 / 4)
    }
}

/// `Keep-Alive: timeout=5, max=100` says 5 s (RFC 2068 19.7.1.1, as servers still write it).
pub(crate) fn told(headers: &HeaderMap) -> Option<Duration> {
    let words = headers.get_all("keep-alive").into_iter().filter_map(|header| header.to_str().ok());
    let mut pairs = words.flat_map(|words| words.split(',')).filter_map(|word| word.split_once('='));
    let (_, seconds) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))?;
    // More than a day is as good as for ever.
    Some(Duration::from_secs(seconds.trim().trim_matches('"').parse::<u64>().ok()?.min(86_400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_shortest_life_counts_for_an_hour_and_the_receiver_s_word_as_long_as_it_stands() {
        let mut life = Life::default();
        assert_eq!(life.renew_after(secs(1)), None);
        life.ended(secs(60), secs(60));
        life.ended(secs(80), secs(140));
        assert_eq!(life.renew_after(secs(140)), Some(secs(45)));
        life.ended(secs(20), secs(160));
        assert_eq!(life.renew_after(secs(160)), Some(secs(15)));
        assert_eq!(life.renew_after(secs(3_760)), None, "it may have been for another reason");
        life.ended(secs(100), secs(3_860));
        assert_eq!(life.renew_after(secs(3_860)), Some(secs(75)));
        assert!(life.tell(secs(8)) && !life.tell(secs(8)));
        assert_eq!(life.renew_after(secs(10_000)), Some(secs(6)));
        assert!(life.tell(secs(120)));
        assert_eq!(life.renew_after(secs(3_860)), Some(secs(75)));
    }

    #[test]
    fn a_life_too_short_to_follow_is_not_followed() {
        let mut life = Life::default();
        life.ended(secs(3), secs(3));
        assert_eq!(life.renew_after(secs(3)), None);
        life.tell(secs(1));
        assert_eq!(life.renew_after(secs(3)), None);
    }

    #[test]
    fn keep_alive_is_read_as_servers_write_it() {
        for (written, expected) in [
            ("timeout=5", Some(secs(5))),
            ("max=1000, Timeout = 15", Some(secs(15))),
            ("timeout=\"20\";", None),
            ("timeout=\"20\"", Some(secs(20))),
            ("timeout=99999999999999", Some(secs(86_400))),
            ("timeout=99999999999999999999999", None),
            ("timeout=-1", None),
            ("timeout", None),
            ("300", None),
            ("", None),
        ] {
            let headers =
                HeaderMap::from_iter([(hyper::header::HeaderName::from_static("keep-alive"), written.parse().unwrap())]);
            assert_eq!(told(&headers), expected, "{written:?}");
        }
        assert_eq!(told(&HeaderMap::new()), None);
    }
}
