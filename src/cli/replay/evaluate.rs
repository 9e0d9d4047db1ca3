//! Batches of the past → what each rule set would have made of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::super::moments::Moments;
use super::super::progress::{Progress, number_of};
use super::super::table;
use super::batch::{self, Batch, Past};
use super::source::{Ended, Reached, Reading, Source, SourceError, Stretch};
use crate::feed::recording::Order;
use crate::model::identity::Identity;
use crate::model::ids::FiringId;
use crate::model::mute::Mute;
use crate::model::time::Timestamp;
use crate::replay::{Comparison, Difference, Forgotten, Played, Replay, Summary, Told};
use crate::rules::ruleset::RuleSet;

/// Faults that are shown with their place.
const FAULTS: usize = 5;
/// What comes within this time is evaluated together with what is there.
const SOON: Duration = Duration::from_millis(20);

/// What is to be done.
pub(super) struct Work {
    pub(super) rules: Arc<RuleSet>,
    pub(super) old: Option<Arc<RuleSet>>,
    pub(super) sources: Vec<Source>,
    pub(super) stretch: Stretch,
    /// From when on it is told what fires.
    pub(super) from: Option<Timestamp>,
    /// What had fired before what is read, oldest first.
    pub(super) fired: Vec<FiringId>,
    /// Who and what was known to be the same by then.
    pub(super) known: Vec<Identity>,
    /// What was muted meanwhile.
    pub(super) mutes: Vec<Mute>,
    pub(super) listing: Option<Listing>,
}

/// How firings are printed as they come.
pub(super) enum Listing {
    Json,
    Words(Moments),
}

/// What came of it.
pub(super) struct Evaluated {
    pub(super) summary: Summary,
    pub(super) difference: Option<Difference>,
    pub(super) faults: Faults,
    pub(super) damaged: u64,
    /// What windows had to forget for want of room, by rule.
    pub(super) forgotten: Vec<Forgotten>,
    /// Entries that are dated long before one that stood before them.
    pub(super) went_back: u64,
    /// Why not all could be read.
    pub(super) stopped: Option<SourceError>,
    pub(super) took: Duration,
}

/// Lines that are no entries.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) number: u64,
    kinds: BTreeMap<&'static str, u64>,
    pub(super) first: Vec<String>,
}

impl Faults {
    fn see(&mut self, name: &str, past: &Past<'_>) {
        let Past::Faulty(faulty) = past else { return };
        self.number += 1;
        *self.kinds.entry(faulty.fault.name()).or_default() += 1;
        if self.first.len() < FAULTS {
            // Rows of the journal have no line.
            let line = if faulty.number == 0 { String::new() } else { format!("line {}: ", faulty.number) };
            self.first.push(format!("{name}: {line}{}", faulty.fault));
        }
    }

    pub(super) fn by_kind(&self) -> String {
        self.kinds.iter().map(|(kind, number)| format!("{number} {kind}")).collect::<Vec<_>>().join(", ")
    }
}

/// A piece of the past, decoded, and the name of its source.
type Decoded<'b> = Arc<(&'b str, Vec<Past<'b>>)>;

/// One rule set on its way through the past.
struct Player {
    replay: Replay,
    stretch: Stretch,
}

impl Player {
    fn new(rules: &Arc<RuleSet>, work: &Work) -> Self {
        let mut replay = Replay::new(Arc::clone(rules), work.from);
        replay.restore(work.fired.iter().copied());
        replay.know(work.known.iter().cloned());
        replay.set_mutes(work.mutes.iter().cloned());
        Self { replay, stretch: work.stretch }
    }

    fn take(&mut self, decoded: &Decoded<'_>, mut told: impl FnMut(&Played)) {
        let Self { replay, stretch } = self;
        for past in &decoded.1 {
            match past {
                Past::Entry { at, .. } if stretch.since.is_some_and(|since| *at < since) => {}
                Past::Entry { at, .. } if stretch.to.is_some_and(|to| *at >= to) => {}
                Past::Entry { envelope, at, origin } => replay.entry(envelope, *at, *origin, &mut told),
                Past::Hold { at, hold } => replay.hold(*at, *hold, &mut told),
                Past::Faulty(_) => {}
            }
        }
    }

    /// Waits end as far as time went: where the past was cut off at a moment, no further.
    fn end(&mut self, ended: &Ended, told: impl FnMut(&Played)) {
        let until = match (self.stretch.to, ended.until) {
            (Some(to), Some(until)) => Some(to.min(until)),
            (to, until) => to.or(until),
        };
        self.replay.pass(until, told);
    }
}

/// Everything that comes of it, while it comes.
struct Evaluation<'w> {
    work: &'w Work,
    new: Player,
    comparison: Comparison,
    faults: Faults,
    progress: Progress,
    reached: Arc<Reached>,
}

impl Evaluation<'_> {
    /// A piece; `of_old` waits for what the old rules have made of it.
    fn piece(&mut self, decoded: &Decoded<'_>, of_old: impl FnOnce() -> Vec<Played>) {
        decoded.1.iter().for_each(|past| self.faults.see(decoded.0, past));
        let fired = self.told(|new, told| new.take(decoded, told));
        if self.work.old.is_some() {
            self.comparison.piece(of_old(), fired);
        }
        let (entries, firings) = self.new.replay.progress();
        self.progress.at(self.reached.share(), entries, "entries", &number_of(firings, "firing"));
    }

    /// What the new rules make of something: printed where that is wanted, and returned where it is compared.
    fn told(&mut self, take: impl FnOnce(&mut Player, &mut dyn FnMut(&Played))) -> Vec<Played> {
        let (work, mut fired) = (self.work, Vec::new());
        take(&mut self.new, &mut |of| {
            if work.old.is_some() {
                fired.push(of.clone());
            }
            if let Some(listing) = &work.listing {
                listing.print(of);
            }
        });
        fired
    }
}

