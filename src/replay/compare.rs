//! The firings of two rule sets over the same past → those that only one of them has.

use std::collections::HashMap;

use serde::Serialize;

use super::summary::Told;
use super::tally::Played;
use crate::model::ids::FiringId;

/// Firings that differ and are told, of each side; of more, only the ids are kept.
const TOLD: usize = 100_000;
/// Ids that are kept beside them, both sides together; of more, only the number.
const KNOWN: usize = 1_000_000;

/// Firings that only one side has had so far. What both have is not held, so that it takes room for what differs only.
#[derive(Debug)]
pub struct Comparison {
    old: Side,
    new: Side,
    both: u64,
    /// Firings of both that only one of them sends.
    held: Moved,
    released: Moved,
    not_compared: u64,
    told: usize,
    known: usize,
}

/// Firings of both sides of which only one is sent. Of more than there is room for, only the number.
#[derive(Debug, Default)]
struct Moved {
    told: Vec<Told>,
    more: u64,
}

impl Moved {
    fn add(&mut self, told: Told, room: usize) {
        if self.told.len() < room {
            self.told.push(told);
        } else {
            self.more += 1;
        }
    }
}

/// What the other side has not had.
#[derive(Debug, Default)]
struct Side {
    /// Why nothing of it is sent, and what it is; `None` where there was no room to tell it.
    firings: HashMap<FiringId, (Option<&'static str>, Option<Told>)>,
    told: usize,
}

/// What the comparison has found.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Firings that both have.
    pub both: u64,
    /// Those that only the new rules have, in the order of time.
    pub appear: Vec<Told>,
    /// More of these, that there was no room to tell.
    pub more_appear: u64,
    /// Those that only the old rules have.
    pub disappear: Vec<Told>,
    /// More of these.
    pub more_disappear: u64,
    /// Of those that both have: what the old rules send and the new ones hold back.
    pub held: Vec<Told>,
    /// More of these, that there was no room to tell.
    pub more_held: u64,
    /// Of those that both have: what the old rules hold back and the new ones send.
    pub released: Vec<Told>,
    /// More of these.
    pub more_released: u64,
    /// Firings of one or the other of which it is not known whether both have them: there was no room to compare them.
    pub not_compared: u64,
}

impl Default for Comparison {
    fn default() -> Self {
        Self::with_room(TOLD, KNOWN)
    }
}

impl Comparison {
    fn with_room(told: usize, known: usize) -> Self {
        let (held, released) = (Moved::default(), Moved::default());
        Self { old: Side::default(), new: Side::default(), both: 0, held, released, not_compared: 0, told, known }
    }

    /// What the two sides have made of the same piece of the past. Most of it cancels out at once, and takes no room.
    pub fn piece(&mut self, old: Vec<Played>, new: Vec<Played>) {
        let mut of_old: HashMap<_, _> = old.into_iter().map(|of| (of.firing.id, of)).collect();
        let mut of_new = Vec::new();
        for of in new {
            match of_old.remove(&of.firing.id) {
                Some(had) => self.both(&of, had.held, of.held),
                None => of_new.push(of),
            }
        }
        let mut of_old: Vec<_> = of_old.into_values().collect();
        // So that what there is no room for is the same in every run.
        of_old.sort_unstable_by_key(|of| (of.firing.at, of.firing.id));
        of_old.iter().for_each(|of| self.remember(of, false));
        of_new.iter().for_each(|of| self.remember(of, true));
    }

    /// A firing that both have, and why each of them holds it back, if it does.
    fn both(&mut self, of: &Played, old: Option<&'static str>, new: Option<&'static str>) {
        self.both += 1;
        let told = || Told { held: new.or(old), ..Told::of(&of.firing) };
        match (old, new) {
            (None, Some(_)) => self.held.add(told(), self.told),
            (Some(_), None) => self.released.add(told(), self.told),
            _ => {}
        }
    }

    /// A firing of one side that the other has not had in the same piece: it may have had it before, as rules may wait differently long.
    fn remember(&mut self, of: &Played, is_new: bool) {
        let (own, other) = if is_new { (&mut self.new, &mut self.old) } else { (&mut self.old, &mut self.new) };
        let id = of.firing.id;
        match other.firings.remove(&id) {
            Some((had, told)) => {
                other.told -= usize::from(told.is_some());
                let (old, new) = if is_new { (had, of.held) } else { (of.held, had) };
                self.both(of, old, new);
            }
            None if own.told < self.told => {
                own.told += 1;
                own.firings.insert(id, (of.held, Some(Told::played(of))));
            }
            None if own.firings.len() + other.firings.len() < self.known + 2 * self.told => {
                own.firings.insert(id, (of.held, None));
            }
            None => self.not_compared += 1,
        }
    }

