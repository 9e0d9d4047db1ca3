//! Batches of the past → what each rule set would have made of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::super::moments::Moments;
use super::super::progress::Progress;
use super::super::table;
use super::batch::{self, Batch, Past};
use super::source::{Ended, Reached, Reading, Source, SourceError, Stretch};
use crate::feed::recording::{Faulty, Order};
use crate::model::firing::Firing;
use crate::model::time::Timestamp;
use crate::replay::{Comparison, Difference, Replay, Side, Summary, Told};
use crate::rules::ruleset::RuleSet;

/// Faults that are shown with their place.
const FAULTS: usize = 5;
/// How long nothing may come before progress is looked at again.
const LOOK: Duration = Duration::from_millis(200);

/// What is to be done.
pub(super) struct Work {
    pub(super) rules: Arc<RuleSet>,
    pub(super) old: Option<Arc<RuleSet>>,
    pub(super) sources: Vec<Source>,
    pub(super) stretch: Stretch,
    /// From when on it is told what fires.
    pub(super) from: Option<Timestamp>,
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
    fn note(&mut self, name: &str, faulty: &Faulty) {
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

/// One rule set on its way through the past.
struct Player {
    replay: Replay,
    order: Order,
    stretch: Stretch,
}

impl Player {
    fn new(rules: &Arc<RuleSet>, work: &Work) -> Self {
        let replay = Replay::new(Arc::clone(rules), work.from);
        Self { replay, order: Order::default(), stretch: work.stretch }
    }

    fn take(&mut self, batch: &Batch, mut told: impl FnMut(&Arc<Firing>), mut faulty: impl FnMut(&str, &Faulty)) {
        let Self { replay, order, stretch } = self;
        batch.each(order, |past| match past {
            Past::Entry { at, .. } if stretch.since.is_some_and(|since| at < since) => {}
            Past::Entry { at, .. } if stretch.to.is_some_and(|to| at >= to) => {}
            Past::Entry { envelope, at, origin } => replay.entry(envelope, at, origin, &mut told),
            Past::Hold { at, hold } => replay.hold(at, hold, &mut told),
            Past::Faulty(fault) => faulty(&batch.name, &fault),
        });
    }

    /// Waits end as far as time went: where the past was cut off at a moment, no further.
    fn end(&mut self, ended: &Ended, told: impl FnMut(&Arc<Firing>)) {
        let until = match (self.stretch.to, ended.until) {
            (Some(to), Some(until)) => Some(to.min(until)),
            (to, until) => to.or(until),
        };
        self.replay.pass(until, told);
    }
}

/// Does it.
pub(super) fn run(work: &Work) -> Result<Evaluated, SourceError> {
    let comparison = Mutex::new(Comparison::default());
    let compare = |side: Side, firing: &Firing| {
        comparison.lock().unwrap_or_else(PoisonError::into_inner).add(side, Told::of(firing));
    };
    let (to, batches) = sync_channel::<Arc<Batch>>(batch::AHEAD);
    let (to_old, old_batches) = sync_channel::<Arc<Batch>>(batch::AHEAD);
    let reached = Arc::new(Reached::default());
    let readers = std::iter::once(to).chain(work.old.is_some().then_some(to_old)).collect();
    let reading = Reading { to: readers, reached: Arc::clone(&reached), stretch: work.stretch };
    let mut new = Player::new(&work.rules, work);
    let old = work.old.as_ref().map(|rules| Player::new(rules, work));
    let mut faults = Faults::default();
    let mut progress = Progress::new();
    let is_compared = old.is_some();
    let read = thread::scope(|scope| {
        // The senders go with it, so that the others know when all was read.
        let sources = &work.sources;
        let reader = scope.spawn(move || {
            let reading = reading;
            reading.all(sources)
        });
        let evaluator = old.map(|mut old| {
            let compare = &compare;
            scope.spawn(move || {
                for batch in old_batches {
                    old.take(&batch, |firing| compare(Side::Old, firing), |_, _| {});
                }
                old
            })
        });
        let mut told = |firing: &Arc<Firing>| {
            if is_compared {
                compare(Side::New, firing);
            }
            if let Some(listing) = &work.listing {
                listing.print(firing);
            }
        };
        watch(&batches, &mut progress, &reached, |batch| {
            new.take(batch, &mut told, |name, faulty| faults.note(name, faulty));
            new.replay.progress()
        });
        let old = evaluator.and_then(|evaluator| evaluator.join().ok());
        let read = reader.join().unwrap_or_else(|_| Ok(Ended::default()));
        let ended = read.as_ref().ok();
        let nothing = Ended::default();
        new.end(ended.unwrap_or(&nothing), &mut told);
        if let Some(mut old) = old {
            old.end(ended.unwrap_or(&nothing), |firing| compare(Side::Old, firing));
        }
        read
    });
    progress.clear();
    let summary = new.replay.summary();
    let (ended, stopped) = match read {
        Ok(ended) => (ended, None),
        // Of what could not even be begun there is nothing to tell.
        Err(error) if summary.entries == 0 => return Err(error),
        Err(error) => (Ended::default(), Some(error)),
    };
    let difference = is_compared.then(|| comparison.into_inner().unwrap_or_else(PoisonError::into_inner).difference());
    Ok(Evaluated { summary, difference, faults, damaged: ended.damaged, stopped, took: progress.took() })
}

/// Hands over batches until there are no more, and shows how far it is.
fn watch(batches: &Receiver<Arc<Batch>>, progress: &mut Progress, reached: &Reached, mut take: impl FnMut(&Batch) -> (u64, u64)) {
    let mut done = (0, 0);
    loop {
        match batches.recv_timeout(LOOK) {
            Ok(batch) => done = take(&batch),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return,
        }
        progress.at(reached.share(), done.0, "entries", &format!("{} firings", super::super::progress::grouped(done.1)));
    }
}

/// A firing on a line of its own.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    #[serde(flatten)]
    firing: &'a Told,
}

impl Listing {
    fn print(&self, firing: &Firing) {
        let told = Told::of(firing);
        let line = match self {
            Self::Json => table::inert(&serde_json::to_string(&Line { kind: "firing", firing: &told }).unwrap_or_default()),
            Self::Words(moments) => {
                let clean = table::clean;
                let who = clean(told.author.as_deref().unwrap_or("?"));
                let (at, rule, late) = (moments.local(told.at), clean(&told.rule), if told.late { " (late)" } else { "" });
                format!("{at}  {rule}  @{who}  {}{late}", clean(told.text.as_deref().unwrap_or(&told.subject)))
            }
        };
        // A reader that has gone away needs no more of it.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}
