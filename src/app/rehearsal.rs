//! An alert of our own, now and then, that goes the whole way and to nobody. An alert comes when nothing has happened for a while, and by then
//! the processor has forgotten the way: the same alert takes 15 µs in a loop and four times as long after 2 ms of nothing, most of it to fetch
//! the code again. So the way is walked again and again: decode, join, match, render, lane, HTTP, with an engine, a lane and counters of its
//! own. Nothing of it is sent, recorded, counted or said. While the feed is busy it is walked right behind a frame of which nothing came, when the next
//! one is furthest away: by a timer alerts would meet it, as timers of the system, the sender's among them, end at the same moments.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Interval;

use super::catch_up::CatchUp;
use super::dispatch::Dispatch;
use super::lanes::{Ends, Lanes};
use super::quiet::Quiet;
use super::running::{self, Running};
use super::serve;
use super::{EVENTS, Way};
use crate::clock::Clock;
use crate::deliver::{Common, Granted, LaneEvent, Switch, Target};
use crate::engine::Engine;
use crate::feed::Signal;
use crate::model::action::SecretRef;
use crate::model::delivery::{Outcome, Report};
use crate::model::secret::SecretSource;
use crate::model::time::Timestamp;
use crate::rules::Source;
use crate::rules::ruleset::RuleSet;

const RULES: &str = r#"
[actions.rehearsal]
type = "webhook"
url = "http://127.0.0.1/"
json = { tweet = "{{ tweet.id }}", text = "{{ tweet.text }}", by = "{{ author.handle }}" }
ORDERS
[[rule]]
name = "rehearsal"
send = ["rehearsal"]
when = { handle = "birdcall", keyword = "rehearsal", regex = '(?i)\bdress\b' }
"#;
/// What an action that carries orders says more.
const ORDERS: &str = "trading = true\nmax_age = \"20s\"\n";
/// Tweets and firings that a rehearsal remembers.
const MEMORY: usize = 64;
/// The lane, its connection and its report get so many turns.
const TURNS: usize = 4;
/// A frame that came less than so long ago has come just now, and the next is furthest away.
const JUST_NOW: Duration = Duration::from_millis(1);
/// After so many in a row that did not arrive none is tried any more; a lane holds ten times as many.
const MISSES: usize = 100;

/// See the module.
pub(super) struct Rehearsal {
    running: Running,
    events: mpsc::Receiver<LaneEvent>,
    number: u64,
    due: Interval,
    clock: Clock,
    tls: Arc<rustls::ClientConfig>,
    every: Duration,
    /// In a row.
    misses: usize,
    is_over: bool,
    /// When the latest one began.
    begun_at: Timestamp,
}

/// What a rehearsal keeps out of the way of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    /// When the latest frame came.
    pub(super) frame_at: Option<Timestamp>,
    /// When something was last brought to a lane, by a frame or otherwise.
    pub(super) acted_at: Option<Timestamp>,
}

impl Traffic {
    /// A frame has come just now, and this is the moment for a rehearsal, where there is one `every` so often and the latest began `then`. Not
    /// behind an alert: it may be on its way still, and has walked the way itself.
    fn leaves_room(self, now: Timestamp, every: Duration, then: Timestamp) -> bool {
        let is_recent = |at: Timestamp, time: Duration| now.since(at) < time;
        let has_come = self.frame_at.is_some_and(|at| is_recent(at, JUST_NOW));
        has_come && !is_recent(then, every) && !self.acted_at.is_some_and(|at| is_recent(at, every))
    }

    /// Frames come so quickly one after the other that a rehearsal by the timer would only stand in the way.
    fn is_busy(self, now: Timestamp, every: Duration) -> bool {
        self.frame_at.is_some_and(|at| now.since(at) < every)
    }
}

impl Rehearsal {
    /// One alert `every` so often. `orders`: as an order. None while the log tells of each delivery, as nobody could read what is true in it.
    pub(super) fn new(every: Duration, orders: bool, clock: &Clock, tls: &Arc<rustls::ClientConfig>) -> Option<Self> {
        if tracing::enabled!(target: "birdcall::deliver", tracing::Level::DEBUG) {
            return None;
        }
        let rules = rules(orders)?;
        let (events, told) = mpsc::channel(EVENTS);
        let switch = Switch::new(true);
        let common =
            Common { tls: Arc::clone(tls), clock: clock.clone(), events, switch: switch.clone(), intents: Arc::new(Granted) };
        let mut read = |secret: &SecretRef| match &secret.source {
            SecretSource::Clear(text) => Ok(text.clone()),
            SecretSource::Env(_) | SecretSource::File(_) => Err(()),
        };
        let ways =
            rules.actions.iter().map(|action| Target::resolve(action, &mut read).map(|target| Way::Send(Box::new(target))));
        let ways = ways.collect::<Result<Vec<_>, _>>().ok()?;
        let lanes = Lanes::open(&rules, ways, Ends::Nowhere, Box::new(std::io::sink()), &common).ok()?;
        let engine = Engine::forgetful(Arc::clone(&rules), MEMORY);
        let names = running::names(&rules);
        let dispatch = Dispatch::new(rules, lanes, None, clock.clone(), switch, names);
        let running = Running::new(dispatch, engine, CatchUp::new(None, None), Quiet::default());
        let (due, clock, tls, begun_at) = (serve::every(every), clock.clone(), Arc::clone(tls), Timestamp::default());
        Some(Self { running, events: told, number: 0, due, clock, tls, every, misses: 0, is_over: false, begun_at })
    }

