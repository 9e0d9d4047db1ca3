//! One run while it goes on: what a signal of the feed and a moment do to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::{debug, error, info, warn};

use super::backlog::Backlog;
use super::catch_up::CatchUp;
use super::dispatch::{Comparison, Dispatch, Seen, Suspicion};
use super::meantime::Meantime;
use super::quiet::Quiet;
use super::rehearsal::Traffic;
use super::{AppError, Totals};
use crate::clock::Clock;
use crate::decode;
use crate::engine::{Effect, Engine, Hold, Input};
use crate::feed::{Reaction, Signal, Text};
use crate::journal::Journal;
use crate::model::envelope::{Body, Envelope};
use crate::model::firing::Origin;
use crate::model::status::{FeedState, LastTweet};
use crate::model::time::Timestamp;

mod health;
mod missed;

/// How long a stopping program, or an answer, waits for the journal to have written everything.
const FLUSH: Duration = Duration::from_secs(2);

/// Whether the journal has written all that it was told so far, within [`FLUSH`].
pub(super) async fn is_kept(journal: &Journal) -> bool {
    tokio::time::timeout(FLUSH, journal.flush()).await.unwrap_or(false)
}

pub(super) struct Running {
    pub(super) dispatch: Dispatch,
    pub(super) catch_up: CatchUp,
    pub(super) watch: Watch,
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    /// What comes while rules are made ready.
    pub(super) meantime: Meantime,
    /// Of the journal.
    pub(super) backlog: Backlog,
    /// Kept between steps, so that no step allocates it.
    effects: Vec<Effect>,
    /// The feed asked for patience: giving up after the start timeout would only begin the wait anew.
    is_patient: bool,
    /// The first lane that died while all were to finish.
    pub(super) died: Option<AppError>,
    /// The journal's trouble that was told.
    degraded: Option<String>,
    repaired: Option<String>,
    /// That the journal's log grows was told.
    behind: bool,
    /// Whether the counts agreed the last time that somebody looked.
    pub(super) agree: bool,
    suspicion: Suspicion,
    comparison: Comparison,
    /// Time has, and a timer may be set for a moment that has passed.
    pub(super) jumped: bool,
    /// When it was last looked whether time was lost.
    pub(super) looked_at: Timestamp,
    /// When something was last brought to a lane.
    acted_at: Option<Timestamp>,
    /// By how much the system's clock has jumped forward since there was a connection: the steady one may have stood still for as long.
    pub(super) halted: Duration,
}

/// What is known of the connection.
pub(super) struct Watch {
    pub(super) state: FeedState,
    pub(super) since: Timestamp,
    pub(super) last_frame_at: Option<Timestamp>,
    pub(super) last_tweet: Option<LastTweet>,
    pub(super) latest_loss: Option<String>,
    pub(super) has_connected: bool,
    pub(super) quiet: Quiet,
}

impl Watch {
    /// A tweet has come. Nothing is allocated for most of them.
    fn tweet(&mut self, id: &str, at: Timestamp) {
        let last = self.last_tweet.get_or_insert_with(|| LastTweet { id: String::new(), at });
        last.id.clear();
        last.id.push_str(id);
        last.at = at;
    }
}

impl Running {
    pub(super) fn new(dispatch: Dispatch, engine: Engine, catch_up: CatchUp, quiet: Quiet) -> Self {
        let (mut engine, clock) = (engine, dispatch.clock.clone());
        engine.hold(Hold::Everything);
        let since = clock.now();
        let watch = Watch {
            state: FeedState::Connecting,
            since,
            last_frame_at: None,
            last_tweet: None,
            latest_loss: None,
            has_connected: false,
            quiet,
        };
        Self {
            dispatch,
            catch_up,
            watch,
            engine,
            clock,
            meantime: Meantime::default(),
            backlog: Backlog::default(),
            effects: Vec::new(),
            is_patient: false,
            died: None,
            degraded: None,
            repaired: None,
            behind: false,
            agree: true,
            suspicion: Suspicion::default(),
            comparison: Comparison::default(),
            jumped: false,
            looked_at: since,
            acted_at: None,
            halted: Duration::ZERO,
        }
    }

    /// Whether the start timeout still counts.
    pub(super) fn is_starting(&self) -> bool {
        !self.watch.has_connected && !self.is_patient
    }

    /// Whether the feed is connected.
    pub(super) fn is_connected(&self) -> bool {
        self.watch.state == FeedState::Connected
    }

