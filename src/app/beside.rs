//! Work that blocks → its results, in the order in which it was asked for; the loop goes on meanwhile.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::task::JoinHandle;

/// What is being done on threads of its own. What is left when it is dropped is done, and nobody hears of it.
pub(super) struct Beside<T>(FuturesOrdered<JoinHandle<T>>);

impl<T: Send + 'static> Beside<T> {
    pub(super) fn new() -> Self {
        Self(FuturesOrdered::new())
    }

    /// Begins with it now.
    pub(super) fn begin(&mut self, work: impl FnOnce() -> T + Send + 'static) {
        self.0.push_back(tokio::task::spawn_blocking(work));
    }

    /// The next result; `None` when there is nothing to wait for, and in the place of one that panicked. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<T> {
        self.0.next().await?.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[tokio::test]
    async fn nothing_waits_for_work_that_blocks_and_results_come_in_the_order_of_asking() {
        let (go, wait) = sync_channel(1);
        let mut beside = Beside::new();
        beside.begin(move || wait.recv().map(|()| "slow").unwrap_or("never"));
        beside.begin(|| "fast");
        tokio::select! {
            biased;
            result = beside.next() => panic!("{result:?} came first"),
            // The loop is not held.
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => go.send(()).unwrap(),
        }
        assert_eq!((beside.next().await, beside.next().await, beside.next().await), (Some("slow"), Some("fast"), None));
    }
}
