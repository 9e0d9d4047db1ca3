//! envelope → subject: what is known of a tweet so far. Pure.
//!
//! A tweet comes in parts (content, updates, metas), in any order, twice or never. [`Joiner`] keeps the distinct parts of each remembered
//! tweet in an order that does not depend on their arrival and makes the tweet as a fold over them. So neither order nor duplication of
//! envelopes can matter. Of most tweets no rule wants anything: each part is packed into one piece of memory, and the tweet is made, with texts
//! that lie in there, when somebody asks for it.

mod account;
mod merge;
mod packed;
mod part;
mod remembered;
mod said;

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use self::packed::Packer;
use self::part::Rank;
use self::remembered::Remembered;
pub use self::said::{Said, Whole};
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
    /// How long each, from when it was first heard of.
    pub age: Duration,
    /// Bytes of all tweets together. One tweet may take an eighth of them.
    pub bytes: usize,
    /// Parts of one tweet, of each sort (content, update, meta, pin), so that a flood of one sort cannot keep another out.
    pub parts: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { tweets: limits::JOIN_TWEETS, age: limits::JOIN_AGE, bytes: limits::JOIN_BYTES, parts: limits::PARTS_PER_TWEET }
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
    /// Tweets forgotten since the start for want of room, the oldest first.
    pub evicted: u64,
    /// Parts not kept since the start, because their tweet had enough of them.
    pub refused: u64,
}

/// A remembered tweet.
#[derive(Debug)]
pub struct Known<'j, S> {
    /// All that has been said of it.
    pub tweet: Whole<'j>,
    /// What hangs on it.
    pub state: &'j mut S,
    /// When it was published, else when the feed first spoke of it, and never later than it came to us.
    pub at: Timestamp,
}

impl<S> Known<'_, S> {
    /// It as the subject of rules on tweets.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::of_tweet(self.tweet.owned(), self.at)
    }
}

/// A tweet that had to be forgotten.
#[derive(Debug)]
pub struct Forgotten<S> {
    tweet: Remembered<S>,
    ahead: i64,
}

impl<S: Default> Forgotten<S> {
    /// What hung on it.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.tweet.state
    }

    /// It as it was known.
    pub fn known(&mut self) -> Known<'_, S> {
        known(&mut self.tweet, self.ahead)
    }
}

/// The tweets that may still be completed. `S` is what the engine hangs on each; it is forgotten with the tweet.
#[derive(Debug)]
pub struct Joiner<S> {
    bounds: Bounds,
    /// The lower half of the number of each tweet, by its id, which stands in `tweets`. With room for twice as many: a table that things come and
    /// go in has itself copied to one of twice its size sooner or later, and that takes its time.
    numbers: HashTable<u32>,
    /// By first arrival, and not by last use: otherwise one tweet could be kept for ever by talking about it. With room for all that there may
    /// be, for the same reason.
    tweets: VecDeque<Remembered<S>>,
    /// The number of the first of them; the others follow.
    first: u64,
    /// The number of the one that was spoken of last.
    latest: u64,
    packer: Packer,
    bytes: usize,
    /// How far the feed's clock is ahead of ours, in ms.
    ahead: i64,
    /// Gone, but the engine may still have to settle rules on them. Taken after every envelope.
    forgotten: VecDeque<Forgotten<S>>,
    evicted: u64,
    refused: u64,
    /// None is forgotten for its age.
    keeps_old: bool,
}

/// Of old tweets, so many are forgotten at once: they have time.
const OLD_AT_ONCE: usize = 8;

