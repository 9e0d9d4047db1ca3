//! `[feed]` and `[defaults]`.

use std::time::Duration;

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::http::{public_url, secret};
use super::names::choice;
use super::read::{Field, Table};
use super::ruleset::{Auth, FeedSettings};
use super::units::duration;
use crate::model::action::Overflow;
use crate::model::limits::META_TIMEOUT;

/// Where TweetStream is.
const FEED: &str = "wss://ws.tweetstream.io/ws";
/// The longest that a rule can wait for what has not arrived: tweets are not remembered for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

impl Default for FeedSettings {
    fn default() -> Self {
        Self { url: FEED.to_owned(), key: None, auth: Auth::default(), meta_timeout: META_TIMEOUT }
    }
}

/// `[feed]`.
pub(super) fn feed<'a>(check: &mut Check<'a>, mut table: Table<'a>) -> FeedSettings {
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
    table.finish(check);
    feed
}

fn feed_url(check: &mut Check<'_>, field: Field<'_>) -> Option<String> {
    let url = public_url(check, field, &["wss", "ws"], "\"wss://ws.tweetstream.io/ws\"")?;
    if url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case("apikey")) {
        let mistake = Diagnostic::error("bad-url", field.node.span, "the API key does not belong into the URL");
        check.report(mistake.help("write `key = \"env:TWEETSTREAM_API_KEY\"` and `auth = \"query\"`"));
        return None;
    }
    Some(url.into())
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
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    pub(super) max_age: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) overflow: Option<Overflow>,
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
    table.finish(check);
    defaults
}
