//! `GET /api/me` (PROTOCOL 6) → what the key may do: which accounts it tracks. Asked once, when somebody wants to know; nothing depends on
//! it, so whatever it does not say is not known. What it says of payment is not looked at.

use std::collections::HashSet;

use serde_json::Value;
use url::Url;

use super::ask::{Asker, Unanswered};
use super::{HistorySettings, HistoryTimers, SettingsError};
use crate::model::ids::normal_handle;
use crate::model::limits::{ACCOUNT_ANSWER_BYTES, REACH_TIMEOUT};

/// What an API key may do, as far as the API says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// `BASIC`, `ELITE`, …
    pub plan: Option<String>,
    /// How many accounts it tracks.
    pub tracked: Option<u64>,
    /// How many it may track.
    pub tracked_limit: Option<u64>,
    /// Which ones, all of them: handles as they are compared. `None`: that is not said, or not of all.
    pub handles: Option<HashSet<String>>,
    /// So many of those that it tracks are said, where that is not all of them.
    pub listed: Option<usize>,
    /// Connections that are open.
    pub connections: Option<u64>,
    /// Connections that it may open.
    pub connections_limit: Option<u64>,
}

/// Where the account is asked about: beside the history.
///
/// # Errors
/// When the history's URL cannot be read.
pub fn account_url(history: &str) -> Result<String, SettingsError> {
    let mut url = Url::parse(history.trim()).map_err(SettingsError::Url)?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url.join("me").map_err(SettingsError::Url)?.into())
}

/// Asks. `settings` are those of the history, with the URL of [`account_url`].
///
/// # Errors
/// Why it is not known, in words for people, without the key.
pub async fn account(settings: HistorySettings) -> Result<Account, AccountError> {
    let timers = HistoryTimers { timeout: REACH_TIMEOUT, ..HistoryTimers::default() };
    let asker = Asker::new(settings, timers, ACCOUNT_ANSWER_BYTES)?;
    let body = asker.once().await?;
    let value = serde_json::from_slice::<Value>(&body).ok().filter(Value::is_object);
    value.as_ref().map(read).ok_or(AccountError::NoAccount)
}

/// Why nothing is known of the account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The settings cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It was asked, and said something else or nothing.
    #[error("{}", .0.words)]
    Unanswered(#[from] Unanswered),
    /// An answer of something else.
    #[error("what answers there knows nothing of accounts")]
    NoAccount,
}

fn read(value: &Value) -> Account {
    // Some answers are wrapped.
    let value = value.get("data").filter(|data| data.is_object()).unwrap_or(value);
    let (tracked, socket) = (&value["trackedAccounts"], &value["websocket"]);
    let handles = tracked["handles"].as_array().or_else(|| tracked.as_array());
    let handle = |item: &Value| {
        let written = item.as_str().or_else(|| item["handle"].as_str())?;
        Some(normal_handle(written).into_owned()).filter(|handle| !handle.is_empty())
    };
    let read: Option<Vec<String>> = handles.map(|items| items.iter().filter_map(handle).collect());
    let counted = handles.map(|items| items.len() as u64);
    let count = tracked["count"].as_u64().max(counted);
    // A page of the list, or a form that is not known, must not make anybody believe that an account is not tracked.
    let (handles, listed) = match read {
        Some(read) if count.is_some_and(|count| count > read.len() as u64) => (None, Some(read.len())),
        read => (read.map(HashSet::from_iter), None),
    };
    Account {
        plan: value["plan"].as_str().or_else(|| value["plan"]["name"].as_str()).map(str::to_owned),
        tracked: count,
        tracked_limit: tracked["limit"].as_u64(),
        handles,
        listed,
        connections: socket["count"].as_u64().or_else(|| socket["active"].as_u64()),
        connections_limit: socket["limit"].as_u64(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_account_is_asked_about_beside_the_history() {
        for (history, expected) in [
            ("https://api.tweetstream.io/api/history", "https://api.tweetstream.io/api/me"),
            ("http://127.0.0.1:7070/api/history?x=1", "http://127.0.0.1:7070/api/me"),
            ("http://sim:80", "http://sim/me"),
            ("https://relay.example/api/history/", "https://relay.example/api/me"),
        ] {
            assert_eq!(account_url(history).as_deref(), Ok(expected), "{history}");
        }
        assert!(account_url("nonsense").is_err());
    }

    #[test]
    fn what_is_said_is_known_and_what_is_not_is_not() {
        let whole = json!({ "plan": "ELITE", "stripe": { "customer": "cus_s3cret" },
            "trackedAccounts": { "count": 2, "limit": 250, "handles": ["@ElonMusk", "binance"] },
            "websocket": { "count": 1, "limit": 10 } });
        let account = read(&whole);
        let handles: HashSet<_> = ["elonmusk", "binance"].map(str::to_owned).into();
        let expected = Account {
            plan: Some("ELITE".into()),
            tracked: Some(2),
            tracked_limit: Some(250),
            handles: Some(handles),
            listed: None,
            connections: Some(1),
            connections_limit: Some(10),
        };
        assert_eq!(account, expected);
        assert!(!format!("{account:?}").contains("s3cret"));
        assert_eq!(read(&json!({ "websocket": { "active": 3 } })).connections, Some(3));
        for (tracked, expected) in [
            (json!({ "handles": [{ "handle": "a" }, 7] }), (Some(2), None, Some(1))),
            (json!({ "count": 3, "handles": ["a", "b"] }), (Some(3), None, Some(2))),
            (json!({ "count": 3, "handles": [] }), (Some(3), None, Some(0))),
            (json!(["a", "@"]), (Some(2), None, Some(1))),
            (json!({ "count": 2, "handles": ["a", "A"] }), (Some(2), Some(HashSet::from(["a".to_owned()])), None)),
        ] {
            let account = read(&json!({ "trackedAccounts": tracked }));
            assert_eq!((account.tracked, account.handles, account.listed), expected, "{tracked}");
        }
        for odd in [json!({}), json!({ "plan": 7, "trackedAccounts": "x", "websocket": [] }), json!({ "data": null })] {
            assert_eq!(read(&odd), Account::default(), "{odd}");
        }
    }
}
