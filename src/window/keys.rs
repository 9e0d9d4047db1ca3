//! What is remembered of each key: of so many keys at most, and of those that were heard of last.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashlink::LinkedHashMap;
use hashlink::linked_hash_map::RawEntryMut;
use sha2::Digest as _;

use super::moment::Moment;

/// Bytes of a key at most.
const LONGEST: usize = 256;
/// So many that have passed leave for each that is heard of: more than come, so that all of them go in time, and no match pays
/// for many.
const LEAVE_AT_ONCE: usize = 2;

/// What is counted of a window.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) members: usize,
    pub(super) evicted_keys: u64,
    pub(super) evicted_members: u64,
    pub(super) late: u64,
    /// The latest match has changed what its key's past leaves behind ([`Left`](crate::model::window::Left)).
    pub(super) leaves: bool,
    /// Keys that have gone of which something was left: nothing is any more.
    pub(super) gone: Vec<Box<str>>,
}

impl Tally {
    /// These have passed.
    pub(super) fn passed(&mut self, members: usize) {
        self.members = self.members.saturating_sub(members);
    }

    /// A key has gone.
    fn gone<V: Held>(&mut self, key: &impl Text, held: &V) {
        self.passed(held.members());
        if held.leaves() {
            self.gone.push(key.text().into());
        }
    }

    /// There was no room for these.
    pub(super) fn evicted(&mut self, members: usize) {
        self.passed(members);
        self.evicted_members = self.evicted_members.saturating_add(members as u64);
    }
}

/// What is remembered of one key.
pub(super) trait Held: Default {
    /// It leaves once it has passed, even when there is room.
    const LEAVES: bool = true;

    /// It can change nothing any more.
    fn has_passed(&self, moment: &Moment) -> bool;

    /// How many matches it holds.
    fn members(&self) -> usize;

    /// Its past leaves something behind that its matches do not say.
    fn leaves(&self) -> bool {
        false
    }
}

/// A key, as it is written.
pub(super) trait Text {
    fn text(&self) -> &str;
}

impl Text for Box<str> {
    fn text(&self) -> &str {
        self
    }
}

impl Text for Arc<str> {
    fn text(&self) -> &str {
        self
    }
}

impl Text for (Box<str>, Box<str>) {
    fn text(&self) -> &str {
        &self.0
    }
}

/// When a key is heard of, and what counts what that changes.
pub(super) type Hearing<'a> = (&'a Moment, &'a mut Tally);

/// The one that was not heard of for longest is first.
#[derive(Debug)]
pub(super) struct Keys<K, V>(LinkedHashMap<K, V, FixedState>);

impl<K, V> Default for Keys<K, V> {
    fn default() -> Self {
        Self(LinkedHashMap::with_hasher(FixedState::default()))
    }
}

impl<K: Hash + Eq + Text, V: Held> Keys<K, V> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is remembered of a key, which is heard of now: nothing, if it is new. `gone` is given what had to leave.
    pub(super) fn hear<Q: Hash + Eq + ?Sized>(
        &mut self,
        key: &Q,
        own: impl FnOnce() -> K,
        by: Hearing<'_>,
        gone: impl FnMut(V),
    ) -> &mut V
    where
        K: Borrow<Q>,
    {
        self.make_room(key, by, gone);
        match self.0.raw_entry_mut().from_key(key) {
            RawEntryMut::Occupied(mut known) => {
                known.to_back();
                known.into_mut()
            }
            RawEntryMut::Vacant(new) => new.insert(own(), V::default()).1,
        }
    }

    fn make_room<Q: Hash + Eq + ?Sized>(&mut self, key: &Q, (moment, tally): Hearing<'_>, mut gone: impl FnMut(V))
    where
        K: Borrow<Q>,
    {
        for _ in 0..LEAVE_AT_ONCE {
            let leaves = |(of, held): (&K, &V)| V::LEAVES && of.borrow() != key && held.has_passed(moment);
            if !self.0.front().is_some_and(leaves) {
                break;
            }
            if let Some((key, held)) = self.0.pop_front() {
                tally.gone(&key, &held);
                gone(held);
            }
        }
        let is_new = self.0.len() >= moment.max_keys && !self.0.contains_key(key);
        while is_new
            && self.0.len() >= moment.max_keys
            && let Some((key, held)) = self.0.pop_front()
        {
            tally.gone(&key, &held);
            tally.evicted_keys += u64::from(!held.has_passed(moment));
            gone(held);
        }
    }

    /// What is remembered of a key, which is not heard of by this; made if there is room.
    pub(super) fn entry(&mut self, key: K, max_keys: usize) -> Option<&mut V>
    where
        K: Clone,
    {
        if self.0.len() >= max_keys && !self.0.contains_key(&key) {
            return None;
        }
        Some(self.0.entry(key).or_insert_with(V::default))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, held)| held)
    }

    pub(super) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }
}

/// A key of bounded length: of a longer one the beginning, and a hash of all of it.
pub(super) fn bounded(key: Box<str>) -> Box<str> {
    if key.len() <= LONGEST {
        return key;
    }
    let hash = sha2::Sha256::digest(key.as_bytes());
    let hash: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let beginning = key.floor_char_boundary(LONGEST - "…".len() - hash.len());
    format!("{}…{hash}", &key[..beginning]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_cut_and_stays_apart_from_others_that_begin_like_it() {
        let [one, other] = ["a", "b"].map(|end| bounded(format!("{}{end}", "é".repeat(1_000)).into()));
        assert!(one.len() <= LONGEST && one.starts_with("éé"), "{one}");
        assert_ne!(one, other);
        let short: Box<str> = "x".repeat(LONGEST).into();
        assert_eq!(bounded(short.clone()), short);
    }
}
