//! The machine's clock is moved, while the program runs and between two runs: alerts go on, no quota is exceeded, and nothing is held back
//! for longer than its time. The oracle's own clock is the right one.

use std::time::Duration;

use birdcall::feed::simulator::Handle;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::world::{LISTING, in_state, stop};
use super::{content, now, rig, tweets};
use crate::kit::agreed::agreed;
use crate::kit::binary::{Home, Program, wait_until};
use crate::kit::book::StandIn;
use crate::kit::feed::{KEY, Rig};
use crate::kit::http::Reply;
use crate::kit::wall::Wall;
use crate::kit::{discord, slack, webhook};

pub(super) const HOUR: i64 = 3_600;

/// So far ahead is a clock that says the second of January of this year.
fn year(year: i64) -> i64 {
    let moment: jiff::Timestamp = format!("{year}-01-02T00:00:00Z").parse().unwrap();
    moment.as_second() - jiff::Timestamp::now().as_second()
}

/// Chats at the pace that their platforms allow, and a bot that takes orders.
pub(super) struct World {
    pub(super) rig: Rig,
    pub(super) wall: Wall,
    pub(super) desk: StandIn,
    pub(super) team: StandIn,
    pub(super) bot: StandIn,
    pub(super) home: Home,
}

const BOT: &str = r#"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "60s"
json = { tweet = "{{ tweet.id }}" }
"#;

impl World {
    /// `more` is of the desk.
    pub(super) async fn new(with_bot: bool, more: &str) -> Self {
        let rig = rig().await;
        let desk = discord::start(&discord::WINDOWS).await;
        let team = slack::start_webhook(&slack::WINDOWS).await;
        let bot = webhook::start().await;
        let history = rig.history.as_deref().unwrap();
        let (actions, send) = if with_bot { (BOT, ", \"bot\"") } else { ("", "") };
        let rules = format!(
            r#"
[feed]
key = "env:FEED_KEY"
history = "{history}"
notices = ["desk"]
[actions.desk]
type = "discord"
url = "env:DESK"
{more}
[actions.team]
type = "slack"
url = "env:TEAM"
{actions}
[[rule]]
name = "listing"
send = ["desk", "team"{send}]
when = {{ handle = "kol", keyword = "will list" }}
"#
        );
        let home = Home::with_rules(&rules)
            .env("FEED_KEY", KEY)
            .env("DESK", &desk.url())
            .env("TEAM", &team.url())
            .env("BOT", &bot.url())
            .env("BOT_SECRET", webhook::SECRET);
        let wall = Wall::new();
        let home = wall.of(home);
        Self { rig, wall, desk, team, bot, home }
    }

    pub(super) fn feed(&self) -> &Handle {
        &self.rig.handle
    }

    pub(super) fn start(&self) -> Program {
        let mut program = self.home.start(&["run", "--url", &self.rig.url]);
        program.wait_for("connected to the feed");
        program
    }

    pub(super) fn lists(&self, ids: impl IntoIterator<Item = u32>) {
        for id in ids {
            self.feed().send(content(&id.to_string(), LISTING).to_string());
        }
    }

    /// Tweets that nobody asked for.
    fn chatter(&self, ids: impl IntoIterator<Item = u32>) {
        for id in ids {
            self.feed().send(content(&id.to_string(), "gm").to_string());
        }
    }

    /// The feed is lost and found, and this was said in between.
    pub(super) fn misses(&self, program: &mut Program, id: u32) {
        self.feed().remember(&content(&id.to_string(), LISTING).to_string());
        program.forget("connected to the feed");
        program.forget("the history has what was missed");
        self.feed().close(1012, "restarting");
        program.wait_for("connected to the feed");
        program.wait_for("the history has what was missed");
    }

    pub(super) fn in_state(&self, action: &str, state: &str, count: usize) -> Vec<Value> {
        in_state(&self.home, action, state, count)
    }

    pub(super) fn told(&self, words: &str) {
        let said = || self.desk.messages().iter().any(|body| body.to_string().contains(words));
        wait_until(&format!("the desk is told {words:?}"), said);
    }

    /// The tweets of which the bot got orders.
    pub(super) fn orders(&self) -> Vec<String> {
        let mut orders: Vec<_> =
            self.bot.received().iter().map(|order| order.json()["tweet"].as_str().unwrap().to_owned()).collect();
        orders.sort();
        orders
    }

