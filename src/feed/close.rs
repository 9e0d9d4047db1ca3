//! Why there is no connection (close code, HTTP status, error) → what to do about it, and the words for people. Pure.
//!
//! The table is PROTOCOL 1.3 and 1.4. What stops for good stops because trying again cannot help and may get the key banned.

use std::time::Duration;

/// What follows from the loss of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// Never try again by itself: a person has to change something.
    Stop,
    /// Try again after minutes, and tell a person.
    SlowRetry,
    /// Try again at once; a crash loop is backed off all the same.
    AtOnce,
    /// Try again with exponential back-off.
    Backoff,
}

/// What to do and how to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What follows.
    pub reaction: Reaction,
    /// What it means and, where a person can help, what to do. Completes "…: ".
    pub words: &'static str,
}

const fn verdict(reaction: Reaction, words: &'static str) -> Verdict {
    Verdict { reaction, words }
}

const KEY: &str =
    "it does not accept the API key; put a valid one into [feed] key or TWEETSTREAM_API_KEY and start birdcall again";
const PLAN: &str =
    "the plan or subscription behind the API key does not allow the stream; check it on tweetstream.io and start birdcall again";
const LIMIT: &str = "all connections that the plan allows are in use (after a restart the old one counts for a minute or two; \
     else another program uses the same key)";

/// What a WebSocket close code means. `None`: a close frame without a code (1005).
#[must_use]
pub fn of_code(code: Option<u16>) -> Verdict {
    use Reaction::{AtOnce, Backoff, SlowRetry, Stop};
    match code {
        Some(4001 | 4401) => verdict(Stop, KEY),
        Some(4003 | 4403) => verdict(Stop, PLAN),
        Some(4029) => verdict(SlowRetry, LIMIT),
        Some(1008) => verdict(SlowRetry, "it says that we broke its policy; if this repeats, ask TweetStream why"),
        Some(1012) => verdict(AtOnce, "it restarts"),
        Some(1000) => verdict(Backoff, "it ended the connection without giving a reason"),
        Some(1001) => verdict(Backoff, "it goes away"),
        Some(1009) => verdict(Backoff, "it found a message of ours too big"),
        Some(1011) => verdict(Backoff, "it had an internal error"),
        Some(1013) => verdict(Backoff, "it is overloaded"),
        Some(1002 | 1003 | 1007 | 1010) => verdict(Backoff, "it did not understand us"),
        Some(_) => verdict(Backoff, "the code is not one that we know"),
        None => verdict(Backoff, "it gave no code"),
    }
}

/// What the HTTP status of a refused handshake means. 101 never comes here.
#[must_use]
pub fn of_status(status: u16) -> Verdict {
    use Reaction::{Backoff, SlowRetry, Stop};
    match status {
        400 => verdict(
            Stop,
            "it calls the request malformed; check [feed] url, or show the key in another way: \
             auth = \"subprotocol\", \"bearer\" or \"query\"",
        ),
        401 => verdict(Stop, KEY),
        403 => verdict(Stop, PLAN),
        429 => verdict(SlowRetry, LIMIT),
        300..=399 => verdict(Backoff, "it sends us elsewhere, and the key must not follow; put the new address into [feed] url"),
        404 | 410 => verdict(Backoff, "there is no stream at this address; check the path in [feed] url"),
        500..=599 => verdict(Backoff, "it has trouble of its own"),
        _ => verdict(Backoff, "the status is not one that we expect"),
    }
}

