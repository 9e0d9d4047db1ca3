//! What should be pending, held against what the lanes and the journal have.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::mpsc;

use super::Dispatch;
use crate::app::lanes::Waiting;
use crate::deliver::LaneEvent;
use crate::journal::Health;

/// A count that the journal is asked for, beside what it should be.
pub(in crate::app) struct Audit {
    pub(in crate::app) expected: u64,
    pub(in crate::app) counting: Pin<Box<dyn Future<Output = u64> + Send>>,
}

impl Dispatch {
    /// What waits in the lanes at a moment at which everything that they have told is counted. The console's thread goes on meanwhile: it
    /// tells of an end, and then has one less; and nothing is brought to it here unless something was told.
    pub(in crate::app) fn settled(&mut self, events: &mut mpsc::Receiver<LaneEvent>) -> Waiting {
        loop {
            let waiting = self.lanes.waiting();
            let mut was_told = false;
            while let Ok(event) = events.try_recv() {
                self.event(&event);
                was_told = true;
            }
            if !was_told && self.lanes.waiting().console == waiting.console {
                return waiting;
            }
        }
    }

    /// Holds what should be pending against what the lanes have: `(an action, or all that print; how many wait there)`.
    pub(in crate::app) fn audit(&self, waiting: &Waiting) -> Result<(), String> {
        let said = |action: Option<usize>, ledger: u64, other: u64| {
            let whose = action.map_or_else(|| "the console".to_owned(), |action| self.name(action).to_string());
            format!("{whose} has {other} deliveries under way and {ledger} should be")
        };
        let mut printing = 0;
        for (action, lane) in waiting.lanes.iter().enumerate() {
            let pending = self.ledger.pending_of(action);
            match lane {
                Some(lane) if *lane != pending => return Err(said(Some(action), pending, *lane)),
                Some(_) => {}
                None => printing += pending,
            }
        }
        if printing != waiting.console {
            return Err(said(None, printing, waiting.console));
        }
        self.ledger.over().map_or(Ok(()), |(action, rule)| {
            Err(format!("more deliveries of {rule} to {} have ended than were begun", self.name(action)))
        })
    }

    /// What the journal should have pending, and its answer.
    pub(in crate::app) fn pending_of_journal(&self) -> Option<Audit> {
        let journal = self.journal.as_ref()?;
        Some(Audit { expected: self.ledger.pending(), counting: Box::pin(journal.pending()) })
    }
}

/// A difference between the ledger and the lanes, until it is known for a fault.
#[derive(Debug, Default)]
pub(in crate::app) struct Suspicion {
    open: Option<String>,
}

/// What is thought of a look at the lanes.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::app) enum Verdict {
    /// All agrees.
    Fine,
    /// The next look will tell.
    Suspect,
    /// It was so the last time already.
    Wrong(String),
}

impl Suspicion {
    /// Takes what a look found: with its figures, in words.
    pub(in crate::app) fn look(&mut self, found: Option<String>) -> Verdict {
        match (self.open.take(), found) {
            (_, None) => Verdict::Fine,
            (Some(before), Some(found)) if before == found => Verdict::Wrong(found),
            (_, found) => {
                self.open = found;
                Verdict::Suspect
            }
        }
    }

    /// Whether there is one.
    pub(in crate::app) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

/// The ledger against the journal, which may have lost rows: then it has other numbers until it has lost no more and all that it may not
/// know of has ended. Ends that it lost stay pending there, and are reckoned with.
#[derive(Debug)]
pub(in crate::app) struct Comparison {
    /// Rows that were lost, and what was repaired, at the latest look.
    lost: u64,
    repaired: Option<String>,
    /// How many it has more than there are; `None` until that is known.
    more: Option<u64>,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { lost: 0, repaired: None, more: Some(0) }
    }
}

