//! The socket of a running instance, and the commands that use it. The instance is a stand-in that answers as it is told and keeps what
//! it was asked; the journal is a real one on disk.

mod commands;
mod hostile;
mod journal;
mod mutes;
mod socket;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use birdcall::control::{Answer, Command, Server};
use birdcall::model::mode::Mode;
use birdcall::model::status::{
    Count, EditCounts, FeedState, FeedStatus, Gap, GapState, JournalState, JournalStatus, LaneState, LaneStatus, LastTweet,
    OrdersStatus, RefusedRules, RulesStatus, Status, WindowStatus,
};
use birdcall::model::time::Timestamp;

/// A server that is polled in a task of its own. It ends with this value.
struct Instance {
    asked: Arc<Mutex<Vec<Command>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Instance {
    /// `answer` says what to answer; `None` drops the question.
    #[expect(clippy::disallowed_methods, reason = "in these tests we are the app")]
    fn start(folder: &Path, mut answer: impl FnMut(&Command) -> Option<Answer> + Send + 'static) -> Self {
        let mut server = Server::bind(folder).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            loop {
                let ask = server.next().await;
                let said = answer(&ask.command);
                kept.lock().unwrap().push(ask.command);
                if let Some(said) = said {
                    ask.answer.answer(said);
                }
            }
        });
        Self { asked, task }
    }

    fn asked(&self) -> Vec<Command> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_781_700_000_000 + ms)
}

fn window() -> WindowStatus {
    WindowStatus { rule: "confluence".to_owned(), keys: 20_000, matches: 25_004, evicted_keys: 17, evicted_matches: 0, late: 2 }
}

/// With something in every field.
fn status() -> Status {
    let lane = |action: &str, state, why: Option<&str>| LaneStatus {
        action: action.to_owned(),
        kind: "discord".to_owned(),
        mode: Mode::Armed,
        trading: action == "bot",
        state,
        why: why.map(str::to_owned),
        waiting: 3,
        warm: true,
        delivered: 1_234,
        attempts: 1_300,
        edits: EditCounts { made: 12, failed: u64::from(action == "bot") },
    };
    let gap = |from, to, state, why: Option<&str>| Gap { from, to, state, why: why.map(str::to_owned) };
    Status {
        pid: 4_242,
        version: "0.1.0".to_owned(),
        started_at: moment(-7_500_000),
        now: moment(0),
        feed: FeedStatus {
            state: FeedState::Lost,
            why: Some("the feed was silent for 45 s".to_owned()),
            host: "api.tweetstream.io".to_owned(),
            since: moment(-12_000),
            last_frame_at: Some(moment(-13_000)),
            last_tweet: Some(LastTweet { id: "2067225747256360460".to_owned(), at: moment(-200_000) }),
            lag_ms: Some(310),
            losses: 2,
            gaps: vec![
                gap(moment(-90_000), Some(moment(-60_000)), GapState::Unavailable, Some("the plan has no history")),
                gap(moment(-13_000), None, GapState::Open, None),
            ],
        },
        orders: OrdersStatus { armed: false, why: Some("the feed lags".to_owned()), since: Some(moment(-10_000)) },
        mutes: 2,
        rules: Some(RulesStatus {
            rules: 12,
            actions: 2,
            since: moment(-7_000_000),
            refused: Some(RefusedRules {
                at: moment(-20_000),
                brief: "rules.toml:3:1: unknown key `handel`".to_owned(),
                text: "error: unknown key `handel`\n --> rules.toml:3:1".to_owned(),
            }),
            after_restart: vec!["[feed] url".to_owned()],
        }),
        journal: JournalStatus {
            state: JournalState::Degraded,
            why: Some("the disk is full; free some space".to_owned()),
            bytes: 13_000_000,
            queue: 17,
            shed: 5,
            unrecorded: 1,
        },
        lanes: vec![lane("desk", LaneState::Ok, None), lane("bot", LaneState::CircuitOpen, Some("503, 5 times in a row"))],
        windows: vec![window()],
        counts: vec![Count {
            rule: "上場".to_owned(),
            action: "desk".to_owned(),
            matched: 10,
            delivered: 4,
            suppressed: BTreeMap::from([("paper".to_owned(), 2), ("overflow".to_owned(), 1)]),
            expired: 1,
            dead: 1,
            unknown: 0,
            pending: 1,
        }],
        agree: true,
        tasks: 5,
    }
}
