//! Objects and lists of them: a table says which key is which field, and a key that comes twice is refused (RELIABILITY D6).

use super::json::{Loose, Reader};
use super::malformed::Malformed;
use super::scalar;
use super::tally::Tally;
use crate::model::envelope::Text;
use crate::model::limits;

/// The keys that an object has already had, by their place in its table.
#[derive(Debug, Default)]
pub(super) struct Seen(u64);

impl Seen {
    /// Refuses the second of two equal keys.
    pub(super) fn once(&mut self, place: u32) -> Result<(), Malformed> {
        let bit = 1 << place;
        if self.0 & bit != 0 {
            return Err(Malformed::DuplicateKey);
        }
        self.0 |= bit;
        Ok(())
    }
}

/// A key of a table, and its first eight bytes with the quotation mark behind it, as far as that is among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    key: &'static [u8],
    head: u64,
    mask: u64,
}

impl Known {
    pub(super) const fn new(key: &'static [u8]) -> Self {
        let (mut head, mut mask, mut at) = (0, 0, 0);
        while at < 8 && at <= key.len() {
            let byte = if at < key.len() { key[at] } else { b'"' };
            head |= (byte as u64) << (8 * at);
            mask |= 0xff << (8 * at);
            at += 1;
        }
        Self { key, head, mask }
    }

    /// Whether what is behind the first eight bytes is the key's as well.
    #[inline]
    fn ends(&self, rest: &[u8]) -> bool {
        let length = self.key.len();
        length < 8 || rest.get(length) == Some(&b'"') && rest.get(8..length) == self.key.get(8..)
    }
}

/// A struct with the keys under which its fields stand on the wire. [`fields!`] writes these.
pub(super) trait Fields<'de>: Default {
    /// The keys, in the order in which the feed mostly writes them. May be left out.
    const KEYS: &'static [Known] = &[];

    /// Reads the value of the key that stands at this place of [`Self::KEYS`].
    fn read_at(&mut self, _place: usize, from: &mut Reader<'de>) -> Result<(), Malformed> {
        from.skip()
    }

    /// Reads the value that follows `key`, if the key is known; else leaves it and says `false`.
    fn read(&mut self, key: &[u8], from: &mut Reader<'de>, seen: &mut Seen) -> Result<bool, Malformed> {
        let Some((place, _)) = (0_u32..).zip(Self::KEYS).find(|(_, known)| known.key == key) else { return Ok(false) };
        seen.once(place)?;
        self.read_at(place as usize, from)?;
        Ok(true)
    }

    /// Whether an element of a list says enough to be one.
    fn is_usable(&self) -> bool {
        true
    }

    /// Reads all of an object.
    fn fill(&mut self, from: &mut Reader<'de>) -> Result<(), Malformed> {
        let (mut seen, mut next) = (Seen::default(), 0);
        from.members(|from| {
            if let Some(place) = from.known_key(Self::KEYS, next)? {
                from.colon()?;
                seen.once(u32::try_from(place).unwrap_or_default())?;
                next = place + 1;
                return self.read_at(place, from);
            }
            let key = from.key()?;
            if self.read(key.as_bytes(), from, &mut seen)? {
                return Ok(());
            }
            from.tally.note(|odd| &mut odd.unknown_fields);
            from.skip()
        })
    }
}

impl<'de> Reader<'de> {
    /// Takes a key that is one of these, if it stands there without escapes, and says which. It is looked for from `next` on: most senders write
    /// keys in one order.
    #[inline]
    fn known_key(&mut self, keys: &[Known], next: usize) -> Result<Option<usize>, Malformed> {
        let rest = self.string_ahead()?;
        let Some(head) = rest.first_chunk().map(|eight| u64::from_le_bytes(*eight)) else { return Ok(None) };
        let mut place = next;
        for _ in keys {
            let known = match keys.get(place) {
                Some(known) => known,
                None => {
                    place = 0;
                    &keys[0]
                }
            };
            if head & known.mask == known.head && known.ends(rest) {
                self.pass_key(known.key.len());
                return Ok(Some(place));
            }
            place += 1;
        }
        Ok(None)
    }

