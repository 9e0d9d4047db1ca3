//! envelope → subject: what is known of a tweet so far. Pure.
//!
//! A tweet comes in parts (content, updates, metas), in any order, twice or never. [`Joiner`] keeps the distinct parts of each remembered
//! tweet in an order that does not depend on their arrival and makes the tweet as a fold over them. So neither order nor duplication of
//! envelopes can matter.

mod account;
mod merge;
mod part;
mod remembered;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use self::part::{Part, Rank};
use self::remembered::{Learned, Remembered};
use crate::model::envelope::{Body, Envelope, TweetPart};
use crate::model::ids::TweetId;
use crate::model::limits;
use crate::model::subject::{About, AccountEvent, Event, Subject, Tweet};
use crate::model::time::Timestamp;

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Tweets.
    pub tweets: usize,
    /// Bytes of all tweets together. One tweet may take an eighth of them.
    pub bytes: usize,
    /// Parts of one tweet, of each sort (content, update, meta, pin), so that a flood of one sort cannot keep another out.
    pub parts: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { tweets: limits::JOIN_TWEETS, bytes: limits::JOIN_BYTES, parts: limits::PARTS_PER_TWEET }
    }
}

/// What an envelope came to.
#[derive(Clone, Debug)]
pub enum Joined {
    /// Something was said of a tweet; [`Joiner::get`] and [`Joiner::subject`] have it.
    Tweet {
        /// Which one.
        id: TweetId,
        /// Whether anything is known now that was not before.
        changed: bool,
    },
    /// Something happened to a tweet or an account, once.
    Event {
        /// What is known of it.
        subject: Subject,
        /// The envelope said something new of a tweet that the feed had told of before: rules on tweets have not seen it.
        taught: bool,
    },
    /// Nothing that rules are about: control messages, callouts, unknown pairs.
    Nothing,
}

/// What a joiner holds and what it had to let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tweets remembered now.
    pub tweets: usize,
    /// Bytes that they take, near enough.
    pub bytes: usize,
    /// Tweets forgotten since the start, the oldest first.
    pub evicted: u64,
    /// Parts not kept since the start, because their tweet had enough of them.
    pub refused: u64,
}

/// The tweets that may still be completed. `S` is what the engine hangs on each; it is forgotten with the tweet.
#[derive(Debug)]
pub struct Joiner<S> {
    bounds: Bounds,
    /// In boxes, and with room for twice as many: a table that tweets come and go in has itself copied to one of twice its size sooner or later,
    /// and that must be a small one.
    tweets: HashMap<TweetId, Box<Remembered<S>>>,
    /// By first arrival, and not by last use: otherwise one tweet could be kept for ever by talking about it.
    ring: VecDeque<TweetId>,
    bytes: usize,
    /// How far the feed's clock is ahead of ours, in ms.
    ahead: i64,
    /// Gone, but the engine may still have to settle rules on them. Taken after every envelope.
    forgotten: Vec<(Subject, S)>,
    evicted: u64,
    refused: u64,
}

