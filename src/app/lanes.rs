//! The lanes of a run: opened together, offered to by number, closed together.

use std::io::Write;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};

use super::paces::Sent;
use super::{AppError, Way};
use crate::deliver::{self, Common, Console, Edit, Jitter, Lane, LaneEvent, LaneHealth, LaneMute, Pledge, Returned};
use crate::model::action::Action;
use crate::model::delivery::{Delivery, Outcome, Report};
use crate::model::firing::FiringBrief;
use crate::model::subject::Str;
use crate::rules::ruleset::RuleSet;

/// How long a worker may take to end after it was abandoned; it has nothing to wait for.
const ABANDON: Duration = Duration::from_secs(1);

/// Where lanes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    World,
    /// With nobody, who takes everything: a rehearsal.
    Nowhere,
}

/// The lanes of a run.
pub(super) struct Lanes {
    /// One for each action; `None` for those that print.
    lanes: Vec<Option<Lane>>,
    console: Console,
    workers: JoinSet<()>,
    /// Whose each worker is.
    names: Vec<(Id, String, usize)>,
    /// Workers that were told to end when they have finished.
    retired: Vec<Id>,
    common: Common,
    /// Said when the console's thread has ended, and let go without a word when it panicked. `None` once that was noticed.
    writer: Option<oneshot::Receiver<()>>,
    closed: bool,
}

impl Lanes {
    pub(super) fn open(
        rules: &RuleSet,
        ways: Vec<Way>,
        ends: Ends,
        out: Box<dyn Write + Send>,
        common: &Common,
    ) -> Result<Self, AppError> {
        let (mut workers, mut names) = (JoinSet::new(), Vec::new());
        let mut lanes = Vec::new();
        for (index, (action, way)) in rules.actions.iter().zip(ways).enumerate() {
            lanes.push(open((index, action), way, ends, common, (&mut workers, &mut names))?);
        }
        let (console, write) = deliver::console::open(out, common);
        let (ending, writer) = oneshot::channel();
        let write = move || {
            write();
            let _ = ending.send(());
        };
        let thread = std::thread::Builder::new().name("console".to_owned()).spawn(write);
        thread.map_err(|error| AppError::Thread { of: "console", error })?;
        let (retired, common) = (Vec::new(), common.clone());
        Ok(Self { lanes, console, workers, names, retired, common, writer: Some(writer), closed: false })
    }

    /// Opens lanes beside those that are there, for these actions of `rules`: all of them or none.
    pub(super) fn open_more(&mut self, rules: &RuleSet, ways: Vec<(usize, Way)>) -> Result<(), AppError> {
        let mut opened = Vec::new();
        for (index, way) in ways {
            let Some(action) = rules.actions.get(index) else { continue };
            match open((index, action), way, Ends::World, &self.common, (&mut self.workers, &mut self.names)) {
                Ok(lane) => opened.push((index, lane)),
                Err(error) => {
                    // They are closed as they are let go.
                    let unused = self.names.iter().rev().take(opened.iter().filter(|(_, lane)| lane.is_some()).count());
                    self.retired.extend(unused.map(|(id, ..)| *id));
                    return Err(error);
                }
            }
        }
        for (index, lane) in opened {
            self.lanes.resize_with(self.lanes.len().max(index + 1), || None);
            if let Some(place) = self.lanes.get_mut(index) {
                *place = lane;
            }
        }
        Ok(())
    }

    /// Closes one lane, and gives back what waits in it; `to`: the lane in whose favour.
    pub(super) fn retire(&mut self, index: usize, to: Option<usize>) -> Vec<Returned> {
        let Some(Some(lane)) = self.lanes.get(index) else { return Vec::new() };
        let whose = self.names.iter().rev().find(|(.., of)| *of == index);
        self.retired.extend(whose.map(|(id, ..)| *id));
        let returned = lane.retire();
        if let Some(Some(to)) = to.and_then(|to| self.lanes.get(to)) {
            to.inherit(lane);
        }
        returned
    }

    /// Takes back from a lane what these rules have asked for, as far as nobody has begun with it.
    pub(super) fn take_back(&self, index: usize, rules: &[Str]) -> Vec<Returned> {
        self.lanes.get(index).and_then(Option::as_ref).map(|lane| lane.give_back(rules)).unwrap_or_default()
    }

    /// Takes out of a lane, this once, those of what waits for its turn that `is_unwanted`.
    pub(super) fn take_out(&self, index: usize, is_unwanted: impl Fn(&Delivery) -> bool) -> Vec<Returned> {
        self.lanes.get(index).and_then(Option::as_ref).map(|lane| lane.take_out(is_unwanted)).unwrap_or_default()
    }

