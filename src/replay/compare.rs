//! The firings of two rule sets over the same past → those that only one of them has.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::summary::Told;
use crate::model::firing::Firing;
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
    not_compared: u64,
    told: usize,
    known: usize,
}

/// What the other side has not had.
#[derive(Debug, Default)]
struct Side {
    /// `None` where there was no room to tell it.
    firings: HashMap<FiringId, Option<Told>>,
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
        Self { old: Side::default(), new: Side::default(), both: 0, not_compared: 0, told, known }
    }

    /// What the two sides have made of the same piece of the past. Most of it cancels out at once, and takes no room.
    pub fn piece(&mut self, old: Vec<Arc<Firing>>, new: Vec<Arc<Firing>>) {
        let mut of_old: HashMap<_, _> = old.into_iter().map(|firing| (firing.id, firing)).collect();
        let mut of_new = Vec::new();
        for firing in new {
            match of_old.remove(&firing.id) {
                Some(_) => self.both += 1,
                None => of_new.push(firing),
            }
        }
        let mut of_old: Vec<_> = of_old.into_values().collect();
        // So that what there is no room for is the same in every run.
        of_old.sort_unstable_by_key(|firing| (firing.at, firing.id));
        let Self { old, new, both, not_compared, told, known } = self;
        let room = (*told, *known);
        for firing in of_old {
            remember(&firing, (&mut *old, &mut *new), room, (&mut *both, &mut *not_compared));
        }
        for firing in of_new {
            remember(&firing, (&mut *new, &mut *old), room, (&mut *both, &mut *not_compared));
        }
    }

    /// What differs.
    #[must_use]
    pub fn difference(self) -> Difference {
        let sorted = |side: Side| {
            let all = side.firings.len();
            let mut told: Vec<_> = side.firings.into_values().flatten().collect();
            told.sort_by(|one, other| (one.at, &one.rule, one.id).cmp(&(other.at, &other.rule, other.id)));
            let more = (all - told.len()) as u64;
            (told, more)
        };
        let ((appear, more_appear), (disappear, more_disappear)) = (sorted(self.new), sorted(self.old));
        Difference { both: self.both, appear, more_appear, disappear, more_disappear, not_compared: self.not_compared }
    }
}

/// A firing of one side that the other has not had in the same piece: it may have had it before, as rules may wait differently long.
fn remember(
    firing: &Firing,
    (own, other): (&mut Side, &mut Side),
    (told, known): (usize, usize),
    (both, not_compared): (&mut u64, &mut u64),
) {
    match other.firings.remove(&firing.id) {
        Some(had) => {
            other.told -= usize::from(had.is_some());
            *both += 1;
        }
        None if own.told < told => {
            own.told += 1;
            own.firings.insert(firing.id, Some(Told::of(firing)));
        }
        None if own.firings.len() + other.firings.len() < known + 2 * told => {
            own.firings.insert(firing.id, None);
        }
        None => *not_compared += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;
    use crate::engine::{Effect, Engine, Input};
    use crate::model::firing::Origin;
    use crate::model::time::Timestamp;
    use crate::rules;

    /// Firings of tweets with these numbers.
    fn firings(numbers: impl IntoIterator<Item = u32>) -> Vec<Arc<Firing>> {
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
            Effect::Fired(firing) => Some(firing),
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
