//! Rules in the place of others: what stays of the lanes, and what becomes of what waits in those that do not.

use std::sync::Arc;
use std::time::Duration;

use super::Dispatch;
use crate::app::paces::Sent;
use crate::app::recovery::Left;
use crate::app::{AppError, Way, running};
use crate::deliver::Returned;
use crate::model::delivery::{Delivery, Report};
use crate::rules::ruleset::RuleSet;

/// What changes of the lanes.
pub(in crate::app) struct Change {
    /// Actions that are new or other ones, by their numbers, and where they go.
    pub(in crate::app) opened: Vec<(usize, Way)>,
    /// Actions that are no more, or are other ones: the number that each has had, and the new one of its name.
    pub(in crate::app) retired: Vec<(usize, Option<usize>)>,
    /// What was sent lately by those that are other ones now.
    pub(in crate::app) sent: Vec<Sent>,
}

impl Dispatch {
    /// Opens the lanes that are new, before anything is replaced.
    pub(in crate::app) fn open(&mut self, rules: &RuleSet, change: &mut Change) -> Result<(), AppError> {
        self.lanes.open_more(rules, std::mem::take(&mut change.opened))?;
        self.lanes.restore(&change.sent, Duration::ZERO);
        Ok(())
    }

    /// Goes on with other rules. What waits in a lane that is no more is given back by it, and goes on in that of the new action of its name, if the
    /// rules still have it sent; the other ends, as after a start.
    pub(in crate::app) fn replace(&mut self, rules: &Arc<RuleSet>, change: &Change) {
        self.rules = Arc::clone(rules);
        self.names = running::names(rules);
        self.attempts.resize(rules.actions.len(), 0);
        self.notices.retarget(rules);
        for &(from, to) in &change.retired {
            if let Some(to) = to {
                self.safety.moved(from, to);
            }
            self.lanes.retire(from);
        }
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
        match (end, to) {
            (None, Some(to)) => {
                self.ledger.moved(&delivery.firing.rule, from, to);
                let delivery = Delivery { action: to, ..delivery };
                for report in self.lanes.resume(delivery, doubt) {
                    self.note(&report);
                }
            }
            (end, _) => {
                let Some(outcome) = end else { return };
                let (firing, took) = (Arc::clone(&delivery.firing), now.since(delivery.firing.at));
                self.note(&Report { firing, action: from, outcome, attempts: 0, took });
            }
        }
    }
}
