//! Time that is lost in the middle of a run, an hour or a moment, in controlled time: the app itself between a simulated feed and two
//! receivers.

use std::sync::Arc;
use std::time::Duration;

use birdcall::app::{self, Durable, Setup, Totals, Way};
use birdcall::clock::Clock;
use birdcall::deliver::Target;
use birdcall::feed::simulator::{self, Handle, HistoryOptions};
use birdcall::feed::{Feed, History, HistorySettings, Settings};
use birdcall::journal::{self, GapState, Query, Reader, State, StoredDelivery};
use birdcall::model::secret::Secret;
use birdcall::model::time::Timestamp;
use birdcall::rules::ruleset::Auth;
use futures_util::future::join;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::world::LISTING;
use super::{content, now, tweets};
use crate::kit::feed::{KEY, Rig, no_trust, quick};
use crate::kit::http::{Received, Reply, Server};

const HALF: Duration = Duration::from_secs(1_800);
const HOUR: Duration = Duration::from_secs(3_600);

const RULES: &str = r#"
[actions.desk]
type = "webhook"
url = "DESK"
max_age = "2h"
json = { text = "https://x.com/i/status/{{ tweet.id }} " }
[actions.bot]
type = "webhook"
url = "BOT"
trading = true
max_age = "2h"
json = { text = "https://x.com/i/status/{{ tweet.id }} " }
[[rule]]
name = "listing"
send = ["desk", "bot"]
when = { handle = "kol", keyword = "will list" }
"#;

struct Machine {
    clock: Clock,
    /// What the feed goes by.
    feeds: simulator::Clock,
    rig: Rig,
    desk: Server,
    bot: Server,
    folder: TempDir,
}

impl Machine {
    /// Its wall clock is always right.
    async fn new() -> Self {
        Self::with(Some(HistoryOptions::default()), Clock::wall).await
    }

    /// The feed's clock says what `right` does.
    async fn with(history: Option<HistoryOptions>, right: fn(&Clock) -> Timestamp) -> Self {
        let clock = Clock::starting_at(Timestamp::from_millis(now()));
        let world = clock.clone();
        let feeds: simulator::Clock = Arc::new(move || right(&world));
        let rig = Rig::start(|options| {
            options.clock = Arc::clone(&feeds);
            options.history = history;
        });
        let (desk, bot) = (Server::start(|_| Reply::new(204, "")).await, Server::start(|_| Reply::new(204, "")).await);
        Self { rig: rig.await, clock, feeds, desk, bot, folder: tempfile::tempdir().unwrap() }
    }

    fn setup(&self) -> Setup {
        let text = RULES.replace("DESK", &self.desk.url()).replace("BOT", &self.bot.url());
        let source = birdcall::rules::Source::rules("rules.toml", text);
        let rules = birdcall::rules::load(&[source]).ruleset.unwrap();
        let ways = rules.actions.iter().map(|action| {
            let target = Target::resolve(action, &mut birdcall::secrets::read).unwrap();
            Way::Send(Box::new(target))
        });
        let (tls, key, clock) = (no_trust(), Secret::new(KEY), self.clock.clone());
        let settings = Settings {
            url: self.rig.url.clone(),
            key: key.clone(),
            auth: Auth::Subprotocol,
            tls: Arc::clone(&tls),
            jitter_seed: 1,
        };
        let agent = "birdcall/test".to_owned();
        let history = self.rig.history.clone();
        let history = history.map(|url| HistorySettings { url, key, tls: Arc::clone(&tls), agent, clock: clock.clone() });
        let (journal, writer) = journal::open(self.folder.path(), rules.journal, clock.clone()).unwrap();
        let folder = self.folder.path().to_owned();
        Setup {
            ways: ways.collect(),
            rules: Arc::new(rules),
            feed: Feed::with_timers(settings, quick()).unwrap(),
            host: "localhost".to_owned(),
            history: history.map(|settings| History::new(settings).unwrap()),
            console: Box::new(std::io::sink()),
            tls,
            clock,
            state: Some(Durable { folder, journal, writer: Box::new(writer), control: None }),
            start_timeout: None,
            rehearse: None,
            reload: None,
            ends_with_console: false,
        }
    }

