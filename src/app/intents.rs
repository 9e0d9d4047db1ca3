//! An order's intent → the journal: what the lanes ask before the first byte of an order leaves.

use std::sync::Arc;

use crate::clock::Clock;
use crate::deliver::{Granted, Intents, Pledge, Unrecorded};
use crate::journal::{BeginKey, Begun, Journal, Record};
use crate::model::action::Action;
use crate::model::delivery::Delivery;

/// Who commits intents: the journal, or, where there is none, nobody.
pub(super) fn of(journal: Option<&Journal>, clock: &Clock) -> Arc<dyn Intents> {
    match journal {
        Some(journal) => Arc::new(Recorded { journal: journal.clone(), clock: clock.clone() }),
        None => Arc::new(Granted),
    }
}

/// The journal's word as the lanes take it.
pub(super) fn pledge(begun: Begun) -> Pledge {
    Box::pin(async { begun.await.map_err(|unrecorded| Unrecorded(unrecorded.0)) })
}

/// Which row it is, and whether it may be begun more than once.
pub(super) fn key(delivery: &Delivery, name: Arc<str>, action: &Action) -> BeginKey {
    BeginKey { firing: delivery.firing.id, action: name, once: !action.is_idempotent() }
}

#[derive(Debug)]
struct Recorded {
    journal: Journal,
    clock: Clock,
}

impl Intents for Recorded {
    fn begin(&self, delivery: &Delivery, action: &Action) -> Pledge {
        let key = key(delivery, action.name.as_str().into(), action);
        pledge(self.journal.begin(Record::default(), key, self.clock.now()))
    }
}
