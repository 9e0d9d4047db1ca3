//! Who owes what: for each rule and action how many deliveries were begun and what became of them. Pure.
//!
//! `matched = delivered + suppressed + expired + dead + unknown + pending`, for each rule and action. The ledger knows the left side and
//! the ends; what is pending is counted by others (the lanes, and the journal), and an audit holds the two against each other.

use std::collections::{BTreeMap, HashMap};

use crate::model::delivery::Outcome;
use crate::model::status::Count;
use crate::model::subject::Str;

/// What became of the deliveries of one rule to one action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    matched: u64,
    delivered: u64,
    suppressed: BTreeMap<&'static str, u64>,
    expired: u64,
    dead: u64,
    unknown: u64,
}

impl Account {
    fn ended(&self) -> u64 {
        self.delivered + self.suppressed.values().sum::<u64>() + self.expired + self.dead + self.unknown
    }

    fn pending(&self) -> u64 {
        self.matched.saturating_sub(self.ended())
    }

    fn note(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Delivered { .. } => self.delivered += 1,
            Outcome::Suppressed { reason } => *self.suppressed.entry(reason.name()).or_default() += 1,
            Outcome::Expired => self.expired += 1,
            Outcome::Dead { .. } => self.dead += 1,
            Outcome::Unknown { .. } => self.unknown += 1,
            // It is pending still: left to the next run.
            Outcome::Abandoned => {}
        }
    }
}

/// All accounts of a run. Bounded: rules and actions are the file's.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<(usize, Str), Account>,
}

impl Ledger {
    /// A delivery was begun, or ended before it began.
    pub(super) fn matched(&mut self, rule: &Str, action: usize) {
        self.account(rule, action).matched += 1;
    }

    /// A delivery has ended.
    pub(super) fn note(&mut self, rule: &Str, action: usize, outcome: &Outcome) {
        self.account(rule, action).note(outcome);
    }

    /// A delivery that waits goes on with another action.
    pub(super) fn moved(&mut self, rule: &Str, from: usize, to: usize) {
        let account = self.account(rule, from);
        account.matched = account.matched.saturating_sub(1);
        self.account(rule, to).matched += 1;
    }

    fn account(&mut self, rule: &Str, action: usize) -> &mut Account {
        self.accounts.entry((action, Str::clone(rule))).or_default()
    }

    /// Deliveries of an action that have not ended.
    pub(super) fn pending_of(&self, action: usize) -> u64 {
        self.of(action).map(Account::pending).sum()
    }

    /// Deliveries that have not ended.
    pub(super) fn pending(&self) -> u64 {
        self.accounts.values().map(Account::pending).sum()
    }

    /// How many deliveries of an action were taken.
    pub(super) fn delivered_by(&self, action: usize) -> u64 {
        self.of(action).map(|account| account.delivered).sum()
    }

    fn of(&self, action: usize) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(move |((of, _), _)| *of == action).map(|(_, account)| account)
    }

    /// An account with more ends than beginnings, which cannot be.
    pub(super) fn over(&self) -> Option<(usize, &str)> {
        let found = self.accounts.iter().find(|(_, account)| account.ended() > account.matched);
        found.map(|((action, rule), _)| (*action, &**rule))
    }

    /// For people and programs, in the order of the actions. Those of an action that has had several numbers are one.
    pub(super) fn counts<'a>(&'a self, name: impl Fn(usize) -> &'a str) -> Vec<Count> {
        let mut counts: Vec<Count> = Vec::new();
        let mut places: HashMap<(&str, &str), usize> = HashMap::new();
        for ((action, rule), account) in &self.accounts {
            let of = name(*action);
            let at = *places.entry((of, rule)).or_insert(counts.len());
            match counts.get_mut(at) {
                Some(count) => add(count, account),
                None => {
                    let mut count = Count { rule: rule.to_string(), action: of.to_owned(), ..Count::default() };
                    add(&mut count, account);
                    counts.push(count);
                }
            }
        }
        counts
    }
}

fn add(count: &mut Count, account: &Account) {
    count.matched += account.matched;
    count.delivered += account.delivered;
    for (reason, held) in &account.suppressed {
        *count.suppressed.entry((*reason).to_owned()).or_default() += held;
    }
    count.expired += account.expired;
    count.dead += account.dead;
    count.unknown += account.unknown;
    count.pending += account.pending();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::{Form, Receipt, Suppression};

    fn outcomes() -> Vec<Outcome> {
        let receipt = Receipt::of_answer(200, None).into_iter();
        let mut all: Vec<_> = receipt.map(|receipt| Outcome::Delivered { receipt, form: Form::Message }).collect();
        all.extend(Suppression::ALL.map(|reason| Outcome::Suppressed { reason }));
        all.extend([Outcome::Expired, Outcome::Dead { reason: String::new() }, Outcome::Unknown { reason: String::new() }]);
        all
    }

    #[test]
    fn every_outcome_ends_exactly_one_delivery_and_what_is_left_to_the_next_run_stays_pending() {
        let (rule, mut ledger) = (Str::from("r"), Ledger::default());
        let all = outcomes();
        for _ in 0..=all.len() {
            ledger.matched(&rule, 0);
        }
        for (at, outcome) in all.iter().enumerate() {
            assert_eq!(ledger.pending_of(0), (all.len() + 1 - at) as u64);
            ledger.note(&rule, 0, outcome);
        }
        ledger.note(&rule, 0, &Outcome::Abandoned);
        assert_eq!((ledger.pending(), ledger.delivered_by(0)), (1, 1));
        let count = &ledger.counts(|_| "desk")[0];
        let sum = count.delivered + count.suppressed.values().sum::<u64>() + count.expired + count.dead + count.unknown;
        assert_eq!(count.matched, sum + count.pending);
    }

    #[test]
    fn what_ended_twice_is_found() {
        let (rule, mut ledger) = (Str::from("r"), Ledger::default());
        ledger.matched(&rule, 1);
        ledger.note(&rule, 1, &Outcome::Expired);
        assert_eq!(ledger.over(), None);
        ledger.note(&rule, 1, &Outcome::Expired);
        assert_eq!(ledger.over(), Some((1, "r")));
    }
}
