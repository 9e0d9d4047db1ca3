//! What passes through a running instance, as lines that somebody watches: the words of it, the way out of the instance, and back in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::client::{AskError, open};
use super::{Answer, Command};
use crate::model::limits::{CONTROL_ANSWER_BYTES, TAIL_BYTES, TAIL_LINES, TAIL_PATIENCE};

/// What somebody wants to watch. All that is named must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TailFilter {
    /// Firings and deliveries of the rule with this name; no envelopes.
    #[serde(default)]
    pub rule: Option<String>,
    /// What the account with this handle does, and what comes of it.
    #[serde(default)]
    pub handle: Option<String>,
    /// Only what was held back.
    #[serde(default)]
    pub suppressed: bool,
}

/// One thing that passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TailLine {
    /// An envelope came.
    Envelope {
        /// When, as RFC 3339.
        at: String,
        /// `live`, `backfill` or `replay`.
        origin: String,
        /// `tweet/content`, …
        what: String,
        /// The tweet that it is about.
        tweet: Option<String>,
        /// Who.
        author: Option<String>,
        /// The first words of the text.
        text: Option<String>,
        /// What was detected.
        tokens: Vec<String>,
    },
    /// A rule fired.
    Firing {
        /// When, as RFC 3339.
        at: String,
        /// Its id.
        firing: String,
        /// The rule's name.
        rule: String,
        /// The key of the subject.
        subject: String,
        /// Who.
        author: Option<String>,
        /// The first words of the text.
        text: Option<String>,
        /// What matched, and where.
        matched: Vec<String>,
        /// It did not come live.
        late: bool,
    },
    /// A delivery ended.
    Delivery {
        /// When, as RFC 3339.
        at: String,
        /// The id of its firing.
        firing: String,
        /// The rule's name.
        rule: String,
        /// The key of the subject.
        subject: String,
        /// Where to.
        action: String,
        /// It is an order.
        trading: bool,
        /// `delivered`, `suppressed`, …
        outcome: String,
        /// The reason of a suppression, or the destination's words.
        why: Option<String>,
        /// Requests that were made.
        attempts: u32,
        /// From the firing to this.
        took_ms: u64,
    },
    /// So many lines were left out here, as they came faster than they were taken.
    Dropped {
        /// How many.
        lines: u64,
    },
}

impl TailLine {
    /// Bytes of its words.
    fn bytes(&self) -> usize {
        let all = |list: &[String]| list.iter().map(String::len).sum::<usize>();
        let some = |word: &Option<String>| word.as_ref().map_or(0, String::len);
        match self {
            Self::Envelope { at, origin, what, tweet, author, text, tokens } => {
                at.len() + origin.len() + what.len() + some(tweet) + some(author) + some(text) + all(tokens)
            }
            Self::Firing { at, firing, rule, subject, author, text, matched, .. } => {
                at.len() + firing.len() + rule.len() + subject.len() + some(author) + some(text) + all(matched)
            }
            Self::Delivery { at, firing, rule, subject, action, outcome, why, .. } => {
                at.len() + firing.len() + rule.len() + subject.len() + action.len() + outcome.len() + some(why)
            }
            Self::Dropped { .. } => 0,
        }
    }
}

/// Where lines go in: never waits.
#[derive(Debug)]
pub struct Lines {
    to: mpsc::Sender<TailLine>,
    /// Of what waits.
    bytes: Arc<AtomicUsize>,
}

/// Where they come out.
#[derive(Debug)]
pub(super) struct Passing {
    from: mpsc::Receiver<TailLine>,
    bytes: Arc<AtomicUsize>,
}

impl Lines {
    /// No: there is no room for it now.
    #[must_use]
    pub fn send(&self, line: TailLine) -> bool {
        let bytes = line.bytes();
        if self.is_full() {
            return false;
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let is_sent = self.to.try_send(line).is_ok();
        if !is_sent {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        is_sent
    }

    /// Nothing can be sent now: it need not be made.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.to.capacity() == 0 || self.bytes.load(Ordering::Relaxed) >= TAIL_BYTES
    }

    /// Nobody watches any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.to.is_closed()
    }
}