/// Does it: one thread reads, one decodes, and one for each rule set evaluates.
pub(super) fn run(work: &Work) -> Result<Evaluated, SourceError> {
    let (to, batches) = sync_channel::<Batch>(batch::TOGETHER);
    let reached = Arc::new(Reached::default());
    let reading = Reading { to, reached: Arc::clone(&reached), stretch: work.stretch };
    let mut old = work.old.as_ref().map(|rules| Player::new(rules, work));
    let mut order = Order::until(work.stretch.now);
    let (comparison, faults, progress) = (Comparison::default(), Faults::default(), Progress::new());
    let mut evaluation = Evaluation { work, new: Player::new(&work.rules, work), comparison, faults, progress, reached };
    let read = thread::scope(|scope| {
        let sources = &work.sources;
        // The sender goes with it, so that it is known when all was read.
        let reader = scope.spawn(move || {
            let reading = reading;
            reading.all(sources)
        });
        while let Some(together) = next(&batches) {
            evaluate(&together, &mut order, old.as_mut(), &mut evaluation);
        }
        outcome(reader.join())
    });
    evaluation.progress.clear();
    let nothing = Ended::default();
    let ended = read.as_ref().unwrap_or(&nothing);
    let of_new = evaluation.told(|new, told| new.end(ended, told));
    if let Some(old) = &mut old {
        let mut of_old = Vec::new();
        old.end(ended, |of| of_old.push(of.clone()));
        evaluation.comparison.piece(of_old, of_new);
    }
    let Evaluation { new, comparison, faults, progress, .. } = evaluation;
    let forgotten = new.replay.forgotten();
    let summary = new.replay.summary();
    let (ended, stopped) = match read {
        Ok(ended) => (ended, None),
        // Of what could not even be begun there is nothing to tell.
        Err(error) if summary.entries == 0 => return Err(error),
        Err(error) => (nothing, Some(error)),
    };
    let difference = old.is_some().then(|| comparison.difference());
    let (damaged, went_back) = (ended.damaged, order.went_back());
    Ok(Evaluated { summary, difference, faults, damaged, forgotten, went_back, stopped, took: progress.took() })
}

/// Of a thread that died it is not known what it has not read.
fn outcome(read: thread::Result<Result<Ended, SourceError>>) -> Result<Ended, SourceError> {
    read.unwrap_or(Err(SourceError::Panicked))
}

/// Some pieces, as many as are there soon; `None` when there are no more.
fn next(batches: &Receiver<Batch>) -> Option<Vec<Batch>> {
    let mut together = vec![batches.recv().ok()?];
    while together.len() < batch::TOGETHER
        && let Ok(batch) = batches.recv_timeout(SOON)
    {
        together.push(batch);
    }
    Some(together)
}

/// Decodes pieces in one thread while they are evaluated in another, and by the old rules, if there are any, in a third.
fn evaluate(together: &[Batch], order: &mut Order, old: Option<&mut Player>, evaluation: &mut Evaluation<'_>) {
    thread::scope(|scope| {
        let (to, decoded) = sync_channel::<Decoded<'_>>(batch::DECODED);
        let (fired, of_old) = sync_channel(batch::DECODED);
        let to_old = old.map(|old| {
            let (to, decoded) = sync_channel::<Decoded<'_>>(batch::DECODED);
            scope.spawn(move || {
                for decoded in decoded {
                    let mut of_old = Vec::new();
                    old.take(&decoded, |of| of_old.push(of.clone()));
                    if fired.send(of_old).is_err() {
                        return;
                    }
                }
            });
            to
        });
        scope.spawn(move || {
            for batch in together {
                let decoded = Arc::new((&*batch.name, batch.decode(order)));
                let to_old = to_old.as_ref().is_none_or(|to| to.send(Arc::clone(&decoded)).is_ok());
                if to.send(decoded).is_err() || !to_old {
                    return;
                }
            }
        });
        // Piece by piece: what differs does not depend on which of the two was faster.
        decoded.iter().for_each(|decoded| evaluation.piece(&decoded, || of_old.recv().unwrap_or_default()));
    });
}

/// A firing on a line of its own.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    #[serde(flatten)]
    firing: &'a Told,
}

impl Listing {
    fn print(&self, of: &Played) {
        let told = Told::played(of);
        let line = match self {
            Self::Json => table::inert(&serde_json::to_string(&Line { kind: "firing", firing: &told }).unwrap_or_default()),
            Self::Words(moments) => {
                let clean = table::clean;
                let who = clean(told.author.as_deref().unwrap_or("?"));
                let (at, rule, late) = (moments.local(told.at), clean(&told.rule), if told.late { " (late)" } else { "" });
                let element = told.element.as_deref().map(|element| format!(" for {}", clean(element))).unwrap_or_default();
                let held = told.held.map(|held| format!("  [{held}]")).unwrap_or_default();
                let text = clean(told.text.as_deref().unwrap_or(&told.subject));
                format!("{at}  {rule}{element}  @{who}  {text}{late}{held}")
            }
        };
        // A reader that has gone away needs no more of it.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_thread_that_dies_has_not_read_all() {
        let died = thread::spawn(|| -> Result<Ended, SourceError> { std::panic::resume_unwind(Box::new("a mistake")) }).join();
        assert!(outcome(died).is_err_and(|why| why.to_string().contains("panicked")));
        assert!(outcome(Ok(Ok(Ended::default()))).is_ok());
    }
}
