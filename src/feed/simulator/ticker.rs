//! The traffic and the recording → frames in real time, from the first connection on.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::Recording;
use super::script::Shared;
use super::traffic::Traffic;
use crate::feed::Text;

/// A machine that slept longer than this is not sent what it missed.
const STALE: Duration = Duration::from_secs(5);

/// Longer than any machine runs.
const NEVER: Duration = Duration::from_secs(1 << 32);

/// What is sent, when it is due.
pub(super) struct Ticker<'a> {
    shared: &'a Shared,
    traffic: Option<Traffic>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Frames of the recording that were sent, and when the first one was due.
    sent: u32,
    begun: Option<Instant>,
}

impl<'a> Ticker<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared, traffic: None, pause: None, sent: 0, begun: None }
    }

    /// The next frame, when it is due. Cancel-safe: it leaves its source only when it is returned.
    pub(super) async fn next(&mut self) -> Text {
        let Self { shared, traffic, pause, sent, begun } = self;
        tokio::select! {
            text = of_traffic(shared, traffic, pause) => text,
            text = of_recording(shared, sent, begun) => text,
        }
    }
}

async fn of_recording(shared: &Shared, sent: &mut u32, begun: &mut Option<Instant>) -> Text {
    let frame = |recording: &Recording, sent: u32| recording.frames.get(usize::try_from(sent).ok()?).cloned();
    let Some(recording) = &shared.options.recording else { return std::future::pending().await };
    let Some(text) = frame(recording, *sent) else { return std::future::pending().await };
    shared.wait(|stats| stats.accepted > 0).await;
    let first = *begun.get_or_insert_with(Instant::now);
    // Counted from the first one, so that high rates are kept too.
    let after = f64::from(*sent) / recording.rate;
    sleep_until(first + Duration::try_from_secs_f64(after).unwrap_or(NEVER)).await;
    *sent += 1;
    text
}

async fn of_traffic(shared: &Shared, traffic: &mut Option<Traffic>, pause: &mut Option<Pin<Box<Sleep>>>) -> Text {
    let Some(options) = shared.options.traffic else { return std::future::pending().await };
    loop {
        if let Some(pause) = pause {
            pause.await;
        }
        *pause = None;
        if traffic.is_none() {
            shared.wait(|stats| stats.accepted > 0).await;
        }
        let now = (shared.options.clock)();
        let traffic = traffic.get_or_insert_with(|| Traffic::new(options.seed, options.rate, now));
        if now.since(traffic.due()) > STALE {
            traffic.skip_to(now);
        }
        let wait = traffic.due().since(now);
        if wait.is_zero() {
            return traffic.take().json.into();
        }
        *pause = Some(Box::pin(sleep(wait)));
    }
}
