//! Everything is counted: what came in, what fired, what became of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::model::delivery::{Outcome, Report};

/// The counts of one run. Labels come from our own tables, never from data, so their number is bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Envelopes that could be read.
    pub envelopes: u64,
    /// Those of them that came from the history API.
    pub backfilled: u64,
    /// Frames that could not, by reason.
    pub malformed: BTreeMap<&'static str, u64>,
    /// Oddities of readable envelopes, by kind: unknown operations, fields, values, …
    pub oddities: BTreeMap<&'static str, u64>,
    /// Rules that became true.
    pub firings: u64,
    /// Deliveries that were begun or ended before they began.
    pub deliveries: u64,
    /// Ends of deliveries, by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Matches that did not fire and firings by waiting, by what became of them.
    pub matches: BTreeMap<&'static str, u64>,
    /// What joining had to let go.
    pub tweets: BTreeMap<&'static str, u64>,
    /// What windows had to let go, and did not count.
    pub windows: BTreeMap<&'static str, u64>,
    /// Messages that were edited after they were sent.
    pub edited: u64,
    /// Messages that should have been, and stay as they were.
    pub not_edited: u64,
    /// Times that the feed was lost.
    pub losses: u64,
    /// How long it ran.
    pub ran: Duration,
}

impl Totals {
    /// Counts the end of a delivery.
    pub fn note(&mut self, report: &Report) {
        *self.outcomes.entry(report.outcome.name()).or_default() += 1;
    }

    /// Takes over what the engine has counted.
    pub fn of_rules(&mut self, engine: crate::engine::Counts, join: crate::join::Counts, windows: crate::window::Counts) {
        for (label, count) in [("repeated", engine.repeated), ("settled by waiting", engine.settled)] {
            Self::add(&mut self.matches, label, count);
        }
        for (label, count) in [("forgotten for want of room", join.evicted), ("parts refused", join.refused)] {
            Self::add(&mut self.tweets, label, count);
        }
        for (label, count) in
            [("keys forgotten", windows.evicted_keys), ("matches forgotten", windows.evicted_members), ("too late", windows.late)]
        {
            Self::add(&mut self.windows, label, count);
        }
    }

    /// Adds one to a table.
    pub fn add(table: &mut BTreeMap<&'static str, u64>, label: &'static str, count: u64) {
        if count > 0 {
            *table.entry(label).or_default() += count;
        }
    }

    /// Deliveries with this outcome.
    #[must_use]
    pub fn outcome(&self, outcome: &Outcome) -> u64 {
        self.outcomes.get(outcome.name()).copied().unwrap_or_default()
    }

    /// Deliveries that have not ended yet. Zero after a run: every delivery ends in exactly one outcome.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.deliveries.saturating_sub(self.outcomes.values().sum())
    }
}

impl fmt::Display for Totals {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        write!(
            f,
            "{} in {}, {}, {}",
            plural(self.envelopes, "envelope", "envelopes"),
            seconds(self.ran),
            plural(self.firings, "firing", "firings"),
            plural(self.deliveries, "delivery", "deliveries"),
        )?;
        write_table(f, ": ", &self.outcomes)?;
        if self.pending() > 0 {
            write!(f, ", {} pending", self.pending())?;
        }
        if self.edited > 0 {
            write!(f, "; {} edited", plural(self.edited, "message", "messages"))?;
        }
        if self.not_edited > 0 {
            write!(f, "; {} not edited", plural(self.not_edited, "message", "messages"))?;
        }
        if self.backfilled > 0 {
            write!(f, "; {} of the envelopes from history", self.backfilled)?;
        }
        write_table(f, "; oddities: ", &self.oddities)?;
        write_table(f, "; malformed: ", &self.malformed)?;
        if self.losses > 0 {
            write!(f, "; feed lost {}", plural(self.losses, "time", "times"))?;
        }
        write_table(f, "; matches: ", &self.matches)?;
        write_table(f, "; tweets: ", &self.tweets)?;
        write_table(f, "; windows: ", &self.windows)?;
        Ok(())
    }
}

fn seconds(ran: Duration) -> String {
    let seconds = ran.as_secs_f64();
    if seconds < 60.0 { format!("{seconds:.1} s") } else { format!("{} min {:02} s", ran.as_secs() / 60, ran.as_secs() % 60) }
}

fn write_table(f: &mut fmt::Formatter<'_>, head: &str, table: &BTreeMap<&'static str, u64>) -> fmt::Result {
    for (at, (label, count)) in table.iter().enumerate() {
        write!(f, "{}{count} {label}", if at == 0 { head } else { ", " })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_all_that_was_counted() {
        let mut totals = Totals { envelopes: 1, firings: 2, deliveries: 4, losses: 1, ..Totals::default() };
        totals.ran = Duration::from_millis(61_500);
        totals.outcomes = BTreeMap::from([("delivered", 2), ("expired", 1)]);
        totals.malformed = BTreeMap::from([("not_json", 3)]);
        let engine = crate::engine::Counts { repeated: 5, ..Default::default() };
        let join = crate::join::Counts { evicted: 7, ..Default::default() };
        totals.of_rules(engine, join, crate::window::Counts { late: 3, ..Default::default() });
        assert_eq!(
            totals.to_string(),
            "1 envelope in 1 min 01 s, 2 firings, 4 deliveries: 2 delivered, 1 expired, 1 pending; malformed: 3 not_json; feed lost 1 time; \
             matches: 5 repeated; tweets: 7 forgotten for want of room; windows: 3 too late"
        );
    }
}
