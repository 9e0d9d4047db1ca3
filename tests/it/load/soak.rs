//! A day of the feed at once: memory, descriptors, threads and disk must stay as they are after its first tenth, and every tweet that
//! matched must be accounted for. The oracle stands outside: what the feed sent against what the stand-ins accepted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use birdcall::feed::simulator::{Handle, HistoryOptions};
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};
use tokio::task::block_in_place;
use tokio::time::{Instant, interval, sleep};

use super::bars::{judge_counts, judge_resources};
use super::gauge::{Gauge, Reading};
use super::traffic::{Loss, Mix, RULES, Step, Trouble, now};
use super::{Counted, Verdict, asked};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, Program};
use crate::kit::book::StandIn;
use crate::kit::feed::{KEY, Rig};
use crate::kit::http::{Manner, Reply};
use crate::kit::{discord, slack, telegram, webhook};

const TEXT: &str = r#"
[feed]
key = "env:FEED_KEY"
history = "HISTORY"
notices = ["desk"]
[journal]
max_bytes = "CAPMiB"
[actions.desk]
type = "discord"
url = "env:DESK"
rate_limit = "10000/s"
[actions.tele]
type = "telegram"
token = "env:TELE"
chat = CHAT
api = "API"
overflow = "digest"
[actions.team]
type = "slack"
url = "env:TEAM"
overflow = "drop"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "20s"
json = { tweet = "{{ tweet.id }}", at = "{{ firing.at_ms }}" }

# Fires on the text alone.
[[rule]]
name = "listing"
send = ["desk", "tele", "team", "bot"]
when = { handle = "soak", keyword = "will list" }
# Fires on the detection.
[[rule]]
name = "pricing"
send = ["desk", "tele", "team", "bot"]
when = { handle = "soak", keyword = "will price", token = { symbol = "ORBL", price = { below = 0.5 } } }
# Fires when no detection has come.
[[rule]]
name = "watching"
send = ["desk", "tele", "team", "bot"]
wait = "4s"
when = { handle = "soak", keyword = "will watch", none = [{ token = true }] }
# Work, and now and then a firing, for what else the feed says.
[[rule]]
name = "trouble"
send = ["team"]
when = { keyword = ["exploit", "drained", "hacked"], none = [{ keyword = ["giveaway"] }] }
[[rule]]
name = "spot"
send = ["team"]
when = { kind = "post", regex = '\badd(s|ed|ing)?\b.{0,40}\bspot\b' }
[[rule]]
name = "cheap"
send = ["team"]
when = { token = { chain = "solana", price = { below = 0.0000001 } } }
"#;

/// How long and how hard.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) envelopes: u64,
    pub(super) rate: u32,
    pub(super) cap_mib: u64,
    /// Envelopes between two losses of the connection.
    losses: u64,
    /// Memory is held to its bar: a short run only begins to fill what is bounded (tweets to be joined).
    pub(super) is_long: bool,
}

pub(super) struct World {
    rig: Rig,
    pub(super) desk: StandIn,
    tele: StandIn,
    team: StandIn,
    pub(super) bot: StandIn,
}

impl World {
    async fn new() -> Self {
        let rig = Rig::start(|options| {
            options.clock = Arc::new(|| Timestamp::from_millis(now()));
            options.history = Some(HistoryOptions::default());
        });
        Self {
            rig: rig.await,
            desk: discord::start(&[]).await,
            tele: telegram::start(&telegram::WINDOWS).await,
            team: slack::start_webhook(&slack::WINDOWS).await,
            bot: webhook::start().await,
        }
    }

    fn home(&self, plan: Plan) -> Home {
        let rules = TEXT
            .replace("HISTORY", self.rig.history.as_deref().unwrap())
            .replace("CAP", &plan.cap_mib.to_string())
            .replace("CHAT", &telegram::CHAT.to_string())
            .replace("API", &self.tele.url());
        Home::with_rules(&rules)
            .env("FEED_KEY", KEY)
            .env("DESK", &self.desk.url())
            .env("TELE", telegram::TOKEN)
            .env("TEAM", &self.team.url())
            .env("BOT", &self.bot.url())
            .env("BOT_SECRET", webhook::SECRET)
    }