impl<S: Default> Joiner<S> {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let tweets = HashMap::with_capacity(bounds.tweets.saturating_mul(2));
        let (ring, forgotten) = (VecDeque::new(), Vec::new());
        Self { bounds, tweets, ring, bytes: 0, ahead: 0, forgotten, evicted: 0, refused: 0 }
    }

    /// The feed's clock is `ms` ahead of ours (negative: behind). What it states is dated by its clock, and aged by ours.
    pub fn feed_is_ahead(&mut self, ms: i64) {
        self.ahead = ms;
    }

    /// Takes in an envelope that came at `at`.
    pub fn absorb(&mut self, envelope: &Envelope<'_>, at: Timestamp) -> Joined {
        let (ts, ahead) = (envelope.ts, self.ahead);
        let about_account = |event, (about, observed): (AccountEvent, Option<Timestamp>)| {
            let subject = Subject { event, about: About::Account(Arc::new(about)), at: not_after(observed.or(ts), at, ahead) };
            Joined::Event { subject, taught: false }
        };
        let id = || envelope.id.as_deref();
        match &envelope.body {
            Body::Content(part) => self.tweet(Part::of_tweet(part, Rank::Content, ts), at),
            Body::Update(part) => self.tweet(Part::of_tweet(part, Rank::Update, ts), at),
            Body::Meta(meta) => self.tweet(Part::of_meta(meta, ts), at),
            Body::Delete(part) => self.lifecycle(Event::Delete, part, ts, at),
            Body::Pin(part) => self.lifecycle(Event::Pin, part, ts, at),
            Body::Unpin(part) => self.lifecycle(Event::Unpin, part, ts, at),
            Body::ProfileUpdate(update) => about_account(Event::ProfileUpdate, account::profile_update(update, id())),
            Body::Follow(follow) => about_account(Event::Follow, account::follow(follow, Event::Follow, id())),
            Body::Unfollow(follow) => about_account(Event::Unfollow, account::follow(follow, Event::Unfollow, id())),
            Body::Callout(_) | Body::HandlesResult(_) | Body::AuthPing | Body::AuthPong | Body::Unknown { .. } => Joined::Nothing,
        }
    }

    /// A remembered tweet with what hangs on it.
    pub fn get(&mut self, id: &TweetId) -> Option<(&Arc<Tweet>, &mut S)> {
        self.tweets.get_mut(id).map(|remembered| (&remembered.tweet, &mut remembered.state))
    }

    /// Whether a tweet is remembered.
    #[must_use]
    pub fn contains(&self, id: &TweetId) -> bool {
        self.tweets.contains_key(id)
    }

    /// A remembered tweet as the subject of rules on tweets. It happened when it was published, else when the feed first spoke of it, and
    /// never later than it came to us.
    #[must_use]
    pub fn subject(&self, id: &TweetId) -> Option<Subject> {
        self.tweets.get(id).map(|remembered| subject_of(remembered, self.ahead))
    }

    /// The tweets that had to be forgotten since this was last asked, with what hung on them.
    pub fn take_forgotten(&mut self) -> Vec<(Subject, S)> {
        std::mem::take(&mut self.forgotten)
    }

    /// Counts what is let go anew.
    pub fn reset_counts(&mut self) {
        (self.evicted, self.refused) = (0, 0);
    }

    /// What is held and what was let go.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { tweets: self.tweets.len(), bytes: self.bytes, evicted: self.evicted, refused: self.refused }
    }

    fn tweet(&mut self, part: Part, at: Timestamp) -> Joined {
        let id = part.says.id.clone();
        let changed = self.remember(&id, at, |remembered, bounds| remembered.learn(part, bounds));
        Joined::Tweet { id, changed }
    }

    /// Delete, pin or unpin: the subject is the remembered tweet, with what the envelope itself says where nothing better is known.
    fn lifecycle(&mut self, event: Event, part: &TweetPart<'_>, ts: Option<Timestamp>, at: Timestamp) -> Joined {
        let part = Part::of_tweet(part, Rank::Pin, ts);
        let id = part.says.id.clone();
        let deleted_at = (event == Event::Delete).then(|| ts.unwrap_or(at));
        let changed = part.says_something() && self.remember(&id, at, |remembered, bounds| remembered.learn(part, bounds));
        if let Some(deleted_at) = deleted_at {
            self.remember(&id, at, |remembered, _| remembered.deleted(deleted_at));
        }
        let tweet = self.tweets.get(&id).map_or_else(|| Arc::new(Tweet::unknown(id)), |known| Arc::clone(&known.tweet));
        let taught = changed && (tweet.parts.content || tweet.parts.update || tweet.parts.meta);
        Joined::Event { subject: Subject { event, about: About::Tweet(tweet), at: not_after(ts, at, self.ahead) }, taught }
    }

    /// Lets `learn` work on a tweet, which is remembered from now on if it was not, and keeps the bounds.
    fn remember(&mut self, id: &TweetId, at: Timestamp, learn: impl FnOnce(&mut Remembered<S>, Bounds) -> Learned) -> bool {
        let remembered = self.tweets.entry(id.clone()).or_insert_with(|| {
            self.ring.push_back(id.clone());
            let new = Remembered::new(id.clone(), at);
            self.bytes += new.bytes;
            Box::new(new)
        });
        let before = remembered.bytes;
        let learned = learn(remembered, self.bounds);
        self.bytes = (self.bytes + remembered.bytes).saturating_sub(before);
        self.refused += u64::from(learned.refused);
        self.evict(id);
        learned.changed
    }

    /// Forgets the oldest tweets until the bounds hold; never the one that is being spoken of.
    fn evict(&mut self, current: &TweetId) {
        while self.tweets.len() > 1 && (self.tweets.len() > self.bounds.tweets || self.bytes > self.bounds.bytes) {
            let Some(oldest) = self.ring.pop_front() else { return };
            if oldest == *current {
                self.ring.push_back(oldest);
            } else if let Some(gone) = self.tweets.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(gone.bytes);
                self.evicted += 1;
                self.forgotten.push((subject_of(&gone, self.ahead), gone.state));
            }
        }
    }
}

fn subject_of<S: Default>(remembered: &Remembered<S>, ahead: i64) -> Subject {
    let stated = remembered.tweet.created_at.or_else(|| remembered.first_ts());
    let at = not_after(stated, remembered.since, ahead);
    Subject { event: Event::Tweet, about: About::Tweet(Arc::clone(&remembered.tweet)), at }
}

/// The stated moment by our clock, which the feed's is `ahead` of; `at` when there is none or it lies ahead all the same (a feed with a wrong
/// clock must not make a subject that never ages).
fn not_after(stated: Option<Timestamp>, at: Timestamp, ahead: i64) -> Timestamp {
    stated.map_or(at, |stated| stated.shifted(ahead.saturating_neg()).min(at))
}
