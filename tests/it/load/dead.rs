//! A destination that is dead for as long as an hour's firings take: memory and disk must stay within their bars, and the other lanes as
//! quick as beside one that is alive.
//!
//! Two programs, each with a feed and destinations of its own, differ in one thing: of one the `dead` action's destination is dead, of
//! the other it is alive. Both get the same firings, then they take turns at being measured, a few seconds each: a machine has quick and
//! slow minutes, and both must have had the same ones.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use birdcall::model::limits::{LANE_QUEUE, WEBHOOK_JOBS};
use birdcall::model::time::Timestamp;
use serde_json::Value;
use tokio::task::block_in_place;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::gauge::{Gauge, Reading, mib, percentile};
use super::traffic::{content, now, tweet_of};
use super::{Counted, Verdict, asked};
use crate::kit::binary::{Home, Program};
use crate::kit::feed::{KEY, Rig};
use crate::kit::http::{Door, Reply, Server};
use crate::kit::{discord, webhook};

/// Firings a second of the destination's hour, and of what is measured.
const PACE: u32 = 50;
/// MiB of journal: room for the newest 200,000 firings, which no cap takes.
const CAP_MIB: u64 = 128;
/// What may be pending of the action whose destination is dead.
const MAY_WAIT: u64 = (LANE_QUEUE + WEBHOOK_JOBS) as u64;
/// Seconds of one turn, the first firings of it, which wake what has slept and are not measured, and the time that the last ones get.
const TURN: u64 = 2;
const WAKING: u64 = 10;
const ARRIVAL: Duration = Duration::from_millis(500);
/// Envelopes that fill what is remembered of any feed, dead destination or not, before the memory is looked at.
const WARMING: u64 = 30_000;

const TEXT: &str = r#"
[feed]
key = "env:FEED_KEY"
notices = ["desk"]
[journal]
max_bytes = "CAPMiB"
[actions.desk]
type = "discord"
url = "env:DESK"
rate_limit = "10000/s"
[actions.hook]
type = "webhook"
url = "env:HOOK"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "20s"
json = { tweet = "{{ tweet.id }}", at = "{{ firing.at_ms }}" }
[actions.dead]
type = "webhook"
url = "env:DEAD"
ORDERS
[[rule]]
name = "listing"
send = ["desk", "hook", "bot", "dead"]
when = { handle = "soak", keyword = "will list" }
"#;

/// The lanes that work, and what is sent to each.
const LANES: [&str; 3] = ["desk", "hook", "bot"];

/// How the destination is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Refuses,
    /// Accepts, and never answers.
    Silent,
}

/// One program with all that it needs.
struct Side {
    rig: Rig,
    home: Home,
    program: Program,
    gauge: Gauge,
    /// In the order of [`LANES`].
    live: [Server; 3],
    dead: Option<Server>,
    /// Tweets sent.
    sent: u64,
    most_disk: u64,
}

