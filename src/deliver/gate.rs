//! The last door before the network: a message's bytes in, the bytes out at the moment they are written, unless it is too late by then or
//! they may not leave.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::clock::Clock;
use crate::model::time::Timestamp;

/// Whether a message may leave now. Asked when its body is about to be written, so it must be quick.
pub(crate) type MayLeave = Box<dyn Fn() -> bool + Send + Sync>;

/// What is known of one message's way out.
#[derive(Default)]
pub(crate) struct Gate {
    may_leave: Option<MayLeave>,
    left: AtomicBool,
    given_up: AtomicBool,
    late: AtomicBool,
    held: AtomicBool,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("left", &self.left).field("late", &self.late).field("held", &self.held).finish()
    }
}

impl Gate {
    /// Opens only while `may_leave` says yes.
    pub(crate) fn held_by(may_leave: MayLeave) -> Self {
        Self { may_leave: Some(may_leave), ..Self::default() }
    }

    /// Its bytes were handed to the connection: from here on they may have arrived.
    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// It was refused for its age.
    pub(crate) fn was_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// It was refused because it may not leave.
    pub(crate) fn was_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Shuts it for good, unless the message has left, and says whether it has. A connection that is shared may still hold the body when
    /// its request has been given up; what counts as not sent must not leave afterwards.
    pub(crate) fn give_up(&self) -> bool {
        self.given_up.store(true, Ordering::Relaxed);
        self.has_left()
    }

    /// Whether a message that must leave before `not_after` is let through. The answer no is final: nobody is let through later.
    pub(crate) fn lets_through(&self, clock: &Clock, not_after: Timestamp) -> bool {
        if self.may_leave.as_ref().is_some_and(|may_leave| !may_leave()) {
            self.held.store(true, Ordering::Relaxed);
        } else if clock.now() >= not_after {
            self.late.store(true, Ordering::Relaxed);
        }
        !self.was_held() && !self.was_late() && !self.given_up.load(Ordering::Relaxed)
    }

    fn open(&self) {
        self.left.store(true, Ordering::Relaxed);
    }
}

/// A request body that knows whether it was asked for, and refuses to leave when it may not. As it cannot be copied, nobody can send it
/// twice.
pub(crate) struct Gated {
    bytes: Option<Bytes>,
    not_after: Timestamp,
    clock: Clock,
    gate: Arc<Gate>,
}

/// The gate stayed shut.
#[derive(Debug, thiserror::Error)]
#[error("not let through")]
pub(crate) struct Shut;

impl Gated {
    pub(crate) fn new(bytes: Bytes, not_after: Timestamp, clock: Clock, gate: Arc<Gate>) -> Self {
        Self { bytes: Some(bytes), not_after, clock, gate }
    }

    /// Asked before a connection is begun with; nobody asks for an empty body, so its request counts as gone from here on.
    pub(crate) fn lets_through(&self) -> bool {
        let open = self.gate.lets_through(&self.clock, self.not_after);
        if open && self.bytes.as_ref().is_none_or(Bytes::is_empty) {
            self.gate.open();
        }
        open
    }
}

impl Gated {
    /// All of it at once, unless it may not leave: from here on it counts as gone.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        let open = self.gate.lets_through(&self.clock, self.not_after);
        let bytes = self.bytes.take().filter(|_| open)?;
        self.gate.open();
        Some(bytes)
    }

    pub(crate) fn length(&self) -> usize {
        self.bytes.as_ref().map_or(0, Bytes::len)
    }
}

impl Body for Gated {
    type Data = Bytes;
    type Error = Shut;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Shut>>> {
        if self.bytes.is_none() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(self.take().map(Frame::data).ok_or(Shut)))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn poll(body: &mut Gated) -> Option<Result<Frame<Bytes>, Shut>> {
        match Pin::new(body).poll_frame(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(frame) => frame,
            Poll::Pending => panic!("a body that waits"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_leaves_once_in_time_and_only_while_it_may() {
        let clock = Clock::starting_at(Timestamp::from_millis(0));
        let body = |gate: &Arc<Gate>| {
            Gated::new(Bytes::from_static(b"buy"), Timestamp::from_millis(1_000), clock.clone(), Arc::clone(gate))
        };
        let gate = Arc::new(Gate::default());
        let mut first = body(&gate);
        assert!(first.lets_through() && !gate.has_left(), "asking is not leaving");
        assert!(matches!(poll(&mut first), Some(Ok(_))) && gate.has_left());
        assert!(poll(&mut first).is_none());

        let armed = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&armed);
        let gate = Arc::new(Gate::held_by(Box::new(move || seen.load(Ordering::Relaxed))));
        let mut held = body(&gate);
        assert!(held.lets_through());
        armed.store(false, Ordering::Relaxed);
        assert!(matches!(poll(&mut held), Some(Err(Shut))));
        armed.store(true, Ordering::Relaxed);
        assert!(!held.lets_through(), "no means no");
        assert_eq!((gate.has_left(), gate.was_held(), gate.was_late()), (false, true, false));

        let gate = Arc::new(Gate::default());
        let mut abandoned = body(&gate);
        assert!(!gate.give_up() && matches!(poll(&mut abandoned), Some(Err(Shut))), "what counts as not sent never leaves");
        assert_eq!((gate.has_left(), gate.was_held(), gate.was_late()), (false, false, false));

        tokio::time::advance(Duration::from_secs(1)).await;
        let gate = Arc::new(Gate::default());
        assert!(matches!(poll(&mut body(&gate)), Some(Err(Shut))));
        assert_eq!((gate.has_left(), gate.was_held(), gate.was_late()), (false, false, true));
    }
}
