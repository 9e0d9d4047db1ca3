//! What scenes play on: the cast, the coins, recent tweets, and the queue of envelopes that are to be sent.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::cast::{Coin, Member, Role, listed, members, memecoins};
use super::{Scheduled, between};
use crate::model::time::Timestamp;

/// Tweets that can be replied to, quoted, retweeted and pinned.
const RECENT: usize = 60;
/// The first millisecond of X's ids (PROTOCOL 2).
const X_EPOCH: i64 = 1_288_834_974_657;

/// A tweet that was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) id: String,
    /// Index into the cast.
    pub(super) author: usize,
    pub(super) text: String,
    pub(super) created: Timestamp,
    pub(super) link: String,
}

/// The world of the traffic.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) random: fastrand::Rng,
    pub(super) cast: Vec<Member>,
    pub(super) memecoins: Vec<Coin>,
    pub(super) listed: Vec<Coin>,
    pub(super) recent: VecDeque<Sent>,
    queue: BinaryHeap<Reverse<(Timestamp, u64, String)>>,
    serial: u64,
}

impl Stage {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            cast: members(),
            memecoins: memecoins(),
            listed: listed(),
            recent: VecDeque::new(),
            queue: BinaryHeap::new(),
            serial: 0,
        }
    }

    /// The next envelope, if it is sent before `curtain`.
    pub(super) fn pop_before(&mut self, curtain: Timestamp) -> Option<Scheduled> {
        let Reverse((at, ..)) = self.queue.peek()?;
        if *at >= curtain {
            return None;
        }
        self.queue.pop().map(|Reverse((at, _, json))| Scheduled { at, json })
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    /// Queues an envelope.
    pub(super) fn send(&mut self, at: Timestamp, (t, op): (&str, &str), id: Option<&str>, d: &Value) {
        let id = id.map(|id| format!("\"id\":\"{id}\",")).unwrap_or_default();
        let ts = at.as_millis();
        self.push(at, format!("{{\"v\":1,\"t\":\"{t}\",\"op\":\"{op}\",{id}\"ts\":{ts},\"d\":{d}}}"));
    }

    fn push(&mut self, at: Timestamp, json: String) {
        self.serial += 1;
        self.queue.push(Reverse((at, self.serial, json)));
    }

    /// Somebody of this role.
    pub(super) fn somebody(&mut self, role: Role) -> usize {
        let of_role: Vec<usize> = (0..self.cast.len()).filter(|index| self.cast[*index].role == role).collect();
        self.pick(&of_role)
    }

    /// One of them. There must be one.
    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.random.usize(..from.len())].clone()
    }

    /// True so often in a hundred times.
    pub(super) fn percent(&mut self, often: u32) -> bool {
        self.random.u32(0..100) < often
    }

    /// `at`, later by a random time of so many ms.
    pub(super) fn later(&mut self, at: Timestamp, from: u64, to: u64) -> Timestamp {
        let by: Duration = between(&mut self.random, from, to);
        at.plus(by)
    }

    /// An id that says when the tweet was created, as X's do: unique within the traffic.
    pub(super) fn snowflake(&mut self, created: Timestamp) -> String {
        self.serial += 1;
        let low = self.serial & 0x3f_ffff;
        let ms = u64::try_from(created.as_millis() - X_EPOCH).unwrap_or(0);
        (ms << 22 | low).to_string()
    }

    /// An id as Truth Social's, which are Mastodon's.
    pub(super) fn truth_id(&mut self, created: Timestamp) -> String {
        self.serial += 1;
        let ms = u64::try_from(created.as_millis()).unwrap_or(0);
        (ms << 16 | (self.serial & 0xffff)).to_string()
    }

    /// Remembers a tweet for replies, quotes, retweets and pins.
    pub(super) fn remember(&mut self, sent: Sent) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(sent);
    }

    /// A recent tweet of somebody else than `not`.
    pub(super) fn recall(&mut self, not: usize) -> Option<Sent> {
        let others: Vec<Sent> = self.recent.iter().filter(|sent| sent.author != not).cloned().collect();
        (!others.is_empty()).then(|| self.pick(&others))
    }

    /// An account as the feed writes it, in short.
    pub(super) fn account(&self, index: usize) -> Value {
        let member = &self.cast[index];
        let mut account = json!({
            "id": member.id,
            "handle": format!("@{}", member.handle),
            "name": member.name,
            "platform": "twitter",
            "profileImage": format!("https://pbs.twimg.com/profile_images/{}/p_normal.jpg", member.id),
            "followersCount": member.followers,
            "verifiedType": member.verified,
        });
        if member.role == Role::Truth {
            account["platform"] = "truth_social".into();
            account["bio"] = "Public servant. Posts are my own and FINAL.".into();
            account["url"] = format!("https://truthsocial.com/@{}", member.handle).into();
            account["joinedAt"] = 1_645_000_000_000_i64.into();
        }
        account
    }
}
