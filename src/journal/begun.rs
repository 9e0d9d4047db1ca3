//! The writer's answer to an order's intent, awaited for a bounded time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::error::Unrecorded;
use crate::model::limits::JOURNAL_BEGIN;

type Answer = Result<(), Unrecorded>;

/// `Ok` once an order's intent is on disk. It needs a tokio run time, for its time limit.
#[must_use = "only its `Ok` lets the order go"]
pub struct Begun(Pin<Box<dyn Future<Output = Answer> + Send>>);

impl Begun {
    pub(super) fn new(answered: oneshot::Receiver<Answer>) -> Self {
        Self(Box::pin(wait(answered)))
    }
}

async fn wait(mut answered: oneshot::Receiver<Answer>) -> Answer {
    let gone = || Err(Unrecorded("the journal's writer has ended; restart birdcall".to_owned()));
    match timeout(JOURNAL_BEGIN, &mut answered).await {
        Ok(answer) => answer.unwrap_or_else(|_| gone()),
        Err(_) => {
            // Either it was answered before this, or the writer sees that nobody waits and leaves the intent out.
            answered.close();
            let slow = || Err(Unrecorded(format!("the disk did not take it within {} s", JOURNAL_BEGIN.as_secs())));
            answered.try_recv().unwrap_or_else(|_| slow())
        }
    }
}

impl Future for Begun {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun")
    }
}