    /// The same of other alerts; none if this one has given up.
    pub(super) fn renewed(self, orders: bool) -> Option<Self> {
        Self::new(self.every, orders, &self.clock, &self.tls).filter(|_| !self.is_over)
    }

    /// Waits until the next is due after this `traffic`, and has it. May be dropped at any moment: what comes from the feed goes first.
    pub(super) async fn next(&mut self, traffic: Traffic) {
        if self.is_over {
            std::future::pending::<()>().await;
        }
        if !traffic.leaves_room(self.clock.now(), self.every, self.begun_at) {
            self.due.tick().await;
            while traffic.is_busy(self.clock.now(), self.every) {
                self.due.tick().await;
            }
        }
        self.once().await;
    }

    /// Says whether the alert went the whole way. None is tried any more after one that came to another end, or many that came to none: that
    /// is a bug, and not to be told of every 2 ms.
    async fn once(&mut self) -> bool {
        self.hear();
        let now = self.clock.now();
        self.begun_at = now;
        // What would be held back, or too late, is no rehearsal.
        if self.is_over || self.clock.is_in_doubt() {
            return false;
        }
        self.number += 1;
        // Unless it arrives.
        self.misses += 1;
        self.is_over = self.misses > MISSES;
        let frame = envelope(self.number, now.as_millis());
        let has_fired = matches!(self.running.signal(Signal::Frame(frame.into()), now), Ok(true));
        self.running.dispatch.leave_unsaid();
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
            if self.hear() {
                return has_fired;
            }
        }
        false
    }

    /// Takes what the lane tells; says whether a delivery has arrived.
    fn hear(&mut self) -> bool {
        let mut has_arrived = false;
        while let Ok(event) = self.events.try_recv() {
            match event {
                LaneEvent::Attempted(_) => {}
                LaneEvent::Ended(Report { outcome: Outcome::Delivered { .. }, .. }) => (has_arrived, self.misses) = (true, 0),
                _ => self.is_over = true,
            }
        }
        has_arrived
    }
}

fn rules(orders: bool) -> Option<Arc<RuleSet>> {
    let text = RULES.replace("ORDERS\n", if orders { ORDERS } else { "" });
    crate::rules::load(&[Source::rules("rehearsal", text)]).ruleset.map(Arc::new)
}

