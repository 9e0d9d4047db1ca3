//! What a script (mostly a test) does to a simulator's connections, and what it sees of its clients.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{broadcast, watch};

use super::Options;
use super::archive::Archive;
use super::history::{HistoryAnswer, HistoryRequest};
use crate::feed::Text;
use crate::model::time::Timestamp;

/// Frames that a connection may lag behind before it is closed as too slow.
const BEHIND: usize = 8_192;
/// Offers and received frames remembered, each; the oldest leave first.
const REMEMBERED: usize = 10_000;

/// What every connection is told to do.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Text(Text),
    Binary(Bytes),
    /// Bytes under the WebSocket: half frames, illegal ones.
    Raw(Bytes),
    Close(u16, String),
    /// TCP ends without a Close frame.
    Cut,
    /// Reads and answers nothing any more, but stays open.
    Freeze,
}

/// What a client said in its upgrade request.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    /// Path and query.
    pub path: String,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What it was answered: 101, 401, 429 or a scripted status.
    pub status: u16,
}

impl Offer {
    /// The value of the first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Offer {
    /// Without what the client said: it holds the client's key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A frame from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Text.
    Text(Text),
    /// Bytes.
    Binary(Bytes),
    /// A ping; it is answered.
    Ping,
    /// A pong.
    Pong,
    /// A Close frame, with its code.
    Close(Option<u16>),
    /// The connection ended: in order after Close frames, else by itself.
    End,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Handshakes answered with 101.
    pub accepted: usize,
    /// Handshakes answered with another status.
    pub refused: usize,
    /// Connections open now.
    pub open: usize,
    /// Pings received.
    pub pings: usize,
    /// Connections that ended.
    pub ended: usize,
}