    /// What is muted of what goes through a lane.
    pub(super) fn set_mutes(&self, index: usize, mutes: Vec<LaneMute>) {
        if let Some(lane) = self.lanes.get(index).and_then(Option::as_ref) {
            lane.set_mutes(mutes);
        }
    }

    /// Tells each lane what earlier runs have sent, as it was known so long `ago`, before the first delivery is offered.
    pub(super) fn restore(&self, sent: &[Sent], ago: Duration) {
        for Sent { action, ages, under_way, patience } in sent {
            if let Some(Some(lane)) = self.lanes.get(*action) {
                let ages: Vec<Duration> = ages.iter().map(|age| *age + ago).collect();
                lane.restore(&ages, *under_way, patience.saturating_sub(ago));
            }
        }
    }

    /// Brings a delivery to its lane, an order with the pledge that its intent will be committed. Never waits; deliveries that are let go
    /// are returned as their reports.
    pub(super) fn offer(&self, delivery: Delivery, pledge: Option<Pledge>) -> Vec<Report> {
        match self.lanes.get(delivery.action) {
            Some(Some(lane)) => lane.offer(delivery, pledge),
            _ => self.console.offer(delivery).into_iter().collect(),
        }
    }

    /// Has a message that was sent say something else.
    pub(super) fn edit(&self, action: usize, edit: Edit) {
        if let Some(Some(lane)) = self.lanes.get(action) {
            lane.edit(edit);
        }
    }

    /// Brings a delivery of an earlier run, or one that a person has sent again, to its lane, as [`Lanes::offer`] does.
    pub(super) fn resume(&self, delivery: Delivery, doubt: Option<&'static str>) -> Vec<Report> {
        match self.lanes.get(delivery.action) {
            Some(Some(lane)) => lane.resume(delivery, doubt),
            _ => self.console.offer(delivery).into_iter().collect(),
        }
    }

    /// Tells a lane that something which it would have kept has come to its end before: its next digest says how many those are.
    pub(super) fn missed(&self, action: usize, firing: &FiringBrief, end: &Outcome) {
        if let Some(Some(lane)) = self.lanes.get(action) {
            lane.missed(firing, end);
        }
    }

    /// Whether an action would send a delivery at once.
    pub(super) fn is_ready(&self, action: usize) -> bool {
        matches!(self.lanes.get(action), Some(Some(lane)) if lane.is_ready())
    }

    /// Why an action would not send what is offered now, in words.
    pub(super) fn refusal(&self, action: usize) -> Option<String> {
        self.lanes.get(action)?.as_ref().and_then(Lane::refusal)
    }

    /// Has the lanes send again whose destinations have refused for good. Says whose.
    pub(super) fn reopen(&self) -> Vec<usize> {
        let has_refused = |(at, lane): (usize, &Option<Lane>)| lane.as_ref().is_some_and(Lane::reopen).then_some(at);
        self.lanes.iter().enumerate().filter_map(has_refused).collect()
    }

    /// For how long from now on an action's destination has asked for patience.
    pub(super) fn patience(&self, action: usize) -> Option<Duration> {
        self.lanes.get(action)?.as_ref().and_then(Lane::patience)
    }

    /// How an action's lane is; `None` for those that print.
    pub(super) fn health(&self, action: usize) -> Option<LaneHealth> {
        self.lanes.get(action)?.as_ref().map(Lane::health)
    }

    /// What has not ended.
    pub(super) fn waiting(&self) -> Waiting {
        let count = |lane: &Option<Lane>| lane.as_ref().map(|lane| lane.waiting() as u64);
        Waiting { lanes: self.lanes.iter().map(count).collect(), console: self.console.waiting() as u64 }
    }

