//! What must be written down before an order's first byte leaves: the promise a lane asks for, and who gives it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::model::action::Action;
use crate::model::delivery::Delivery;

/// Commits the intent to send an order. The app does it over the journal.
pub trait Intents: Send + Sync + fmt::Debug {
    /// Begins to commit that `delivery` is about to be sent to `action`. The lane sends nothing before the pledge is kept.
    fn begin(&self, delivery: &Delivery, action: &Action) -> Pledge;
}

/// Done when the intent is committed, or will not be. Dropped when the order has come to its end without it.
pub type Pledge = Pin<Box<dyn Future<Output = Result<(), Unrecorded>> + Send>>;

/// Why an intent could not be committed, in words. Its order is not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unrecorded(pub String);

/// Every intent counts as committed: for runs without a journal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Granted;

impl Intents for Granted {
    fn begin(&self, _: &Delivery, _: &Action) -> Pledge {
        Box::pin(std::future::ready(Ok(())))
    }
}