/// What the connections and the handles share.
pub(super) struct Shared {
    pub(super) options: Options,
    commands: broadcast::Sender<Command>,
    stats: watch::Sender<Stats>,
    script: Mutex<Script>,
    archive: Option<Mutex<Archive>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).field("stats", &*self.stats.borrow()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Script {
    refusals: VecDeque<u16>,
    offers: VecDeque<Offer>,
    received: VecDeque<Received>,
    history_answers: VecDeque<HistoryAnswer>,
    /// When no other lines up.
    history_always: Option<HistoryAnswer>,
    history_requests: VecDeque<HistoryRequest>,
}

impl Shared {
    pub(super) fn new(options: Options) -> Self {
        let archive = options.history.map(|history| Mutex::new(Archive::new(history.rows)));
        Self {
            archive,
            options,
            commands: broadcast::Sender::new(BEHIND),
            stats: watch::Sender::new(Stats::default()),
            script: Mutex::default(),
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Command> {
        self.commands.subscribe()
    }

    /// Tells all connections; that there may be none is no error.
    pub(super) fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    /// Sends a text frame, and keeps it for the history whether anybody receives it or not.
    pub(super) fn send(&self, text: Text) {
        self.remember(&text, (self.options.clock)());
        self.tell(Command::Text(text));
    }

    fn remember(&self, frame: &str, at: Timestamp) {
        if self.archive.is_some() {
            self.archive(|archive| archive.remember(frame, at));
        }
    }

    /// Looks into the history; without one, into an empty one.
    pub(super) fn archive<T>(&self, look: impl FnOnce(&mut Archive) -> T) -> T {
        match &self.archive {
            Some(archive) => look(&mut archive.lock().unwrap_or_else(PoisonError::into_inner)),
            None => look(&mut Archive::new(1)),
        }
    }

    /// The scripted answer to the next question.
    pub(super) fn history_answer(&self) -> Option<HistoryAnswer> {
        let mut script = self.script();
        script.history_answers.pop_front().or_else(|| script.history_always.clone())
    }

    pub(super) fn asked(&self, request: HistoryRequest) {
        remember(&mut self.script().history_requests, request);
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Stats)) {
        self.stats.send_modify(change);
    }

    /// Takes one of the places, if there is one left.
    pub(super) fn take_place(&self) -> bool {
        self.stats.send_if_modified(|stats| {
            let free = stats.open < self.options.connections;
            if free {
                stats.open += 1;
            }
            free
        })
    }

    pub(super) async fn wait(&self, until: impl FnMut(&Stats) -> bool) -> Stats {
        let mut stats = self.stats.subscribe();
        let seen = stats.wait_for(until).await.ok().map(|stats| *stats);
        match seen {
            Some(stats) => stats,
            // Cannot be: the sender lives as long as `self`.
            None => std::future::pending().await,
        }
    }

    /// The status with which the next handshake is to be refused.
    pub(super) fn refusal(&self) -> Option<u16> {
        self.script().refusals.pop_front()
    }

    pub(super) fn offered(&self, offer: Offer) {
        remember(&mut self.script().offers, offer);
    }

    pub(super) fn received(&self, frame: Received) {
        remember(&mut self.script().received, frame);
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember<T>(memory: &mut VecDeque<T>, item: T) {
    if memory.len() == REMEMBERED {
        memory.pop_front();
    }
    memory.push_back(item);
}

/// A script's hand on a running simulator. What it sends goes to every connection, in order.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sends a text frame. It is in the history from now on, also when nobody is connected or the connections are frozen.
    pub fn send(&self, text: impl Into<Text>) {
        self.shared.send(text.into());
    }

    /// Sends a text frame that is never in the history.
    pub fn send_only(&self, text: impl Into<Text>) {
        self.shared.tell(Command::Text(text.into()));
    }

    /// Puts a frame into the history without sending it.
    pub fn remember(&self, text: &str) {
        self.shared.remember(text, (self.shared.options.clock)());
    }

    /// As [`Handle::remember`], as if it had been sent at `at`: which is its `receivedTime` unless it says so itself.
    pub fn remember_at(&self, text: &str, at: Timestamp) {
        self.shared.remember(text, at);
    }

    /// Empties the history.
    pub fn forget(&self) {
        self.shared.archive(Archive::clear);
    }

    /// Rows of the history.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.shared.archive(|archive| archive.len())
    }

    /// Answers the next question to the history API like this; several calls line up.
    pub fn answer_history(&self, answer: HistoryAnswer) {
        self.shared.script().history_answers.push_back(answer);
    }

    /// Answers every question for which no other answer lines up like this; `None` ends it.
    pub fn always_answer_history(&self, answer: Option<HistoryAnswer>) {
        self.shared.script().history_always = answer;
    }

    /// What clients asked the history API, oldest first.
    #[must_use]
    pub fn history_requests(&self) -> Vec<HistoryRequest> {
        self.shared.script().history_requests.iter().cloned().collect()
    }

    /// Sends a binary frame.
    pub fn send_binary(&self, bytes: impl Into<Bytes>) {
        self.shared.tell(Command::Binary(bytes.into()));
    }

    /// Writes bytes under the WebSocket: half a frame, an illegal one.
    pub fn send_raw(&self, bytes: impl Into<Bytes>) {
        self.shared.tell(Command::Raw(bytes.into()));
    }

    /// Sends a Close frame and ends the connections.
    pub fn close(&self, code: u16, reason: &str) {
        self.shared.tell(Command::Close(code, reason.to_owned()));
    }

    /// Ends the connections without a Close frame.
    pub fn cut(&self) {
        self.shared.tell(Command::Cut);
    }

    /// Leaves the connections half open: nothing is read and no ping is answered from now on. [`Handle::cut`] ends them.
    pub fn freeze(&self) {
        self.shared.tell(Command::Freeze);
    }

    /// Refuses the next handshake with this status; several calls line up.
    pub fn refuse(&self, status: u16) {
        self.shared.script().refusals.push_back(status);
    }

    /// What clients said in their upgrade requests, oldest first.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        self.shared.script().offers.iter().cloned().collect()
    }

    /// The frames that clients sent, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.script().received.iter().cloned().collect()
    }

    /// The counts now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        *self.shared.stats.borrow()
    }

    /// Waits until the counts are as asked.
    pub async fn wait(&self, until: impl FnMut(&Stats) -> bool) -> Stats {
        self.shared.wait(until).await
    }
}
