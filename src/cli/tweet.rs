//! A tweet's id or address as somebody writes it, and what the journal holds of it.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use crate::clock::Clock;
use crate::decode;
use crate::journal::{JournalError, Reader};
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::rule_test::Recorded;

/// Entries between two looks at whether progress is to be shown.
const STRIDE: usize = 10_000;
/// X's ids hold when they were made, in milliseconds since this moment.
const SNOWFLAKE: i64 = 1_288_834_974_657;
/// The feed's clock and ours may differ.
const EARLIER: i64 = 24 * 3_600_000;

/// The id in `123`, `https://x.com/…/status/123` or `https://truthsocial.com/@…/posts/123`.
pub(super) fn id(written: &str) -> Option<String> {
    let digits = |text: &str| (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned());
    if let Some(id) = digits(written) {
        return Some(id);
    }
    let bare = written.split(['?', '#']).next()?;
    let parts: Vec<&str> = bare.split('/').collect();
    let at = parts.iter().position(|part| matches!(*part, "status" | "posts" | "statuses"))?;
    digits(parts.get(at + 1)?)
}

/// All entries of the journal that are about these tweets, in order, and how many rows were left out because they are damaged.
pub(super) fn entries(folder: &Path, ids: &[String]) -> Result<(Vec<Recorded>, u64), JournalError> {
    let mut reader = Reader::open(folder)?;
    let made = ids.iter().map(|id| made(id)).min().flatten();
    let mut found = read(&mut reader, ids, made.unwrap_or(i64::MIN))?;
    if found.is_empty() && made.is_some() {
        // They may be older than their ids say.
        found = read(&mut reader, ids, i64::MIN)?;
    }
    Ok((found, reader.damaged()))
}

/// What was muted at that moment, or later.
pub(super) fn mutes(folder: &Path, since: Timestamp) -> Result<Vec<Mute>, JournalError> {
    let rows = Reader::open(folder)?.mutes(since)?;
    Ok(rows.into_iter().map(|row| row.mute).collect())
}

/// Those that came since then.
fn read(reader: &mut Reader, ids: &[String], since: i64) -> Result<Vec<Recorded>, JournalError> {
    let (mut found, mut progress) = (Vec::new(), Progress::new());
    reader.with_words(
        Timestamp::from_millis(since),
        ids,
        || progress.one(),
        |entry| {
            let is_it =
                decode::decode(entry.text).is_ok_and(|of| of.body.tweet_id().is_some_and(|of| ids.iter().any(|id| id == of)));
            if is_it {
                found.push(Recorded { at: entry.at, origin: entry.origin, text: entry.text.to_owned() });
            }
        },
    )?;
    progress.end();
    Ok(found)
}

/// When a tweet with this id was made, and a day before that.
fn made(id: &str) -> Option<i64> {
    let number: i64 = id.parse().ok().filter(|_| (17..=19).contains(&id.len()))?;
    Some((number >> 22) + SNOWFLAKE - EARLIER)
}

/// How far a long reading has come, on a terminal.
pub(super) struct Progress {
    clock: Clock,
    begun: Timestamp,
    read: usize,
    shown: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let clock = Clock::system();
        Self { begun: clock.now(), clock, read: 0, shown: false }
    }

    pub(super) fn one(&mut self) {
        self.read += 1;
        if self.read.is_multiple_of(STRIDE)
            && self.clock.now().since(self.begun).as_secs() >= 1
            && std::io::stderr().is_terminal()
        {
            self.shown = true;
            let _ = write!(std::io::stderr(), "\rreading the journal: {} entries", self.read);
        }
    }

    pub(super) fn end(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tweet_is_named_by_its_id_or_its_address() {
        for (written, found) in [
            ("1846987139428634858", Some("1846987139428634858")),
            ("https://x.com/binance/status/1846987139428634858", Some("1846987139428634858")),
            ("https://twitter.com/i/web/status/18/photo/1", Some("18")),
            ("x.com/a/status/18?s=20", Some("18")),
            ("https://truthsocial.com/@realDonaldTrump/posts/113", Some("113")),
            ("https://x.com/binance", None),
            ("rules.toml", None),
            ("12a", None),
            ("", None),
        ] {
            assert_eq!(id(written).as_deref(), found, "{written}");
        }
        assert!(made("1846987139428634858").is_some_and(|at| at > 1_700_000_000_000) && made("12").is_none());
    }
}
