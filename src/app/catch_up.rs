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

/// Why something is missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// For the record of the gap.
    pub(super) kept: String,
    /// For people, who need not hear everything each time. Empty: there is nothing to say.
    pub(super) told: String,
}

impl Words {
    /// The same for all.
    pub(super) fn of(words: String) -> Self {
        Self { told: words.clone(), kept: words }
    }
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
    /// Why there is no history any more, and whether that was told.
    refused: Option<Unavailable>,
    refusal_told: bool,
    /// What it does not give out beside the tweets, as far as that was told.
    without_told: Vec<String>,
    pub(super) gaps: Gaps,
    /// What an earlier run heard last: by the feed's clock, as far as it knew that one, and not by ours.
    restored: Option<Timestamp>,
    /// How far the history's clock is ahead of ours, in ms, as far as it is known.
    pub(super) ahead: i64,
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
        let (refused, refusal_told, without_told) = (None, false, Vec::new());
        let (restored, ahead, current) = (last_alive, 0, None);
        Self { history, refused, refusal_told, without_told, gaps, restored, ahead, current, task, later, page, shown }
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

    /// Whether anybody can be asked for what was missed.
    pub(super) fn has_history(&self) -> bool {
        self.history.is_some()
    }

    /// Whether something that was missed is still to be fetched for the first time.
    pub(super) fn is_behind(&self) -> bool {
        self.current.as_ref().is_some_and(|(look, _)| !look.second && look.failed == 0) || !self.page.is_empty()
    }

    /// Why a gap cannot even be tried. What the API itself says of it is told once.
    pub(super) fn why_not(&mut self) -> Words {
        let Some(refused) = &self.refused else {
            return Words::of("there is no history for this feed: write its URL as history = \"…\" under [feed]".to_owned());
        };
        let was_told = std::mem::replace(&mut self.refusal_told, true);
        let kept = refused.to_string();
        let told = if was_told { format!("{}, as was said", refused.in_short()) } else { kept.clone() };
        Words { kept, told }
    }

    /// A moment of a gap by the feed's clock, which is `ahead` of ours by so many milliseconds. An earlier run's is that already.
    pub(super) fn by_the_feed(&self, at: Timestamp, ahead: i64) -> Timestamp {
        if self.restored == Some(at) { at } else { at.shifted(ahead) }
    }

    /// What is missing of a gap although the history was asked for it to the end. What it never gives out is told once. The feed's clock is
    /// `ahead` of ours, in ms: a gap is as long as that one says.
    pub(super) fn missing(&mut self, gap: &Gap, filled: &Filled, ahead: i64) -> Words {
        let to = gap.to.shifted(ahead);
        let beyond = Gap { from: self.by_the_feed(gap.from, ahead).min(to), to }.beyond_reach();
        let beyond = beyond.map(|lost| format!("what was said from {lost} is too long ago, so that it was not asked for"));
        let always: Vec<_> = beyond.into_iter().chain(filled.missing().map(|words| format!("of the history, {words}"))).collect();
        let without = |what: &String| format!("the history does not give out what is of type {what}");
        let is_new = |what: &&String| !self.without_told.contains(*what) && self.without_told.len() < SHOWN;
        let new: Vec<String> = filled.without.iter().filter(is_new).cloned().collect();
        let kept = always.iter().cloned().chain(filled.without.iter().map(without)).collect::<Vec<_>>().join("; ");
        let told = always.iter().cloned().chain(new.iter().map(without)).collect::<Vec<_>>().join("; ");
        self.without_told.extend(new);
        Words { kept, told }
    }

    /// Since when something is missing that has not been fetched to its end.
    pub(super) fn owed_since(&self) -> Option<Timestamp> {
        let current = self.current.as_ref().map(|(look, _)| *look);
        let looks = current.into_iter().chain(self.later.iter().map(|(_, look)| *look)).filter(|look| !look.second);
        looks.map(|look| look.gap.from).chain(self.gaps.waiting_since()).min()
    }

