//! The events of a test → what is told to the engine, and when: short forms since the test began, what was recorded at its own moments.

use std::time::Duration;

use super::{Failure, Files, Recorded, Recording, broken};
use crate::decode;
use crate::model::action::Span;
use crate::model::firing::Origin;
use crate::model::time::Timestamp;
use crate::rules::test_file::{Event, START, Says, Test, envelope_of};

/// One thing that the engine is told.
pub(super) struct Told {
    /// The event that it is of.
    pub(super) span: Span,
    pub(super) at: Timestamp,
    pub(super) origin: Origin,
    /// An envelope. `None`: only time passes.
    pub(super) text: Option<String>,
}

/// When the test begins, what is told, in order, and what cannot be.
///
/// What was recorded holds moments of its own, and what rules ask of its age must be as it was: so the first of it says when the test began. A
/// recording that only says how far apart its entries are begins when its event does.
pub(super) fn told(test: &Test, files: Files<'_>) -> (Timestamp, Vec<Told>, Vec<Failure>) {
    let mut failures = Vec::new();
    let mut recorded = Vec::new();
    for event in &test.events {
        recorded.push(match &event.says {
            Says::Record { at, origin, text } => {
                let entry = Recorded { at: *at, origin: origin.unwrap_or(event.origin), text: text.clone() };
                Recording { entries: vec![entry], counted_from: None }
            }
            Says::File(path) => files(path).unwrap_or_else(|why| {
                failures.push(broken(event.span, format!("`{path}` can be read"), why));
                Recording::default()
            }),
            Says::Short(_) | Says::Frame(_) | Says::Nothing => Recording::default(),
        });
    }
    let begins = |(event, recorded): (&Event, &Recording)| {
        let of_frame = || match &event.says {
            Says::Frame(text) => decode::decode(text).ok()?.ts,
            _ => None,
        };
        let first = recorded.entries.first().filter(|_| recorded.counted_from.is_none()).map(|first| first.at);
        first.or_else(of_frame).map(|at| earlier(at, event.at))
    };
    let begun = test.events.iter().zip(&recorded).find_map(begins).unwrap_or(Timestamp::from_millis(START));
    let mut all = Vec::new();
    for (event, recorded) in test.events.iter().zip(recorded) {
        let (span, origin, at) = (event.span, event.origin, begun.plus(event.at));
        match &event.says {
            Says::Short(short) => all.push(Told { span, at, origin, text: Some(envelope_of(short, begun)) }),
            Says::Frame(text) => all.push(Told { span, at, origin, text: Some(text.clone()) }),
            Says::Nothing => all.push(Told { span, at, origin, text: None }),
            Says::Record { .. } | Says::File(_) => {
                let mut now = if recorded.counted_from.is_some() { at } else { begun };
                all.extend(recorded.entries.into_iter().map(|of| {
                    now = now.max(recorded.counted_from.map_or(of.at, |from| at.plus(of.at.since(from))));
                    Told { span, at: now, origin: of.origin, text: Some(of.text) }
                }));
            }
        }
    }
    // Short forms may stand beside a file, and happen while it goes on.
    all.sort_by_key(|told| told.at);
    (begun, all, failures)
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.as_millis().saturating_sub(by).max(0))
}
