//! The feed says everything several times, in any order, cut off in the middle and again after it was found: one alert for each tweet, rule
//! and action.

use std::collections::{BTreeMap, BTreeSet};

use birdcall::feed::simulator::Handle;
use serde_json::{Value, json};

use super::world::stop;
use super::{content, now, order_ids, rig, tweets};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, Program, wait_until};
use crate::kit::book::StandIn;
use crate::kit::feed::{KEY, Rig};
use crate::kit::{discord, webhook};

const RULES: &str = r#"
[feed]
key = "env:FEED_KEY"
history = "HISTORY"
[actions.desk]
type = "discord"
url = "env:DESK"
rate_limit = "10000/s"
[actions.log]
type = "webhook"
url = "env:LOG"
secret = "env:BOT_SECRET"
rate_limit = "10000/s"
json = { rule = "{{ rule }}", tweet = "{{ tweet.id }}" }
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
rate_limit = "10000/s"
trading = true
max_age = "60s"
json = { rule = "{{ rule }}", tweet = "{{ tweet.id }}" }
[[rule]]
name = "listing"
send = ["desk", "log", "bot"]
when = { handle = "kol", keyword = "will list" }
[[rule]]
name = "coin"
send = ["desk", "log", "bot"]
when = { handle = "kol", token = "ORBL" }
"#;

/// Tweets that are spoken of together, in disorder.
const TOGETHER: usize = 24;
const TWEETS: usize = 10 * TOGETHER;
const FIRST: u64 = 2_067_225_747_256_360_460;

struct World {
    rig: Rig,
    desk: StandIn,
    log: StandIn,
    bot: StandIn,
}

/// A tweet with its rules, which a part of it makes true: the text, the meta, both or neither.
struct Told {
    id: String,
    rules: BTreeSet<&'static str>,
    frames: Vec<String>,
}

impl Told {
    fn new(n: usize) -> Self {
        let id = (FIRST + u64::try_from(n).unwrap()).to_string();
        let (lists, names) = (n % 4 % 2 == 1, n % 4 >= 2);
        let part = |op: &str, mut fields: Value| {
            fields["tweetId"] = json!(id);
            json!({"v": 1, "t": "tweet", "op": op, "id": id, "ts": now(), "d": fields}).to_string()
        };
        let text = if lists { "Kol will list it" } else { "gm" };
        let symbol = if names { "ORBL" } else { "DOGE" };
        let token = json!({"symbol": symbol, "contract": "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump", "chain": "solana"});
        let meta = part("meta", json!({"detected": {"tokens": [token]}}));
        let update = part("update", json!({"text": format!("{text} today")}));
        let whole = content(&id, text).to_string();
        let rules = [("listing", lists), ("coin", names)];
        let rules = rules.into_iter().filter(|(_, fires)| *fires).map(|(rule, _)| rule).collect();
        Self { id, rules, frames: vec![whole, meta, update] }
    }
}

/// Each frame three times, in any order.
fn disorder<'a>(told: impl Iterator<Item = &'a Told>, random: &mut fastrand::Rng) -> Vec<String> {
    let mut frames: Vec<_> =
        told.flat_map(|tweet| tweet.frames.iter()).flat_map(|frame| std::iter::repeat_n(frame.clone(), 3)).collect();
    random.shuffle(&mut frames);
    frames
}

/// The bytes of a WebSocket frame as a server writes it.
fn on_the_wire(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    assert!(length > 125);
    [&[0x81, 126], &length.to_be_bytes()[..], text.as_bytes()].concat()
}

impl World {
    async fn new() -> Self {
        Self { rig: rig().await, desk: discord::start(&[]).await, log: webhook::start().await, bot: webhook::start().await }
    }

    fn home(&self) -> Home {
        Home::with_rules(&RULES.replace("HISTORY", self.rig.history.as_deref().unwrap()))
            .env("FEED_KEY", KEY)
            .env("DESK", &self.desk.url())
            .env("LOG", &self.log.url())
            .env("BOT", &self.bot.url())
            .env("BOT_SECRET", webhook::SECRET)
    }

    fn feed(&self) -> &Handle {
        &self.rig.handle
    }

    fn start(&self, home: &Home) -> Program {
        let mut program = home.start(&["run", "--url", &self.rig.url]);
        program.wait_for("connected to the feed");
        program
    }

    fn found_again(program: &mut Program) {
        program.forget("connected to the feed");
        program.wait_for("connected to the feed");
    }
}