    pub(super) fn stand_ins(&self) -> [(&'static str, &StandIn); 4] {
        [("desk", &self.desk), ("tele", &self.tele), ("team", &self.team), ("bot", &self.bot)]
    }

    fn act(&self, step: Step) {
        let feed = &self.rig.handle;
        match step {
            Step::Send(frame) => feed.send(frame),
            Step::Only(frame) => feed.send_only(frame),
            Step::Binary(bytes) => feed.send_binary(bytes),
            Step::Lose(loss) => lose(feed, loss),
            Step::Trouble(of, trouble) => {
                let (name, stand_in) = self.stand_ins()[of];
                match trouble {
                    Trouble::Failure => stand_in.say_next([Reply::new(500, "out of order")]),
                    Trouble::TooMany => stand_in.say_next([too_many(name)]),
                    Trouble::Reset => stand_in.say_next([Reply::manner(Manner::Reset)]),
                    Trouble::Slow => stand_in.late_next(Duration::from_millis(200)),
                }
            }
        }
    }

    /// Connections that somebody has to the stand-ins.
    fn connections(&self) -> usize {
        self.stand_ins().iter().map(|(_, stand_in)| stand_in.server.open()).sum()
    }
}

fn lose(feed: &Handle, loss: Loss) {
    match loss {
        Loss::Cut => feed.cut(),
        Loss::HalfAFrame => {
            feed.send_raw(&b"\x81\x7e\x04\x00{\"v\":1,\"t\":\"tw"[..]);
            feed.cut();
        }
        Loss::BadText => feed.send_raw(&b"\x81\x02\xff\xfe"[..]),
        Loss::Close => feed.close(1012, "restarting"),
    }
}

/// As each platform says it.
fn too_many(name: &str) -> Reply {
    match name {
        "desk" => Reply::json(429, &json!({"message": "You are being rate limited.", "retry_after": 0.3, "global": false})),
        "tele" => Reply::json(
            429,
            &json!({"ok": false, "error_code": 429, "parameters": {"retry_after": 1}, "description": "Too Many Requests"}),
        ),
        _ => Reply::new(429, "").with("retry-after", "1"),
    }
}

/// What was seen at one moment.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) sent: u64,
    pub(super) reading: Reading,
    pub(super) connections: usize,
    pub(super) tasks: Option<u64>,
}

/// A run while it goes on.
struct Run<'a> {
    world: &'a World,
    home: &'a Home,
    program: Program,
    gauge: Gauge,
    looks: Vec<Look>,
    tasks: Option<u64>,
    errors: BTreeSet<String>,
}

impl<'a> Run<'a> {
    fn start(world: &'a World, home: &'a Home) -> Self {
        let mut program = home.start(&["run", "--url", &world.rig.url]);
        program.wait_for("connected to the feed");
        let gauge = Gauge::new(program.pid(), &home.path().join("state"));
        Self { world, home, program, gauge, looks: Vec::new(), tasks: None, errors: BTreeSet::new() }
    }

    fn listen(&mut self) {
        // What nobody knows of is counted, and is what a destination's fault makes of it.
        let of_interest =
            |line: &String| (line.contains("ERROR") && !line.contains("it is unknown whether")) || line.contains("panicked");
        for line in self.program.lines().filter(of_interest) {
            if self.errors.len() < 20 {
                self.errors.insert(line);
            }
        }
    }

    fn look(&mut self, sent: u64) {
        self.listen();
        // Twice a second of the process, and every so often of what it says itself, which opens a connection.
        if self.looks.len().is_multiple_of(10) {
            self.tasks = block_in_place(|| self.home.status())["tasks"].as_u64();
        }
        let (reading, connections) = (self.gauge.read(), self.world.connections());
        self.looks.push(Look { sent, reading, connections, tasks: self.tasks });
    }

    /// Sends all there is, at its rate.
    async fn feed(&mut self, mix: &mut Mix, plan: Plan) -> Duration {
        let begun = Instant::now();
        let (mut tick, mut look_at) = (interval(Duration::from_millis(4)), begun);
        while mix.sent < plan.envelopes {
            tick.tick().await;
            let due = (begun.elapsed().as_secs_f64() * f64::from(plan.rate)) as u64;
            while mix.sent < due.min(plan.envelopes) {
                self.world.act(mix.next());
            }
            if Instant::now() >= look_at {
                look_at += Duration::from_millis(500);
                self.look(mix.sent);
            }
        }
        let took = begun.elapsed();
        // The detections of the latest tweets.
        mix.rest().for_each(|step| self.world.act(step));
        took
    }

