//! What an answer means. The words of all destinations; each destination's `classify` translates its own answers into them.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use crate::model::delivery::Receipt;
use crate::model::limits::{RETRY_AFTER_MAX, THROTTLED_FIRST};

use super::words;

/// A destination's answer, as far as it was read. There is no `Debug`: a header may repeat the path that we asked for. Secrets of ours that it repeated are already struck out of the body.
#[derive(Clone)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body, at most [`crate::model::limits::ANSWER_BYTES`]; less if the connection broke. What needs a whole body sees that it is not one.
    pub(crate) body: Bytes,
    /// When it came, by the system's clock.
    pub(crate) at: SystemTime,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The destination has it.
    Delivered {
        /// Its word for that.
        receipt: Receipt,
    },
    /// Too fast; certainly not delivered. The whole lane waits.
    Throttled {
        /// For how long.
        pause: Pause,
        /// In words.
        reason: String,
    },
    /// The destination failed. It says that it did not deliver; an order does not believe that.
    Retry {
        /// Not before so much time has passed; the whole lane waits.
        wait: Option<Duration>,
        /// In words.
        reason: String,
    },
    /// No byte of the message left us, or the destination has said in its protocol's own words that it did nothing with it.
    NotSent {
        /// In words.
        reason: String,
    },
    /// The message left us and it is not known what became of it.
    Ambiguous {
        /// In words.
        reason: String,
    },
    /// It became too old before its first byte could leave.
    Late,
    /// Orders were stopped before its first byte could leave.
    Held,
    /// Telegram only: the chat has a new id.
    Moved {
        /// The new id.
        chat: i64,
    },
    /// The destination does not take this message, but may take another.
    Refused {
        /// In words.
        reason: String,
    },
    /// The destination does not take this message, and our fallback would not help.
    Dead {
        /// In words.
        reason: String,
    },
    /// Refused, but not in the destination's own words: a proxy or a content network before it, and certainly not delivered. The whole lane
    /// waits, as after "too fast", and tries again while the message is young enough.
    Blocked {
        /// In words.
        reason: String,
    },
    /// The destination takes nothing from us any more until somebody changes the configuration.
    Disabled {
        /// In words.
        reason: String,
    },
}

impl Verdict {
    /// One word for logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Throttled { .. } => "throttled",
            Self::Retry { .. } => "failed",
            Self::NotSent { .. } => "not sent",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Late => "late",
            Self::Held => "held",
            Self::Moved { .. } => "moved",
            Self::Refused { .. } => "refused",
            Self::Dead { .. } => "dead",
            Self::Blocked { .. } => "blocked",
            Self::Disabled { .. } => "disabled",
        }
    }
}

impl Verdict {
    /// What was said, if anything was.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Throttled { reason, .. }
            | Self::Retry { reason, .. }
            | Self::NotSent { reason }
            | Self::Ambiguous { reason }
            | Self::Refused { reason }
            | Self::Dead { reason }
            | Self::Blocked { reason }
            | Self::Disabled { reason } => Some(reason),
            Self::Delivered { .. } | Self::Late | Self::Held | Self::Moved { .. } => None,
        }
    }
}

/// How long a throttled lane waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// As the destination said, rounded up and at most [`RETRY_AFTER_MAX`].
    Told(Duration),
    /// It did not say: so long, and twice as long each time that it happens again.
    Untold {
        /// The first time.
        first: Duration,
    },
}

impl Pause {
    /// The first of `told` that makes sense, else [`THROTTLED_FIRST`].
    pub(crate) fn from(told: Option<Duration>) -> Self {
        told.map_or(Self::Untold { first: THROTTLED_FIRST }, Self::Told)
    }
}

impl Answer {
    /// The verdict when the answer, all of it read, says that the destination has the message under this id.
    pub(crate) fn taken(&self, id: Option<String>) -> Verdict {
        match Receipt::of_answer(self.status, id) {
            Some(receipt) => Verdict::Delivered { receipt },
            None => Verdict::Ambiguous { reason: self.words() },
        }
    }

    /// The body as text, for parsing.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as a JSON object of the shape `T`; `None` when it is none.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// "HTTP 503: the body's first words", for people.
    pub(crate) fn words(&self) -> String {
        words::with_status(self.status, &self.text())
    }

    /// A number of seconds in the header `name`.
    pub(crate) fn seconds_header(&self, name: &HeaderName) -> Option<Duration> {
        seconds(self.headers.get(name)?.to_str().ok()?)
    }

    /// `Retry-After`: seconds or an HTTP date (RFC 9110). A date is compared with the answer's own `Date`, so that clocks need not agree.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let written = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Some(told) = seconds(written) {
            return Some(told);
        }
        let until = httpdate::parse_http_date(written).ok()?;
        let theirs =
            self.headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(|date| httpdate::parse_http_date(date).ok());
        let wait = until.duration_since(theirs.unwrap_or(self.at)).unwrap_or_default();
        // Dates are whole seconds; theirs may be almost one behind.
        Some(wait.saturating_add(Duration::from_secs(1)).min(RETRY_AFTER_MAX))
    }
}

/// Seconds as text, whole or not; rounded up to milliseconds, at most [`RETRY_AFTER_MAX`]. `None` when it is no number from zero on.
pub(crate) fn seconds(written: &str) -> Option<Duration> {
    seconds_from(written.trim().parse().ok()?)
}

/// Seconds as a number; as [`seconds`].
pub(crate) fn seconds_from(told: f64) -> Option<Duration> {
    if told.is_nan() || told < 0.0 {
        return None;
    }
    let told = Duration::try_from_secs_f64(told).unwrap_or(RETRY_AFTER_MAX).min(RETRY_AFTER_MAX);
    let millis = told.as_nanos().div_ceil(1_000_000);
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The verdict of a message that was taken under this id.
    pub(crate) fn delivered(id: Option<&str>) -> Verdict {
        answer(200, &[], "").taken(id.map(str::to_owned))
    }

    /// An answer for tests of `classify`.
    pub(crate) fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Answer { status, headers, body: Bytes::copy_from_slice(body.as_bytes()), at }
    }

    #[test]
    fn retry_after_is_read_in_every_shape_and_absurd_values_do_no_harm() {
        let hour = Some(RETRY_AFTER_MAX);
        for (written, expected) in [
            ("3", Some(Duration::from_secs(3))),
            ("0", Some(Duration::ZERO)),
            (" 1.2341 ", Some(Duration::from_millis(1_235))),
            ("1e9", hour),
            ("99999999999999999999999999", hour),
            ("inf", hour),
            ("-5", None),
            ("NaN", None),
            ("soon", None),
            ("", None),
            // 1_700_000_000 is 22:13:20.
            ("Tue, 14 Nov 2023 22:13:25 GMT", Some(Duration::from_secs(6))),
            ("Tue, 14 Nov 2023 22:00:00 GMT", Some(Duration::from_secs(1))),
            ("Sat, 14 Nov 2099 22:00:00 GMT", hour),
        ] {
            assert_eq!(answer(429, &[("retry-after", written)], "").retry_after(), expected, "{written:?}");
        }
        assert_eq!(answer(429, &[], "").retry_after(), None);
    }

    #[test]
    fn a_date_is_compared_with_the_answer_s_own_clock() {
        let headers = [("retry-after", "Tue, 14 Nov 2023 23:00:10 GMT"), ("date", "Tue, 14 Nov 2023 23:00:00 GMT")];
        assert_eq!(answer(503, &headers, "").retry_after(), Some(Duration::from_secs(11)));
    }
}