    /// Each of the tweets was one message at the desk and one at the team; nobody was asked faster than allowed, or for what is not allowed.
    fn is_well(&self, alerts: u32) {
        let expected = (1..=alerts).map(|id| (id.to_string(), 1)).collect();
        assert_eq!(tweets(&self.desk.received()), expected);
        self.is_polite();
    }

    pub(super) fn is_polite(&self) {
        for chat in [&self.desk, &self.team, &self.bot] {
            assert_eq!((chat.violations(), chat.throttled()), (vec![], 0));
        }
    }
}

/// The clock jumps while the program runs, and later back.
async fn jumps(ahead: i64, forth: &str, back: &str) {
    let world = World::new(true, "").await;
    let mut program = world.start();
    world.lists([1]);
    world.in_state("bot", "delivered", 1);
    // More than the desk takes at once, and the team asks to be left alone for a while.
    world.team.say_next([Reply::new(503, "").with("retry-after", "2")]);
    world.lists(2..=6);
    wait_until("the team was asked", || world.team.received().len() >= 2);
    let jumped = Instant::now();
    world.wall.ahead(ahead);
    program.wait_for(&format!("this machine's clock jumped {forth}"));
    world.told("Orders are stopped");
    world.lists([7]);
    world.in_state("desk", "delivered", 7);
    world.in_state("team", "delivered", 7);
    // Five at the desk's pace and the team's, and the time that the team was given.
    assert!(jumped.elapsed() < Duration::from_secs(13), "{:?}", jumped.elapsed());
    assert_eq!(world.in_state("bot", "suppressed", 1)[0]["why"], "disarmed");
    let asked = world.team.received();
    assert!(asked[2].at - asked[1].at >= Duration::from_secs(2), "{:?}", asked[2].at - asked[1].at);
    // People look while the clock is wrong.
    assert_eq!(world.home.deliveries(&["--since", "2h", "--rule", "listing", "--action", "desk"]).len(), 7);
    let (code, out, said) = world.home.run(&["status"]);
    assert!(code == 0 && out.contains("clock jumped"), "{out}{said}");
    agreed(&world.home);
    // It is put right, and somebody says that orders may go.
    world.wall.ahead(0);
    program.wait_for(&format!("this machine's clock jumped {back}"));
    let (code, _, said) = world.home.run(&["arm"]);
    assert_eq!(code, 0, "{said}");
    world.chatter(101..=106);
    world.lists([8]);
    world.in_state("bot", "delivered", 7);
    world.in_state("team", "delivered", 8);
    assert_eq!(world.home.status()["orders"]["armed"], true);
    agreed(&world.home);
    stop(program);
    assert_eq!(world.orders(), ["1", "2", "3", "4", "5", "6", "8"]);
    world.is_well(8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_an_hour_ahead_and_back_stops_orders_and_nothing_else() {
    jumps(HOUR, "forward by", "back by").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_an_hour_back_and_ahead_stops_orders_and_nothing_else() {
    jumps(-HOUR, "back by", "forward by").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_to_1970_and_back_stops_orders_and_nothing_else() {
    jumps(year(1970), "back by", "forward by").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_to_2100_and_back_stops_orders_and_nothing_else() {
    jumps(year(2100), "forward by", "back by").await;
}

/// One run with a right clock, one with a wrong one, one with a right one again, with the same state folder.
async fn between_runs(ahead: i64) {
    let world = World::new(false, "").await;
    let program = world.start();
    world.lists([1]);
    world.in_state("desk", "delivered", 1);
    stop(program);
    world.feed().remember(&content("2", LISTING).to_string());
    world.wall.ahead(ahead);
    let mut program = world.start();
    program.wait_for("the history has what was missed");
    world.in_state("desk", "delivered", 2);
    let listed = Instant::now();
    world.lists([3]);
    world.in_state("desk", "delivered", 3);
    assert!(listed.elapsed() < Duration::from_secs(5), "{:?}", listed.elapsed());
    world.lists([1, 2, 3]);
    world.misses(&mut program, 4);
    world.in_state("desk", "delivered", 4);
    world.in_state("team", "delivered", 4);
    let status = world.home.status();
    assert_eq!((&status["agree"], &status["feed"]["state"]), (&Value::Bool(true), &Value::from("connected")));
    let recent = world.home.deliveries(&["--since", "2h", "--rule", "listing", "--action", "desk"]);
    assert!(recent.len() >= 3, "what this run sent: {recent:#?}");
    stop(program);
    assert_eq!(world.home.status()["pending"], 0);
    world.wall.ahead(0);
    world.feed().remember(&content("5", LISTING).to_string());
    let mut program = world.start();
    program.wait_for("the history has what was missed");
    world.lists([1, 2, 3, 4, 5, 6]);
    world.in_state("desk", "delivered", 6);
    world.in_state("team", "delivered", 6);
    assert!(world.home.deliveries(&["--since", "2h", "--action", "team"]).len() >= 3);
    assert_eq!(world.home.status()["agree"], true);
    stop(program);
    // Nothing that was written with another clock has been forgotten.
    let lates: Vec<_> = world.in_state("team", "delivered", 6).iter().map(|row| row["late"] == true).collect();
    assert_eq!(lates, [false, true, true, false, true, false]);
    world.is_well(6);
    // The feed's clock says how long it was between the runs.
    let told: Vec<_> = world.desk.messages().into_iter().filter(|body| body.to_string().contains("gap from")).collect();
    assert!(told.is_empty(), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_clock_is_an_hour_ahead_misses_nothing_and_repeats_nothing() {
    between_runs(HOUR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_clock_is_an_hour_behind_misses_nothing_and_repeats_nothing() {
    between_runs(-HOUR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_clock_says_1970_misses_nothing_and_repeats_nothing() {
    between_runs(year(1970)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_clock_says_2100_misses_nothing_and_repeats_nothing() {
    between_runs(year(2100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_one_quota_however_often_the_clock_says_that_it_begins() {
    let world = World::new(false, "max_per_day = 3").await;
    // Noon, so that no day ends by itself.
    let noon = 12 * HOUR - jiff::Timestamp::now().as_second().rem_euclid(24 * HOUR);
    let (today, tomorrow, yesterday) = (noon, noon + 24 * HOUR, noon - 24 * HOUR);
    world.wall.ahead(today);
    let mut program = world.start();
    let (mut next, mut sent, mut held) = (1, 0, 0);
    let mut lists = |count: u32, are_sent: usize| {
        let many = usize::try_from(count).unwrap();
        world.lists(next..next + count);
        (next, sent, held) = (next + count, sent + are_sent, held + many - are_sent);
        world.in_state("desk", "delivered", sent);
        let rows = world.in_state("desk", "suppressed", held);
        assert!(rows.iter().all(|row| row["why"] == "max_per_day"), "{rows:#?}");
    };
    lists(4, 3);
    for (at, direction) in [(tomorrow, "forward"), (today, "back"), (yesterday, "back"), (today, "forward")] {
        world.wall.ahead(at);
        program.wait_for(&format!("clock jumped {direction}"));
        program.forget(&format!("clock jumped {direction}"));
        lists(1, 0);
    }
    // A run cannot know that a later day has not come; but no day has its quota twice, and no earlier one has another.
    for (at, count, are_sent) in [(yesterday, 1, 0), (today, 1, 0), (tomorrow, 4, 3), (today, 1, 0), (tomorrow, 1, 0)] {
        stop(program);
        world.wall.ahead(at);
        program = world.start();
        lists(count, are_sent);
    }
    stop(program);
    assert_eq!(tweets(&world.desk.received()).len(), 6);
    world.is_polite();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_lags_is_no_wrong_clock_its_news_expires_and_people_are_told() {
    let world = World::new(false, "").await;
    let program = world.start();
    for id in 1..=5 {
        let mut old = content(&id.to_string(), LISTING);
        (old["ts"], old["d"]["createdAt"]) = (json!(now() - HOUR * 1_000), json!(now() - HOUR * 1_000));
        world.feed().send(old.to_string());
    }
    world.told("Alerts come late");
    world.told("old when they come");
    world.in_state("desk", "expired", 5);
    world.lists([6]);
    world.in_state("desk", "delivered", 1);
    agreed(&world.home);
    stop(program);
    world.is_polite();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_hear_that_alerts_come_late_whether_orders_go_or_not() {
    for armed in [true, false] {
        let world = World::new(true, "").await;
        let program = world.start();
        if !armed {
            assert_eq!(world.home.run(&["disarm"]).0, 0);
        }
        for id in 1..=12 {
            let mut old = content(&id.to_string(), LISTING);
            (old["ts"], old["d"]["createdAt"]) = (json!(now() - HOUR * 1_000), json!(now() - HOUR * 1_000));
            world.feed().send(old.to_string());
        }
        world.told("Alerts come late");
        world.in_state("desk", "expired", 12);
        let bodies = world.desk.messages();
        let said = |words: &str| bodies.iter().filter(|body| body.to_string().contains(words)).count();
        assert_eq!((said("Alerts come late"), said("Orders are stopped")), (1, usize::from(armed)), "{bodies:#?}");
        stop(program);
        world.is_polite();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_starts_in_1970_and_is_then_put_right_trades_when_it_is_armed() {
    let world = World::new(true, "").await;
    world.wall.ahead(year(1970));
    let mut program = world.start();
    world.chatter(101..=105);
    world.told("this machine's clock is wrong");
    world.lists([1]);
    world.in_state("desk", "delivered", 1);
    world.in_state("bot", "suppressed", 1);
    world.wall.ahead(0);
    program.wait_for("this machine's clock jumped forward");
    let (code, _, said) = world.home.run(&["arm"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(world.home.status()["feed"]["losses"], 0, "the feed's clock had said so");
    world.chatter(106..=116);
    world.lists([2]);
    world.in_state("bot", "delivered", 1);
    world.in_state("desk", "delivered", 2);
    assert_eq!(world.home.status()["orders"]["armed"], true);
    assert!(world.home.status()["feed"]["lag_ms"].as_u64().unwrap() < 5_000);
    assert_eq!(world.home.deliveries(&["--since", "2h", "--rule", "listing", "--action", "desk"]).len(), 2);
    world.misses(&mut program, 3);
    assert_eq!(world.in_state("desk", "delivered", 3)[0]["late"], true);
    world.in_state("bot", "expired", 1);
    world.in_state("team", "delivered", 3);
    agreed(&world.home);
    stop(program);
    let program = world.start();
    world.lists([1, 2, 3, 4]);
    world.in_state("bot", "delivered", 2);
    world.in_state("desk", "delivered", 4);
    world.in_state("team", "delivered", 4);
    stop(program);
    assert_eq!(world.orders(), ["2", "4"]);
    world.is_well(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_expires_when_its_tweet_comes_is_told_with_the_difference_of_the_clocks_and_an_old_tweet_is_not() {
    let world = World::new(true, "").await;
    let program = world.start();
    let sends = |id: u32, ts: i64| {
        let mut old = content(&id.to_string(), LISTING);
        (old["ts"], old["d"]["createdAt"]) = (json!(now() - ts), json!(now() - 70_000));
        world.feed().send(old.to_string());
    };
    // The feed itself says that it is late with this one.
    sends(1, 0);
    world.in_state("bot", "expired", 1);
    // Half a second more than a whole one: the clocks of the two programs are rounded, and may differ by a millisecond.
    for id in 2..=4 {
        sends(id, 70_500);
    }
    world.told("Orders expire when their tweets come");
    world.in_state("bot", "expired", 4);
    world.in_state("desk", "delivered", 4);
    let bodies = world.desk.messages();
    let told: Vec<_> = bodies.iter().map(Value::to_string).filter(|body| body.contains("Orders expire when")).collect();
    assert!(told.len() == 1 && told[0].contains("1 min 1"), "{told:#?}");
    stop(program);
    world.is_polite();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_stopped_for_a_while_takes_nothing_of_it_for_fresh() {
    let world = World::new(true, "").await;
    let mut program = world.start();
    world.lists([1]);
    world.in_state("bot", "delivered", 1);
    program.forget("connected to the feed");
    program.stand_still();
    world.lists([2]);
    sleep(Duration::from_secs(32)).await;
    program.go_on();
    program.wait_for("this program stood still for 3");
    program.wait_for("connected to the feed");
    world.told("this program stood still for 3");
    world.lists([3]);
    let rows = world.in_state("desk", "delivered", 3);
    assert_eq!(rows.iter().filter(|row| row["late"] == true).count(), 1, "{rows:#?}");
    world.in_state("bot", "expired", 1);
    world.in_state("bot", "suppressed", 1);
    assert_eq!(world.home.status()["orders"]["armed"], false);
    assert_eq!(world.orders(), ["1"]);
    agreed(&world.home);
    stop(program);
    world.is_polite();
}