    fn feed(&self) -> &Handle {
        &self.rig.handle
    }

    /// The feed says it now.
    fn lists(&self, id: &str) {
        let mut tweet = content(id, LISTING);
        let at = (self.feeds)().as_millis();
        (tweet["ts"], tweet["d"]["createdAt"]) = (json!(at), json!(at));
        self.feed().send(tweet.to_string());
    }

    /// Runs the app and the `story` to its end.
    async fn run(&self, story: impl Future<Output = ()>) -> Totals {
        self.run_and(story, || {}).await
    }

    /// As [`Machine::run`], and this happens when the app has been asked to stop.
    async fn run_and(&self, story: impl Future<Output = ()>, then: impl FnOnce()) -> Totals {
        let (stop, stopped) = oneshot::channel();
        let run = app::run(self.setup(), async { stopped.await.unwrap_or_default() }, std::future::pending());
        let told = async {
            until("it hears the feed", || self.feed().stats().open == 1).await;
            story.await;
            let _ = stop.send(());
            then();
        };
        let both = join(Box::pin(run), told);
        let ((totals, ended), ()) = timeout(Duration::from_secs(40), both).await.expect("an end");
        ended.unwrap();
        totals
    }

    /// An alert comes before the end of the gap that it is from.
    async fn has_recorded_a_gap(&self) {
        let recorded = || Reader::open(self.folder.path()).and_then(|mut reader| reader.gaps(10));
        until("the gap is recorded", || recorded().is_ok_and(|gaps| gaps.len() == 1)).await;
    }

    fn rows(&self, action: &str, state: State) -> Vec<StoredDelivery> {
        let query = Query { at_most: usize::MAX, ..Query::default() };
        let mut rows = Reader::open(self.folder.path()).unwrap().deliveries(&query).unwrap();
        rows.retain(|row| row.action == action && row.state == state);
        rows
    }
}

/// Why orders are stopped, if they are.
fn stopped(machine: &Machine) -> Option<String> {
    let switch = Reader::open(machine.folder.path()).unwrap().switch().unwrap()?;
    (!switch.armed).then_some(switch.why)
}