    /// Waits until nothing is pending and every tweet that matched has come to its end. Returns the status.
    async fn settle(&mut self, matched: u64) -> Value {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            sleep(Duration::from_millis(500)).await;
            self.listen();
            let status = block_in_place(|| self.home.status());
            let counts = ["desk", "tele", "team", "bot"].map(|action| {
                let of_all = Counted::of(&status, action, "");
                let ours: u64 = RULES.iter().map(|rule| Counted::of(&status, action, rule).matched).sum();
                (of_all.pending, ours)
            });
            if counts.iter().all(|count| *count == (0, matched)) || Instant::now() > deadline {
                return status;
            }
        }
    }
}

async fn soak(plan: Plan) {
    let mut verdict = Verdict::default();
    let world = World::new().await;
    let home = world.home(plan);
    let mut run = block_in_place(|| Run::start(&world, &home));
    let mut mix = Mix::new(asked("BIRDCALL_SEED", 1), plan.rate, plan.losses);
    let took = run.feed(&mut mix, plan).await;
    if plan.is_long {
        // The threads that only a backfill needs, and its second look, end.
        sleep(Duration::from_secs(60)).await;
    }
    let status = run.settle(mix.matched.len() as u64).await;
    // The connections that only the load needed may go, and what was asked of the history is over.
    run.tasks = status["tasks"].as_u64();
    run.look(mix.sent);
    let rate = mix.sent as f64 / took.as_secs_f64();
    verdict
        .hold(rate >= f64::from(plan.rate) * 0.95, format!("{} envelopes in {:.1} s: {rate:.0}/s", mix.sent, took.as_secs_f64()));
    let faults: u64 = mix.faults.values().sum();
    verdict.hold(
        faults * 200 >= mix.sent,
        format!("faults: {faults} ({:.2} %): {:?}", faults as f64 * 100.0 / mix.sent as f64, mix.faults),
    );
    verdict.say(format!("{} tweets matched ({:.1} %)", mix.matched.len(), mix.matched.len() as f64 * 100.0 / mix.sent as f64));
    let losses = mix.lost();
    verdict
        .hold(status["feed"]["losses"] == losses, format!("feed lost {} times, {losses} on purpose", status["feed"]["losses"]));
    let gaps: Vec<_> = status["feed"]["gaps"].as_array().unwrap().iter().map(|gap| gap["state"].clone()).collect();
    verdict.hold(gaps.iter().all(|state| state == "filled"), format!("gaps: {gaps:?}"));
    let asked = world.rig.handle.history_requests();
    let rows: usize = asked.iter().map(|request| request.rows).sum();
    verdict.say(format!("history: the latest {} requests brought {rows} rows", asked.len()));
    verdict.say(format!("journal: {}", status["journal"]));
    judge_resources(&mut verdict, &run.looks, plan);
    judge_counts(&mut verdict, &world, &mix, &status);
    if !plan.is_long {
        block_in_place(|| agreed(&home));
    }
    run.program.ask_to_stop();
    let (code, said) = block_in_place(|| run.program.end());
    verdict.hold(code == 0, format!("it ends with {code}"));
    verdict.say(said.lines().last().unwrap_or_default());
    verdict.hold(run.errors.is_empty(), format!("errors it logged: {:#?}", run.errors));
    verdict.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_envelopes_with_faults_of_every_kind_are_all_accounted_for() {
    soak(Plan { envelopes: 8_000, rate: 1_000, cap_mib: 256, losses: 5_000, is_long: false }).await;
}

/// `scripts/soak`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and its figures are those of the release build"]
async fn a_million_envelopes_leave_memory_descriptors_and_disk_as_they_were() {
    let (envelopes, rate) = (asked("BIRDCALL_ENVELOPES", 1_000_000), asked("BIRDCALL_RATE", 2_000));
    // Small enough that most of what is recorded is forgotten again; lost every 45 s.
    let cap_mib = (envelopes / 4_000).clamp(16, 256);
    let losses = (u64::from(rate) * 45).min(envelopes / 3);
    soak(Plan { envelopes, rate, cap_mib, losses, is_long: envelopes >= 100_000 }).await;
}
