//! Rules in the place of others: what stays of the lanes, and what becomes of what waits in those that do not.

use std::collections::HashSet;
use std::sync::Arc;

use super::Dispatch;
use crate::app::recovery::{Left, why};
use crate::app::{AppError, Way, running};
use crate::deliver::Returned;
use crate::model::delivery::{Delivery, Outcome, Report, Suppression};
use crate::model::ids::FiringId;
use crate::model::status::EditCounts;
use crate::model::subject::Str;
use crate::rules::ruleset::RuleSet;

/// What changes of the lanes.
pub(in crate::app) struct Change {
    /// Actions that are new or other ones, by their numbers, and where they go.
    pub(in crate::app) opened: Vec<(usize, Way)>,
    /// Actions that are no more, or are other ones: the number that each has had, and the new one of its name.
    pub(in crate::app) retired: Vec<(usize, Option<usize>)>,
    /// Actions that stay, and the rules that do not have anything sent there any more, of all that had.
    pub(in crate::app) unwanted: Vec<(usize, Vec<Str>)>,
}

impl Dispatch {
    /// Opens the lanes that are new, before anything is replaced.
    pub(in crate::app) fn open(&mut self, rules: &RuleSet, change: &mut Change) -> Result<(), AppError> {
        self.lanes.open_more(rules, std::mem::take(&mut change.opened))
    }

    /// Goes on with other rules. What waits in a lane that is no more goes on in that of the new action of its name, if the rules still have it
    /// sent; the other ends, as after a start. So does what waits in a lane that stays and is not wanted any more.
    pub(in crate::app) fn replace(&mut self, rules: &Arc<RuleSet>, change: &Change) {
        self.rules = Arc::clone(rules);
        self.names = running::names(rules);
        self.attempts.resize(rules.actions.len(), 0);
        self.edits.resize(rules.actions.len(), EditCounts::default());
        self.notices.retarget(rules);
        for &(from, to) in &change.retired {
            if let Some(to) = to {
                move_numbers(&mut self.sent_again, from, to);
                move_numbers(&mut self.on_record, from, to);
                self.messages.moved(from, to);
            }
            let returned = self.lanes.retire(from, to);
            returned.into_iter().for_each(|returned| self.go_on(returned));
        }
        self.tell_lanes_of_mutes();
        for (action, unwanted) in &change.unwanted {
            let returned = self.lanes.take_back(*action, unwanted);
            returned.into_iter().for_each(|returned| self.go_on(returned));
        }
    }

    /// Has lanes hold what is muted now. What has had its turn ends there, unless it is leaving.
    pub(in crate::app) fn tell_lanes_of_mutes(&self) {
        let now = self.clock.now();
        for (at, action) in self.rules.actions.iter().enumerate() {
            self.lanes.set_mutes(at, self.mutes.of_lane(&action.name, now));
        }
    }

    /// Ends what waits in lanes and is muted by now: whoever mutes wants to hear no more of it.
    pub(in crate::app) fn end_muted(&mut self) {
        self.tell_lanes_of_mutes();
        let (rules, now) = (Arc::clone(&self.rules), self.clock.now());
        for (at, action) in rules.actions.iter().enumerate() {
            let is_muted = |delivery: &Delivery| self.mutes.holds_all(&delivery.firing.rule, &action.name, now);
            let returned = self.lanes.take_out(at, is_muted);
            returned.into_iter().for_each(|returned| self.go_on(returned));
        }
    }

    /// Has what was refused for good tried again, as somebody may have set it right. Says which actions those are.
    pub(in crate::app) fn reopen(&mut self) -> Vec<String> {
        let actions = self.lanes.reopen().into_iter().filter_map(|at| self.rules.actions.get(at));
        actions.filter(|action| !action.retired).map(|action| action.name.clone()).collect()
    }

    /// A lane has given this back.
    pub(super) fn go_on(&mut self, Returned { action: from, delivery, doubt }: Returned) {
        let to = self.rules.actions.get(from).and_then(|action| self.rules.action(&action.name)).map(|(to, _)| to);
        let (rules, now) = (Arc::clone(&self.rules), self.clock.now());
        let left = Left {
            rule: &delivery.firing.rule,
            fired_at: delivery.firing.at,
            expires_at: delivery.expires_at,
            trading: self.is_trading(from),
            has_body: true,
        };
        let end = left.end_before_sending(&rules, to, self.switch.is_armed(), now);
        let is_muted = self.mutes.holds_all(&delivery.firing.rule, &self.name(from), now);
        let end = end.or(is_muted.then_some(Outcome::Suppressed { reason: Suppression::Muted }));
        match (end, to) {
            (None, Some(to)) => {
                self.ledger.moved(&delivery.firing.rule, from, to);
                for report in self.lanes.resume(Delivery { action: to, ..delivery }, doubt) {
                    self.note_of_lane(&report);
                }
            }
            (end, _) => {
                let Some(end) = end else { return };
                if let Some(to) = to {
                    self.lanes.missed(to, &delivery.firing, &end);
                }
                let outcome = match doubt {
                    // What may have arrived before has not come to nothing.
                    Some(doubt) => Outcome::Unknown { reason: format!("{doubt}, and it is not sent again: {}", why(&end)) },
                    None => end,
                };
                let (firing, took) = (Arc::clone(&delivery.firing), now.since(delivery.firing.at));
                self.note_of_lane(&Report { firing, action: from, outcome, attempts: 0, took });
            }
        }
    }
}

/// What is known of an action goes on under its new number.
fn move_numbers(of: &mut HashSet<(FiringId, usize)>, from: usize, to: usize) {
    let moved: Vec<_> = of.extract_if(|(_, action)| *action == from).collect();
    of.extend(moved.into_iter().map(|(firing, _)| (firing, to)));
}