/// As the feed's are, in what they say and how long they are.
fn envelope(number: u64, at: i64) -> String {
    format!(
        r#"{{"v":1,"t":"tweet","op":"content","id":"{number}","ts":{at},"d":{{"tweetId":"{number}","kind":"post","text":"This is a dress rehearsal of $BIRD & others \ud83d\udc26\n\nCA: 4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump\nmore \u201csoon\u201d https://t.co/aB3dE5fG7h","createdAt":{at},"receivedAt":{at},"author":{{"id":"1711122233344455501","handle":"@birdcall","name":"birdcall","platform":"twitter","profileImage":"https://pbs.twimg.com/profile_images/1711000000000000001/birdcall_normal.jpg","followersCount":48213,"followingCount":312,"verifiedType":"blue","label":{{"description":"birdcall","url":"https://x.com/birdcall"}}}},"metrics":{{"likes":12,"retweets":3,"replies":1,"quotes":0,"views":4096}},"link":"https://x.com/birdcall/status/{number}","media":[{{"type":"image","url":"https://pbs.twimg.com/media/GsampleOrbit01.jpg"}}],"urls":[{{"url":"https://t.co/aB3dE5fG7h","expanded":"https://example.com/chart"}}]}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rehearsal(orders: bool, clock: &Clock) -> Rehearsal {
        let tls = crate::tls::client_config_trusting(Arc::new(rustls::RootCertStore::empty()), &[]).unwrap();
        Rehearsal::new(Duration::from_millis(2), orders, clock, &tls).unwrap()
    }

    #[tokio::test]
    async fn a_rehearsed_alert_and_order_go_the_whole_way_again_and_again() {
        for orders in [false, true] {
            let mut rehearsal = rehearsal(orders, &Clock::system());
            for number in 0..3 * MEMORY {
                let gone = rehearsal.once().await;
                // The first one has to open its connection.
                assert!(gone || number == 0, "orders: {orders}, number {number}");
            }
            assert!(rehearsal.running.dispatch.totals.malformed.is_empty() && !rehearsal.is_over);
        }
    }

    #[tokio::test]
    async fn one_that_is_dropped_wherever_it_waits_leaves_the_next_as_it_was() {
        let mut rehearsal = rehearsal(true, &Clock::system());
        rehearsal.once().await;
        for polls in 1..8 {
            {
                let mut dropped = std::pin::pin!(rehearsal.once());
                for _ in 0..polls {
                    if std::future::poll_fn(|cx| std::task::Poll::Ready(dropped.as_mut().poll(cx).is_ready())).await {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            let mut gone = 0;
            for _ in 0..10 {
                gone += u32::from(rehearsal.once().await);
            }
            // The one that was dropped may hold the connection that stands.
            assert!(gone >= 8 && !rehearsal.is_over, "dropped after {polls} polls: {gone} of 10");
        }
    }

    #[tokio::test]
    async fn nothing_is_rehearsed_while_the_time_is_in_doubt() {
        let clock = Clock::starting_at(crate::model::time::Timestamp::from_millis(1_781_700_000_000));
        let mut rehearsal = rehearsal(true, &clock);
        rehearsal.once().await;
        assert!(rehearsal.once().await);
        clock.sleep(Duration::from_secs(3_600));
        let before = rehearsal.number;
        assert!(!rehearsal.once().await && rehearsal.number == before && !rehearsal.is_over);
        while let Some(lost) = clock.lost() {
            clock.told(lost);
        }
        rehearsal.once().await;
        assert!(rehearsal.once().await, "and again when it is not");
    }

    #[tokio::test(start_paused = true)]
    async fn it_comes_at_once_behind_a_frame_by_the_timer_in_a_quiet_feed_and_not_by_the_timer_in_a_busy_one() {
        let clock = Clock::system();
        let mut rehearsal = rehearsal(false, &clock);
        let waits = async |rehearsal: &mut Rehearsal, frame_at: Option<Timestamp>, acted_at: Option<Timestamp>| {
            rehearsal.begun_at = Timestamp::default();
            rehearsal.due.reset();
            let (before, began) = (rehearsal.number, tokio::time::Instant::now());
            let next = rehearsal.next(Traffic { frame_at, acted_at });
            let ended = tokio::time::timeout(Duration::from_millis(50), next).await.is_ok();
            (ended && rehearsal.number == before + 1).then(|| began.elapsed().as_millis())
        };
        let (now, long_ago) = (clock.now().plus(Duration::from_secs(60)), Timestamp::default());
        assert_eq!(waits(&mut rehearsal, None, None).await, Some(2));
        assert_eq!(waits(&mut rehearsal, Some(long_ago), Some(long_ago)).await, Some(2));
        // In the future all is just now.
        assert_eq!(waits(&mut rehearsal, Some(now), None).await, Some(0));
        assert_eq!(waits(&mut rehearsal, Some(now), Some(long_ago)).await, Some(0));
        assert_eq!(waits(&mut rehearsal, Some(now), Some(now)).await, None, "an alert may be on its way, and frames come");
    }

    #[test]
    fn in_a_busy_feed_a_rehearsal_is_right_behind_a_frame_that_did_not_fire_and_never_by_the_timer() {
        let (at, every) = (Timestamp::from_millis, Duration::from_millis(2));
        for (frame, fired, begun, leaves_room, is_busy) in [
            (None, None, 0, false, false),
            (Some(98), None, 0, false, false),
            (Some(99), None, 0, false, true),
            (Some(100), None, 98, true, true),
            (Some(100), None, 99, false, true),
            (Some(100), Some(100), 0, false, true),
            (Some(100), Some(99), 0, false, true),
            (Some(100), Some(98), 98, true, true),
        ] {
            let traffic = Traffic { frame_at: frame.map(at), acted_at: fired.map(at) };
            assert_eq!(traffic.leaves_room(at(100), every, at(begun)), leaves_room, "{frame:?} {fired:?} {begun}");
            assert_eq!(traffic.is_busy(at(100), every), is_busy, "{frame:?}");
        }
    }

    #[tokio::test]
    async fn where_none_arrives_none_is_tried_any_more() {
        let mut rehearsal = rehearsal(true, &Clock::system());
        for _ in 0..2 * MISSES {
            rehearsal.once().await;
        }
        assert!(!rehearsal.is_over);
        let before = rehearsal.number;
        rehearsal.running.dispatch.lanes.close();
        for _ in 0..2 * MISSES {
            assert!(!rehearsal.once().await);
        }
        let tried = rehearsal.number - before;
        assert!(rehearsal.is_over && tried <= MISSES as u64 + 1, "{tried} were tried");
    }
}
