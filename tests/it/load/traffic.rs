//! What a day of the feed is like: the demo's traffic, some tweets that match, and one envelope in a hundred that comes with a fault.

use std::collections::{BTreeMap, VecDeque};

use birdcall::feed::simulator::traffic::Traffic;
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};

/// The first id of a tweet that matches. None of the traffic's is near it.
const FIRST: u64 = 2_000_000_000_000_000_000;
/// Of a thousand envelopes so many match, and so many come with a fault.
const MATCHING: u32 = 30;
const FAULTY: u32 = 10;
/// Of a hundred tweets that match so many find one of the four destinations in trouble: one request in a hundred to each.
const TROUBLED: u32 = 2;
/// Of the traffic, one in so many is by an account that the history knows. All that matches is.
const KNOWN: u64 = 10;
/// Frames that may be sent once more.
const RECENT: usize = 500;

/// What is to be done next.
pub(super) enum Step {
    /// A frame that is in the history, too.
    Send(String),
    /// One that is not.
    Only(String),
    Binary(Vec<u8>),
    /// The connection ends.
    Lose(Loss),
    /// The next request to one of the destinations goes wrong; it has a number.
    Trouble(usize, Trouble),
}

/// How the feed loses its clients.
#[derive(Clone, Copy)]
pub(super) enum Loss {
    Cut,
    HalfAFrame,
    BadText,
    Close,
}

/// How a destination fails.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    Failure,
    TooMany,
    Reset,
    Slow,
}

/// The rules that match, by the words that they look for.
pub(super) const RULES: [&str; 3] = ["listing", "pricing", "watching"];

pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A post by the account that the rules are about.
pub(super) fn content(tweet: u64, text: &str) -> String {
    post(FIRST + tweet, "soak", text)
}

fn post(id: u64, handle: &str, text: &str) -> String {
    let (id, at) = (id.to_string(), now());
    json!({"v": 1, "t": "tweet", "op": "content", "id": id, "ts": at, "d": {
        "tweetId": id, "kind": "post", "text": text, "createdAt": at,
        "author": {"id": "1", "handle": format!("@{handle}"), "name": "Soak", "followers": 12_345},
        "link": format!("https://x.com/{handle}/status/{id}")}})
    .to_string()
}

fn meta(tweet: u64) -> String {
    let (id, at) = (id(tweet), now());
    let token = json!({"symbol": "ORBL", "contract": "So11111111111111111111111111111111111111112", "chain": "solana",
        "priceUsd": 0.25, "sources": ["text"]});
    json!({"v": 1, "t": "tweet", "op": "meta", "id": id, "ts": at, "d": {"tweetId": id, "detected": {"tokens": [token]}}})
        .to_string()
}

fn id(tweet: u64) -> String {
    (FIRST + tweet).to_string()
}

/// The number of the tweet that a message is about, by the link in it or by its own word.
pub(super) fn tweet_of(message: &Value) -> Option<u64> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok();
    let id = match message["tweet"].as_str() {
        Some(id) => digits(id),
        None => message.to_string().split_once("/status/").and_then(|(_, rest)| digits(rest)),
    };
    id?.checked_sub(FIRST)
}

/// The day, envelope by envelope.
pub(super) struct Mix {
    random: fastrand::Rng,
    traffic: Traffic,
    rate: u32,
    next: VecDeque<Step>,
    /// What comes when so many envelopes were sent.
    later: VecDeque<(u64, Step)>,
    /// Envelopes between two losses of the connection.
    losses: u64,
    turn: usize,
    recent: VecDeque<String>,
    /// Envelopes sent.
    pub(super) sent: u64,
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// The rule that each tweet fires.
    pub(super) matched: Vec<usize>,
}