    /// Takes nothing more.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.lanes.iter().flatten().for_each(Lane::close);
        self.console.close();
    }

    /// The next end of a worker or of the console's thread, `None` when all have ended. An end is a failure when nobody has closed the
    /// lanes, and when it was a panic. Loses nothing when it is dropped.
    pub(super) async fn ended(&mut self) -> Option<Result<(), AppError>> {
        let Self { workers, names, writer, retired, lanes, .. } = self;
        let (who, panicked) = tokio::select! {
            Some(ended) = workers.join_next_with_id() => {
                let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
                let whose = names.iter().position(|(known, ..)| *known == id).map(|at| names.swap_remove(at));
                let name = whose.as_ref().map_or("?", |(_, name, _)| name);
                let who = format!("the lane of {name}");
                if let Some(at) = retired.iter().position(|of| *of == id) {
                    retired.swap_remove(at);
                    // Another one may have taken the number of one that was never used.
                    if let Some(lane) = whose.and_then(|(.., index)| lanes.get_mut(index)).filter(|lane| lane.as_ref().is_some_and(Lane::is_retired)) {
                        *lane = None;
                    }
                    return Some(if ended.is_err() { Err(AppError::Died { who }) } else { Ok(()) });
                }
                (who, ended.is_err())
            }
            Some(ended) = async { Some(writer.as_mut()?.await) } => {
                *writer = None;
                ("the console's thread".to_owned(), ended.is_err())
            }
            else => return None,
        };
        Some(if panicked || !self.closed { Err(AppError::Died { who }) } else { Ok(()) })
    }

    /// Lets everything go now and returns every event that is left. Waits for nobody but the workers, which have nothing to wait for; the
    /// console's thread may be stuck for good.
    pub(super) async fn abandon(&mut self, events: &mut mpsc::Receiver<LaneEvent>) -> Vec<LaneEvent> {
        self.lanes.iter().flatten().for_each(Lane::abandon);
        let mut left: Vec<LaneEvent> = self.console.abandon().into_iter().map(LaneEvent::Ended).collect();
        let workers = async {
            while !self.workers.is_empty() {
                tokio::select! {
                    biased;
                    Some(event) = events.recv() => left.push(event),
                    _ = self.workers.join_next() => {}
                }
            }
        };
        let _ = tokio::time::timeout(ABANDON, workers).await;
        while let Ok(event) = events.try_recv() {
            left.push(event);
        }
        left
    }
}

/// Opens the lane of one action; `None` for one that prints.
fn open(
    (index, action): (usize, &Action),
    way: Way,
    ends: Ends,
    common: &Common,
    (workers, names): (&mut JoinSet<()>, &mut Vec<(Id, String, usize)>),
) -> Result<Option<Lane>, AppError> {
    let Way::Send(target) = way else { return Ok(None) };
    let cannot = |error| AppError::Lane { action: action.name.clone(), error };
    let (lane, id) = match ends {
        Ends::World => {
            let jitter = Jitter::seeded(fastrand::u64(..));
            let (lane, worker) = deliver::open(index, action, *target, common, jitter).map_err(cannot)?;
            (lane, workers.spawn(worker).id())
        }
        Ends::Nowhere => {
            let (lane, worker) = deliver::open_to_nowhere(index, action, *target, common).map_err(cannot)?;
            (lane, workers.spawn(worker).id())
        }
    };
    names.push((id, action.name.clone(), index));
    Ok(Some(lane))
}

/// Deliveries that have not ended, by where they are.
pub(super) struct Waiting {
    /// For each action; `None` for those that print.
    pub(super) lanes: Vec<Option<u64>>,
    /// All that is to be printed.
    pub(super) console: u64,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::deliver::{Granted, Switch};

    fn lanes(out: Box<dyn Write + Send>) -> Lanes {
        let text = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n";
        let source = crate::rules::Source::rules("rules.toml", text);
        let rules = crate::rules::load(&[source]).ruleset.unwrap();
        let tls = crate::tls::client_config_trusting(Arc::new(rustls::RootCertStore::empty()), &[]).unwrap();
        let events = mpsc::channel(1).0;
        let common = Common { tls, clock: Clock::system(), events, switch: Switch::new(true), intents: Arc::new(Granted) };
        Lanes::open(&rules, Vec::new(), Ends::World, out, &common).unwrap()
    }

    #[tokio::test]
    async fn a_worker_that_ends_before_it_is_asked_to_is_a_failure_with_a_name() {
        let mut lanes = lanes(Box::new(std::io::sink()));
        let id = lanes.workers.spawn(async { panic!("a bug") }).id();
        lanes.names.push((id, "desk".to_owned(), 0));
        let error = lanes.ended().await.unwrap().unwrap_err();
        assert!(error.to_string().starts_with("the lane of desk ended unexpectedly"), "{error}");
        lanes.workers.spawn(async {});
        assert!(lanes.ended().await.unwrap().is_err(), "nobody had closed it");
        lanes.close();
        lanes.workers.spawn(async {});
        while let Some(ended) = lanes.ended().await {
            assert!(ended.is_ok(), "{ended:?}");
        }
        lanes.workers.spawn(async { panic!("a bug") });
        assert!(lanes.ended().await.unwrap().is_err(), "a panic is one while closing, too");
    }
}
