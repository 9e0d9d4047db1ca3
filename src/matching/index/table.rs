//! A map from short texts to numbers that is made once and asked for every word of every tweet: what most of them need lies in one place each.

use super::lists::number;
use crate::rules::normal::eight;

/// Texts and their numbers.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// A power of two of them, at least every other one free.
    slots: Vec<Slot>,
    /// What of the texts is beyond their first eight bytes.
    rests: Vec<u8>,
    /// By so much a mix of a text is shifted to get its place.
    shift: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The first eight bytes.
    head: u64,
    /// In bytes. [`Slot::FREE`]: there is none.
    length: u32,
    /// Where in [`Table::rests`] it goes on.
    rest: u32,
    value: u32,
}

impl Slot {
    const FREE: u32 = u32::MAX;
    const NONE: Self = Self { head: 0, length: Self::FREE, rest: 0, value: 0 };
}

impl Table {
    /// From different texts and their numbers.
    pub(super) fn new<'t>(texts: impl ExactSizeIterator<Item = (&'t str, u32)>) -> Self {
        if texts.len() == 0 {
            return Self::default();
        }
        let places = (texts.len() * 2).next_power_of_two().max(2);
        let mut table = Self { slots: vec![Slot::NONE; places], rests: Vec::new(), shift: 64 - places.trailing_zeros() };
        for (text, value) in texts {
            let bytes = text.as_bytes();
            let head = head(bytes);
            let rest = number(table.rests.len());
            table.rests.extend_from_slice(bytes.get(8..).unwrap_or_default());
            let mut at = table.place(head, bytes);
            while table.slots.get(at).is_some_and(|slot| slot.length != Slot::FREE) {
                at = (at + 1) & (places - 1);
            }
            if let Some(slot) = table.slots.get_mut(at) {
                *slot = Slot { head, length: number(bytes.len()), rest, value };
            }
        }
        table.rests.shrink_to_fit();
        table
    }

    /// Whether it is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The number of a text.
    pub(super) fn get(&self, text: &str) -> Option<u32> {
        self.get_headed(head(text.as_bytes()), text.as_bytes())
    }

    /// The number of a text whose first eight bytes are known already; zeros behind a shorter one.
    #[inline]
    pub(super) fn get_headed(&self, head: u64, text: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let length = number(text.len());
        let mut at = self.place(head, text);
        loop {
            let slot = self.slots.get(at)?;
            if slot.head == head && slot.length == length && (length <= 8 || self.goes_on(slot, text)) {
                return Some(slot.value);
            }
            if slot.length == Slot::FREE {
                return None;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn goes_on(&self, slot: &Slot, text: &[u8]) -> bool {
        let (from, rest) = (slot.rest as usize, text.get(8..).unwrap_or_default());
        self.rests.get(from..from + rest.len()) == Some(rest)
    }

    /// Of the first and the last eight bytes, and how many there are.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer places than fit")]
    fn place(&self, head: u64, text: &[u8]) -> usize {
        const MIX: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93];
        let tail = if text.len() > 8 { eight(text, text.len() - 8).wrapping_mul(MIX[1]).rotate_left(23) } else { 0 };
        (head ^ tail ^ (text.len() as u64).rotate_right(8)).wrapping_mul(MIX[0]).wrapping_shr(self.shift) as usize
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.rests.capacity()
    }
}

fn head(text: &[u8]) -> u64 {
    eight(text.get(..text.len().min(8)).unwrap_or_default(), 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    proptest::proptest! {
        #[test]
        fn it_knows_what_was_put_in_and_nothing_else(
            texts in proptest::collection::btree_map("[ab]{0,3}|[ab]{7,9}|aaaaaaaa[ab]{8,12}|é{3,6}", 0_u32..9, 0..40),
            others in proptest::collection::vec("[ab]{0,3}|[ab]{7,9}|aaaaaaaa[ab]{8,12}|é{3,6}|\\x00{0,3}", 0..20),
        ) {
            let texts: BTreeMap<String, u32> = texts;
            let table = Table::new(texts.iter().map(|(text, value)| (text.as_str(), *value)));
            proptest::prop_assert_eq!(table.is_empty(), texts.is_empty());
            for text in texts.keys().chain(&others) {
                proptest::prop_assert_eq!(table.get(text), texts.get(text).copied(), "{}", text);
            }
        }
    }
}
