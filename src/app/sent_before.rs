//! What earlier runs have sent and ordered → messages that are edited on: which of them arrived, and what they are to say by now.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::dispatch::{Arrived, Messages};
use crate::engine::Engine;
use crate::journal::{JournalError, Query, Reader, State, StoredDelivery};
use crate::model::delivery::{Form, Outcome, Receipt, Report, Suppression};
use crate::model::ids::FiringId;
use crate::model::limits::EDITABLE_MESSAGES;
use crate::model::revision::Revision;
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;

/// After the replay: tells the engine how the orders since then ended, and finds the messages that arrived.
pub(super) fn read(
    reader: &mut Reader,
    rules: &RuleSet,
    engine: &mut Engine,
    since: Timestamp,
) -> Result<Messages, JournalError> {
    let sends = || rules.rules.iter().flat_map(|rule| &rule.send).filter(|send| send.update);
    let edited: BTreeSet<usize> = sends().map(|send| send.action).collect();
    if edited.is_empty() {
        return Ok(Messages::default());
    }
    let trading = rules.actions.iter().enumerate().filter(|(_, action)| action.trading && !action.retired);
    let mut ended = Vec::new();
    for (at, action) in trading {
        ended.extend(of(reader, &action.name, since, &[])?.into_iter().map(|order| (at, order)));
    }
    // As they came then: messages tell of them in this order.
    ended.sort_by_key(|(_, order)| order.ended_at);
    for report in ended.into_iter().filter_map(|(at, order)| report(at, order)) {
        // What messages are to say of it is asked for below.
        engine.order_ended(&report, &mut Vec::new());
    }
    let revisions = engine.revisions();
    let mut arrived = Vec::new();
    for action in edited {
        let wanted: HashMap<FiringId, &Revision> =
            revisions.iter().filter(|of| of.action == action).map(|of| (of.firing, of)).collect();
        let Some(name) = rules.actions.get(action).map(|action| &action.name).filter(|_| !wanted.is_empty()) else { continue };
        let sent = of(reader, name, since, &[State::Delivered])?;
        arrived.extend(sent.into_iter().filter_map(|sent| self::arrived(action, sent, &wanted)));
    }
    Ok(Messages::recovered(arrived, revisions))
}

/// A message of its own that arrived and is to be edited on. Nothing for any other delivery.
fn arrived(action: usize, sent: StoredDelivery, wanted: &HashMap<FiringId, &Revision>) -> Option<Arrived> {
    let wanted = wanted.get(&sent.firing.id)?;
    let as_fallback = sent.form.as_deref() == Some("fallback");
    let is_its_own = as_fallback || sent.form.is_none();
    let message = sent.receipt.filter(|_| is_its_own)?;
    let wanted = if as_fallback { wanted.fallback.as_ref() } else { Some(&wanted.body) };
    let says = match sent.edit {
        // Of what it says by an edit there is a sum: it is enough to know whether that is what it is to say.
        Some(edit) => wanted.filter(|wanted| edit.says(wanted)).map(Arc::clone),
        None if as_fallback => sent.fallback.map(Arc::new),
        None => sent.body.map(Arc::new),
    };
    Some(Arrived { firing: sent.firing.id, action, message, as_fallback, says })
}

fn of(reader: &mut Reader, action: &str, since: Timestamp, states: &[State]) -> Result<Vec<StoredDelivery>, JournalError> {
    let query = Query {
        action: Some(action.to_owned()),
        states: states.to_vec(),
        since: Some(since),
        at_most: EDITABLE_MESSAGES,
        bodies: !states.is_empty(),
        ..Query::default()
    };
    reader.deliveries(&query)
}

/// How an order ended; nothing for one that goes on.
fn report(action: usize, order: StoredDelivery) -> Option<Report> {
    let why = order.why.unwrap_or_default();
    let outcome = match order.state {
        State::Pending | State::Sending => return None,
        State::Delivered => Outcome::Delivered { receipt: Receipt::of_answer(200, order.receipt)?, form: Form::Message },
        State::Expired => Outcome::Expired,
        State::Dead => Outcome::Dead { reason: why },
        State::Unknown => Outcome::Unknown { reason: why },
        State::Suppressed => Outcome::Suppressed { reason: Suppression::ALL.into_iter().find(|reason| reason.name() == why)? },
    };
    Some(Report { firing: order.firing, action, outcome, attempts: order.attempts, took: Duration::ZERO })
}
