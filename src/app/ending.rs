//! The end of a run: what the lanes have is finished, or let go, and all of it counted.

use tokio::sync::mpsc;
use tracing::error;

use super::running::{Running, is_kept};
use super::serve::every;
use super::{AppError, SECOND, Totals};
use crate::deliver::LaneEvent;

impl Running {
    /// Lets the lanes finish what they have, however many of them die of it, and counts it. May be dropped before it is done.
    pub(super) async fn drain(&mut self, events: &mut mpsc::Receiver<LaneEvent>) {
        // What a lane has given back goes on in another one, which must still take it.
        while let Ok(event) = events.try_recv() {
            self.dispatch.event(&event);
        }
        self.dispatch.lanes.close();
        let mut second = every(SECOND);
        loop {
            self.dispatch.say_fired();
            tokio::select! {
                biased;
                _ = second.tick() => drop(self.stop_for_lost_time()),
                Some(event) = events.recv() => self.dispatch.event(&event),
                ended = self.dispatch.lanes.ended() => match ended {
                    Some(Ok(())) => {}
                    Some(Err(died)) => self.died = self.died.take().or(Some(died)),
                    None => return,
                },
            }
        }
    }

    /// Lets everything go that has not come to its end, and returns all that was counted, and whether a lane has died.
    pub(super) async fn finish(mut self, events: &mut mpsc::Receiver<LaneEvent>) -> (Totals, Result<(), AppError>) {
        // An order that was held back by a doubt about the time is not to go with the next run as if nothing had been.
        self.stop_for_lost_time();
        self.dispatch.say_fired();
        for event in self.dispatch.lanes.abandon(events).await {
            self.dispatch.event(&event);
        }
        let Self { mut dispatch, engine, died, catch_up, .. } = self;
        drop(catch_up);
        dispatch.totals.of_rules(engine.counts(), engine.join_counts(), engine.window_counts());
        if let Some(journal) = dispatch.journal.take() {
            if !is_kept(&journal).await {
                error!("the journal could not write the last of it: what is not in it may be sent again at the next start");
            } else if died.is_none() && journal.health().unrecorded == 0 {
                journal.finished();
            }
        }
        (dispatch.totals, died.map_or(Ok(()), Err))
    }
}
