//! One run while it goes on: what a signal of the feed, a moment and a missed envelope do to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use super::catch_up::{CatchUp, Caught};
use super::dispatch::{Dispatch, Seen};
use super::notices::Notice;
use super::safety::written;
use super::{AppError, Totals};
use crate::clock::Clock;
use crate::decode;
use crate::deliver::LaneEvent;
use crate::engine::{Effect, Engine, Input};
use crate::feed::{Gap, Reaction, Signal, Text};
use crate::journal::{GapRow, GapState};
use crate::model::envelope::{Body, Envelope};
use crate::model::firing::Origin;
use crate::model::status::{FeedState, GapState as Shown, LastTweet};
use crate::model::time::Timestamp;

/// How long a stopping program, or an answer, waits for the journal to have written everything.
pub(super) const FLUSH: Duration = Duration::from_secs(2);

pub(super) struct Running {
    pub(super) dispatch: Dispatch,
    pub(super) catch_up: CatchUp,
    pub(super) watch: Watch,
    engine: Engine,
    clock: Clock,
    /// Kept between steps, so that no step allocates it.
    effects: Vec<Effect>,
    /// The feed asked for patience: giving up after the start timeout would only begin the wait anew.
    is_patient: bool,
    /// The first lane that died while all were to finish.
    died: Option<AppError>,
    /// The journal's trouble that was told.
    degraded: Option<String>,
    repaired: Option<String>,
    /// Whether the counts agreed the last time that somebody looked.
    pub(super) agree: bool,
}

/// What is known of the connection.
pub(super) struct Watch {
    pub(super) state: FeedState,
    pub(super) since: Timestamp,
    pub(super) last_frame_at: Option<Timestamp>,
    pub(super) last_tweet: Option<LastTweet>,
    pub(super) latest_loss: Option<String>,
    pub(super) has_connected: bool,
}

impl Running {
    pub(super) fn new(dispatch: Dispatch, engine: Engine, catch_up: CatchUp) -> Self {
        let (mut engine, clock) = (engine, dispatch.clock.clone());
        engine.hold(true);
        let since = clock.now();
        let watch = Watch {
            state: FeedState::Connecting,
            since,
            last_frame_at: None,
            last_tweet: None,
            latest_loss: None,
            has_connected: false,
        };
        Self {
            dispatch,
            catch_up,
            watch,
            engine,
            clock,
            effects: Vec::new(),
            is_patient: false,
            died: None,
            degraded: None,
            repaired: None,
            agree: true,
        }
    }

    /// Whether the start timeout still counts.
    pub(super) fn is_starting(&self) -> bool {
        !self.watch.has_connected && !self.is_patient
    }