impl<S: Default> Joiner<S> {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            numbers: HashTable::with_capacity(bounds.tweets.saturating_mul(2)),
            tweets: VecDeque::with_capacity(bounds.tweets.saturating_add(2)),
            first: 0,
            latest: 0,
            packer: Packer::default(),
            bytes: 0,
            ahead: 0,
            forgotten: VecDeque::new(),
            evicted: 0,
            refused: 0,
            keeps_old: false,
        }
    }

    /// Has the system give the room that is reserved for numbers, if nothing is remembered yet: it gives memory page by page, to who first writes
    /// there, and a tweet that does would wait for it.
    pub fn touch(&mut self) {
        if self.tweets.is_empty() {
            // They fall anywhere, and far fewer than there is room for leave no page out.
            for number in 0..low(self.bounds.tweets as u64 / 8) {
                self.numbers.insert_unique(FixedState::default().hash_one(number), number, |_| 0);
            }
            self.numbers.clear();
        }
    }

    /// The feed's clock is `ms` ahead of ours (negative: behind). What it states is dated by its clock, and aged by ours.
    pub fn feed_is_ahead(&mut self, ms: i64) {
        self.ahead = ms;
    }

    /// Whether tweets are kept however old they are, as what is still to be heard may be of any.
    pub fn keep_old(&mut self, keep: bool) {
        self.keeps_old = keep;
    }

    /// Takes in an envelope that came at `at`.
    pub fn absorb(&mut self, envelope: &Envelope<'_>, at: Timestamp) -> Joined {
        if let Some(said) = Said::of(envelope) {
            let changed = self.absorb_said(&said, at);
            return Joined::Tweet { id: said.tweet.id, changed };
        }
        let (ts, ahead) = (envelope.ts, self.ahead);
        let about_account = |event, (about, observed): (AccountEvent, Option<Timestamp>)| {
            let subject = Subject { event, about: About::Account(Arc::new(about)), at: not_after(observed.or(ts), at, ahead) };
            Joined::Event { subject, taught: false }
        };
        let id = || envelope.id.as_deref();
        match &envelope.body {
            Body::Delete(part) => self.lifecycle(Event::Delete, part, ts, at),
            Body::Pin(part) => self.lifecycle(Event::Pin, part, ts, at),
            Body::Unpin(part) => self.lifecycle(Event::Unpin, part, ts, at),
            Body::ProfileUpdate(update) => about_account(Event::ProfileUpdate, account::profile_update(update, id())),
            Body::Follow(follow) => about_account(Event::Follow, account::follow(follow, Event::Follow, id())),
            Body::Unfollow(follow) => about_account(Event::Unfollow, account::follow(follow, Event::Unfollow, id())),
            // Of the tweets, what is said stands above.
            Body::Content(_) | Body::Update(_) | Body::Meta(_) => Joined::Nothing,
            Body::Callout(_) | Body::HandlesResult(_) | Body::AuthPing | Body::AuthPong | Body::Unknown { .. } => Joined::Nothing,
        }
    }

    /// Takes in what an envelope that came at `at` says of a tweet, and says whether anything is known now that was not before.
    pub fn absorb_said(&mut self, said: &Said<'_>, at: Timestamp) -> bool {
        self.learn((said.rank, said.ts, &said.tweet), at)
    }

    /// A remembered tweet with what hangs on it.
    pub fn get(&mut self, id: &TweetId) -> Option<Known<'_, S>> {
        let ahead = self.ahead;
        self.place(id).and_then(|place| self.tweets.get_mut(place)).map(|remembered| known(remembered, ahead))
    }

    /// As [`Joiner::get`], right after this was absorbed and changed the tweet. If it is all that was ever said of it, it is the tweet: to unpack
    /// what has just been packed would be one more piece of work in front of an alert.
    #[inline]
    pub fn get_after<'j>(&'j mut self, said: &'j Said<'_>) -> Option<Known<'j, S>> {
        let ahead = self.ahead;
        let remembered = self.place(&said.tweet.id).and_then(|place| self.tweets.get_mut(place))?;
        if !remembered.is_only(said.rank) {
            return Some(known(remembered, ahead));
        }
        let at = not_after(said.tweet.created_at.or(remembered.first_ts()), remembered.since, ahead);
        Some(Known { tweet: Whole::Said(&said.tweet), state: &mut remembered.state, at })
    }

    /// What hangs on a tweet of which this has just told, if all that was said before is its content, and this is its meta: what the content
    /// says is so still.
    pub fn completed_by(&mut self, said: &Said<'_>) -> Option<&mut S> {
        let remembered = self.place(&said.tweet.id).and_then(|place| self.tweets.get_mut(place))?;
        (said.rank == Rank::Meta && remembered.is_content_with_meta()).then_some(&mut remembered.state)
    }

    /// What hangs on a remembered tweet, without the trouble of making the tweet.
    pub fn state(&mut self, id: &TweetId) -> Option<&mut S> {
        self.place(id).and_then(|place| self.tweets.get_mut(place)).map(|remembered| &mut remembered.state)
    }

    /// Whether a tweet is remembered.
    #[must_use]
    pub fn contains(&self, id: &TweetId) -> bool {
        self.found(id).is_some()
    }

    /// A remembered tweet as the subject of rules on tweets.
    pub fn subject(&mut self, id: &TweetId) -> Option<Subject> {
        self.get(id).map(|known| known.subject())
    }

    /// The oldest of the tweets that had to be forgotten and were not taken since.
    pub fn take_forgotten(&mut self) -> Option<Forgotten<S>> {
        self.forgotten.pop_front()
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

    /// Delete, pin or unpin: the subject is the remembered tweet, with what the envelope itself says where nothing better is known.
    fn lifecycle(&mut self, event: Event, part: &TweetPart<'_>, ts: Option<Timestamp>, at: Timestamp) -> Joined {
        let says = part::of_tweet(part, Rank::Pin);
        let id = &says.id;
        let says_something = says != Tweet::unknown(id.clone());
        let changed = says_something && self.learn((Rank::Pin, ts, &says), at);
        if event == Event::Delete {
            self.remember(id, at, |remembered, _, _| remembered.deleted(ts.unwrap_or(at)));
        }
        let tweet = self.get(id).map_or_else(|| Tweet::unknown(id.clone()), |known| known.tweet.owned());
        let taught = changed && (tweet.parts.content || tweet.parts.update || tweet.parts.meta);
        let about = About::Tweet(Arc::new(tweet));
        Joined::Event { subject: Subject { event, about, at: not_after(ts, at, self.ahead) }, taught }
    }

    fn learn(&mut self, part: (Rank, Option<Timestamp>, &Tweet<&str>), at: Timestamp) -> bool {
        let learned = self.remember(&part.2.id, at, |remembered, bounds, packer| remembered.learn(part, bounds, packer));
        self.refused += u64::from(learned.refused);
        learned.changed
    }

    /// Lets `learn` work on a tweet, which is remembered from now on if it was not, and keeps the bounds.
    fn remember<T: Default>(
        &mut self,
        id: &TweetId,
        at: Timestamp,
        learn: impl FnOnce(&mut Remembered<S>, Bounds, &mut Packer) -> T,
    ) -> T {
        let place = self.place(id).unwrap_or_else(|| self.add(Remembered::new(id.clone(), at)));
        self.latest = self.first + place as u64;
        let Some(remembered) = self.tweets.get_mut(place) else { return T::default() };
        let before = remembered.bytes;
        let learned = learn(remembered, self.bounds, &mut self.packer);
        self.bytes = (self.bytes + remembered.bytes).saturating_sub(before);
        self.evict(id, at);
        learned
    }

    /// Where a tweet is. The one that was spoken of last is not looked for.
    fn place(&self, id: &TweetId) -> Option<usize> {
        let latest = place_of(self.latest, self.first).filter(|place| self.tweets.get(*place).is_some_and(|of| of.id == *id));
        latest.or_else(|| self.found(id))
    }

    /// Where a tweet is, as its id says.
    fn found(&self, id: &TweetId) -> Option<usize> {
        let place = |number: &u32| place_in(*number, self.first);
        let number = self.numbers.find(hash(id), |number| self.tweets.get(place(number)).is_some_and(|of| of.id == *id))?;
        Some(place(number))
    }

    /// Remembers a tweet behind the others, and says where.
    fn add(&mut self, new: Remembered<S>) -> usize {
        let (place, first) = (self.tweets.len(), self.first);
        let hash_of = hash(&new.id);
        self.bytes += new.bytes;
        self.tweets.push_back(new);
        let hash = |number: &u32| self.tweets.get(place_in(*number, first)).map_or(0, |of| hash(&of.id));
        self.numbers.insert_unique(hash_of, low(first + place as u64), hash);
        place
    }

    /// The first of the tweets is remembered no more.
    fn take_first(&mut self) -> Option<Remembered<S>> {
        let first = self.tweets.pop_front()?;
        let number = low(self.first);
        self.first += 1;
        if let Ok(entry) = self.numbers.find_entry(hash(&first.id), |of| *of == number) {
            entry.remove();
        }
        self.bytes = self.bytes.saturating_sub(first.bytes);
        Some(first)
    }

    /// Forgets the oldest tweets until the bounds hold; never the one that is being spoken of.
    fn evict(&mut self, current: &TweetId, now: Timestamp) {
        while self.tweets.len() > 1 && (self.tweets.len() > self.bounds.tweets || self.bytes > self.bounds.bytes) {
            let Some(oldest) = self.take_first() else { return };
            if oldest.id == *current {
                self.latest = self.first + self.add(oldest) as u64;
            } else {
                self.evicted += 1;
                self.forgotten.push_back(Forgotten { tweet: oldest, ahead: self.ahead });
            }
        }
        let is_old = |oldest: &Remembered<S>, most: Duration| now.since(oldest.since) > most && oldest.id != *current;
        for _ in 0..OLD_AT_ONCE {
            let is_over = self.tweets.front().is_some_and(|oldest| !self.keeps_old && is_old(oldest, self.bounds.age));
            let Some(oldest) = is_over.then(|| self.take_first()).flatten() else { return };
            self.forgotten.push_back(Forgotten { tweet: oldest, ahead: self.ahead });
        }
    }
}

fn hash(id: &TweetId) -> u64 {
    FixedState::default().hash_one(id)
}

/// The lower half of a tweet's number, of which fewer are remembered at a time than it can say.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
fn low(number: u64) -> u32 {
    number as u32
}

/// Where the tweet with such a number is.
fn place_in(number: u32, first: u64) -> usize {
    number.wrapping_sub(low(first)) as usize
}

fn place_of(number: u64, first: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(first)?).ok()
}

#[inline]
fn known<S: Default>(remembered: &mut Remembered<S>, ahead: i64) -> Known<'_, S> {
    let since = remembered.since;
    let (tweet, state, first_ts) = remembered.with_state();
    let at = not_after(tweet.created_at.or(first_ts), since, ahead);
    Known { tweet: Whole::Made(Box::new(tweet)), state, at }
}

/// The stated moment by our clock, which the feed's is `ahead` of; `at` when there is none or it lies ahead all the same (a feed with a wrong
/// clock must not make a subject that never ages).
fn not_after(stated: Option<Timestamp>, at: Timestamp, ahead: i64) -> Timestamp {
    stated.map_or(at, |stated| stated.shifted(ahead.saturating_neg()).min(at))
}