    /// When the engine wants its next tick.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.engine.next_deadline()
    }

    pub(super) fn until_deadline(&self) -> Option<Duration> {
        self.engine.next_deadline().map(|at| at.since(self.clock.now()))
    }

    /// Takes one signal of the feed, that came at this moment. Says whether something was brought to a lane.
    pub(super) fn signal(&mut self, signal: Signal, at: Timestamp) -> Result<bool, AppError> {
        match signal {
            Signal::Frame(text) => return Ok(self.frame(text, at)),
            Signal::Unreadable { bytes } => {
                debug!(bytes, "a binary message that is no text");
                Totals::add(&mut self.dispatch.totals.malformed, "not_text", 1);
            }
            Signal::Connected { peer, took, date } => {
                info!(%peer, took_ms = took.as_millis(), rules = self.dispatch.rules.rules.len(), "connected to the feed");
                self.watch.has_connected = true;
                self.dispatch.safety.feed_clock.said(date, self.clock.now(), took);
                self.engine.feed_is_ahead(self.dispatch.safety.feed_clock.ahead());
                self.turn(FeedState::Connected);
                let halted = std::mem::take(&mut self.halted);
                self.catch_up.gaps.set_back(self.dispatch.safety.feed_clock.stood_still(halted));
                self.catch_up.gaps.connected(self.watch.since);
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

    pub(super) fn turn(&mut self, state: FeedState) {
        if self.watch.state != state {
            (self.watch.state, self.watch.since) = (state, self.clock.now());
            match state {
                FeedState::Connected => self.watch.quiet.connected(self.watch.since),
                _ => self.watch.quiet.lost(self.watch.since),
            }
            self.hold_or_let_go();
        }
    }

    fn frame(&mut self, text: Text, at: Timestamp) -> bool {
        self.watch.last_frame_at = Some(at);
        let Some(envelope) = self.decode(&text) else { return false };
        if let Some(why) = envelope.ts.and_then(|sent| self.dispatch.safety.envelope(sent, at)) {
            self.dispatch.times_differ(&why);
        }
        self.engine.feed_is_ahead(self.dispatch.safety.feed_clock.ahead());
        if let Body::Content(content) = &envelope.body {
            self.watch.tweet(&content.tweet_id, at);
            if let Some(pause) = self.watch.quiet.heard(at) {
                self.heard_again(pause);
            }
        }
        self.give_back();
        self.engine.step_to_orders(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut self.effects);
        drop(envelope);
        let text = Bytes::from(text);
        self.meantime.note(at, Origin::Live, &text);
        let counted = self.engine.has_counted();
        self.act(Some(Seen { at, origin: Origin::Live, text, counted }))
    }

    /// What a rehearsal keeps out of the way of.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic { frame_at: self.watch.last_frame_at, acted_at: self.acted_at }
    }

    /// Lets others have their turn, the journal above all if it fills.
    pub(super) async fn let_others(&mut self) {
        self.backlog.wait(self.dispatch.journal.as_ref()).await;
    }

    /// What came to nothing unsent starts no cooldown and is no part of a limit.
    fn give_back(&mut self) {
        for (firing, action) in self.dispatch.unsent.drain(..) {
            self.engine.expired((&firing.rule, firing.id), action);
            self.meantime.note_unsent(&firing, action);
        }
    }

    /// Does what came of the engine's latest step, which is not finished: orders leave before anything else is made. Says whether anything came of it.
    fn act(&mut self, seen: Option<Seen>) -> bool {
        if self.engine.is_unfinished() {
            self.dispatch.send_orders(&mut self.effects);
            self.engine.finish(&mut self.effects);
        }
        self.perform(seen)
    }

    /// Does it, and says whether anything was brought to a lane.
    fn perform(&mut self, seen: Option<Seen>) -> bool {
        let has_acted = self.dispatch.perform(seen, &mut self.effects);
        if has_acted {
            self.acted_at = Some(self.clock.now());
        }
        has_acted
    }

    /// Has messages say what became of orders, when nothing else is to be done.
    pub(super) fn tell_of_orders(&mut self) {
        for report in std::mem::take(&mut self.dispatch.ended_orders) {
            self.engine.order_ended(&report, &mut self.effects);
            self.perform(None);
        }
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

    /// Lets waits end only while what was said can be known: connected, and, of what came before that, nothing still to be fetched.
    fn hold_or_let_go(&mut self) {
        let hold = match self.watch.state {
            FeedState::Connected if self.catch_up.is_behind() => Hold::Before(self.watch.since),
            FeedState::Connected => Hold::Nothing,
            _ => Hold::Everything,
        };
        // From the moment on at which the feed was heard last, until it was heard again: as the gap says that is recorded, and a replay goes by.
        let at = match hold {
            Hold::Everything => self.catch_up.gaps.last_heard().unwrap_or(self.watch.since),
            Hold::Before(_) | Hold::Nothing => self.watch.since,
        };
        self.engine.owe(self.catch_up.may_bring_since());
        self.engine.hold_at(hold, (at, self.clock.now()));
    }

    /// The engine's deadline has come.
    pub(super) fn tick(&mut self) {
        self.give_back();
        self.engine.step_to_orders(&Input::Tick(self.clock.now()), &mut self.effects);
        self.act(None);
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
            // By the clock that outlives this run's, or the next one would take a wrong clock for a gap of years.
            let until = self.catch_up.by_the_feed(until, self.dispatch.safety.feed_clock.ahead());
            journal.alive(until, self.watch.state == FeedState::Connected);
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
}

/// What is shared is cheap to share.
pub(super) fn names(rules: &crate::rules::ruleset::RuleSet) -> Arc<[Arc<str>]> {
    rules.actions.iter().map(|action| Arc::from(action.name.as_str())).collect()
}
