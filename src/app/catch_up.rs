//! What was missed while there was no connection → the history API's answer to it, envelope by envelope; or the plain word that it is
//! missing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::feed::{Filled, Gap, Gaps, History, Page, Unavailable};
use crate::model::limits::HISTORY_SETTLE;
use crate::model::status::{Gap as Told, GapState};
use crate::model::time::Timestamp;

/// Pages that wait to be evaluated; the next is not asked for before there is room.
const PAGES: usize = 1;
/// A history that could not be reached is asked again after so long,
const AGAIN: Duration = Duration::from_secs(300);
/// and so often.
const TRIES: u32 = 12;
/// Gaps that are shown.
const SHOWN: usize = 20;

/// What comes of catching up.
pub(super) enum Caught {
    /// One envelope that was missed.
    Envelope(String),
    /// A gap was closed, or cannot be for now. Told once for each gap.
    Ended(Gap, Result<Filled, Unavailable>),
    /// There may be something to begin with.
    Due,
}

/// One look into the history.
#[derive(Clone, Copy)]
struct Look {
    gap: Gap,
    from: Timestamp,
    to: Timestamp,
    /// How often it has failed.
    failed: u32,
    /// The gap was closed: this is for what came into the history late.
    second: bool,
}

/// Closes gaps, one after the other.
pub(super) struct CatchUp {
    history: Option<Arc<History>>,
    /// Why there is no history any more.
    refused: Option<String>,
    pub(super) gaps: Gaps,
    /// The look that is being taken.
    current: Option<(Look, mpsc::Receiver<Page>)>,
    task: JoinSet<Result<Filled, Unavailable>>,
    /// Looks that are to be taken, and when.
    later: VecDeque<(Instant, Look)>,
    /// Envelopes of the page at hand.
    page: VecDeque<String>,
    shown: VecDeque<Told>,
}

impl CatchUp {
    pub(super) fn new(history: Option<History>, last_alive: Option<Timestamp>) -> Self {
        let mut gaps = Gaps::new();
        if let Some(at) = last_alive {
            gaps.restored(at);
        }
        let (history, task) = (history.map(Arc::new), JoinSet::new());
        let (later, page, shown) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self { history, refused: None, gaps, current: None, task, later, page, shown }
    }

    /// Begins with the next gap, if there is one and nothing is under way. Returns a gap that cannot even be tried.
    pub(super) fn begin(&mut self) -> Option<Gap> {
        if self.current.is_some() {
            return None;
        }
        let Some(look) = self.due() else {
            let gap = self.gaps.take()?;
            self.show(&gap, GapState::Open, None);
            let (from, to) = gap.query();
            return self.look(Look { gap, from, to, failed: 0, second: false });
        };
        self.look(look)
    }

    fn due(&mut self) -> Option<Look> {
        let at = self.later.iter().position(|(at, _)| *at <= Instant::now())?;
        self.later.remove(at).map(|(_, look)| look)
    }

    fn look(&mut self, look: Look) -> Option<Gap> {
        let Some(history) = self.history.clone() else { return (!look.second && look.failed == 0).then_some(look.gap) };
        let (pages, received) = mpsc::channel(PAGES);
        self.task.spawn(async move { history.backfill(look.from, look.to, pages).await });
        self.current = Some((look, received));
        None
    }

    /// Whether something that was missed is still to be fetched for the first time.
    pub(super) fn is_behind(&self) -> bool {
        self.current.as_ref().is_some_and(|(look, _)| !look.second && look.failed == 0) || !self.page.is_empty()
    }

    /// Why a gap cannot even be tried.
    pub(super) fn why_not(&self) -> String {
        let never = || "there is no history for this feed: write its URL as history = \"…\" under [feed]".to_owned();
        self.refused.clone().unwrap_or_else(never)
    }

    /// Since when something is missing that has not been fetched to its end.
    pub(super) fn owed_since(&self) -> Option<Timestamp> {
        let current = self.current.as_ref().map(|(look, _)| *look);
        let looks = current.into_iter().chain(self.later.iter().map(|(_, look)| *look)).filter(|look| !look.second);
        looks.map(|look| look.gap.from).chain(self.gaps.waiting_since()).min()
    }

    /// The next thing that comes of it; waits for ever while there is no gap. Cancel-safe.
    pub(super) async fn next(&mut self) -> Caught {
        loop {
            if let Some(envelope) = self.page.pop_front() {
                return Caught::Envelope(envelope);
            }
            let Some((look, pages)) = &mut self.current else {
                match self.later.iter().map(|(at, _)| *at).min() {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
                return Caught::Due;
            };
            if let Some(page) = pages.recv().await {
                self.page.extend(page.envelopes);
                continue;
            }
            let look = *look;
            let ended = match self.task.join_next().await {
                Some(Ok(ended)) => ended,
                Some(Err(_)) | None => Err(Unavailable::Unreachable("asking for the history ended unexpectedly".to_owned())),
            };
            self.current = None;
            return self.ended(look, ended);
        }
    }

    /// What follows from the end of a look: a second one for what is late, another one when it failed and that may pass.
    fn ended(&mut self, look: Look, ended: Result<Filled, Unavailable>) -> Caught {
        let is_first = !look.second && look.failed == 0;
        match &ended {
            Ok(_) if !look.second => {
                let (from, to) = look.gap.tail();
                self.later.push_back((Instant::now() + HISTORY_SETTLE, Look { from, to, second: true, failed: 0, ..look }));
                return Caught::Ended(look.gap, ended);
            }
            Err(why) if why.is_final() => (self.history, self.refused) = (None, Some(why.to_string())),
            Err(_) if look.failed < TRIES && self.later.len() < SHOWN => {
                self.later.push_back((Instant::now() + AGAIN, Look { failed: look.failed + 1, ..look }));
            }
            _ => {}
        }
        if is_first { Caught::Ended(look.gap, ended) } else { Caught::Due }
    }

    /// Remembers what became of a gap, for the status.
    pub(super) fn show(&mut self, gap: &Gap, state: GapState, why: Option<String>) {
        let told = Told { from: gap.from, to: Some(gap.to), state, why };
        match self.shown.iter_mut().find(|shown| shown.from == told.from) {
            Some(shown) => *shown = told,
            None => self.shown.push_back(told),
        }
        while self.shown.len() > SHOWN {
            self.shown.pop_front();
        }
    }

    /// The latest gaps, the oldest first.
    pub(super) fn shown(&self) -> Vec<Told> {
        self.shown.iter().cloned().collect()
    }
}