impl Side {
    async fn start(life: Life, trading: bool) -> Self {
        let rig = Rig::start(|options| options.clock = Arc::new(|| Timestamp::from_millis(now()))).await;
        let message = || Reply::new(200, r#"{"id":"9001","channel_id":"1"}"#).with("content-type", "application/json");
        let live = [
            Server::start(move |_| message()).await,
            Server::start(|_| Reply::new(204, "")).await,
            Server::start(|_| Reply::new(204, "")).await,
        ];
        let (dead, url) = if life == Life::Refuses {
            (None, refusing())
        } else {
            let server = Server::start(|_| Reply::new(204, "")).await;
            server.set_door(if life == Life::Silent { Door::Ignore } else { Door::Open });
            let url = server.url();
            (Some(server), url)
        };
        let orders = "trading = true\nmax_age = \"20s\"";
        let rules = TEXT.replace("CAP", &CAP_MIB.to_string()).replace("ORDERS", if trading { orders } else { "" });
        let home = Home::with_rules(&rules)
            .env("FEED_KEY", KEY)
            .env("DESK", &format!("{}/api/webhooks/{}/{}", live[0].url(), discord::ID, discord::TOKEN))
            .env("HOOK", &live[1].url())
            .env("BOT", &live[2].url())
            .env("BOT_SECRET", webhook::SECRET)
            .env("DEAD", &url);
        let program = block_in_place(|| {
            let mut program = home.start(&["run", "--url", &rig.url]);
            program.wait_for("connected to the feed");
            program
        });
        let gauge = Gauge::new(program.pid(), &home.path().join("state"));
        Self { rig, home, program, gauge, live, dead, sent: 0, most_disk: 0 }
    }

    fn send(&mut self, text: &str) {
        self.rig.handle.send(content(self.sent, text));
        self.sent += 1;
    }

    /// So many tweets, so many a second.
    async fn load(&mut self, text: &str, count: u64, rate: u32) {
        let (begun, first) = (Instant::now(), self.sent);
        let (mut tick, mut look_at) = (interval(Duration::from_millis(4)), begun);
        while self.sent < first + count {
            tick.tick().await;
            let due = first + ((begun.elapsed().as_secs_f64() * f64::from(rate)) as u64).min(count);
            while self.sent < due {
                self.send(text);
            }
            if Instant::now() >= look_at {
                look_at += Duration::from_secs(1);
                self.forget();
            }
        }
        sleep(Duration::from_secs(3)).await;
        self.forget();
    }

    /// Lets go what the destinations have kept, and hears the program out.
    fn forget(&mut self) {
        self.program.lines().for_each(drop);
        self.live.iter().chain(&self.dead).for_each(|server| drop(server.take()));
        self.most_disk = self.most_disk.max(self.gauge.read().disk);
    }

    fn status(&self) -> Value {
        block_in_place(|| self.home.status())
    }

    /// One turn at the pace: from the feed's sending to each lane's destination, what each firing took; how many did not arrive of the
    /// first `lanes`.
    async fn turn(&mut self, lanes: usize) -> ([Vec<Duration>; 3], usize) {
        self.forget();
        let mut tick = interval(Duration::from_secs(1) / PACE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sent = HashMap::new();
        for at in 0..WAKING + TURN * u64::from(PACE) {
            tick.tick().await;
            if at >= WAKING {
                sent.insert(self.sent, Instant::now());
            }
            self.send("Soak will list this");
        }
        sleep(ARRIVAL).await;
        let mut missing = 0;
        let times = [0, 1, 2].map(|lane| {
            let arrived = self.live[lane].take().into_iter().filter_map(|request| {
                let tweet = tweet_of(&request.json())?;
                Some(request.at.duration_since(*sent.get(&tweet)?))
            });
            let times: Vec<_> = arrived.collect();
            missing += if lane < lanes { sent.len().abs_diff(times.len()) } else { 0 };
            times
        });
        (times, missing)
    }
}

/// An address at which nobody listens.
fn refusing() -> String {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", taken.local_addr().unwrap())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// How long firings took, in milliseconds.
struct Spread {
    p50: f64,
    p90: f64,
    p99: f64,
    most: f64,
    count: usize,
}

impl Spread {
    fn of<'a>(times: impl Iterator<Item = &'a Duration>) -> Self {
        let mut times: Vec<_> = times.copied().collect();
        let mut at = |part| ms(percentile(&mut times, part));
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1.0), count: times.len() }
    }
}

impl Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { p50, p90, p99, most, count } = self;
        write!(f, "p50 {p50:.2} ms, p90 {p90:.2}, p99 {p99:.2}, at most {most:.2}, of {count}")
    }
}

fn growth(before: Reading, after: Reading) -> f64 {
    mib(after.rss) - mib(before.rss)
}