    /// What differs.
    #[must_use]
    pub fn difference(self) -> Difference {
        let in_order = |told: &mut Vec<Told>| {
            told.sort_by(|one, other| (one.at, &one.rule, one.id).cmp(&(other.at, &other.rule, other.id)));
        };
        let sorted = |side: Side| {
            let all = side.firings.len();
            let mut told: Vec<_> = side.firings.into_values().filter_map(|(_, told)| told).collect();
            in_order(&mut told);
            let more = (all - told.len()) as u64;
            (told, more)
        };
        let Self { both, not_compared, mut held, mut released, .. } = self;
        let ((appear, more_appear), (disappear, more_disappear)) = (sorted(self.new), sorted(self.old));
        in_order(&mut held.told);
        in_order(&mut released.told);
        Difference {
            both,
            appear,
            more_appear,
            disappear,
            more_disappear,
            held: held.told,
            more_held: held.more,
            released: released.told,
            more_released: released.more,
            not_compared,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decode;
    use crate::engine::{Effect, Engine, Input};
    use crate::model::firing::Origin;
    use crate::model::time::Timestamp;
    use crate::rules;

    /// Firings of tweets with these numbers.
    fn firings(numbers: impl IntoIterator<Item = u32>) -> Vec<Played> {
        let text = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"all\"\nsend = [\"out\"]\nwhen = { handle = \"kol\" }\n";
        let loaded = rules::load(&[rules::Source::rules("rules.toml", text)]);
        let mut engine = Engine::without_messages(Arc::new(loaded.ruleset.unwrap()));
        let mut effects = Vec::new();
        for n in numbers {
            let frame = format!(
                r#"{{"v":1,"t":"tweet","op":"content","ts":1,"d":{{"tweetId":"{n}","text":"gm","author":{{"handle":"kol"}}}}}}"#
            );
            let (envelope, at) = (decode::decode(&frame).unwrap(), Timestamp::from_millis(i64::from(n)));
            engine.step(&Input::Entry { envelope: &envelope, at, origin: Origin::Live }, &mut effects);
        }
        let fired = effects.into_iter().filter_map(|effect| match effect {
            Effect::Fired(firing) => Some(Played::sent(firing)),
            _ => None,
        });
        fired.collect()
    }

    #[test]
    fn what_both_have_takes_no_room_however_much_of_it_there_is() {
        let mut comparison = Comparison::with_room(1, 1);
        for start in [0, 100, 200] {
            comparison.piece(firings(start..start + 50), firings((start..start + 50).rev()));
        }
        let found = comparison.difference();
        assert_eq!((found.both, found.appear.len(), found.disappear.len(), found.not_compared), (150, 0, 0, 0));
    }

    #[test]
    fn what_only_one_of_them_sends_is_told_though_both_have_it() {
        let held = |all: Vec<Played>| all.into_iter().map(|of| Played { held: Some("cooldown"), ..of }).collect::<Vec<_>>();
        let mut comparison = Comparison::with_room(1, 9);
        comparison.piece(firings(0..2), held(firings(0..2)));
        comparison.piece(held(firings(2..4)), Vec::new());
        comparison.piece(Vec::new(), firings(2..4));
        comparison.piece(held(firings(4..6)), held(firings(4..6)));
        let found = comparison.difference();
        assert_eq!((found.both, found.held.len(), found.more_held), (6, 1, 1), "{found:?}");
        assert_eq!((found.released.len(), found.more_released, found.not_compared), (1, 1, 0), "{found:?}");
        assert_eq!((found.held[0].held, &*found.held[0].subject), (Some("cooldown"), "tweet:0"));
    }

    #[test]
    fn where_there_is_no_room_it_is_said_and_nothing_is_made_up() {
        // The new side has a piece later what the old has had.
        let (told, known) = (2, 3);
        let mut comparison = Comparison::with_room(told, known);
        comparison.piece(firings(0..5), Vec::new());
        comparison.piece(Vec::new(), firings(0..5));
        let found = comparison.difference();
        assert_eq!((found.both, found.appear.len(), found.more_appear, found.not_compared), (5, 0, 0, 0), "{found:?}");
        let mut comparison = Comparison::with_room(told, known);
        comparison.piece(firings(0..9), firings(100..101));
        let found = comparison.difference();
        assert_eq!((found.disappear.len(), found.more_disappear, found.appear.len(), found.not_compared), (2, 5, 1, 2));
    }
}
