//! One run while it goes on: what a signal of the feed, a moment and a missed envelope do to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use super::catch_up::{CatchUp, Caught, Words};
use super::dispatch::{Comparison, Dispatch, Seen, Suspicion, Verdict};
use super::meantime::Meantime;
use super::notices::Notice;
use super::quiet::{self, Pause, Quiet};
use super::safety::written;
use super::{AppError, Totals};
use crate::clock::Clock;
use crate::decode;
use crate::deliver::LaneEvent;
use crate::engine::{Effect, Engine, Hold, Input};
use crate::feed::{Filled, Gap, Reaction, Signal, Text};
use crate::journal::{GapRow, GapState, Journal};
use crate::model::envelope::{Body, Envelope};
use crate::model::firing::Origin;
use crate::model::status::{FeedState, GapState as Shown, LastTweet};
use crate::model::time::Timestamp;

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

    /// Takes one signal of the feed. Says whether something was brought to a lane.
    pub(super) fn signal(&mut self, signal: Signal) -> Result<bool, AppError> {
        match signal {
            Signal::Frame(text) => return Ok(self.frame(text)),
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

    fn frame(&mut self, text: Text) -> bool {
        let at = self.clock.now();
        self.watch.last_frame_at = Some(at);
        let Some(envelope) = self.decode(&text) else { return false };
        if let Some(why) = envelope.ts.and_then(|sent| self.dispatch.safety.envelope(sent, at)) {
            self.dispatch.times_differ(&why);
        }
        self.engine.feed_is_ahead(self.dispatch.safety.feed_clock.ahead());
        if let Body::Content(content) = &envelope.body {
            self.watch.last_tweet = Some(LastTweet { id: content.tweet_id.to_string(), at });
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

    /// What came to nothing unsent starts no cooldown and is no part of a limit.
    fn give_back(&mut self) {
        for (firing, action) in self.dispatch.unsent.drain(..) {
            self.engine.expired((&firing.rule, firing.id), action);
        }
    }

    /// Does what came of the engine's latest step, which is not finished: orders leave before anything else is made. Says whether anything came of it.
    fn act(&mut self, seen: Option<Seen>) -> bool {
        if self.engine.is_unfinished() {
            self.dispatch.send_orders(&mut self.effects);
            self.engine.finish(&mut self.effects);
        }
        self.dispatch.perform(seen, &mut self.effects)
    }

    /// Has messages say what became of orders, when nothing else is to be done.
    pub(super) fn tell_of_orders(&mut self) {
        for report in std::mem::take(&mut self.dispatch.ended_orders) {
            self.engine.order_ended(&report, &mut self.effects);
            self.dispatch.perform(None, &mut self.effects);
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
        self.engine.owe(self.catch_up.may_bring_since());
        self.engine.hold_at(hold, self.clock.now());
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

    /// One second has passed. `heard_ago`: when the feed was last heard.
    pub(super) fn second(&mut self, heard_ago: Option<Duration>) {
        self.dispatch.safety.feed_clock.compare(self.clock.now(), self.clock.wall());
        if self.watch.state == FeedState::Connected {
            self.heard(heard_ago);
        }
        self.give_back();
        self.look_at_mutes();
        self.look_at_journal();
        if let Some(pause) = self.watch.quiet.look(self.clock.now()) {
            self.gone_quiet(pause);
        }
    }

    /// The connection lives, and brings nothing.
    fn gone_quiet(&mut self, pause: Pause) {
        let usual = pause.usual.map(written);
        warn!(lasts = written(pause.lasts), usual, "the feed is connected and brings no tweets");
        self.dispatch.tell(&quiet::gone(pause));
    }

    /// It brings something again, which was told of.
    fn heard_again(&mut self, pause: Duration) {
        info!(lasted = written(pause), "the feed brings tweets again");
        self.dispatch.tell(&quiet::over(pause));
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
        match (std::mem::replace(&mut self.behind, health.behind.is_some()), health.behind) {
            (false, Some(why)) => warn!("the journal records, but {why}"),
            (true, None) => info!("the journal's log could be emptied again"),
            _ => {}
        }
        if health.repaired.is_some() && self.repaired != health.repaired {
            let text = health.repaired.clone().unwrap_or_default();
            self.repaired = health.repaired;
            warn!("{text}");
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
            self.stays_open(&gap, why);
        }
        self.hold_or_let_go();
    }

    /// Something came of catching up. Says whether something was brought to a lane.
    pub(super) fn caught(&mut self, caught: Caught) -> bool {
        match caught {
            Caught::Envelope(text) => return self.missed(text),
            Caught::Ended(gap, Ok(filled)) => self.filled(&gap, &filled),
            Caught::Ended(gap, Err(why)) => self.stays_open(&gap, Words::of(why.to_string())),
            Caught::Due => {}
        }
        self.catch_up();
        false
    }

    fn missed(&mut self, text: String) -> bool {
        let at = self.clock.now();
        let Some(envelope) = self.decode(&text) else { return false };
        self.dispatch.totals.backfilled += 1;
        self.dispatch.safety.feed_clock.history_said(self.catch_up.ahead);
        self.engine.feed_is_ahead(self.dispatch.safety.feed_clock.ahead());
        self.give_back();
        self.engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Backfill }, &mut self.effects);
        drop(envelope);
        let (text, counted) = (Bytes::from(text), self.engine.has_counted());
        self.meantime.note(at, Origin::Backfill, &text);
        // What came live, or was fetched before, is in the journal already: queries overlap.
        let seen = self.engine.was_news().then_some(Seen { at, origin: Origin::Backfill, text, counted });
        self.dispatch.perform(seen, &mut self.effects)
    }

    /// A hole was filled; what it could not be filled with is told.
    fn filled(&mut self, gap: &Gap, filled: &Filled) {
        info!(from = %gap.from, to = %gap.to, rows = filled.rows, "the history has what was missed");
        let Words { kept, told } = self.catch_up.missing(gap, filled, self.dispatch.safety.feed_clock.ahead());
        self.record(gap, GapState::Filled, &kept);
        self.catch_up.show(gap, Shown::Filled, Some(kept).filter(|kept| !kept.is_empty()));
        if told.is_empty() {
            return;
        }
        warn!(from = %gap.from, to = %gap.to, "not all of it: {told}");
        self.dispatch.tell(&Notice {
            key: format!("rest:{}", gap.from.as_millis()),
            about: None,
            title: format!("A part is missing of the gap from {gap}"),
            text: format!("What the feed said meanwhile was fetched from the history, but not all of it: {told}."),
        });
    }

    /// A hole that cannot be filled is an alert itself.
    fn stays_open(&mut self, gap: &Gap, why: Words) {
        let length = written(gap.to.since(gap.from));
        let Words { kept, told: why } = why;
        error!(from = %gap.from, to = %gap.to, "gap: what the feed said in {length} is missing: {why}");
        self.record(gap, GapState::Unavailable, &kept);
        self.catch_up.show(gap, Shown::Unavailable, Some(kept));
        self.dispatch.tell(&Notice {
            key: format!("gap:{}", gap.from.as_millis()),
            about: None,
            title: format!("gap from {gap}"),
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

    /// Holds what the ledger says is pending against what the lanes have. What differs may be on its way from there to here; it is a fault
    /// when the next look finds the very same.
    pub(super) fn audit(&mut self, events: &mut mpsc::Receiver<LaneEvent>) {
        let waiting = self.dispatch.settled(events);
        let found = self.dispatch.audit(&waiting).err();
        match self.suspicion.look(found) {
            Verdict::Fine => self.agree = true,
            Verdict::Suspect => {}
            Verdict::Wrong(why) => {
                error!("the counts do not agree, which is a bug in birdcall: {why}; please report it");
                self.agree = false;
            }
        }
    }

    /// As [`Running::audit`], when the latest look found a difference.
    pub(super) fn audit_again(&mut self, events: &mut mpsc::Receiver<LaneEvent>) {
        if self.suspicion.is_open() {
            self.audit(events);
        }
    }

    /// Compares what the journal has pending with what the ledger had when it was asked.
    pub(super) fn compare(&mut self, expected: u64, found: u64) {
        let Some(health) = self.dispatch.journal.as_ref().map(crate::journal::Journal::health) else { return };
        if let Some(should) = self.comparison.look(&health, expected, found) {
            error!(
                "the journal has {found} pending deliveries and {should} should be, which is a bug in birdcall; please report it"
            );
            self.agree = false;
        }
    }
}

/// What is shared is cheap to share.
pub(super) fn names(rules: &crate::rules::ruleset::RuleSet) -> Arc<[Arc<str>]> {
    rules.actions.iter().map(|action| Arc::from(action.name.as_str())).collect()
}
