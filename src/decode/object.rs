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

/// A struct with the keys under which its fields stand on the wire. [`fields!`] writes these.
pub(super) trait Fields<'de>: Default {
    /// Reads the value that follows `key`, if the key is known; else leaves it and says `false`.
    fn read(&mut self, key: &[u8], from: &mut Reader<'de>, seen: &mut Seen) -> Result<bool, Malformed>;

    /// Whether an element of a list says enough to be one.
    fn is_usable(&self) -> bool {
        true
    }

    /// Reads all of an object.
    fn fill(&mut self, from: &mut Reader<'de>) -> Result<(), Malformed> {
        let mut seen = Seen::default();
        from.fields(|from, key| {
            if self.read(key.as_bytes(), from, &mut seen)? {
                return Ok(());
            }
            from.tally.note(|odd| &mut odd.unknown_fields);
            from.skip()
        })
    }
}

impl<'de> Reader<'de> {
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
            fn read(
                &mut self,
                key: &[u8],
                from: &mut $crate::decode::json::Reader<'de>,
                seen: &mut $crate::decode::object::Seen,
            ) -> Result<bool, $crate::decode::malformed::Malformed> {
                #[expect(non_camel_case_types, reason = "the fields' own names, counted by the compiler")]
                enum Place { $($field),+ }
                match key {
                    $($key => {
                        seen.once(Place::$field as u32)?;
                        $crate::decode::object::fields!(@$how from, self.$field $(, $read)?);
                    })+
                    _ => return Ok(false),
                }
                Ok(true)
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