    /// When the engine wants its next tick.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.engine.next_deadline()
    }

    pub(super) fn until_deadline(&self) -> Option<Duration> {
        self.engine.next_deadline().map(|at| at.since(self.clock.now()))
    }

    /// Takes one signal of the feed. Says whether something was brought to a lane.
    pub(super) fn signal(&mut self, signal: Signal) -> Result<bool, AppError> {
        match signal {
            Signal::Frame(text) => return Ok(self.frame(text)),
            Signal::Unreadable { bytes } => {
                debug!(bytes, "a binary message that is no text");
                Totals::add(&mut self.dispatch.totals.malformed, "not_text", 1);
            }
            Signal::Connected { peer, took } => {
                info!(%peer, took_ms = took.as_millis(), rules = self.dispatch.rules.rules.len(), "connected to the feed");
                self.watch.has_connected = true;
                self.turn(FeedState::Connected);
                self.catch_up.gaps.connected(self.clock.now());
                self.catch_up();
                // A run that is killed within its first second was connected all the same.
                self.heard(Some(Duration::ZERO));
            }
            Signal::Lost { why, retry_in } => {
                let retry_in_s = format_args!("{:.1}", retry_in.as_secs_f64());
                if why.reaction() == Reaction::SlowRetry && self.is_starting() {
                    self.is_patient = true;
                    error!(retry_in_s, "{why}; birdcall waits and tries again instead of giving up");
                } else if why.wants_attention() {
                    error!(retry_in_s, "{why}");
                } else {
                    warn!(retry_in_s, "{why}");
                }
                if self.watch.state == FeedState::Connected {
                    self.dispatch.totals.losses += 1;
                    self.catch_up.gaps.lost();
                }
                if self.watch.has_connected {
                    self.turn(FeedState::Lost);
                }
                self.watch.latest_loss = Some(why.to_string());
            }
            Signal::Stopped { why } => {
                self.turn(FeedState::Refused);
                return Err(AppError::Refused(why));
            }
        }
        Ok(false)
    }

    fn turn(&mut self, state: FeedState) {
        if self.watch.state != state {
            (self.watch.state, self.watch.since) = (state, self.clock.now());
            self.hold_or_let_go();
        }
    }

    fn frame(&mut self, text: Text) -> bool {
        let at = self.clock.now();
        self.watch.last_frame_at = Some(at);
        let Some(envelope) = self.decode(&text) else { return false };
        if let Some(why) = envelope.ts.and_then(|sent| self.dispatch.safety.envelope(sent, at)) {
            self.dispatch.disarm_by_itself(&why);
        }
        if let Body::Content(content) = &envelope.body {
            self.watch.last_tweet = Some(LastTweet { id: content.tweet_id.to_string(), at });
        }
        self.engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut self.effects);
        drop(envelope);
        let text = Bytes::from(text);
        self.dispatch.perform(Some(Seen { at, origin: Origin::Live, text }), &mut self.effects)
    }

    /// Decodes and counts.
    fn decode<'a>(&mut self, text: &'a str) -> Option<Envelope<'a>> {
        let totals = &mut self.dispatch.totals;
        let envelope = match decode::decode(text) {
            Ok(envelope) => envelope,
            Err(malformed) => {
                debug!(reason = malformed.name(), "a malformed frame");
                Totals::add(&mut totals.malformed, malformed.name(), 1);
                return None;
            }
        };
        totals.envelopes += 1;
        if matches!(envelope.body, Body::Unknown { .. }) {
            Totals::add(&mut totals.oddities, "unknown_op", 1);
        }
        for (kind, count) in envelope.oddities.counts() {
            Totals::add(&mut totals.oddities, kind, u64::from(count));
        }
        Some(envelope)
    }

    /// Lets waits end only while what was said can be known: connected, and nothing still to be fetched.
    fn hold_or_let_go(&mut self) {
        let held = self.watch.state != FeedState::Connected || self.catch_up.is_behind();
        self.engine.hold(held);
    }

    /// The engine's deadline has come.
    pub(super) fn tick(&mut self) {
        self.engine.step(&Input::Tick(self.clock.now()), &mut self.effects);
        self.dispatch.perform(None, &mut self.effects);
    }

    /// The feed was last heard so long ago.
    pub(super) fn heard(&mut self, ago: Option<Duration>) {
        let Some(ago) = ago else { return };
        let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
        let at = Timestamp::from_millis(self.clock.now().as_millis().saturating_sub(ago));
        self.catch_up.gaps.heard(at);
        if let Some(journal) = &self.dispatch.journal {
            // If this run ends before what was missed has come, the next one must ask for it again.
            let until = self.catch_up.owed_since().map_or(at, |missing| missing.min(at));
            journal.alive(until, self.watch.state == FeedState::Connected);
        }
    }

    /// One second has passed. `heard_ago`: when the feed was last heard.
    pub(super) fn second(&mut self, heard_ago: Option<Duration>) {
        let now = self.clock.now();
        if let Some(why) = self.dispatch.safety.clocks(now, self.clock.wall()) {
            self.dispatch.disarm_by_itself(&why);
        }
        if self.watch.state == FeedState::Connected {
            self.heard(heard_ago);
        }
        self.look_at_journal();
    }

    /// Tells people when the journal cannot record, and when it can again.
    fn look_at_journal(&mut self) {
        let Some(health) = self.dispatch.journal.as_ref().map(crate::journal::Journal::health) else { return };
        match (&self.degraded, &health.degraded) {
            (None, Some(why)) => {
                error!("the journal cannot record: {why}");
                self.dispatch.tell(&Notice {
                    key: "journal".to_owned(),
                    about: None,
                    title: "The journal cannot record".to_owned(),
                    text: format!("{why}. Alerts go on; orders are refused until it can."),
                });
            }
            (Some(_), None) => info!("the journal records again"),
            _ => {}
        }
        self.degraded = health.degraded;
        if health.repaired.is_some() && self.repaired != health.repaired {
            let text = health.repaired.clone().unwrap_or_default();
            self.repaired = health.repaired;
            self.dispatch.tell(&Notice {
                key: "repaired".to_owned(),
                about: None,
                title: "The journal was damaged".to_owned(),
                text,
            });
        }
    }

    /// Begins to close the next gap, or says that it stays open.
    fn catch_up(&mut self) {
        while let Some(gap) = self.catch_up.begin() {
            let why = self.catch_up.why_not();
            self.stays_open(&gap, &why);
        }
        self.hold_or_let_go();
    }

    /// Something came of catching up. Says whether something was brought to a lane.
    pub(super) fn caught(&mut self, caught: Caught) -> bool {
        match caught {
            Caught::Envelope(text) => return self.missed(text),
            Caught::Ended(gap, Ok(filled)) => {
                info!(from = %gap.from, to = %gap.to, rows = filled.rows, "the history has what was missed");
                self.record(&gap, GapState::Filled, "");
                self.catch_up.show(&gap, Shown::Filled, None);
            }
            Caught::Ended(gap, Err(why)) => self.stays_open(&gap, &why.to_string()),
            Caught::Due => {}
        }
        self.catch_up();
        false
    }

    fn missed(&mut self, text: String) -> bool {
        let at = self.clock.now();
        let Some(envelope) = self.decode(&text) else { return false };
        self.dispatch.totals.backfilled += 1;
        self.engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Backfill }, &mut self.effects);
        drop(envelope);
        // What came live, or was fetched before, is in the journal already: queries overlap.
        let seen = self.engine.was_news().then(|| Seen { at, origin: Origin::Backfill, text: Bytes::from(text) });
        self.dispatch.perform(seen, &mut self.effects)
    }

    /// A hole that cannot be filled is an alert itself.
    fn stays_open(&mut self, gap: &Gap, why: &str) {
        let length = written(gap.to.since(gap.from));
        error!(from = %gap.from, to = %gap.to, "gap: what the feed said in {length} is missing: {why}");
        self.record(gap, GapState::Unavailable, why);
        self.catch_up.show(gap, Shown::Unavailable, Some(why.to_owned()));
        self.dispatch.tell(&Notice {
            key: format!("gap:{}", gap.from.as_millis()),
            about: None,
            title: format!("gap from {} to {}", gap.from, gap.to),
            text: format!("For {length} birdcall did not hear the feed, and what was said then cannot be had: {why}."),
        });
    }

    fn record(&self, gap: &Gap, state: GapState, why: &str) {
        if let Some(journal) = &self.dispatch.journal {
            journal.gap(GapRow { from: gap.from, to: gap.to, state, why: why.to_owned() });
        }
    }

    /// Why a lane has ended before it was asked to. Waits for ever while all is well; may be dropped and called again.
    pub(super) async fn death(lanes: &mut super::lanes::Lanes) -> AppError {
        loop {
            match lanes.ended().await {
                Some(Err(died)) => return died,
                Some(Ok(())) => {}
                None => return std::future::pending().await,
            }
        }
    }

    /// Holds what the ledger says is pending against what the lanes have. All events must have been taken.
    pub(super) fn audit(&mut self) {
        let waiting = self.dispatch.lanes.waiting();
        match self.dispatch.audit(&waiting) {
            Ok(()) => self.agree = true,
            Err(why) => {
                error!("the counts do not agree, which is a bug in birdcall: {why}; please report it");
                self.agree = false;
            }
        }
    }

    /// Compares what the journal has pending with what the ledger had when it was asked.
    pub(super) fn compare(&mut self, expected: u64, found: u64) {
        let health = self.dispatch.journal.as_ref().map(crate::journal::Journal::health).unwrap_or_default();
        if expected != found && health.degraded.is_none() && health.unrecorded == 0 {
            error!(
                "the journal has {found} pending deliveries and {expected} should be, which is a bug in birdcall; please report it"
            );
            self.agree = false;
        }
    }

    /// Lets the lanes finish what they have, however many of them die of it, and counts it. May be dropped before it is done.
    pub(super) async fn drain(&mut self, events: &mut mpsc::Receiver<LaneEvent>) {
        self.dispatch.lanes.close();
        loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => self.dispatch.event(&event),
                ended = self.dispatch.lanes.ended() => match ended {
                    Some(Ok(())) => {}
                    Some(Err(died)) => self.died = self.died.take().or(Some(died)),
                    None => return,
                },
            }
        }
    }

    /// Lets everything go that has not come to its end, and returns all that was counted, and whether a lane has died.
    pub(super) async fn finish(mut self, events: &mut mpsc::Receiver<LaneEvent>) -> (Totals, Result<(), AppError>) {
        for event in self.dispatch.lanes.abandon(events).await {
            self.dispatch.event(&event);
        }
        let Self { mut dispatch, engine, died, catch_up, .. } = self;
        drop(catch_up);
        dispatch.totals.of_rules(engine.counts(), engine.join_counts());
        if let Some(journal) = dispatch.journal.take()
            && !tokio::time::timeout(FLUSH, journal.flush()).await.unwrap_or(false)
        {
            error!("the journal could not write the last of it: what is not in it may be sent again at the next start");
        }
        (dispatch.totals, died.map_or(Ok(()), Err))
    }
}

/// What is shared is cheap to share.
pub(super) fn names(rules: &crate::rules::ruleset::RuleSet) -> Arc<[Arc<str>]> {
    rules.actions.iter().map(|action| Arc::from(action.name.as_str())).collect()
}
