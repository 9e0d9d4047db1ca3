//! What passes through a running instance, as lines that somebody watches: the words of it, the way out of the instance, and back in.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::client::{AskError, open};
use super::{Answer, Command};
use crate::model::limits::{CONTROL_ANSWER_BYTES, TAIL_LINES};

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

/// Where lines go in: never waits.
#[derive(Debug)]
pub struct Lines(mpsc::Sender<TailLine>);

impl Lines {
    /// No: there is no room for it now.
    #[must_use]
    pub fn send(&self, line: TailLine) -> bool {
        self.0.try_send(line).is_ok()
    }

    /// Nobody watches any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

pub(super) fn lines() -> (Lines, mpsc::Receiver<TailLine>) {
    let (to, from) = mpsc::channel(TAIL_LINES);
    (Lines(to), from)
}

/// Passes lines on until there are no more or the client is gone. A client that takes none is waited for: what comes meanwhile is dropped
/// where it goes in.
pub(super) async fn pass_on(mut stream: UnixStream, mut lines: mpsc::Receiver<TailLine>) {
    let (mut client, mut to) = stream.split();
    let mut said = [0; 64];
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
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
        if to.write_all(&line).await.is_err() {
            return;
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