impl Mix {
    /// `losses`: after so many envelopes the connection is lost, and again.
    pub(super) fn new(seed: u64, rate: u32, losses: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            traffic: Traffic::new(seed, f64::from(rate), Timestamp::from_millis(now())),
            rate,
            next: VecDeque::new(),
            later: VecDeque::new(),
            losses,
            turn: 0,
            recent: VecDeque::new(),
            sent: 0,
            faults: BTreeMap::new(),
            matched: Vec::new(),
        }
    }

    /// How often the connection is lost by the time that so many were sent. The first time comes early: what a gap leaves behind must be
    /// part of what memory is compared with.
    fn lost_by(&self, sent: u64) -> u64 {
        (sent + self.losses - self.losses / 3) / self.losses
    }

    /// How often it was lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost_by(self.sent)
    }

    /// What is to be done next.
    pub(super) fn next(&mut self) -> Step {
        let step = self.pull();
        if matches!(step, Step::Send(_) | Step::Only(_) | Step::Binary(_)) {
            self.sent += 1;
            if self.lost_by(self.sent) > self.lost_by(self.sent - 1) {
                self.lose();
            }
        }
        step
    }

    /// What is still to come of what was sent.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = Step> {
        self.next.drain(..).chain(self.later.drain(..).map(|(_, step)| step))
    }

    /// How many tweets fire a rule.
    pub(super) fn firings(&self, rule: usize) -> u64 {
        self.matched.iter().filter(|of| **of == rule).count() as u64
    }

    fn pull(&mut self) -> Step {
        if let Some(step) = self.next.pop_front() {
            return step;
        }
        if let Some((_, step)) = self.later.pop_front_if(|(at, _)| *at <= self.sent) {
            return step;
        }
        match self.random.u32(0..1_000) {
            draw if draw < FAULTY => self.fault(),
            draw if draw < FAULTY + MATCHING => {
                let rule = self.random.usize(0..RULES.len());
                self.matching(rule)
            }
            _ => self.plain(),
        }
    }

    fn plain(&mut self) -> Step {
        // Its moments must be those of the clock.
        let (now, due) = (now(), self.traffic.due().as_millis());
        if (now - due).abs() > 1_000 {
            self.traffic.skip_to(Timestamp::from_millis(now));
        }
        let frame = self.traffic.take().json;
        if self.random.u64(0..KNOWN) == 0 { Step::Send(frame) } else { Step::Only(frame) }
    }

    fn tweet(&mut self, rule: usize) -> u64 {
        self.matched.push(rule);
        self.matched.len() as u64 - 1
    }

    fn matching(&mut self, rule: usize) -> Step {
        let tweet = self.tweet(rule);
        let frame = content(tweet, ["Soak will list this", "Soak will price this", "Soak will watch this"][rule]);
        if rule == 1 {
            // A fifth of a second later, as the feed does it.
            self.later.push_back((self.sent + u64::from(self.rate / 5), Step::Send(meta(tweet))));
        }
        if self.random.u32(0..100) < TROUBLED {
            let trouble = self.trouble();
            self.next.push_back(trouble);
        }
        self.recent.push_back(frame.clone());
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        Step::Send(frame)
    }

    fn fault(&mut self) -> Step {
        const KINDS: [&str; 7] =
            ["broken JSON", "cut in half", "twice", "meta first", "unknown operation", "huge text", "bad UTF-8"];
        let kind = self.turn % KINDS.len();
        self.turn += 1;
        self.count(KINDS[kind]);
        match kind {
            0 => Step::Only(r#"{"v":1,"t":"tweet","op":"content",,"id":"#.to_owned()),
            1 => {
                let mut frame = self.traffic.take().json;
                let half = (0..=frame.len() / 2).rev().find(|at| frame.is_char_boundary(*at)).unwrap_or_default();
                frame.truncate(half);
                Step::Only(frame)
            }
            2 => {
                let at = self.random.usize(0..self.recent.len().max(1));
                self.recent.get(at).cloned().map_or_else(|| self.plain(), Step::Only)
            }
            3 => {
                let tweet = self.tweet(1);
                self.next.push_back(Step::Send(content(tweet, "Soak will price this")));
                Step::Send(meta(tweet))
            }
            4 => Step::Only(r#"{"v":1,"t":"tweet","op":"frobnicate","id":"1","d":{"tweetId":"1","more":[1,2,3]}}"#.to_owned()),
            5 => {
                let (nth, text) = ((self.turn / KINDS.len()) as u64, "lorem ipsum ".repeat(8_000));
                // As of the traffic, the history knows one in so many: else most of what it gives out would be this.
                if nth.is_multiple_of(KNOWN) {
                    let tweet = self.tweet(0);
                    Step::Send(content(tweet, &format!("Soak will list this {text}")))
                } else {
                    Step::Only(post(FIRST - nth, "crowd", &text))
                }
            }
            _ => Step::Binary(b"{\"v\":1,\"t\":\"tweet\",\"op\":\"content\",\"id\":\"\xff\xfe\"}".to_vec()),
        }
    }

    /// One of the destinations fails. Those that are asked often fail more often.
    fn trouble(&mut self) -> Step {
        const KINDS: [(&str, Trouble); 4] = [
            ("destination says 500", Trouble::Failure),
            ("destination says 429", Trouble::TooMany),
            ("destination resets", Trouble::Reset),
            ("destination is slow", Trouble::Slow),
        ];
        let (name, trouble) = KINDS[self.random.usize(0..KINDS.len())];
        self.count(name);
        let of = match self.random.u32(0..100) {
            0..2 => 1,
            2..4 => 2,
            4..52 => 3,
            _ => 0,
        };
        Step::Trouble(of, trouble)
    }

    fn count(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }

    fn lose(&mut self) {
        const KINDS: [(&str, Loss); 4] = [
            ("connection cut", Loss::Cut),
            ("connection cut within a frame", Loss::HalfAFrame),
            ("bad UTF-8 in a text frame", Loss::BadText),
            ("feed restarts", Loss::Close),
        ];
        let (kind, loss) = KINDS[usize::try_from(self.lost()).unwrap() % KINDS.len()];
        self.count(kind);
        self.next.push_back(Step::Lose(loss));
    }
}