async fn hour(verdict: &mut Verdict, name: &str, side: &mut Side, firings: u64, rate: u32) -> f64 {
    side.load("gm", WARMING, 2 * rate).await;
    let before = side.gauge.read();
    side.load("Soak will list this", firings, rate).await;
    let (after, status) = (side.gauge.read(), side.status());
    verdict.say(format!(
        "{name}: after {firings} firings at {rate}/s {:.1} MiB resident, before {:.1}; {} threads, {} files, {} sockets",
        mib(after.rss),
        mib(before.rss),
        after.threads,
        after.files,
        after.sockets
    ));
    for action in LANES.iter().chain(&["dead"]) {
        let counted = Counted::of(&status, action, "listing");
        let lane = status["lanes"].as_array().unwrap().iter().find(|lane| lane["action"] == **action).unwrap().clone();
        let waits = counted.pending <= MAY_WAIT || *action != "dead";
        verdict.hold(
            counted.agrees && waits && counted.matched == firings,
            format!("{name}, {action}: {counted}; the lane is {}", lane["state"]),
        );
    }
    verdict.say(format!("{name}: orders {}; journal {}", status["orders"], status["journal"]));
    verdict.hold(
        side.most_disk <= CAP_MIB << 20,
        format!("{name}: disk at most {:.1} MiB of {CAP_MIB} MiB", mib(side.most_disk / 1_024)),
    );
    growth(before, after)
}

async fn dead_for_an_hour(life: Life, trading: bool) {
    let firings = asked("BIRDCALL_FIRINGS", 3_600 * u64::from(PACE));
    let (rate, seconds) = (asked("BIRDCALL_RATE", 500), asked("BIRDCALL_SECONDS", 120));
    let mut verdict = Verdict::default();
    let mut dead = Side::start(life, trading).await;
    let mut alive = Side::start(Life::Alive, trading).await;
    let grown = hour(&mut verdict, "dead", &mut dead, firings, rate).await;
    let control = hour(&mut verdict, "alive", &mut alive, firings, rate).await;
    // Both remember the same firings, which takes what it takes: what the dead one costs is what it has more.
    let cost = grown - control;
    verdict.hold(
        cost <= 20.0,
        format!("memory: {grown:+.1} MiB with a dead destination, {control:+.1} MiB with a live one: {cost:+.1} (bar +20)"),
    );
    // Orders that failed one after the other have stopped all orders: then the other lane of orders has nothing to do.
    let lanes = if trading { &LANES[..2] } else { &LANES[..] };
    let (mut beside_dead, mut beside_live, mut missing) = (Vec::new(), Vec::new(), 0);
    for turn in 0..(seconds / TURN).max(2) {
        // Each goes first in every second pair of turns.
        for of_dead in [turn % 2 == 0, turn % 2 == 1] {
            let (side, times) = if of_dead { (&mut dead, &mut beside_dead) } else { (&mut alive, &mut beside_live) };
            let (took, lost) = side.turn(lanes.len()).await;
            times.push(took);
            missing += lost;
        }
    }
    verdict.hold(missing == 0, format!("{missing} did not arrive of what was measured"));
    for (lane, name) in lanes.iter().enumerate() {
        let with = Spread::of(beside_dead.iter().flat_map(|turn| &turn[lane]));
        let without = Spread::of(beside_live.iter().flat_map(|turn| &turn[lane]));
        let ratio = with.p99 / without.p99;
        verdict
            .hold(ratio <= 1.1, format!("{name}: p99 beside a dead destination by that beside a live one {ratio:.3} (bar 1.1)"));
        verdict.say(format!("{name}: beside a dead one {with}; beside a live one {without}"));
        // The same program against itself tells what of a ratio is chance.
        let half = |odd: usize| Spread::of(beside_live.iter().skip(odd).step_by(2).flat_map(|turn| &turn[lane])).p99;
        verdict.say(format!("{name}: by chance, every other turn of the live one by the rest: {:.3}", half(0) / half(1)));
    }
    for side in [&mut dead, &mut alive] {
        side.forget();
        side.program.ask_to_stop();
        let (code, _) = block_in_place(|| side.program.end());
        verdict.hold(code == 0, format!("it ends with {code}"));
    }
    verdict.end();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and its figures are those of the release build: scripts/dead-destination"]
async fn a_destination_that_refuses_connections_costs_the_other_lanes_nothing() {
    dead_for_an_hour(Life::Refuses, false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "as above"]
async fn a_destination_that_never_answers_costs_the_other_lanes_nothing() {
    dead_for_an_hour(Life::Silent, false).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "as above"]
async fn a_dead_receiver_of_orders_costs_the_other_lanes_nothing() {
    dead_for_an_hour(Life::Refuses, true).await;
}