impl Comparison {
    /// `expected` and `found` are of the same moment, `health` of a later one. How many the journal should have, if it has not.
    pub(in crate::app) fn look(&mut self, health: &Health, expected: u64, found: u64) -> Option<u64> {
        if (self.lost, &self.repaired) != (health.unrecorded, &health.repaired) {
            (self.lost, self.repaired, self.more) = (health.unrecorded, health.repaired.clone(), None);
            return None;
        }
        if health.degraded.is_some() {
            return None;
        }
        let Some(more) = self.more else {
            self.more = (expected == 0).then_some(found);
            return None;
        };
        let should = expected.saturating_add(more);
        (should != found).then_some(should)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::Way;
    use crate::app::lanes::{Ends, Lanes};
    use crate::clock::Clock;
    use crate::deliver::{Common, Granted, Switch};
    use crate::model::delivery::Delivery;
    use crate::model::firing::FiringBrief;
    use crate::model::ids::FiringId;
    use crate::model::message::{Body, ConsoleBody};
    use crate::model::time::Timestamp;
    use crate::rules::ruleset::RuleSet;

    /// Without a journal, and with consoles for all actions.
    fn of_consoles(rules: &Arc<RuleSet>) -> (Dispatch, mpsc::Receiver<LaneEvent>) {
        let tls = crate::tls::client_config_trusting(Arc::new(rustls::RootCertStore::empty()), &[]).unwrap();
        let (events, told) = mpsc::channel(4_096);
        let (clock, switch) = (Clock::system(), Switch::new(true));
        let common = Common { tls, clock: clock.clone(), events, switch: switch.clone(), intents: Arc::new(Granted) };
        let ways = rules.actions.iter().map(|_| Way::Console).collect();
        let lanes = Lanes::open(rules, ways, Ends::World, Box::new(std::io::sink()), &common).unwrap();
        let names = rules.actions.iter().map(|action| action.name.as_str().into()).collect();
        (Dispatch::new(Arc::clone(rules), lanes, None, clock, switch, names), told)
    }

    impl Dispatch {
        pub(in crate::app) fn of_consoles(rules: &Arc<RuleSet>) -> Self {
            of_consoles(rules).0
        }
    }

    #[tokio::test]
    async fn the_console_thread_never_makes_a_look_at_the_lanes_a_false_alarm() {
        let text = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n";
        let source = crate::rules::Source::rules("rules.toml", text);
        let rules = Arc::new(crate::rules::load(&[source]).ruleset.unwrap());
        let (mut dispatch, mut told) = of_consoles(&rules);
        let body = Arc::new(Body::Console(ConsoleBody::default()));
        for n in 0..50_000 {
            let (id, at) = (FiringId::of("gm", &n.to_string(), ""), Timestamp::from_millis(0));
            let firing = Arc::new(FiringBrief { id, rule: "gm".into(), subject: "tweet:1".to_owned(), at, late: false });
            let expires_at = Timestamp::from_millis(i64::MAX);
            let _ = dispatch.resume(
                Delivery { firing, action: 0, expires_at, body: Arc::clone(&body), fallback: None, line: None, edits: false },
                None,
            );
            let waiting = dispatch.settled(&mut told);
            assert_eq!(dispatch.audit(&waiting), Ok(()), "after {n}");
        }
    }

    #[test]
    fn a_difference_is_a_fault_when_two_looks_in_a_row_find_the_very_same() {
        let mut suspicion = Suspicion::default();
        let two = || Some("desk has 2 under way and 1 should be".to_owned());
        let three = || Some("desk has 3 under way and 1 should be".to_owned());
        assert_eq!(suspicion.look(two()), Verdict::Suspect);
        assert!(suspicion.is_open());
        assert_eq!(suspicion.look(three()), Verdict::Suspect, "it moves: something is on its way");
        assert_eq!(suspicion.look(None), Verdict::Fine);
        assert!(!suspicion.is_open());
        assert_eq!(suspicion.look(three()), Verdict::Suspect);
        assert_eq!(suspicion.look(three()), Verdict::Wrong(three().unwrap()));
    }

    fn health(unrecorded: u64, degraded: bool) -> Health {
        Health { unrecorded, degraded: degraded.then(|| "the disk is full".to_owned()), ..Health::default() }
    }

    #[test]
    fn the_journal_is_compared_again_once_what_it_lost_is_known() {
        let mut comparison = Comparison::default();
        assert_eq!(comparison.look(&health(0, false), 3, 3), None);
        assert_eq!(comparison.look(&health(0, false), 3, 4), Some(3));
        // Seven rows are lost, an end among them, while two are under way, one of which it does not know.
        assert_eq!(comparison.look(&health(7, true), 2, 9), None);
        assert_eq!(comparison.look(&health(7, false), 2, 2), None);
        assert_eq!(comparison.look(&health(7, false), 1, 2), None);
        assert_eq!(comparison.look(&health(7, false), 0, 1), None, "all that it may not know of has ended: it has one too many");
        assert_eq!(comparison.look(&health(7, false), 4, 5), None);
        assert_eq!(comparison.look(&health(7, false), 4, 4), Some(5), "and a fault shows again");
        let repaired = Health { repaired: Some("put aside".to_owned()), ..health(7, false) };
        assert_eq!(comparison.look(&repaired, 4, 0), None, "what was damaged may be gone");
    }
}
