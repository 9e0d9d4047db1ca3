//! Silences that are over: which is next, and what is told of it.

use std::sync::Arc;

use super::{OverTime, Watched};
use crate::engine::waits::Hold;
use crate::model::firing::Element;
use crate::model::ids::TweetId;
use crate::model::subject::{About, Account, AccountEvent, Str, Subject, Tweet};
use crate::model::time::Timestamp;
use crate::window::Due;

impl OverTime {
    pub(in crate::engine) fn find_next(&mut self) {
        self.next = self.due.first().map(|(deadline, _)| *deadline).filter(|_| self.hold == Hold::Nothing);
    }

    /// The silences of one rule may be over at another time than before.
    pub(in crate::engine) fn renew_due(&mut self, at: usize) {
        let Some(watched) = self.windows.get_mut(&at) else { return };
        let deadline = watched.state.next_deadline();
        let before = std::mem::replace(&mut watched.due, deadline);
        if before != deadline {
            if let Some(before) = before {
                self.due.remove(&(before, at));
            }
            self.due.extend(deadline.map(|deadline| (deadline, at)));
            self.find_next();
        }
    }

    /// Those of all rules may be.
    pub(in crate::engine) fn find_due(&mut self) {
        let renewed = |(at, watched): (&usize, &mut Watched)| {
            watched.due = watched.state.next_deadline();
            watched.due.map(|deadline| (deadline, *at))
        };
        self.due = self.windows.iter_mut().filter_map(renewed).collect();
        self.find_next();
    }

    /// When the next silence may be over.
    pub(in crate::engine) fn next_deadline(&self) -> Option<Timestamp> {
        self.next
    }

    /// When a silence was found to be over that was so from `due` on: later than that, where nobody could know.
    pub(in crate::engine) fn found(&self, due: Timestamp) -> Timestamp {
        due.max(self.known_from)
    }

    /// What was over before is found now.
    pub(in crate::engine) fn known_from(&mut self, now: Timestamp) {
        self.known_from = now;
    }

    /// The next silence that is over by `now`: the rule, and what it came of.
    pub(in crate::engine) fn due(&mut self, now: Timestamp) -> Option<(usize, Due, Option<Element>)> {
        self.next.filter(|next| *next <= now)?;
        let (deadline, at) = self.due.pop_first()?;
        let due = self.windows.get_mut(&at).and_then(|watched| {
            watched.due = None;
            let due = watched.state.due(&watched.window, now)?;
            watched.leave(now, (&mut self.traces, &mut self.bulk));
            let element = watched.elements.get(&*due.told.key).cloned();
            Some((at, due, element))
        });
        let is_stuck = |watched: &Watched| watched.state.next_deadline() == Some(deadline);
        if due.is_some() || !self.windows.get(&at).is_some_and(is_stuck) {
            self.renew_due(at);
        }
        // One that was said to be over and is not is not asked again before its next match: whoever asks until there is none must not ask for ever.
        self.find_next();
        due
    }

    /// The silences since that tweet that are still to be told, by rule, and when each is due.
    pub(in crate::engine) fn silences_of(&self, tweet: &TweetId) -> Vec<(Str, Timestamp)> {
        let awaited = |watched: &Watched| Some((Str::clone(&watched.rule), watched.state.awaited(tweet)?));
        let mut all: Vec<_> = self.windows.values().filter_map(awaited).collect();
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        all
    }
}

/// What a silence is about, from the last that was heard: whoever it was, and their tweet without its text.
pub(in crate::engine) fn silent(due: &Due) -> Option<Subject> {
    let last = due.told.members.last()?;
    let author = Account {
        handle: last.who.as_ref().map(|who| who.as_str().into()),
        platform: last.platform.clone(),
        ..Account::default()
    };
    let about = match &last.tweet {
        Some(id) => {
            let tweet: Tweet = Tweet::unknown(id.clone());
            About::Tweet(Arc::new(Tweet { author, created_at: Some(last.at), ..tweet }))
        }
        None => {
            let id = last.at.as_millis().to_string().into();
            About::Account(Arc::new(AccountEvent { id, actor: author, target: None, changes: Vec::new() }))
        }
    };
    Some(Subject { event: last.event, about, at: due.at })
}
