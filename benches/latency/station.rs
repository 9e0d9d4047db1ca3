//! One contender with its feed and its receiver, and the loads that it is put under.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::board::{Board, Mistakes};
use crate::ends::{Feed, receive};
use crate::envelopes::{decoy, matching};

/// What a round can fail of.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Between two envelopes: 200 a second.
const PACE: Duration = Duration::from_millis(5);
/// One in so many is a decoy.
const DECOY_EVERY: u64 = 5;
/// Connections are open and whatever a start brings is done by then.
const SETTLING: Duration = Duration::from_millis(500);
/// From its start until it listens to the feed.
const START: Duration = Duration::from_secs(10);
/// Between two bursts.
const PAUSE: Duration = Duration::from_millis(50);

const RULES: &str = r#"
[feed]
key = "env:FEED_KEY"
[actions.hook]
type = "webhook"
url = "env:HOOK"
json = { tweetId = "{{ tweet.id }}", text = "{{ tweet.text }}" }
ORDERS
[[rule]]
name = "doge"
send = ["hook"]
when = { handle = "elonmusk", keyword = "doge" }
"#;

/// What stands between the feed and the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Floor,
    Alerts,
    /// The requests are orders: none leaves before its intent is in the journal.
    Orders,
}

/// Who takes a turn.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Birdcall's.
    pub(crate) program: PathBuf,
    /// It counts what it runs; what fires is printed, too, so that this is counted.
    pub(crate) counts: bool,
}

impl Contender {
    fn command(&self, home: &TempDir, feed: &str, hook: &str) -> Result<Command, Failure> {
        if self.kind == Kind::Floor {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["floor", feed, hook]);
            return Ok(command);
        }
        let orders = if self.kind == Kind::Orders { "trading = true\nmax_age = \"20s\"" } else { "" };
        let mut rules = RULES.replace("ORDERS", orders);
        if self.counts {
            rules = rules.replace(r#"send = ["hook"]"#, r#"send = ["hook", "out"]"#) + "[actions.out]\ntype = \"console\"\n";
        }
        std::fs::write(home.path().join("rules.toml"), rules)?;
        let mut command = Command::new(&self.program);
        command.args(["run", "rules.toml", "--url", &format!("ws://{feed}/ws")]).env_clear();
        command
            .env("BIRDCALL_STATE", home.path().join("state"))
            .env("FEED_KEY", "any")
            .env("HOOK", format!("http://{hook}/hook"));
        Ok(command)
    }
}

/// A contender that runs. It ends with this value.
pub(crate) struct Station {
    feed: Feed,
    board: Rc<Board>,
    next: u64,
    counts: bool,
    child: Child,
    _home: TempDir,
}

impl Station {
    pub(crate) async fn start(contender: &Contender) -> Result<Self, Failure> {
        let feed = TcpListener::bind("127.0.0.1:0").await?;
        let hook = TcpListener::bind("127.0.0.1:0").await?;
        let home = tempfile::tempdir()?;
        let mut command = contender.command(&home, &feed.local_addr()?.to_string(), &hook.local_addr()?.to_string())?;
        let board = Rc::new(Board::default());
        spawn_local(receive(hook, Rc::clone(&board)));
        let log = File::create(home.path().join("log"))?;
        command.current_dir(home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn()?;
        let accepted = timeout(START, Feed::accept(&feed)).await;
        let Ok(feed) = accepted else {
            return Err(format!("{} never came:\n{}", contender.name, std::fs::read_to_string(home.path().join("log"))?).into());
        };
        sleep(SETTLING).await;
        Ok(Self { feed: feed?, board, next: 0, counts: contender.counts, child, _home: home })
    }

    /// So many envelopes, one every [`PACE`]. What each that matches took, in µs.
    pub(crate) async fn paced(&mut self, count: u64) -> Result<Vec<f64>, Failure> {
        let (first, mut due) = (self.next, Instant::now());
        for _ in 0..count {
            due += PACE;
            sleep_until(due).await;
            self.send(!self.next.is_multiple_of(DECOY_EVERY)).await?;
        }
        Ok(self.board.home(first..self.next).await)
    }

    /// So many that match at once. What each took, in µs.
    pub(crate) async fn burst(&mut self, size: u64) -> Result<Vec<f64>, Failure> {
        let first = self.next;
        for _ in 0..size {
            self.send(true).await?;
        }
        let took = self.board.home(first..self.next).await;
        sleep(PAUSE).await;
        Ok(took)
    }

    /// What went wrong so far.
    pub(crate) fn mistakes(&self) -> Mistakes {
        self.board.mistakes()
    }

    async fn send(&mut self, matches: bool) -> Result<(), Failure> {
        let (number, now) = (self.next, jiff::Timestamp::now().as_millisecond());
        let frame = if matches { matching(number, now) } else { decoy(number, now) };
        self.next += 1;
        self.board.sent(number, matches);
        Ok(self.feed.send(frame).await?)
    }
}

impl Station {
    /// One that counts what it runs writes that down when it ends by itself.
    fn ask_to_end(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        for _ in 0..if asked { 200 } else { 0 } {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        if self.counts {
            self.ask_to_end();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
