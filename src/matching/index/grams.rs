//! A text → the longer of the parts that rules look for in it, by four bytes of each.
//!
//! A part may begin anywhere. So of each part two places next to each other are known, and it is enough to look at every second place of a text:
//! one of the two is seen. Few places of a text are among those of the parts, and a bit says which for all that is known; what is left is
//! compared.

use std::collections::HashMap;

use super::keys::Map;
use super::lists;
use crate::rules::normal::eight;

/// Bytes that are looked at together.
const GRAM: usize = 4;
/// What parts letters of ASCII from those of the other case. Four bytes are known by with these bits set: a few that are no letters are taken for others,
/// which a comparison tells.
const CASE: u32 = 0x2020_2020;

/// A folded text that is looked for, and its key.
pub(super) type Part = (Box<str>, u32);

/// Parts of four bytes and more.
#[derive(Debug)]
pub(super) struct Grams {
    /// By their numbers, with their keys.
    parts: Vec<Part>,
    /// By four bytes: from where in `places` those stand that are known by them. A power of two of slots, at least every other one free.
    by_gram: Vec<(u32, u32)>,
    /// Those of the same four bytes next to each other.
    places: Vec<Place>,
    filter: Vec<u64>,
    /// By so much a mix of four bytes is shifted to get the number of their bit, and that of their slot.
    shifts: (u32, u32),
    /// Every so many bytes of a text.
    step: usize,
}

/// Where four bytes stand in a part, with those around them: what is not there is known without a look at the part.
#[derive(Debug)]
struct Place {
    /// Up to eight bytes of the part.
    around: u64,
    /// Which of the eight there are.
    mask: u64,
    part: u32,
    /// Where in the part the four bytes stand.
    at: u32,
    key: u32,
    /// The eight bytes begin so many before the four.
    lead: u8,
    /// They are all of the part.
    is_whole: bool,
    /// Another with the same four follows.
    more: bool,
}

impl Place {
    fn new(part: &str, at: usize, (number, key): (u32, u32), more: bool) -> Self {
        let lead = at.min(GRAM);
        let begin = at - lead;
        let count = (part.len() - begin).min(8);
        let mask = u64::MAX >> (64 - 8 * count);
        let is_whole = begin == 0 && part.len() <= 8;
        let lead = u8::try_from(lead).unwrap_or_default();
        Self {
            around: eight(part.as_bytes(), begin) & mask,
            mask,
            part: number,
            at: lists::number(at),
            key,
            lead,
            is_whole,
            more,
        }
    }
}

/// A slot of no four bytes.
const FREE: u32 = u32::MAX;

impl Grams {
    /// Whether a part is long enough.
    pub(super) fn take(part: &str) -> bool {
        part.len() >= GRAM
    }

    /// From folded texts and their keys.
    pub(super) fn new(parts: Vec<Part>) -> Self {
        // The shortest have but one place, which may be at any of a text.
        let step = if parts.iter().any(|(part, _)| part.len() == GRAM) { 1 } else { 2 };
        let all = rarest(&parts, step);
        let (bits, slots) = ((all.len() * 32).next_power_of_two().max(4_096), (all.len() * 2).next_power_of_two().max(2));
        let mut grams = Self {
            by_gram: vec![(0, FREE); slots],
            places: Vec::with_capacity(all.len()),
            filter: vec![0; bits / 64],
            shifts: (64 - bits.trailing_zeros(), 64 - slots.trailing_zeros()),
            step,
            parts,
        };
        for same in all.chunk_by(|(one, ..), (next, ..)| one == next) {
            let Some((gram, ..)) = same.first() else { continue };
            grams.add(*gram);
            let mut left = same.len();
            for (_, number, at) in same {
                left -= 1;
                if let Some((part, key)) = grams.parts.get(*number as usize) {
                    grams.places.push(Place::new(part, *at, (*number, *key), left > 0));
                }
            }
        }
        grams
    }

    /// Four bytes, whose places begin here.
    fn add(&mut self, gram: u32) {
        let (bit, mut at) = (place(gram, self.shifts.0), place(gram, self.shifts.1));
        if let Some(part) = self.filter.get_mut(bit / 64) {
            *part |= 1 << (bit % 64);
        }
        while self.by_gram.get(at).is_some_and(|(_, from)| *from != FREE) {
            at = (at + 1) & (self.by_gram.len() - 1);
        }
        if let Some(slot) = self.by_gram.get_mut(at) {
            *slot = (gram, lists::number(self.places.len()));
        }
    }