    /// Since when the history may still bring something: at a first look, at another try, or at a second look.
    pub(super) fn may_bring_since(&self) -> Option<Timestamp> {
        self.history.as_ref()?;
        let current = self.current.as_ref().map(|(look, _)| look);
        let looks = current.into_iter().chain(self.later.iter().map(|(_, look)| look));
        looks.map(|look| look.from.max(look.gap.from)).chain(self.gaps.waiting_since()).min()
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
                self.ahead = page.ahead;
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
            Err(why) if why.is_final() => {
                (self.history, self.refused, self.refusal_told) = (None, Some(why.clone()), is_first);
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::HISTORY_REACH;

    #[tokio::test]
    async fn what_is_missing_of_a_gap_that_was_filled_is_kept_for_each_and_what_is_never_given_out_told_once() {
        let mut catch_up = CatchUp::new(None, None);
        let from = Timestamp::from_millis(0);
        let short = Gap { from, to: from.plus(Duration::from_secs(60)) };
        let long = Gap { from, to: from.plus(HISTORY_REACH).plus(Duration::from_secs(60)) };
        let whole = Filled { rows: 7, ..Filled::default() };
        assert_eq!(catch_up.missing(&short, &whole, 0), Words::of(String::new()));
        let beyond = catch_up.missing(&long, &whole, 0).told;
        assert_eq!(
            beyond,
            "what was said from 1970-01-01T00:00:00.000Z to 1970-01-01T00:01:00.000Z is too long ago, so that it was not asked for"
        );
        let odd = Filled { cut: true, unusable: 2, ..Filled::default() };
        let words = catch_up.missing(&short, &odd, 0).told;
        assert!(words.contains("more happened in one moment") && words.contains("2 rows of it could not be read"), "{words}");
        let without = Filled { without: vec!["FOLLOW: no".to_owned()], ..Filled::default() };
        let first = catch_up.missing(&short, &without, 0);
        assert!(first.told.contains("FOLLOW: no") && first.kept == first.told, "{first:?}");
        assert_eq!(catch_up.missing(&short, &without, 0), Words { kept: first.kept, told: String::new() });
    }

    #[tokio::test]
    async fn a_gap_between_a_run_with_a_right_clock_and_one_with_a_wrong_one_is_as_long_as_the_feed_says() {
        let (day, minute) = (86_400_000, 60_000);
        let at = Timestamp::from_millis;
        let mut catch_up = CatchUp::new(None, Some(at(100 * day)));
        let whole = Filled::default();
        // The clock here is 900 days ahead; the gap was a minute, or three days.
        let gap = |to| Gap { from: at(100 * day), to: at(to + 900 * day) };
        assert_eq!(catch_up.missing(&gap(100 * day + minute), &whole, -900 * day), Words::of(String::new()));
        let long = catch_up.missing(&gap(103 * day), &whole, -900 * day).told;
        assert!(long.contains("from 1970-04-11T00:00:00.000Z to 1970-04-13T00:00:00.000Z"), "{long}");
        // One of this run alone is as long by any clock.
        let own = |to| Gap { from: at(1_001 * day), to: at(to) };
        assert_eq!(catch_up.missing(&own(1_001 * day + minute), &whole, -900 * day), Words::of(String::new()));
        assert!(!catch_up.missing(&own(1_003 * day), &whole, -900 * day).told.is_empty());
    }

    #[tokio::test]
    async fn while_a_history_is_to_be_asked_again_it_may_still_bring_what_was_missed() {
        let settings = crate::feed::HistorySettings {
            url: "http://127.0.0.1:1/".to_owned(),
            key: crate::model::secret::Secret::new("key".to_owned()),
            tls: crate::tls::client_config(&[]).unwrap(),
            agent: "birdcall".to_owned(),
            clock: crate::clock::Clock::system(),
        };
        let history = || Some(History::new(settings.clone()).unwrap());
        let from = Timestamp::from_millis(0);
        let gap = Gap { from, to: from.plus(Duration::from_secs(3_600)) };
        let first = Look { gap, from: gap.query().0, to: gap.query().1, failed: 0, second: false };
        let unreachable = || Err(Unavailable::Unreachable("it is down".to_owned()));
        let mut catch_up = CatchUp::new(history(), None);
        assert_eq!(catch_up.may_bring_since(), None);
        catch_up.gaps.add(gap);
        assert_eq!(catch_up.may_bring_since(), Some(from), "it waits");
        catch_up.gaps.take();
        catch_up.ended(first, unreachable());
        assert!(!catch_up.is_behind());
        assert_eq!(catch_up.may_bring_since(), Some(from), "another try");
        catch_up.later.clear();
        catch_up.ended(first, Ok(Filled::default()));
        assert_eq!(catch_up.may_bring_since(), Some(gap.tail().0), "a second look");
        catch_up.later.clear();
        catch_up.ended(Look { failed: TRIES, ..first }, unreachable());
        assert_eq!(catch_up.may_bring_since(), None, "it has been tried often enough");
        catch_up.gaps.add(gap);
        catch_up.ended(first, Err(Unavailable::Plan("basic".to_owned())));
        assert_eq!(catch_up.may_bring_since(), None, "it never will");
    }
}