    /// A scalar, as `read` understands it.
    #[inline]
    pub(super) fn scalar<T>(&mut self, read: impl FnOnce(Loose<'de>, &mut Tally) -> T) -> Result<T, Malformed> {
        let value = self.loose()?;
        Ok(read(value, &mut self.tally))
    }

    /// A word that is kept as it is, and counted when it is none of `words`.
    pub(super) fn known_word(&mut self, words: &[&str]) -> Result<Option<Text<'de>>, Malformed> {
        let word = self.scalar(scalar::filled)?;
        if word.as_ref().is_some_and(|word| !words.contains(&word.as_str())) {
            self.tally.note(|odd| &mut odd.unknown_values);
        }
        Ok(word)
    }

    /// An object; anything else is absent, which `into` is at first.
    pub(super) fn object<T: Fields<'de>>(&mut self, into: &mut Option<T>) -> Result<(), Malformed> {
        if self.peek()? == b'{' { into.insert(T::default()).fill(self) } else { self.absent() }
    }

    /// The same, where the struct holds it itself.
    pub(super) fn whole<T: Fields<'de>>(&mut self, into: &mut T) -> Result<(), Malformed> {
        if self.peek()? == b'{' { into.fill(self) } else { self.absent() }
    }

    /// The same, in a box.
    pub(super) fn boxed<T: Fields<'de>>(&mut self, into: &mut Option<Box<T>>) -> Result<(), Malformed> {
        if self.peek()? == b'{' { into.insert(Box::default()).fill(self) } else { self.absent() }
    }

    /// A list; an element that is none is left out alone, and elements beyond [`limits::ELEMENTS`] are passed over.
    pub(super) fn list<T: Fields<'de>>(&mut self, into: &mut Vec<T>) -> Result<(), Malformed> {
        if self.peek()? != b'[' {
            return self.absent();
        }
        self.elements(|from| {
            if into.len() >= limits::ELEMENTS {
                from.tally.note(|odd| &mut odd.elements);
                return from.skip();
            }
            let mut element = None;
            from.object(&mut element)?;
            match element {
                Some(element) if T::is_usable(&element) => into.push(element),
                Some(_) => from.tally.wrong_type(),
                None => {}
            }
            Ok(())
        })
    }

    /// What is of another type than it should be: none, and counted.
    pub(super) fn absent(&mut self) -> Result<(), Malformed> {
        if !matches!(self.loose()?, Loose::Null) {
            self.tally.wrong_type();
        }
        Ok(())
    }
}

/// Writes [`Fields`] for a struct: a line is `b"key" => field: how`, where `how` is `scalar(reader)`, `word(words)`, `object` (an `Option`), `whole` (the
/// struct itself), `boxed`, `list`, or `sources`.
macro_rules! fields {
    ($type:ty $(, usable $usable:expr)?; $($key:literal => $field:ident: $how:ident $(($read:expr))?),+ $(,)?) => {
        impl<'de> $crate::decode::object::Fields<'de> for $type {
            const KEYS: &'static [$crate::decode::object::Known] = &[$($crate::decode::object::Known::new($key)),+];

            #[inline]
            fn read_at(
                &mut self,
                place: usize,
                from: &mut $crate::decode::json::Reader<'de>,
            ) -> Result<(), $crate::decode::malformed::Malformed> {
                #[expect(non_camel_case_types, reason = "the fields' own names, counted by the compiler")]
                enum Place { $($field),+ }
                $(if place == Place::$field as usize {
                    $crate::decode::object::fields!(@$how from, self.$field $(, $read)?);
                    return Ok(());
                })+
                from.skip()
            }

            $(fn is_usable(&self) -> bool {
                let usable: fn(&Self) -> bool = $usable;
                usable(self)
            })?
        }
    };
    (@scalar $from:ident, $field:expr, $read:expr) => { $field = $from.scalar($read)? };
    (@word $from:ident, $field:expr, $words:expr) => { $field = $from.known_word($words)? };
    (@object $from:ident, $field:expr) => { $from.object(&mut $field)? };
    (@whole $from:ident, $field:expr) => { $from.whole(&mut $field)? };
    (@boxed $from:ident, $field:expr) => { $from.boxed(&mut $field)? };
    (@list $from:ident, $field:expr) => { $from.list(&mut $field)? };
    (@sources $from:ident, $field:expr) => { $crate::decode::tweet::sources($from, &mut $field)? };
}
pub(super) use fields;