    /// Calls `hit` with the key of every part that stands in a folded text, as often as it does. `text` is that, or what was folded, if its letters
    /// of ASCII are all that folding has changed.
    pub(super) fn search<'t>(&self, text: &str, folded: &impl Fn() -> &'t str, mut hit: impl FnMut(u32)) {
        if self.parts.is_empty() {
            return;
        }
        let mut compare = |gram: u32, at: usize| self.compare(gram, folded().as_bytes(), at, &mut hit);
        match self.step {
            1 => self.scan(text, [0, 1, 2, 3, 4], &mut compare),
            _ => self.scan(text, [0, 2, 4], &mut compare),
        }
    }

    /// Looks at the places of eight bytes that are asked for, and so on from behind the last of them.
    #[inline]
    fn scan<const PLACES: usize>(&self, text: &str, places: [u8; PLACES], compare: &mut impl FnMut(u32, usize)) {
        let bytes = text.as_bytes();
        let (mut from, step) = (0, usize::from(places[PLACES - 1]) + self.step);
        while let Some(eight) = bytes.get(from..).and_then(|rest| rest.first_chunk()) {
            let eight = u64::from_le_bytes(*eight) | (u64::from(CASE) << 32 | u64::from(CASE));
            let gram = |place: u8| eight.wrapping_shr(8 * u32::from(place)) as u32;
            // Mostly none is: one question for all of them.
            if places.iter().fold(false, |any, place| any | self.may_have(gram(*place))) {
                places.iter().for_each(|place| compare(gram(*place), from + usize::from(*place)));
            }
            from += step;
        }
        let from = text.floor_char_boundary(from);
        for (gram, at) in grams(text.get(from..).unwrap_or_default()).zip(from..) {
            if self.may_have(gram) {
                compare(gram, at);
            }
        }
    }

    #[inline]
    fn may_have(&self, gram: u32) -> bool {
        let bit = place(gram, self.shifts.0);
        self.filter.get(bit / 64).is_some_and(|part| part & (1 << (bit % 64)) != 0)
    }

    /// From where in `places` those stand that are known by these four bytes.
    fn from(&self, gram: u32) -> Option<usize> {
        let mut at = place(gram, self.shifts.1);
        loop {
            match *self.by_gram.get(at)? {
                (_, FREE) => return None,
                (known, from) if known == gram => return Some(from as usize),
                _ => at = (at + 1) & (self.by_gram.len() - 1),
            }
        }
    }

    /// What is known by these four bytes, held against a folded text that has them there.
    #[inline(never)]
    fn compare(&self, gram: u32, text: &[u8], at: usize, hit: &mut impl FnMut(u32)) {
        let Some(from) = self.from(gram) else { return };
        for place in self.places.iter().skip(from) {
            let around = at.checked_sub(usize::from(place.lead)).map(|begin| eight(text, begin) & place.mask);
            // Behind the end of a text there are zeros, and a part may hold some.
            let stands = around == Some(place.around) && {
                let rest = at.checked_sub(place.at as usize).and_then(|begin| text.get(begin..)).unwrap_or_default();
                match self.parts.get(place.part as usize) {
                    Some(_) if place.is_whole => rest.len() * 8 >= place.mask.count_ones() as usize,
                    Some((part, _)) => rest.starts_with(part.as_bytes()),
                    None => false,
                }
            };
            if stands {
                hit(place.key);
            }
            if !place.more {
                break;
            }
        }
    }

    /// Bytes on the heap, near enough.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.parts.iter().map(|(part, _)| part.len()).sum::<usize>();
        texts
            + self.parts.capacity() * size_of::<Part>()
            + self.by_gram.capacity() * size_of::<(u32, u32)>()
            + self.places.capacity() * size_of::<Place>()
            + size_of_val(self.filter.as_slice())
    }
}

/// Of each part so many places next to each other that the fewest others have, as four bytes, the part's number and where in it they stand.
fn rarest(parts: &[Part], step: usize) -> Vec<(u32, u32, usize)> {
    let mut used: HashMap<u32, u32, foldhash::fast::FixedState> = HashMap::default();
    for (part, _) in parts {
        grams(part).for_each(|gram| *used.entry(gram).or_default() += 1);
    }
    let mut all = Vec::new();
    for ((part, _), of) in parts.iter().zip(0..) {
        // What the fewest have is seen the least.
        let uses: Vec<_> = grams(part).map(|gram| (gram, used.get(&gram).copied().unwrap_or_default())).collect();
        let rarest = uses.windows(step).enumerate().min_by_key(|(_, next)| next.iter().map(|(_, uses)| *uses).sum::<u32>());
        let Some((at, next)) = rarest else { continue };
        all.extend(next.iter().zip(at..).map(|((gram, _), at)| (*gram, of, at)));
    }
    all.sort_unstable();
    all
}

/// All fours of bytes of a text, one after the other, without their case.
fn grams(text: &str) -> impl Iterator<Item = u32> {
    let fours = text.as_bytes().windows(GRAM).filter_map(|four| <[u8; GRAM]>::try_from(four).ok());
    fours.map(|four| u32::from_le_bytes(four) | CASE)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "there are fewer places than fit")]
fn place(gram: u32, shift: u32) -> usize {
    const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
    u64::from(gram).wrapping_mul(MIX).wrapping_shr(shift) as usize
}

/// The parts that are given to [`Grams`], and the others.
pub(super) fn split(all: Map<Box<str>>) -> (Vec<Part>, Vec<Part>) {
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_unstable_by_key(|(_, key)| *key);
    all.into_iter().partition(|(part, _)| Grams::take(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::texts::Texts;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_found_is_what_stands_in_the_text(
            parts in prop::collection::hash_set("[ab ]{1,9}|[a-cé🚀上]{1,6}", 0..9), text in "[abcé🚀上 ]{0,60}", long in 0_usize..3
        ) {
            let parts: Vec<String> = parts.into_iter().filter(|part| long == 0 || part.len() >= GRAM + long - 1).collect();
            let all = parts.iter().zip(0..).map(|(part, key)| (part.as_str().into(), key)).collect();
            let mut found = Vec::new();
            Texts::new(all).search(&text, || &text, |key| found.push(key));
            found.sort_unstable();
            found.dedup();
            let expected: Vec<u32> = (0..).zip(&parts).filter(|(_, part)| text.contains(part.as_str())).map(|(key, _)| key).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
