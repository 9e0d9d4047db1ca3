//! The switch that stops orders: set by hand or by the program, read by every trading lane before an order's bytes leave.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Orders may go, or not. Clones share it.
#[derive(Clone)]
pub struct Switch(Arc<Shared>);

struct Shared {
    armed: AtomicBool,
    changed: Notify,
}

impl Switch {
    /// A switch in this position.
    #[must_use]
    pub fn new(armed: bool) -> Self {
        Self(Arc::new(Shared { armed: AtomicBool::new(armed), changed: Notify::new() }))
    }

    /// Whether orders may go. Takes no lock.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.0.armed.load(Ordering::SeqCst)
    }

    /// Lets orders go, or stops them: once this has returned, none leaves whose first byte has not left already.
    pub fn set(&self, armed: bool) {
        self.0.armed.store(armed, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Done when orders are stopped, which may be at once.
    pub(crate) async fn disarmed(&self) {
        loop {
            // Counts from here on, so that no change falls between the look and the wait.
            let changed = self.0.changed.notified();
            if !self.is_armed() {
                return;
            }
            changed.await;
        }
    }
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_armed() { "Switch(armed)" } else { "Switch(disarmed)" })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_woken_by_the_stop_and_by_nothing_else() {
        let switch = Switch::new(true);
        let twin = switch.clone();
        let mut waits = Box::pin(twin.disarmed());
        assert_eq!((&mut waits).now_or_never(), None);
        switch.set(true);
        assert_eq!((&mut waits).now_or_never(), None);
        switch.set(false);
        waits.await;
        assert!(!twin.is_armed());
        assert_eq!(twin.disarmed().now_or_never(), Some(()));
    }
}
