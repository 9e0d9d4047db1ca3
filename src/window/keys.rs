//! What is remembered of each key: of so many keys at most, and of those that were heard of last.

use std::borrow::Cow;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use sha2::Digest as _;

use super::moment::Moment;
use super::order::Order;
use crate::model::short::ShortText;

/// Bytes of a key at most.
const LONGEST: usize = 256;
/// So many that have passed leave for each that is heard of: more than come, so that all of them go in time, and no match pays
/// for many.
const LEAVE_AT_ONCE: usize = 2;
/// Slots that lie together. They stay where they are as more come, so that no match pays for moving the others.
const TOGETHER: usize = 32;

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
    fn gone<V: Held>(&mut self, key: &str, held: &V) {
        self.passed(held.members());
        if held.leaves() {
            self.gone.push(key.into());
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

/// When a key is heard of, and what counts what that changes.
pub(super) type Hearing<'a> = (&'a Moment, &'a mut Tally);

/// Keys, what is remembered of each, and which was not heard of for longest.
///
/// A key has a *slot*, which has all of it, and a number. What is looked at on the way to a slot lies close together, 16 bytes for each key,
/// and stays in a cache; so a match waits for memory that is far away only once, at its slot, however many keys there are.
#[derive(Debug)]
pub(super) struct Keys<V> {
    places: HashTable<Place>,
    order: Order,
    /// By the number, from 1 on.
    slots: Vec<Vec<Slot<V>>>,
    count: u32,
    /// Numbers whose slots are empty.
    free: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// Of the key: who looks for another one sees it here, nearly always.
    hash: u32,
    number: u32,
}

#[derive(Debug, Default)]
struct Slot<V> {
    key: ShortText<62>,
    value: V,
}

impl<V> Default for Keys<V> {
    fn default() -> Self {
        Self { places: HashTable::new(), order: Order::default(), slots: Vec::new(), count: 0, free: Vec::new() }
    }
}

/// Keys, whatever is remembered of them.
pub(super) trait Listed {
    /// How many there are.
    fn len(&self) -> usize;

    /// Those of which something is left.
    fn leaving(&self) -> Vec<Box<str>>;
}

impl<V: Held> Listed for Keys<V> {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn leaving(&self) -> Vec<Box<str>> {
        let leaving = self.slots.iter().flatten().filter(|slot| slot.value.leaves());
        leaving.map(|slot| slot.key.as_str().into()).collect()
    }
}

impl<V: Held> Keys<V> {
    /// What is remembered of a key, which is heard of now: nothing, if it is new. `gone` is given what had to leave.
    pub(super) fn hear(&mut self, key: &str, by: Hearing<'_>, gone: impl FnMut(V)) -> &mut V {
        let number = self.hear_of(key, by, gone);
        &mut self.slot_mut(number).value
    }

    /// As `hear`, and the number by which [`Self::of`] knows it.
    pub(super) fn hear_of(&mut self, key: &str, (moment, tally): Hearing<'_>, mut gone: impl FnMut(V)) -> u32 {
        let hash = hash(key);
        let known = self.find(hash, key);
        self.let_passed_leave(known, (moment, &mut *tally), &mut gone);
        if let Some(number) = known {
            self.order.hear_again(number);
            return number;
        }
        while self.len() >= moment.max_keys
            && let Some(first) = self.order.front()
        {
            let held = self.remove(first, tally);
            tally.evicted_keys += u64::from(!held.has_passed(moment));
            gone(held);
        }
        self.insert(hash, key)
    }

    fn let_passed_leave(&mut self, but: Option<u32>, (moment, tally): Hearing<'_>, mut gone: impl FnMut(V)) {
        for _ in 0..LEAVE_AT_ONCE {
            let leaves = |slot: &Slot<V>| V::LEAVES && slot.value.has_passed(moment);
            let first = self.order.front().filter(|first| Some(*first) != but);
            let Some(first) = first.filter(|first| leaves(self.slot(*first))) else { break };
            gone(self.remove(first, tally));
        }
    }

    /// The key of a number, and what is remembered of it.
    pub(super) fn of(&mut self, number: u32) -> (&str, &mut V) {
        let slot = self.slot_mut(number);
        (slot.key.as_str(), &mut slot.value)
    }

    /// The number of a key, which is not heard of by this: if it is new, and there is room, it was not heard of for longer than all others.
    pub(super) fn entry(&mut self, key: &str, max_keys: usize) -> Option<u32> {
        let hash = hash(key);
        self.find(hash, key).or_else(|| {
            (self.len() < max_keys).then(|| {
                let number = self.place(hash, key);
                self.order.push_front(number);
                number
            })
        })
    }

    /// What is remembered of a key.
    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.find(hash(key), key).map(|number| &self.slot(number).value)
    }

    /// What is remembered of every key that there is.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.places.iter().map(|place| &self.slot(place.number).value)
    }

    /// What is remembered, of one after the other.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.slots.iter_mut().flatten().map(|slot| &mut slot.value)
    }

    fn find(&self, hash: u32, key: &str) -> Option<u32> {
        let is_it = |place: &Place| place.hash == hash && self.slot(place.number).key.as_bytes() == key.as_bytes();
        self.places.find(spread(hash), is_it).map(|place| place.number)
    }

    fn insert(&mut self, hash: u32, key: &str) -> u32 {
        let number = self.place(hash, key);
        self.order.push_back(number);
        number
    }

    fn place(&mut self, hash: u32, key: &str) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| self.add_slot());
        self.slot_mut(number).key = ShortText::new(key);
        self.places.insert_unique(spread(hash), Place { hash, number }, |place| spread(place.hash));
        number
    }

    fn add_slot(&mut self) -> u32 {
        if self.slots.last().is_none_or(|last| last.len() == TOGETHER) {
            self.slots.push(Vec::new());
        }
        if let Some(last) = self.slots.last_mut() {
            last.push(Slot::default());
        }
        self.count += 1;
        self.count
    }

    fn remove(&mut self, number: u32, tally: &mut Tally) -> V {
        let Slot { key, value } = std::mem::take(self.slot_mut(number));
        tally.gone(key.as_str(), &value);
        let hash = hash(key.as_str());
        if let Ok(place) = self.places.find_entry(spread(hash), |place| place.number == number) {
            place.remove();
        }
        self.order.remove(number);
        self.free.push(number);
        value
    }

    fn slot(&self, number: u32) -> &Slot<V> {
        let place = number as usize - 1;
        &self.slots[place / TOGETHER][place % TOGETHER]
    }

    fn slot_mut(&mut self, number: u32) -> &mut Slot<V> {
        let place = number as usize - 1;
        &mut self.slots[place / TOGETHER][place % TOGETHER]
    }
}

