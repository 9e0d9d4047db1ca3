//! `[feed]`, `[journal]` and `[defaults]`.

use std::time::Duration;

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::hours::{self, Zone};
use super::http::{self, IN_CLEAR, public_url, secret};
use super::modes;
use super::names::choice;
use super::read::{Field, Table};
use super::ruleset::{Auth, FeedSettings};
use super::units::{duration, size, written};
use crate::model::action::Overflow;
use crate::model::journal::{JournalSettings, Sync};
use crate::model::limits::META_TIMEOUT;
use crate::model::mode::Mode;

/// Where TweetStream is.
const FEED: &str = "wss://ws.tweetstream.io/ws";
/// The longest that a rule can wait for what has not arrived: tweets are not remembered for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// What has fired must be remembered for longer than history is asked for, or the same tweets would fire again.
const SHORTEST_JOURNAL: Duration = Duration::from_secs(86_400);
/// A journal of less would forget while it is being written.
const SMALLEST_JOURNAL: u64 = 16 * 1024 * 1024;

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            url: FEED.to_owned(),
            key: None,
            auth: Auth::default(),
            meta_timeout: META_TIMEOUT,
            history: None,
            notices: Vec::new(),
        }
    }
}

/// `[feed]`, and its `notices`, which can be read once the actions are known.
pub(super) fn feed<'a>(check: &mut Check<'a>, mut table: Table<'a>) -> (FeedSettings, Option<Field<'a>>) {
    let mut feed = FeedSettings::default();
    if let Some(field) = table.take("key") {
        feed.key = secret(check, field, "the API key");
    }
    if let Some(field) = table.take("url") {
        feed.url = feed_url(check, field).unwrap_or(feed.url);
    }
    if let Some(field) = table.take("auth") {
        let known = [("subprotocol", Auth::Subprotocol), ("bearer", Auth::Bearer), ("query", Auth::Query)];
        feed.auth = choice(check, field, &known).unwrap_or_default();
    }
    if let Some(field) = table.take("meta_timeout") {
        feed.meta_timeout = wait(check, field).unwrap_or(feed.meta_timeout);
    }
    if let Some(field) = table.take("history") {
        feed.history = history_url(check, field);
    }
    let notices = table.take("notices");
    table.finish(check);
    (feed, notices)
}

fn feed_url(check: &mut Check<'_>, field: Field<'_>) -> Option<String> {
    let url = public_url(check, field, &["wss", "ws"], "\"wss://ws.tweetstream.io/ws\"")?;
    if url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case("apikey")) {
        let mistake = Diagnostic::error(IN_CLEAR, field.node.span, "the API key does not belong into the URL");
        check.report(mistake.help("write `key = \"env:TWEETSTREAM_API_KEY\"` and `auth = \"query\"`"));
        return None;
    }
    Some(url.into())
}

/// The key is sent there, so it must be encrypted on its way unless it stays within these walls.
fn history_url(check: &mut Check<'_>, field: Field<'_>) -> Option<String> {
    let text = field.node.text(check, field.name, "\"https://api.tweetstream.io/api/history\"")?;
    let url = http::web_url(check, field, text, &["https", "http"])?;
    if http::has_credentials(&url) {
        let mistake = Diagnostic::error(IN_CLEAR, field.node.span, "the API key does not belong into the URL");
        check.report(mistake.help("write `key = \"env:TWEETSTREAM_API_KEY\"`: history is asked with the same key"));
        return None;
    }
    if url.scheme() == "http" && !http::is_local(&url) {
        let mistake = Diagnostic::error("plain-http", field.node.span, "the key would travel in clear");
        check.report(mistake.help("use https://; plain connections are for this machine and private networks"));
        return None;
    }
    Some(url.into())
}

/// `[journal]`.
pub(super) fn journal<'a>(check: &mut Check<'a>, mut table: Table<'a>) -> JournalSettings {
    let mut journal = JournalSettings::default();
    if let Some(field) = table.take("sync") {
        journal.sync = choice(check, field, &Sync::ALL.map(|sync| (sync.name(), sync))).unwrap_or_default();
    }
    if let Some(field) = table.take("max_age")
        && let Some(max_age) = duration(check, field)
    {
        if max_age < SHORTEST_JOURNAL {
            let message = format!("the journal cannot forget after {}", written(max_age));
            let mistake = Diagnostic::error("bad-duration", field.node.span, message);
            check.report(mistake.help("one day is the least: what fired must be known when history tells of it once more"));
        }
        journal.max_age = max_age;
    }
    if let Some(field) = table.take("max_bytes")
        && let Some(bytes) = size(check, field)
    {
        if bytes < SMALLEST_JOURNAL {
            let mistake = Diagnostic::error("bad-size", field.node.span, "this is too small for a journal");
            check.report(mistake.help("give it \"16MiB\" at least"));
        }
        journal.max_bytes = bytes;
    }
    table.finish(check);
    journal
}

/// A time to wait for what has not arrived.
pub(super) fn wait<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Duration> {
    let wait = duration(check, field)?;
    if wait > LONGEST_WAIT {
        let message = format!("`{}` cannot be longer than ten minutes", field.name);
        let mistake = Diagnostic::error("bad-duration", field.node.span, message);
        check.report(mistake.help("meta comes within seconds or not at all; tweets are not remembered for longer"));
        return None;
    }
    Some(wait)
}

/// `[defaults]`: what actions have that do not say otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    /// In which hours are meant; UTC unless the file says otherwise.
    pub(super) zone: Zone,
    pub(super) max_age: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) overflow: Option<Overflow>,
    /// Everything is at least so strict.
    pub(super) mode: Mode,
}

pub(super) fn defaults<'a>(check: &mut Check<'a>, mut table: Table<'a>) -> Defaults {
    let mut defaults = Defaults::default();
    if let Some(field) = table.take("max_age") {
        defaults.max_age = duration(check, field);
    }
    if let Some(field) = table.take("timeout") {
        defaults.timeout = super::actions::timeout(check, field);
    }
    if let Some(field) = table.take("overflow") {
        defaults.overflow = super::actions::overflow(check, field);
    }
    if let Some(field) = table.take("timezone") {
        defaults.zone = hours::zone(check, field).unwrap_or_default();
    }
    if let Some(field) = table.take("mode") {
        defaults.mode = modes::read(check, field).unwrap_or_default();
    }
    table.finish(check);
    defaults
}
