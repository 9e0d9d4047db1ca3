//! Whatever happens, in whatever order: every delivery ends exactly once, after all its attempts, and no order leaves that must not.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::*;
use crate::deliver::{Pledge, Unrecorded};

/// A run of a lane in which everything happens by chance.
struct Chance {
    rng: Rng,
    rig: Rig,
    offered: usize,
    ends: BTreeMap<FiringId, Outcome>,
    /// When orders could not leave, as spans since the start.
    stops: Vec<(Duration, Duration)>,
    stopped: Option<Duration>,
}

/// Intents that are kept at once, late, never, or refused.
#[derive(Debug)]
struct Moody(Mutex<Rng>);

impl Intents for Moody {
    fn begin(&self, _: &Delivery, _: &Action) -> Pledge {
        let mut rng = self.0.lock().unwrap();
        let (takes, mood) = (ms(rng.u64(0..400)), rng.u8(0..10));
        Box::pin(async move {
            match mood {
                0 => return Err(Unrecorded("the disk is full".to_owned())),
                1 => std::future::pending().await,
                2..=5 => sleep(takes).await,
                _ => {}
            }
            Ok(())
        })
    }
}

fn any_action(rng: &mut Rng) -> Action {
    let mut action = match rng.u8(0..4) {
        0 => to_discord(),
        1 => to_telegram(),
        2 => to_webhook(),
        _ => to_bot(),
    };
    if let Destination::Webhook(webhook) = &mut action.destination {
        webhook.idempotent = rng.bool();
    }
    action.overflow = rng.choice([Overflow::Queue, Overflow::Drop, Overflow::Digest]).unwrap();
    if rng.bool() {
        action.rate_limits = rates(&[(rng.u32(1..20), ms(rng.u64(100..3_000)))]);
    }
    action
}