fn hash(key: &str) -> u32 {
    let hash = FixedState::default().hash_one(key);
    (hash ^ (hash >> 32)) as u32
}

/// As many bits as the table looks at, at either end.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A key of bounded length: of a longer one the beginning, and a hash of all of it.
pub(super) fn bounded(key: Cow<'_, str>) -> Cow<'_, str> {
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

    #[derive(Debug, Default)]
    struct Counted(usize);

    impl Held for Counted {
        fn has_passed(&self, _: &Moment) -> bool {
            false
        }

        fn members(&self) -> usize {
            self.0
        }
    }

    fn moment(max_keys: usize) -> Moment {
        let kind = crate::rules::ruleset::WindowKind::Silence;
        let within = std::time::Duration::from_secs(1);
        let window = crate::rules::ruleset::Window { kind, within, per: Vec::new(), rearm: None, max_keys };
        Moment::new(&window, crate::window::Clock { now: Default::default(), oldest: None })
    }

    #[test]
    fn it_is_a_map_from_which_the_one_that_was_not_heard_of_for_longest_leaves() {
        let (moment, mut tally) = (moment(100), Tally::default());
        let (mut keys, mut list) = (Keys::<Counted>::default(), Vec::<(String, usize)>::new());
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let key = format!("{:0>1$}", rng.u32(..300), rng.usize(1..4) * 30);
            let (mut gone, mut leaves) = (Vec::new(), Vec::new());
            let held = keys.hear(&key, (&moment, &mut tally), |held| gone.push(held.0));
            held.0 += 1;
            let now = held.0;
            let before = list.iter().position(|known| known.0 == key).map_or(0, |place| list.remove(place).1);
            if list.len() == 100 {
                leaves.push(list.remove(0).1);
            }
            list.push((key, before + 1));
            assert_eq!((now, gone), (before + 1, leaves));
            assert_eq!(keys.len(), list.len());
        }
        assert_eq!(keys.count, 100, "slots of those that left are used again");
    }

    #[test]
    fn a_long_key_is_cut_and_stays_apart_from_others_that_begin_like_it() {
        let [one, other] = ["a", "b"].map(|end| bounded(format!("{}{end}", "é".repeat(1_000)).into()));
        assert!(one.len() <= LONGEST && one.starts_with("éé"), "{one}");
        assert_ne!(one, other);
        let short = "x".repeat(LONGEST);
        assert_eq!(bounded(short.as_str().into()), short);
    }
}
