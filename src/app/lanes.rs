//! The lanes of a run: opened together, offered to by number, closed together.

use std::collections::VecDeque;
use std::future::Future;
use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{AppError, Way};
use crate::clock::Clock;
use crate::deliver::{self, Common, Console, Jitter, Lane};
use crate::model::delivery::{Delivery, Report};
use crate::model::limits;
use crate::rules::ruleset::RuleSet;

/// Reports that may wait to be counted.
const REPORTS: usize = 4_096;

/// The lanes of a run.
pub(super) struct Lanes {
    /// One for each action; `None` for those that print.
    lanes: Vec<Option<Lane>>,
    console: Option<Console>,
    workers: JoinSet<()>,
    writer: JoinHandle<()>,
}

impl Lanes {
    pub(super) fn open(
        rules: &RuleSet,
        ways: Vec<Way>,
        out: Box<dyn Write + Send>,
        tls: Arc<rustls::ClientConfig>,
        clock: Clock,
    ) -> Result<(Self, mpsc::Receiver<Report>), AppError> {
        let (reports, reported) = mpsc::channel(REPORTS);
        let common = Common { tls, clock, reports };
        let mut workers = JoinSet::new();
        let mut lanes = Vec::new();
        for (index, (action, way)) in rules.actions.iter().zip(ways).enumerate() {
            let Way::Send(target) = way else {
                lanes.push(None);
                continue;
            };
            let jitter = Jitter::seeded(fastrand::u64(..));
            let (lane, worker) = deliver::open(index, action, *target, &common, jitter)
                .map_err(|error| AppError::Lane { action: action.name.clone(), error })?;
            workers.spawn(worker);
            lanes.push(Some(lane));
        }
        let (console, write) = deliver::console::open(out, &common);
        let writer = std::thread::Builder::new().name("console".to_owned()).spawn(write).map_err(AppError::Console)?;
        Ok((Self { lanes, console: Some(console), workers, writer }, reported))
    }

    /// Brings a delivery to its lane. Never waits; a delivery that is let go is returned as its report.
    pub(super) fn offer(&self, delivery: Delivery) -> Option<Report> {
        match self.lanes.get(delivery.action) {
            Some(Some(lane)) => lane.offer(delivery),
            _ => self.console.as_ref()?.offer(delivery),
        }
    }

    /// Lets the lanes finish for at most [`limits::DRAIN`], or until `hurry`; then abandons what is left. Returns every report.
    pub(super) async fn finish(mut self, reports: &mut mpsc::Receiver<Report>, hurry: impl Future<Output = ()>) -> Vec<Report> {
        let mut ends = VecDeque::new();
        self.lanes.iter().flatten().for_each(Lane::close);
        self.console = None;
        let enough = async {
            tokio::select! {
                () = hurry => {}
                () = tokio::time::sleep(limits::DRAIN) => {}
            }
        };
        tokio::pin!(enough);
        let mut in_time = true;
        loop {
            let busy = !self.workers.is_empty() || !self.writer.is_finished();
            if !busy {
                break;
            }
            tokio::select! {
                biased;
                Some(report) = reports.recv() => ends.push_back(report),
                Some(_) = self.workers.join_next() => {}
                () = &mut enough, if in_time => {
                    in_time = false;
                    self.lanes.iter().flatten().for_each(Lane::abandon);
                    if self.workers.is_empty() {
                        break;
                    }
                }
                // The console's writer is a thread, which cannot be awaited.
                () = tokio::time::sleep(std::time::Duration::from_millis(5)), if self.workers.is_empty() => {}
            }
        }
        drop(self.lanes);
        while let Ok(report) = reports.try_recv() {
            ends.push_back(report);
        }
        ends.into()
    }
}