impl Passing {
    async fn next(&mut self) -> Option<TailLine> {
        let line = self.from.recv().await?;
        self.bytes.fetch_sub(line.bytes(), Ordering::Relaxed);
        Some(line)
    }
}

pub(super) fn lines() -> (Lines, Passing) {
    let (to, from) = mpsc::channel(TAIL_LINES);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Lines { to, bytes: Arc::clone(&bytes) }, Passing { from, bytes })
}

/// Passes lines on until there are no more or the client is gone. A client that takes none is waited for: what comes meanwhile is dropped
/// where it goes in. One that takes nothing for long is let go, so that others may watch.
pub(super) async fn pass_on(mut stream: UnixStream, mut lines: Passing) {
    let (mut client, mut to) = stream.split();
    let mut said = [0; 64];
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            // It has nothing to say, so that only its end is heard.
            read = client.read(&mut said) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            },
        };
        let Some(line) = line else { return };
        // Our own types always serialise.
        let Ok(mut line) = serde_json::to_vec(&line) else { continue };
        line.push(b'\n');
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            match timeout(TAIL_PATIENCE, to.write(rest)).await {
                Ok(Ok(taken)) if taken > 0 => rest = rest.get(taken..).unwrap_or_default(),
                _ => return,
            }
        }
    }
}

/// What passes through a running instance, as it passes.
#[derive(Debug)]
pub struct Tailing {
    from: BufReader<UnixStream>,
    line: Vec<u8>,
}

impl Tailing {
    /// Begins to watch the instance with this state folder. Within a runtime.
    ///
    /// # Errors
    /// When nobody listens there, or it refuses.
    pub async fn begin(folder: &Path, filter: TailFilter) -> Result<Result<Self, String>, AskError> {
        let stream = open(folder, &Command::Tail(filter)).await?;
        let mut tailing = Self { from: BufReader::new(stream), line: Vec::new() };
        match tailing.read().await?.map(serde_json::from_slice) {
            Some(Ok(Answer::Tailing)) => Ok(Ok(tailing)),
            Some(Ok(Answer::Refused { why })) => Ok(Err(why)),
            Some(Ok(_)) => Err(AskError::Garbled("it answers something else".to_owned())),
            Some(Err(error)) => Err(AskError::Garbled(error.to_string())),
            None => Err(AskError::Ended),
        }
    }

    /// The next line; `None` when the instance has ended. Not cancel-safe.
    ///
    /// # Errors
    /// When what it says cannot be read.
    pub async fn next(&mut self) -> Result<Option<TailLine>, AskError> {
        let Some(line) = self.read().await? else { return Ok(None) };
        serde_json::from_slice(line).map(Some).map_err(|error| AskError::Garbled(error.to_string()))
    }

    async fn read(&mut self) -> Result<Option<&[u8]>, AskError> {
        self.line.clear();
        let room = u64::try_from(CONTROL_ANSWER_BYTES).unwrap_or(u64::MAX);
        // An instance that was killed says as little as one that has ended.
        let read = (&mut self.from).take(room).read_until(b'\n', &mut self.line).await;
        Ok((read.is_ok() && self.line.ends_with(b"\n")).then_some(self.line.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_for_long_is_let_go_and_what_waits_for_them_is_bounded() {
        let (here, there) = UnixStream::pair().unwrap();
        let (lines, passing) = lines();
        let mut told = 0;
        let words = "gm ".repeat(1_000);
        let line = || TailLine::Delivery {
            at: String::new(),
            firing: String::new(),
            rule: words.clone(),
            subject: words.clone(),
            action: words.clone(),
            trading: false,
            outcome: String::new(),
            why: None,
            attempts: 1,
            took_ms: 1,
        };
        while lines.send(line()) {
            told += 1;
        }
        assert!(lines.is_full() && told * 9_000 < TAIL_BYTES + 9_001, "{told}");
        pass_on(here, passing).await;
        assert!(lines.is_closed());
        drop(there);
    }
}
