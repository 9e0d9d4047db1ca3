//! Moments ↔ what people read and write: local time and age out, `--since 2h` in.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::model::time::Timestamp;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Now, and where the reader is.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    now: Timestamp,
    zone: TimeZone,
}

impl Moments {
    /// In the system's time zone.
    pub(super) fn here(now: Timestamp) -> Self {
        Self { now, zone: TimeZone::system() }
    }

    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// By the reader's clock: `14:02:11`, with the date when it was not today.
    pub(super) fn local(&self, moment: Timestamp) -> String {
        let zoned = |moment: Timestamp| {
            let moment = jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?;
            Some(moment.to_zoned_datetime(self.zone.clone()))
        };
        let Some(there) = zoned(moment) else { return moment.to_string() };
        let is_today = zoned(self.now).is_some_and(|now| now.date() == there.date());
        there.strftime(if is_today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
    }

    /// `3 min ago`, `in 3 min`, `now`.
    pub(super) fn age(&self, moment: Timestamp) -> String {
        if moment > self.now {
            let ahead = moment.since(self.now);
            return if ahead < Duration::from_secs(1) { "now".to_owned() } else { format!("in {}", span(ahead)) };
        }
        match self.now.since(moment) {
            age if age < Duration::from_secs(1) => "now".to_owned(),
            age => format!("{} ago", span(age)),
        }
    }

    /// `14:02:11 (3 min ago)`.
    pub(super) fn both(&self, moment: Timestamp) -> String {
        format!("{} ({})", self.local(moment), self.age(moment))
    }

    /// The moment that somebody means by `2h`, `1d12h`, `2026-11-24`, `2026-11-24 14:00` or RFC 3339.
    pub(super) fn parse(&self, written: &str) -> Result<Timestamp, String> {
        let written = written.trim();
        if let Some(ago) = parse_span(written) {
            return Ok(Timestamp::from_millis(
                self.now.as_millis().saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)),
            ));
        }
        let exact = written.parse::<jiff::Timestamp>().ok();
        let local = || written.parse::<DateTime>().ok()?.to_zoned_datetime(self.zone.clone()).ok().map(|zoned| zoned.timestamp());
        let moment = exact.or_else(local).map(|moment| Timestamp::from_millis(moment.as_millisecond()));
        moment.ok_or_else(|| SINCE.to_owned())
    }
}

impl Moments {
    /// The same of an end: a day is meant with all of it.
    pub(super) fn parse_end(&self, written: &str) -> Result<Timestamp, String> {
        let written = written.trim();
        let day = if written.contains(['T', ' ', ':']) { None } else { written.parse::<Date>().ok() };
        let next = day.and_then(|day| day.tomorrow().ok()?.at(0, 0, 0, 0).to_zoned_datetime(self.zone.clone()).ok());
        next.map_or_else(|| self.parse(written), |next| Ok(Timestamp::from_millis(next.timestamp().as_millisecond())))
    }
}

const SINCE: &str =
    "a time is written as an age (90s, 30m, 2h, 1d12h), as a day (2026-11-24), as a local time (2026-11-24T14:00) or as RFC 3339";

/// Numbers with units, one after another.
pub(super) fn parse_span(written: &str) -> Option<Duration> {
    let mut rest = written;
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let tail = tail.trim_start();
        let (unit, tail) = tail.split_at(tail.bytes().take_while(u8::is_ascii_alphabetic).count());
        let unit = match unit {
            "s" | "sec" => SECOND,
            "m" | "min" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            "w" => 7 * DAY,
            _ => return None,
        };
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = tail.trim_start();
    }
    (!written.is_empty()).then(|| Duration::from_millis(millis))
}

/// How long something took or is ago, in its two greatest units: `480 ms`, `12 s`, `3 min`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn span(time: Duration) -> String {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let two = |great: u64, name: &str, small: u64, lesser: &str| match ms % great / small {
        0 => format!("{} {name}", ms / great),
        rest => format!("{} {name} {rest} {lesser}", ms / great),
    };
    match ms {
        0..SECOND => format!("{ms} ms"),
        SECOND..MINUTE => format!("{} s", ms / SECOND),
        // Nobody counts the seconds of ten minutes.
        MINUTE..600_000 => two(MINUTE, "min", SECOND, "s"),
        600_000..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY => two(HOUR, "h", MINUTE, "min"),
        _ => two(DAY, "d", HOUR, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments() -> Moments {
        // A summer's noon in UTC, two hours later in Berlin.
        Moments { now: Timestamp::from_millis(1_781_700_000_000), zone: TimeZone::fixed(jiff::tz::offset(2)) }
    }

    fn ago(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_781_700_000_000 - seconds * 1_000)
    }

    #[test]
    fn a_moment_is_shown_by_the_readers_clock_with_its_age() {
        for (seconds, local, age) in [
            (0, "14:40:00", "now"),
            (12, "14:39:48", "12 s ago"),
            (200, "14:36:40", "3 min 20 s ago"),
            (1_260, "14:19:00", "21 min ago"),
            (7_500, "12:35:00", "2 h 5 min ago"),
            (52_799, "00:00:01", "14 h 39 min ago"),
            (52_801, "2026-06-16 23:59:59", "14 h 40 min ago"),
            (273_600, "2026-06-14 10:40:00", "3 d 4 h ago"),
            (-90, "14:41:30", "in 1 min 30 s"),
        ] {
            assert_eq!((moments().local(ago(seconds)).as_str(), moments().age(ago(seconds)).as_str()), (local, age));
        }
        let never = Timestamp::from_millis(i64::MIN);
        assert_eq!(moments().local(never), never.to_string());
    }

    #[test]
    fn a_time_may_be_written_as_an_age_a_day_a_local_time_or_exactly() {
        for (written, seconds) in [
            ("90s", 90),
            ("2h", 7_200),
            (" 1d 12h ", 129_600),
            ("1h30m", 5_400),
            ("5 min", 300),
            ("2w", 1_209_600),
            ("2026-06-17", 52_800),
            ("2026-06-17T14:00", 2_400),
            ("2026-06-17 14:00:30", 2_370),
            ("2026-06-17T12:00:00Z", 2_400),
            ("2026-06-17T12:00:00.5+02:00", 9_600),
        ] {
            let read = moments().parse(written).map(|moment| moment.as_millis().div_euclid(1_000));
            assert_eq!(read, Ok(ago(seconds).as_millis() / 1_000), "{written}");
        }
        for wrong in ["", "2", "h", "yesterday", "-2h", "2h-", "2x", "2026-13-01", "99999999999999999999h", "9999999999999w"] {
            assert!(moments().parse(wrong).is_err(), "{wrong}");
        }
        assert!(moments().parse("300000000w").unwrap() < Timestamp::from_millis(0));
    }

    #[test]
    fn an_end_that_is_a_day_is_the_end_of_it() {
        let rows = [
            ("2026-06-17", "2026-06-17T22:00:00Z"),
            ("2026-06-17T00:00", "2026-06-16T22:00:00Z"),
            ("2026-06-17T12:00:00Z", "2026-06-17T12:00:00Z"),
            ("1h", "2026-06-17T11:40:00Z"),
        ];
        for (written, expected) in rows {
            let expected: jiff::Timestamp = expected.parse().unwrap();
            assert_eq!(moments().parse_end(written).map(Timestamp::as_millis), Ok(expected.as_millisecond()), "{written}");
        }
        assert!(moments().parse_end("soon").is_err());
    }
}