/// Why there is no connection (any more). Its text is for people and never contains the key, the query of the URL, or raw text of the
/// other side.
#[derive(Debug, thiserror::Error)]
pub enum Loss {
    /// The feed sent a Close frame.
    #[error("the feed closed the connection{}: {}{}", code_words(*.code), of_code(*.code).words, reason_words(.reason))]
    Closed {
        /// Its code, if it had one.
        code: Option<u16>,
        /// Its reason, made safe to print and freed of the key; often empty.
        reason: String,
    },
    /// The stream ended without a Close frame (1006 in other libraries).
    #[error("the connection ended without a word")]
    Ended,
    /// Reading or writing failed.
    #[error("the connection broke: {0}")]
    Broken(std::io::Error),
    /// No frame for too long, although we asked for one.
    #[error("nothing was heard for {} s, not even an answer to our pings: the connection is dead", .0.as_secs())]
    Silent(Duration),
    /// A message above the limit.
    #[error("the feed sent a message of more than {limit} bytes")]
    TooBig {
        /// The limit in bytes.
        limit: usize,
    },
    /// A text frame that is not UTF-8.
    #[error("the feed sent a text frame that is not UTF-8")]
    NotUtf8,
    /// The other side does not speak WebSocket as RFC 6455 says.
    #[error("the feed broke the WebSocket protocol: {0}")]
    Protocol(String),
    /// The handshake was answered with a status other than 101.
    #[error("the feed refused the connection with HTTP status {status}: {}", of_status(*.status).words)]
    Refused {
        /// The status.
        status: u16,
    },
    /// The handshake's answer was not one.
    #[error("what answers at {at} is not a TweetStream feed: {what}")]
    NotAFeed {
        /// Host and port.
        at: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The name does not resolve.
    #[error("the name {host} cannot be resolved: {why}")]
    Unresolved {
        /// The name.
        host: String,
        /// Why.
        why: std::io::Error,
    },
    /// No address took the connection.
    #[error("cannot connect to {at}: {why}")]
    Unreachable {
        /// Host and port.
        at: String,
        /// What the last address that was tried said.
        why: std::io::Error,
    },
    /// TLS failed: certificate, version, or no TLS at all.
    #[error("no secure connection to {at}: {why}")]
    Insecure {
        /// Host and port.
        at: String,
        /// Why.
        why: std::io::Error,
    },
    /// A `ws://` name resolved to addresses that are not on this machine or a private network.
    #[error(
        "{host} is not on this machine or a private network, and ws:// would show the key to everybody on the way; use wss://"
    )]
    InClear {
        /// The name.
        host: String,
    },
    /// TCP, TLS and upgrade together took too long.
    #[error("no connection to {at} within {} s", .limit.as_secs_f32())]
    TooSlow {
        /// Host and port.
        at: String,
        /// The limit.
        limit: Duration,
    },
}

impl Loss {
    /// What follows from it.
    #[must_use]
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Closed { code, .. } => of_code(*code).reaction,
            Self::Refused { status } => of_status(*status).reaction,
            Self::Ended
            | Self::Broken(_)
            | Self::Silent(_)
            | Self::TooBig { .. }
            | Self::NotUtf8
            | Self::Protocol(_)
            | Self::NotAFeed { .. }
            | Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::Insecure { .. }
            | Self::InClear { .. }
            | Self::TooSlow { .. } => Reaction::Backoff,
        }
    }

    /// Whether a person should hear of it although the feed may mend it by itself: the connection limit, a broken policy, a refused key.
    #[must_use]
    pub fn wants_attention(&self) -> bool {
        matches!(self.reaction(), Reaction::Stop | Reaction::SlowRetry)
    }
}

fn code_words(code: Option<u16>) -> String {
    code.map(|code| format!(" with code {code}")).unwrap_or_default()
}

fn reason_words(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" (it said \"{reason}\")") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaction(code: u16) -> Reaction {
        of_code(Some(code)).reaction
    }

    #[test]
    fn every_close_code_has_the_reaction_of_the_protocol() {
        for code in 0..=u16::MAX {
            let expected = match code {
                4001 | 4003 | 4401 | 4403 => Reaction::Stop,
                4029 | 1008 => Reaction::SlowRetry,
                1012 => Reaction::AtOnce,
                _ => Reaction::Backoff,
            };
            assert_eq!(reaction(code), expected, "code {code}");
            assert!(!of_code(Some(code)).words.is_empty());
        }
        assert_eq!(of_code(None).reaction, Reaction::Backoff);
    }

    #[test]
    fn every_http_status_has_the_reaction_of_the_protocol() {
        for status in 0..=u16::MAX {
            let expected = match status {
                400 | 401 | 403 => Reaction::Stop,
                429 => Reaction::SlowRetry,
                _ => Reaction::Backoff,
            };
            assert_eq!(of_status(status).reaction, expected, "status {status}");
        }
    }

    #[test]
    fn what_stops_says_what_to_do() {
        for loss in [4001, 4003, 4401, 4403].map(|code| Loss::Closed { code: Some(code), reason: String::new() }) {
            assert!(loss.to_string().contains("start birdcall again"), "{loss}");
        }
        for loss in [401, 403].map(|status| Loss::Refused { status }) {
            assert!(loss.to_string().contains("start birdcall again"), "{loss}");
        }
        assert!(Loss::Refused { status: 400 }.to_string().contains("auth = \"subprotocol\", \"bearer\" or \"query\""));
    }

    #[test]
    fn the_words_read_as_sentences() {
        let closed = |code, reason: &str| Loss::Closed { code, reason: reason.to_owned() }.to_string();
        assert_eq!(closed(Some(1012), ""), "the feed closed the connection with code 1012: it restarts");
        assert_eq!(closed(None, "bye"), "the feed closed the connection: it gave no code (it said \"bye\")");
        assert!(
            Loss::Refused { status: 302 }
                .to_string()
                .starts_with("the feed refused the connection with HTTP status 302: it sends us elsewhere")
        );
        assert_eq!(
            Loss::TooSlow { at: "a:1".into(), limit: Duration::from_secs(10) }.to_string(),
            "no connection to a:1 within 10 s"
        );
    }
}
