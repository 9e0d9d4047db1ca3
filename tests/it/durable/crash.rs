//! The program is killed at random moments under load. The oracle stands outside: what the feed sent against what the stand-ins received.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use birdcall::feed::simulator::Handle;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::world::{self, World};
use super::{content, order_ids, rig, tweets};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, Program};
use crate::kit::book::StandIn;
use crate::kit::http::{Manner, Reply, Server};
use crate::kit::{slack, webhook};

/// Envelopes a second.
const RATE: u32 = 200;
/// One of so many matches.
const MATCHING: u64 = 10;
const FIRST: u64 = 2_067_225_747_256_360_460;

/// `scripts/crash` asks for a hundred.
fn kills() -> usize {
    std::env::var("BIRDCALL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(4)
}

fn seed() -> u64 {
    let given = std::env::var("BIRDCALL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| fastrand::u64(..1_000_000))
}

const RULES: &str = r#"
[feed]
key = "env:FEED_KEY"
history = "HISTORY"
[actions.desk]
type = "discord"
url = "env:DESK"
rate_limit = "10000/s"
[actions.team]
type = "slack"
url = "env:TEAM"
rate_limit = "10000/s"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "20s"
json = { tweet = "{{ tweet.id }}", at = "{{ firing.at_ms }}" }
[actions.again]
type = "webhook"
url = "env:AGAIN"
secret = "env:BOT_SECRET"
trading = true
idempotent = true
max_age = "20s"
json = { tweet = "{{ tweet.id }}", at = "{{ firing.at_ms }}" }
[[rule]]
name = "listing"
send = ["desk", "team", "bot", "again"]
when = { handle = "kol", keyword = "will list" }
"#;

/// The usual world, with a slow chat and a second bot, which is idempotent.
struct Arena {
    world: World,
    team: Server,
    again: StandIn,
}

impl Arena {
    async fn new() -> Self {
        // The slow one: a fifth of a message's time at this rate.
        let late = Manner::Late(Duration::from_millis(20));
        let team = Server::start(move |_| Reply { body: b"ok".to_vec(), ..Reply::manner(late.clone()) }).await;
        Self { world: World::new(rig().await).await, team, again: webhook::start().await }
    }

    fn home(&self) -> Home {
        self.world
            .home(&RULES.replace("HISTORY", self.world.rig.history.as_deref().unwrap()))
            .env("TEAM", &format!("{}{}", self.team.url(), slack::HOOK))
            .env("AGAIN", &self.again.url())
    }

    /// Starts it; how long it took until it heard the feed.
    fn start(&self, home: &Home) -> (Program, Duration) {
        let begun = Instant::now();
        (self.world.start(home), begun.elapsed())
    }
}

/// Sends until it is told to stop, whether anybody listens or not. Returns how many it has sent.
async fn load(feed: Handle, mut until: oneshot::Receiver<()>) -> u64 {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut sent = 0;
    loop {
        tokio::select! {
            biased;
            _ = &mut until => return sent,
            _ = tick.tick() => {}
        }
        let text = if sent % MATCHING == 0 { "Kol will list $ORBL" } else { "gm" };
        feed.send(content(&(FIRST + sent).to_string(), text).to_string());
        sent += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_nothing_is_lost_and_no_order_is_sent_twice() {
    let (kills, seed) = (kills(), seed());
    let mut random = fastrand::Rng::with_seed(seed);
    let arena = Arena::new().await;
    let (home, world) = (arena.home(), &arena.world);
    let (stop, until) = oneshot::channel();
    let (mut ready, mut loading) = (Vec::new(), JoinSet::new());
    loading.spawn(load(world.rig.handle.clone(), until));
    for _ in 0..kills {
        let (mut program, took) = tokio::task::block_in_place(|| arena.start(&home));
        ready.push(took);
        sleep(Duration::from_millis(random.u64(200..3_000))).await;
        program.kill();
    }
    stop.send(()).unwrap();
    let sent = loading.join_next().await.unwrap().unwrap();
    let (program, _) = tokio::task::block_in_place(|| arena.start(&home));
    let matched: BTreeSet<String> = (0..sent).step_by(MATCHING as usize).map(|at| (FIRST + at).to_string()).collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    let missing = |seen: &BTreeMap<String, usize>| matched.iter().filter(|id| !seen.contains_key(*id)).count();
    while missing(&tweets(&world.desk.received())) + missing(&tweets(&arena.team.received())) > 0 && Instant::now() < deadline {
        sleep(Duration::from_millis(100)).await;
    }
    let said = tokio::task::block_in_place(|| {
        agreed(&home);
        world::stop(program)
    });
    let (desk, team) = (tweets(&world.desk.received()), tweets(&arena.team.received()));
    let repeats = desk.values().chain(team.values()).map(|count| count - 1).sum::<usize>();
    let (bot, again) = (order_ids(&world.bot.received()), order_ids(&arena.again.received()));
    let twice = bot.values().filter(|bodies| bodies.len() > 1).count();
    let changed = |orders: &BTreeMap<String, Vec<Vec<u8>>>| {
        orders.values().filter(|bodies| bodies.iter().any(|body| *body != bodies[0])).count()
    };
    let two_bodies = changed(&bot) + changed(&again);
    let (code, rows, complaint) = home.run(&["deliveries", "--json", "--limit", "100000"]);
    assert_eq!(code, 0, "{complaint}");
    let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
    let unknown = rows.iter().filter(|row| row["state"] == json!("unknown")).count();
    let unfinished = rows.iter().filter(|row| row["state"] == json!("pending") || row["state"] == json!("sending")).count();
    let false_successes = rows
        .iter()
        .filter(|row| row["action"] == json!("bot") && row["state"] == json!("delivered"))
        .filter(|row| !bot.contains_key(row["firing"].as_str().unwrap()))
        .count();
    let late_orders = rows
        .iter()
        .filter(|row| row["trading"] == json!(true) && row["late"] == json!(true) && row["state"] == json!("delivered"))
        .count();
    let late = rows.iter().filter(|row| row["late"] == json!(true)).count();
    ready.sort_unstable();
    println!(
        "kills {kills} (seed {seed}); envelopes sent {sent}, matched {}; not delivered: {}; order ids with two bodies: {two_bodies}; orders \
         sent twice: {twice}; recorded as delivered and never received: {false_successes}; orders placed {} and {}; unknown orders {unknown}; chat repeats {repeats}; late deliveries {late}, late orders placed: {late_orders}; ready after {:?} (median), {:?} (worst)",
        matched.len(),
        missing(&desk) + missing(&team),
        bot.len(),
        again.len(),
        ready[ready.len() / 2],
        ready[ready.len() - 1]
    );
    assert_eq!(
        (missing(&desk), missing(&team), twice, two_bodies, false_successes, late_orders, unfinished),
        (0, 0, 0, 0, 0, 0, 0),
        "seed {seed}\n{said}"
    );
    assert!(late > 0, "nothing came of the history: the test was idle");
    assert!(!bot.is_empty() && !again.is_empty(), "no order was ever placed: the test was idle");
    for stand_in in [&world.desk, &world.bot, &arena.again] {
        assert_eq!(stand_in.violations(), Vec::<String>::new());
    }
}