fn seed() -> u64 {
    let given = std::env::var("BIRDCALL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| fastrand::u64(..1_000_000))
}

/// How often a receiver was told of each tweet and rule.
fn told(stand_in: &StandIn) -> BTreeMap<(String, String), usize> {
    let mut seen = BTreeMap::new();
    for message in stand_in.received() {
        let body = message.json();
        let word = |name: &str| body[name].as_str().unwrap().to_owned();
        *seen.entry((word("tweet"), word("rule"))).or_insert(0) += 1;
    }
    seen
}

fn firings(all: &[Told], times: usize) -> BTreeMap<(String, String), usize> {
    all.iter().flat_map(|tweet| tweet.rules.iter().map(|rule| ((tweet.id.clone(), (*rule).to_owned()), times))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_feed_repeats_disorders_and_cuts_off_is_one_alert_for_each_tweet_rule_and_action() {
    let seed = seed();
    eprintln!("BIRDCALL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new().await;
    let home = world.home();
    let mut program = world.start(&home);
    let all: Vec<_> = (0..TWEETS).map(Told::new).collect();
    for (turn, together) in all.chunks(TOGETHER).enumerate() {
        let frames = disorder(together.iter(), &mut random);
        let (first, rest) = frames.split_at(random.usize(..frames.len()));
        first.iter().for_each(|frame| world.feed().send(frame.clone()));
        // In the middle of it, and mostly in the middle of a frame.
        match turn {
            2 | 6 => {
                let frame = on_the_wire(&together[0].frames[0]);
                world.feed().send_raw(frame[..random.usize(1..frame.len())].to_vec());
                world.feed().cut();
            }
            4 | 8 => world.feed().close(1012, "restarting"),
            _ => {}
        }
        if matches!(turn, 2 | 4 | 6 | 8) {
            // What nobody hears is in the history; it may be heard later again.
            rest.iter().for_each(|frame| world.feed().send(frame.clone()));
            World::found_again(&mut program);
            let earlier = disorder(all[..(turn + 1) * TOGETHER].iter(), &mut random);
            earlier.iter().take(300).for_each(|frame| world.feed().send(frame.clone()));
        }
        rest.iter().for_each(|frame| world.feed().send(frame.clone()));
    }
    // And a last time all of it, together with what the history says.
    program.wait_for("the history has what was missed");
    disorder(all.iter(), &mut random).into_iter().for_each(|frame| world.feed().send(frame));
    let expected = firings(&all, 1);
    wait_until("everything is delivered", || told(&world.log).len() == expected.len());
    let pending = || home.deliveries(&["--pending"]).len();
    wait_until("nothing waits", || pending() == 0);
    agreed(&home);
    let said = stop(program);
    assert!(said.contains("feed lost 4 times"), "{said}");
    assert_eq!(told(&world.log), expected, "seed {seed}");
    let of_tweet = |tweet: &Told| (!tweet.rules.is_empty()).then(|| (tweet.id.clone(), tweet.rules.len()));
    assert_eq!(tweets(&world.desk.received()), all.iter().filter_map(of_tweet).collect(), "seed {seed}");
    // Orders of what came late are none; of the rest there is one each, and no two have the same id.
    let (orders, ids) = (told(&world.bot), order_ids(&world.bot.received()));
    assert!(orders.iter().all(|(firing, times)| *times == 1 && expected.contains_key(firing)), "seed {seed}: {orders:?}");
    assert!(orders.len() > expected.len() / 2, "seed {seed}: {} of {}", orders.len(), expected.len());
    assert_eq!(ids.len(), orders.len());
    let rows = home.deliveries(&["--action", "bot"]);
    let expired = rows.iter().filter(|row| row["state"] == "expired" && row["late"] == true).count();
    assert_eq!((rows.len(), expired + orders.len()), (expected.len(), expected.len()), "seed {seed}");
    assert_eq!((world.desk.violations(), world.log.violations(), world.bot.violations()), (vec![], vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_that_hear_the_same_make_firings_with_the_same_ids() {
    let seed = seed();
    eprintln!("BIRDCALL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new().await;
    let (one, other) = (world.home(), world.home());
    let first = world.start(&one);
    let mut second = world.start(&other);
    let all: Vec<_> = (0..4 * TOGETHER).map(Told::new).collect();
    let (early, late) = all.split_at(2 * TOGETHER);
    disorder(early.iter(), &mut random).into_iter().for_each(|frame| world.feed().send(frame));
    wait_until("both tell them", || told(&world.log) == firings(early, 2));
    // One of them hears the rest late, some of it from the history, and does not tell again what it had told to the end.
    wait_until("nothing waits", || other.deliveries(&["--pending"]).is_empty());
    second.kill();
    disorder(late.iter(), &mut random).into_iter().for_each(|frame| world.feed().send(frame));
    let second = world.start(&other);
    disorder(all.iter(), &mut random).into_iter().for_each(|frame| world.feed().send(frame));
    let expected = firings(&all, 2);
    wait_until("both tell everything", || told(&world.log) == expected);
    for home in [&one, &other] {
        agreed(home);
    }
    stop(first);
    stop(second);
    assert_eq!(told(&world.log), expected, "seed {seed}: each told it once");
    // Who receives from both sees by its id that it is one and the same.
    for (stand_in, least) in [(&world.log, expected.len()), (&world.bot, expected.len() / 2)] {
        let ids = order_ids(&stand_in.received());
        let of: BTreeSet<_> = ids.values().map(|bodies| bodies.iter().collect::<BTreeSet<_>>()).collect();
        assert!(of.iter().all(|bodies| bodies.len() == 1), "seed {seed}: one id, one firing");
        assert_eq!(ids.len(), of.len(), "seed {seed}: one firing, one id");
        assert!(ids.len() >= least, "seed {seed}: {}", ids.len());
    }
    assert_eq!((world.desk.violations(), world.log.violations(), world.bot.violations()), (vec![], vec![], vec![]));
}