fn gaps(machine: &Machine) -> Vec<Duration> {
    let gaps = Reader::open(machine.folder.path()).unwrap().gaps(10).unwrap();
    gaps.iter().map(|gap| gap.to.since(gap.from)).collect()
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let waited = timeout(Duration::from_secs(20), async {
        while !is() {
            sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "it never came to that: {what}");
}

/// The tweets that a receiver was told of, each with how often.
fn told(receiver: &Server) -> Vec<(String, usize)> {
    tweets(&receiver.received()).into_iter().collect()
}

fn about(id: &str, received: &[Received]) -> usize {
    tweets(received).get(id).copied().unwrap_or_default()
}

/// One order before an hour of which the program knows nothing, something that the feed said in the middle of it and that lay in the
/// connection since, and one more afterwards.
async fn an_hour_is_lost(pass: impl Fn(&Clock, Duration), words: &str) {
    let machine = Machine::new().await;
    let clock = &machine.clock;
    let (before, began) = (clock.now(), clock.wall());
    let totals = machine
        .run(async {
            machine.lists("1");
            until("the first is told", || machine.desk.received().len() == 1 && machine.bot.received().len() == 1).await;
            // Nobody gets a turn between these.
            pass(clock, HALF);
            machine.lists("2");
            pass(clock, HOUR);
            until("what was missed is told", || about("2", &machine.desk.received()) == 1).await;
            until("it hears the feed again", || machine.feed().stats().open == 1).await;
            machine.lists("3");
            until("the next is told", || about("3", &machine.desk.received()) == 1).await;
            machine.has_recorded_a_gap().await;
        })
        .await;
    let once = |ids: &[&str]| ids.iter().map(|id| ((*id).to_owned(), 1)).collect::<Vec<_>>();
    assert_eq!((told(&machine.desk), told(&machine.bot)), (once(&["1", "2", "3"]), once(&["1"])));
    assert_eq!(totals.losses, 1, "{totals}");
    let desk = machine.rows("desk", State::Delivered);
    assert_eq!(desk.iter().rev().map(|row| row.firing.late).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(machine.rows("bot", State::Expired).len(), 1, "no order is made of what was missed");
    assert_eq!(machine.rows("bot", State::Suppressed).len(), 1, "and none goes until somebody has looked");
    let mut reader = Reader::open(machine.folder.path()).unwrap();
    let switch = reader.switch().unwrap().unwrap();
    assert!(!switch.armed && switch.why == words, "{switch:?}");
    let gaps = reader.gaps(10).unwrap();
    assert!(gaps.len() == 1 && gaps[0].state == GapState::Filled, "{gaps:?}");
    // Both ends are whole milliseconds of two clocks.
    let whole = gaps[0].to.since(gaps[0].from) + Duration::from_millis(2);
    assert!(whole >= HOUR && gaps[0].from <= before.plus(Duration::from_secs(20)), "{gaps:?}");
    assert!(clock.wall().since(began) >= HOUR);
}

#[tokio::test]
async fn an_hour_that_the_machine_sleeps_is_a_gap_and_nothing_of_it_is_taken_for_fresh() {
    // The clock adds up what was slept.
    an_hour_is_lost(|clock, _| clock.sleep(HALF), "this machine stood still for 1 h 00 min").await;
}

#[tokio::test]
async fn an_hour_for_which_a_virtual_machine_is_halted_is_a_gap_too() {
    // Only the wall clock, once it is set right, tells of it.
    let pass = |clock: &Clock, until: Duration| clock.set_wall_ahead(i64::try_from(until.as_millis()).unwrap());
    an_hour_is_lost(pass, "this machine's clock jumped forward by 1 h 00 min").await;
}

#[tokio::test]
async fn an_hour_that_the_machine_sleeps_while_the_feed_is_away_is_a_part_of_the_gap() {
    let machine = Machine::new().await;
    let before = machine.clock.now();
    machine
        .run(async {
            machine.lists("1");
            until("the first is told", || machine.desk.received().len() == 1).await;
            (0..40).for_each(|_| machine.feed().refuse(502));
            let offers = machine.feed().offers().len();
            machine.feed().cut();
            until("it is refused again and again", || machine.feed().offers().len() > offers + 10).await;
            machine.clock.sleep(HALF);
            machine.lists("2");
            machine.clock.sleep(HALF);
            until("what was missed is told", || about("2", &machine.desk.received()) == 1).await;
            assert!(machine.feed().offers().len() > offers + 30, "it was refused afterwards too");
            machine.has_recorded_a_gap().await;
        })
        .await;
    let gaps = Reader::open(machine.folder.path()).unwrap().gaps(10).unwrap();
    assert!(gaps.len() == 1 && gaps[0].to.since(gaps[0].from) + Duration::from_millis(2) >= HOUR, "{gaps:?}");
    assert!(gaps[0].from <= before.plus(Duration::from_secs(20)), "{gaps:?}");
    assert_eq!(told(&machine.bot).len(), 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_orders_and_loses_nothing() {
    let machine = Machine::new().await;
    let totals = machine
        .run(async {
            machine.lists("1");
            until("the first is told", || machine.desk.received().len() == 1 && machine.bot.received().len() == 1).await;
            machine.clock.set_wall_ahead(-3_600_000);
            machine.lists("2");
            until("the second is told", || about("2", &machine.desk.received()) == 1).await;
        })
        .await;
    assert_eq!(totals.losses, 0, "{totals}");
    assert_eq!(told(&machine.bot).len(), 1);
    assert_eq!(machine.rows("bot", State::Suppressed).len(), 1);
    assert!(machine.rows("desk", State::Delivered).iter().all(|row| !row.firing.late));
}

#[tokio::test]
async fn an_hour_for_which_the_program_is_stopped_is_a_gap_too() {
    an_hour_is_lost(|clock, _| clock.stand_still(HALF), "this program stood still for 1 h 00 min").await;
}

/// So much is lost between two tweets of which the second has arrived by the end of it. Says how many connections that cost; each is a gap.
async fn costs(machine: &Machine, pass: impl Fn(&Clock), connections: u64) {
    let totals = machine
        .run(async {
            machine.lists("1");
            until("the first is told", || machine.desk.received().len() == 1 && machine.bot.received().len() == 1).await;
            pass(&machine.clock);
            machine.lists("2");
            until("the second is told", || about("2", &machine.desk.received()) == 1).await;
            if connections > 0 {
                machine.has_recorded_a_gap().await;
            }
        })
        .await;
    assert_eq!((told(&machine.bot).len(), totals.losses), (1, connections), "{totals}");
}

#[tokio::test]
async fn a_moment_that_is_lost_stops_orders_and_costs_neither_the_connection_nor_what_it_holds() {
    type Pass = (fn(&Clock), &'static str);
    let passes: [Pass; 2] = [
        (|clock| clock.sleep(Duration::from_secs(5)), "this machine stood still for 5.0 s"),
        (|clock| clock.set_wall_ahead(5_000), "this machine's clock jumped forward by 5.0 s"),
    ];
    for (pass, words) in passes {
        let machine = Machine::new().await;
        costs(&machine, pass, 0).await;
        assert_eq!((stopped(&machine).as_deref(), gaps(&machine)), (Some(words), vec![]));
        assert!(machine.rows("desk", State::Delivered).iter().all(|row| !row.firing.late));
        assert_eq!(machine.rows("bot", State::Suppressed).len(), 1);
    }
}

#[tokio::test]
async fn without_a_history_a_connection_is_kept_for_as_long_as_it_may_be_alive() {
    let machine = Machine::with(None, Clock::wall).await;
    costs(&machine, |clock| clock.sleep(Duration::from_secs(40)), 0).await;
    assert!(stopped(&machine).is_some());
    let machine = Machine::with(None, Clock::wall).await;
    let totals = machine
        .run(async {
            machine.clock.sleep(Duration::from_secs(50));
            until("it is given up", || machine.feed().offers().len() == 2).await;
            until("it hears the feed again", || machine.feed().stats().open == 1).await;
            machine.lists("1");
            until("that is told", || machine.desk.received().len() == 1).await;
        })
        .await;
    assert_eq!(totals.losses, 1, "{totals}");
    assert!(gaps(&machine).len() == 1, "{:?}", gaps(&machine));
}

const DAYS_400: i64 = 400 * 86_400_000;

#[tokio::test]
async fn a_clock_that_was_behind_and_is_put_right_has_lost_no_time() {
    let machine = Machine::with(Some(HistoryOptions::default()), |clock| clock.now().shifted(DAYS_400)).await;
    costs(&machine, |clock| clock.set_wall_ahead(DAYS_400), 0).await;
    assert_eq!(stopped(&machine).as_deref(), Some("this machine's clock jumped forward by 400 days 0 h"));
    assert!(gaps(&machine).is_empty(), "{:?}", gaps(&machine));
    assert!(machine.rows("desk", State::Delivered).iter().all(|row| !row.firing.late));
}

#[tokio::test]
async fn a_clock_that_is_put_wrong_costs_a_connection_and_no_gap_that_is_longer() {
    let machine = Machine::with(Some(HistoryOptions::default()), Clock::now).await;
    costs(&machine, |clock| clock.set_wall_ahead(DAYS_400), 1).await;
    assert!(stopped(&machine).is_some());
    assert!(matches!(gaps(&machine)[..], [gap] if gap < Duration::from_secs(60)), "{:?}", gaps(&machine));
}

#[tokio::test]
async fn an_order_that_waits_while_the_program_stops_does_not_leave_after_time_was_lost() {
    let mut machine = Machine::new().await;
    machine.bot = Server::start(|_| Reply::new(429, "").with("retry-after", "2")).await;
    let story = async {
        machine.lists("1");
        until("the bot was asked", || machine.bot.received().len() == 1).await;
    };
    machine.run_and(story, || machine.clock.sleep(HALF)).await;
    assert_eq!(machine.bot.received().len(), 1);
    assert_eq!(stopped(&machine).as_deref(), Some("this machine stood still for 30 min 00 s"), "the next run knows, too");
    let rows = State::ALL.map(|state| (state, machine.rows("bot", state).len()));
    assert!(rows.contains(&(State::Suppressed, 1)), "{rows:?}");
}
