//! An order's intent → the journal: what the lanes ask before the first byte of an order leaves.

use std::sync::Arc;

use crate::clock::Clock;
use crate::deliver::{Granted, Intents, Pledge, Unrecorded};
use crate::journal::{BeginKey, Begun, Journal, Record};
use crate::model::delivery::Delivery;
use crate::rules::ruleset::RuleSet;

/// Who commits intents: the journal, or, where there is none, nobody.
pub(super) fn of(journal: Option<&Journal>, clock: &Clock, rules: &Arc<RuleSet>, names: &Arc<[Arc<str>]>) -> Arc<dyn Intents> {
    match journal {
        Some(journal) => {
            let (rules, names) = (Arc::clone(rules), Arc::clone(names));
            Arc::new(Recorded { journal: journal.clone(), clock: clock.clone(), rules, names })
        }
        None => Arc::new(Granted),
    }
}

/// The journal's word as the lanes take it.
pub(super) fn pledge(begun: Begun) -> Pledge {
    Box::pin(async { begun.await.map_err(|unrecorded| Unrecorded(unrecorded.0)) })
}

/// Which row it is, and whether it may be begun more than once.
pub(super) fn key(delivery: &Delivery, name: Arc<str>, rules: &RuleSet) -> BeginKey {
    BeginKey {
        firing: delivery.firing.id,
        action: name,
        once: rules.actions.get(delivery.action).is_none_or(|action| !action.is_idempotent()),
    }
}

#[derive(Debug)]
struct Recorded {
    journal: Journal,
    clock: Clock,
    rules: Arc<RuleSet>,
    names: Arc<[Arc<str>]>,
}

impl Intents for Recorded {
    fn begin(&self, delivery: &Delivery) -> Pledge {
        let action = self.names.get(delivery.action).map_or_else(|| "?".into(), Arc::clone);
        let key = key(delivery, action, &self.rules);
        pledge(self.journal.begin(Record::default(), key, self.clock.now()))
    }
}
