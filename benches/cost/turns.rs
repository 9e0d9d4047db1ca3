//! contenders → samples, taken by turns: for each stretch of envelopes every contender runs once, in an order that rotates, and the
//! processor time of this thread is read before and after.
//!
//! So what slows the machine down slows all of them down, and a ratio is made of two samples that were taken side by side. Neither
//! criterion nor divan can do that: they measure one function to its end and then the next.

use std::ops::Range;

use rustix::time::{ClockId, clock_gettime};

/// Something that can be done to a stretch of the envelopes.
pub(crate) trait Contender {
    /// What the table calls it.
    fn name(&self) -> &'static str;

    /// Forgets what it has seen, if it remembers anything: who does must not see an envelope twice.
    fn forget(&mut self) -> bool {
        false
    }

    /// Does it, and says something of what came out.
    fn run(&mut self, envelopes: Range<usize>) -> usize;
}

/// A contender without a memory.
pub(crate) struct Plain<F>(pub(crate) &'static str, pub(crate) F);

impl<F: FnMut(usize) -> usize> Contender for Plain<F> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn run(&mut self, envelopes: Range<usize>) -> usize {
        envelopes.map(&mut self.1).sum()
    }
}

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Of all contenders of a table together.
    pub(crate) seconds: f64,
    /// Stretches at least, even if that takes longer.
    pub(crate) samples: usize,
}

/// What one contender took, in ns for each envelope: one sample for each stretch, in the same order for all.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) name: &'static str,
    pub(crate) ns: Vec<f64>,
}

impl Samples {
    pub(crate) fn median(&self) -> f64 {
        median(self.ns.clone())
    }

    /// The median of the ratios, stretch by stretch.
    pub(crate) fn against(&self, other: &Self) -> f64 {
        median(self.ns.iter().zip(&other.ns).map(|(own, other)| own / other).collect())
    }
}

/// A contender's part of a stretch, in ns: long beside the clock's own cost, short beside the machine's moods.
const STRETCH_NS: f64 = 20e6;
/// Envelopes of a stretch.
const STRETCH: Range<usize> = 5..1_000;

/// Lets the contenders take turns at the envelopes of `range`, again and again. Who remembers has then seen those before the range: as many as
/// make it like one that has run for long.
pub(crate) fn measure(contenders: &mut [Box<dyn Contender + '_>], range: Range<usize>, budget: Budget) -> Vec<Samples> {
    let fitting = |ns: f64| ((STRETCH_NS / ns) as usize).clamp(STRETCH.start, STRETCH.end);
    let costs: Vec<_> = contenders.iter_mut().map(|contender| gauge(&mut **contender, &range)).collect();
    let stretch = costs.iter().map(|(ns, _)| fitting(*ns)).min().unwrap_or(STRETCH.start);
    // Who is quick and remembers nothing goes on beyond the stretch. Else what is measured would be mostly how caches are
    // filled that the others have emptied.
    let lengths: Vec<_> = costs.iter().map(|(ns, remembers)| if *remembers { stretch } else { fitting(*ns) }).collect();
    let mut all: Vec<_> = contenders.iter().map(|contender| Samples { name: contender.name(), ns: Vec::new() }).collect();
    let (mut taken, mut spent) = (0, 0.0);
    while taken < budget.samples || spent < budget.seconds * 1e9 {
        if taken > 0 {
            contenders.iter_mut().for_each(|contender| _ = begins_anew(&mut **contender, &range));
        }
        for start in range.clone().step_by(stretch) {
            for turn in 0..contenders.len() {
                let at = (turn + taken) % contenders.len();
                let envelopes = start..(start + lengths[at]).min(range.end);
                let count = envelopes.len() as f64;
                let ns = timed(&mut *contenders[at], envelopes);
                spent += ns;
                all[at].ns.push(ns / count);
            }
            taken += 1;
            if taken >= budget.samples && spent >= budget.seconds * 1e9 {
                break;
            }
        }
    }
    all
}

/// Whether it remembers anything; if so it has now seen what is before `range`, and nothing else.
fn begins_anew(contender: &mut dyn Contender, range: &Range<usize>) -> bool {
    let remembers = contender.forget();
    if remembers {
        contender.run(0..range.start);
    }
    remembers
}

/// What an envelope costs, nearly, and whether the contender remembers anything. Leaves it as `begins_anew` does. How long it takes to begin
/// anew, with an index to build, is no part of it.
fn gauge(contender: &mut dyn Contender, range: &Range<usize>) -> (f64, bool) {
    let remembers = begins_anew(contender, range);
    let (mut seen, mut count, mut cost) = (range.start, STRETCH.start, 1.0);
    while seen + count <= range.end && cost * (count as f64) < STRETCH_NS / 4.0 {
        cost = timed(contender, seen..seen + count) / count as f64;
        seen += count;
        count *= 4;
    }
    begins_anew(contender, range);
    (cost, remembers)
}

fn timed(contender: &mut dyn Contender, envelopes: Range<usize>) -> f64 {
    let begun = thread_ns();
    std::hint::black_box(contender.run(envelopes));
    thread_ns() - begun
}

/// What this thread has had of the processor: unlike the time of day it does not go on while other programs run.
fn thread_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// `NaN` of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}
