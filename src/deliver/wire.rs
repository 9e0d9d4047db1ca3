//! How requests leave a lane: HTTP, or a script in the tests of lanes.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::time::Timestamp;

use super::client::{Client, Request, SendError};
use super::gate::Gate;
use super::verdict::Answer;

/// The way to one destination.
pub(crate) trait Wire: Send + Sync {
    /// As [`Client::send`].
    fn send(&self, request: Request, not_after: Timestamp, gate: Arc<Gate>) -> BoxFuture<'_, Result<Answer, SendError>>;

    /// As [`Client::keep_warm`]: must be polled beside the requests. Never ends.
    fn keep_warm(&self) -> BoxFuture<'_, ()>;

    /// As [`Client::is_warm`].
    fn is_warm(&self) -> bool;
}

impl Wire for Client {
    fn send(&self, request: Request, not_after: Timestamp, gate: Arc<Gate>) -> BoxFuture<'_, Result<Answer, SendError>> {
        Box::pin(self.send(request, not_after, gate))
    }

    fn keep_warm(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.keep_warm())
    }

    fn is_warm(&self) -> bool {
        self.is_warm()
    }
}
