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
    /// The first of a table, so many.
    pub(super) const fn first(count: u32) -> Self {
        Self((1 << count) - 1)
    }

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

    /// Reads members as long as they stand there as they mostly do: known keys without escapes, nothing between a key and its value. Says
    /// whether the object has ended; else what comes next is to be read with patience.
    #[inline(always)]
    fn read_plain(&mut self, _from: &mut Reader<'de>, _seen: &mut Seen) -> Result<bool, Malformed> {
        Ok(false)
    }

    /// Reads all of an object.
    fn fill(&mut self, from: &mut Reader<'de>) -> Result<(), Malformed> {
        if from.begins_empty()? { Ok(()) } else { self.fill_rest(from, Seen::default()) }
    }

    /// Reads an object from a member on, of which these keys have been seen.
    fn fill_rest(&mut self, from: &mut Reader<'de>, mut seen: Seen) -> Result<(), Malformed> {
        loop {
            if self.read_plain(from, &mut seen)? {
                return Ok(());
            }
            let key = from.key()?;
            if !self.read(key.as_bytes(), from, &mut seen)? {
                from.tally.note(|odd| &mut odd.unknown_fields);
                from.skip()?;
            }
            if from.ended()? {
                return Ok(());
            }
            from.peek()?;
        }
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
    #[inline(always)]
    pub(super) fn known_word(&mut self, words: &[&str], into: &mut Option<Text<'de>>) -> Result<(), Malformed> {
        scalar::filled(self, into)?;
        if into.as_ref().is_some_and(|word| !words.contains(&word.as_str())) {
            self.tally.note(|odd| &mut odd.unknown_values);
        }
        Ok(())
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
            if from.peek()? != b'{' {
                return from.absent();
            }
            into.push(T::default());
            if let Some(element) = into.last_mut() {
                element.fill(from)?;
                if !element.is_usable() {
                    from.tally.wrong_type();
                    into.pop();
                }
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

/// Writes [`Fields`] for a struct: a line is `"key" => field: how`, in the order in which the feed mostly writes them. `how` is the name of a function that
/// reads into the field, or `word(words)`, `object` (an `Option`), `whole` (the struct itself), `boxed`, `list`, or `by(function)` of the struct itself.
macro_rules! fields {
    ($type:ty $(, usable $usable:expr)?; $($key:literal => $field:ident: $how:ident $(($with:expr))?),+ $(,)?) => {
        impl<'de> $crate::decode::object::Fields<'de> for $type {
            fn read(
                &mut self,
                key: &[u8],
                from: &mut $crate::decode::json::Reader<'de>,
                seen: &mut $crate::decode::object::Seen,
            ) -> Result<bool, $crate::decode::malformed::Malformed> {
                #[expect(non_camel_case_types, reason = "the fields' own names, counted by the compiler")]
                enum Place { $($field),+ }
                $(if key == $key.as_bytes() {
                    seen.once(Place::$field as u32)?;
                    $crate::decode::object::fields!(@$how from, self, $field $(, $with)?);
                    return Ok(true);
                })+
                Ok(false)
            }

            #[inline(always)]
            fn read_plain(
                &mut self,
                from: &mut $crate::decode::json::Reader<'de>,
                seen: &mut $crate::decode::object::Seen,
            ) -> Result<bool, $crate::decode::malformed::Malformed> {
                #[expect(non_camel_case_types, reason = "the fields' own names, counted by the compiler")]
                enum Place { $($field),+ }
                loop {
                    let begun = from.at;
                    $(if from.takes(concat!("\"", $key, "\":").as_bytes()) {
                        seen.once(Place::$field as u32)?;
                        $crate::decode::object::fields!(@$how from, self, $field $(, $with)?);
                        if from.ended()? {
                            return Ok(true);
                        }
                    })+
                    if from.at == begun {
                        return Ok(false);
                    }
                }
            }

            $(fn is_usable(&self) -> bool {
                let usable: fn(&Self) -> bool = $usable;
                usable(self)
            })?
        }
    };
    (@word $from:ident, $self:ident, $field:ident, $words:expr) => { $from.known_word($words, &mut $self.$field)? };
    (@object $from:ident, $self:ident, $field:ident) => { $from.object(&mut $self.$field)? };
    (@whole $from:ident, $self:ident, $field:ident) => { $from.whole(&mut $self.$field)? };
    (@boxed $from:ident, $self:ident, $field:ident) => { $from.boxed(&mut $self.$field)? };
    (@list $from:ident, $self:ident, $field:ident) => { $from.list(&mut $self.$field)? };
    (@by $from:ident, $self:ident, $field:ident, $read:expr) => { $read($self, $from)? };
    (@$read:ident $from:ident, $self:ident, $field:ident) => { $read($from, &mut $self.$field)? };
}
pub(super) use fields;