fn any_answers(seed: u64) -> impl Fn(usize, Duration) -> Said + Send + Sync + 'static {
    let mut rng = Rng::with_seed(seed);
    let (good, rng_later) = (rng.u8(0..=10), Mutex::new(rng));
    move |_, _| {
        let mut rng = rng_later.lock().unwrap();
        if rng.u8(0..10) < good {
            return Said::Status(200, r#"{"id":"1","ok":true,"result":{"message_id":1}}"#);
        }
        match rng.u8(0..10) {
            0 | 1 => Said::NotSent,
            2 => Said::Silence,
            3 => Said::With(429, "retry-after", "1"),
            4 => Said::With(503, "retry-after", "0"),
            5 => Said::Status(429, ""),
            6 => Said::Status(400, "no"),
            7 => Said::Status(rng.choice([401, 403, 404, 410, 422]).unwrap(), "no"),
            8 => Said::Status(404, r#"{"message":"Unknown Webhook","code":10015}"#),
            _ => Said::Status(500, "boom"),
        }
    }
}

impl Chance {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan {
            takes: (ms(rng.u64(0..200)), ms(rng.u64(0..800))),
            intents: Arc::new(Moody(Mutex::new(rng.fork()))),
            jitter: rng.f64(),
            channel: *rng.choice([1, 2, 64, 4_096].iter()).unwrap(),
            ..Plan::new(any_action(&mut rng))
        };
        let rig = plan.open(any_answers(rng.u64(..)));
        Self { rng, rig, offered: 0, ends: BTreeMap::new(), stops: Vec::new(), stopped: None }
    }

    fn end(&mut self, report: &Report, from: &str) {
        let before = self.ends.insert(report.firing.id, report.outcome.clone());
        assert_eq!(before, None, "ended twice, the second time {:?} from {from}", report.outcome);
    }

    fn offer(&mut self) {
        let age = ms(self.rng.u64(1..8_000));
        let mut delivery = self.rig.delivery(self.offered, age);
        self.offered += 1;
        if self.rng.u8(0..20) == 0 {
            delivery.fallback = None;
        }
        let pledge: Option<Pledge> = (self.rng.u8(0..4) == 0).then(|| Box::pin(std::future::ready(Ok(()))) as Pledge);
        for report in self.rig.lane.offer(delivery, pledge) {
            self.end(&report, "the offer");
        }
    }

    fn flip(&mut self) {
        let now = self.rig.common.clock.elapsed();
        if let Some(since) = self.stopped.take() {
            self.stops.push((since, now));
            self.rig.common.switch.set(true);
        } else {
            self.stopped = Some(now);
            self.rig.common.switch.set(false);
        }
    }

    async fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.rng.u8(0..20) {
                0 => self.flip(),
                1 => (0..self.rng.usize(1..120)).for_each(|_| self.offer()),
                2..=12 => self.offer(),
                13..=17 => self.rig.wait(ms(self.rng.u64(0..700))).await,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    /// Ends the lane in one of the ways in which lanes end; all that was told is heard.
    async fn finish(&mut self) {
        match self.rng.u8(0..3) {
            0 => self.rig.lane.close(),
            1 => self.rig.lane.abandon(),
            _ => {
                // Dropped in the middle: then there is room for all that is left to tell, as when the app has read everything.
                self.rig.hear();
                if self.rig.common.events.capacity() > 2 * self.rig.lane.waiting() + 600 {
                    self.rig.worker.abort();
                } else {
                    self.rig.lane.abandon();
                }
            }
        }
        while !self.rig.worker.is_finished() {
            self.rig.wait(ms(20)).await;
        }
        self.rig.hear();
        if let Some(since) = self.stopped.take() {
            self.stops.push((since, Duration::MAX));
        }
    }

    fn check(&mut self) {
        let mut attempts: BTreeMap<FiringId, u32> = BTreeMap::new();
        // The request of a digest is told of the first in it alone.
        let is_of_all = self.rig.lane.shared.overflow == Overflow::Digest;
        for event in std::mem::take(&mut self.rig.told) {
            match event {
                LaneEvent::Attempted(attempt) => {
                    assert!(!self.ends.contains_key(&attempt.firing), "an attempt after the end");
                    let number = attempts.entry(attempt.firing).or_default();
                    *number += 1;
                    assert!(attempt.number == *number || (is_of_all && attempt.number > *number), "{attempt:?}");
                }
                LaneEvent::Returned(returned) => panic!("it was not retired: {returned:?}"),
                LaneEvent::Edited { .. } => panic!("nothing is edited here"),
                LaneEvent::Ended(report) => {
                    self.end(&report, "the worker");
                    let told = attempts.get(&report.firing.id).copied().unwrap_or(0);
                    // A request that was cut short by the end of the program is counted but has come to nothing.
                    let cut = matches!(report.outcome, Outcome::Abandoned | Outcome::Unknown { .. });
                    let is_told = report.attempts == told || (cut && report.attempts == told + 1);
                    assert!(is_told || (is_of_all && report.attempts > told), "{report:?} after {told}");
                }
                LaneEvent::Disabled { .. } | LaneEvent::Circuit { .. } | LaneEvent::Patience { .. } => {}
            }
        }
        assert_eq!((self.ends.len(), self.rig.lane.waiting()), (self.offered, 0));
        if self.rig.lane.shared.action.trading {
            self.check_orders();
        }
    }

    fn check_orders(&self) {
        let once = self.rig.lane.shared.policy.once;
        let mut answers: BTreeMap<String, Vec<Said>> = BTreeMap::new();
        for asked in self.rig.asked() {
            let stopped = self.stops.iter().find(|(from, to)| *from < asked.at && asked.at < *to);
            assert_eq!(stopped, None, "an order left while orders were stopped: {asked:?}");
            answers.entry(asked.body).or_default().push(asked.said);
        }
        for (order, answers) in &answers {
            let may_have_arrived =
                answers.iter().any(|said| matches!(said, Said::Silence | Said::Status(500.., _) | Said::With(500.., ..)));
            let n = order.strip_prefix("mark").and_then(|rest| rest.strip_suffix('x')).unwrap().parse().unwrap();
            let end = &self.ends[&id(n)];
            let is_honest = matches!(end, Outcome::Delivered { .. } | Outcome::Unknown { .. } | Outcome::Abandoned);
            assert!(is_honest || !may_have_arrived, "{order} ended as {end:?} after {answers:?}");
        }
        for (order, answers) in answers.iter().filter(|_| once) {
            // Sent again only after an answer that said "not taken, come again".
            let (_, earlier) = answers.split_last().unwrap();
            assert!(earlier.iter().all(|said| matches!(said, Said::With(429, ..))), "{order} was sent again after {earlier:?}");
        }
    }
}

/// Each seed is another life.
#[test]
fn every_delivery_ends_exactly_once_whatever_happens() {
    let seeds: u64 = std::env::var("BIRDCALL_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(300);
    for seed in 0..seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async {
                let mut chance = Chance::new(seed);
                let steps = chance.rng.usize(10..150);
                chance.live(steps).await;
                chance.finish().await;
                chance.check();
                chance.offered
            })
        }));
        assert!(lived.is_ok_and(|offered| offered > 0), "seed {seed}");
    }
}
