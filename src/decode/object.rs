//! Objects and lists of them: a table says which key is which field, and a key that comes twice is refused (RELIABILITY D6).

use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess};

use super::malformed::Malformed;
use super::wire::{Any, Key, Loose, Take, Tally};
use crate::model::limits;

/// The keys that an object has already had, by their place in its table.
#[derive(Debug, Default)]
pub(super) struct Seen(u64);

impl Seen {
    /// Refuses the second of two equal keys.
    pub(super) fn once<E: Error>(&mut self, place: u32, tally: &Tally) -> Result<(), E> {
        let bit = 1 << place;
        if self.0 & bit != 0 {
            return Err(tally.fail(Malformed::DuplicateKey));
        }
        self.0 |= bit;
        Ok(())
    }
}

/// A struct with the keys under which its fields stand on the wire. [`fields!`] writes these.
pub(super) trait Fields<'de>: Default {
    /// Reads the value that follows `key`, if the key is known; else leaves it and says `false`.
    fn read<A: MapAccess<'de>>(&mut self, key: &[u8], from: &mut A, seen: &mut Seen, tally: &Tally) -> Result<bool, A::Error>;

    /// Whether an element of a list says enough to be one.
    fn is_usable(&self) -> bool {
        true
    }
}

/// Reads all of an object.
pub(super) fn read_object<'de, T: Fields<'de>, A: MapAccess<'de>>(mut from: A, tally: &Tally) -> Result<T, A::Error> {
    let mut made = T::default();
    let mut seen = Seen::default();
    while let Some(key) = from.next_key_seed(Key)? {
        if !made.read(&key, &mut from, &mut seen, tally)? {
            tally.note(|odd| &mut odd.unknown_fields);
            from.next_value::<IgnoredAny>()?;
        }
    }
    Ok(made)
}

/// Takes an object; anything else is absent.
pub(super) struct Object<'t, T> {
    tally: &'t Tally,
    made: PhantomData<T>,
}

impl<'t, T> Object<'t, T> {
    pub(super) fn new(tally: &'t Tally) -> Self {
        Self { tally, made: PhantomData }
    }
}

impl<'de, T: Fields<'de>> Take<'de> for Object<'_, T> {
    type Value = Option<T>;

    fn tally(&self) -> &Tally {
        self.tally
    }

    fn scalar<E: Error>(self, value: Loose<'de>) -> Result<Option<T>, E> {
        if !matches!(value, Loose::Null) {
            self.tally.wrong_type();
        }
        Ok(None)
    }

    fn object<A: MapAccess<'de>>(self, from: A) -> Result<Option<T>, A::Error> {
        read_object(from, self.tally).map(Some)
    }
}

/// Takes a list; an element that is none is left out alone, and elements beyond [`limits::ELEMENTS`] are skipped.
pub(super) struct List<'t, T> {
    tally: &'t Tally,
    made: PhantomData<T>,
}

impl<'t, T> List<'t, T> {
    pub(super) fn new(tally: &'t Tally) -> Self {
        Self { tally, made: PhantomData }
    }
}

impl<'de, T: Fields<'de>> Take<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn tally(&self) -> &Tally {
        self.tally
    }

    fn scalar<E: Error>(self, value: Loose<'de>) -> Result<Vec<T>, E> {
        if !matches!(value, Loose::Null) {
            self.tally.wrong_type();
        }
        Ok(Vec::new())
    }

    fn list<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while list.len() < limits::ELEMENTS {
            match from.next_element_seed(Any(Object::<T>::new(self.tally)))? {
                None => return Ok(list),
                Some(Some(element)) if element.is_usable() => list.push(element),
                Some(Some(_)) => self.tally.wrong_type(),
                Some(None) => {}
            }
        }
        while from.next_element::<IgnoredAny>()?.is_some() {
            self.tally.note(|odd| &mut odd.elements);
        }
        Ok(list)
    }
}

/// Writes [`Fields`] for a struct: a line is `b"key" => field: how`, where `how` is `scalar(reader)`, `word(words)`, `object` (an `Option`), `whole` (the
/// struct itself), `boxed`, `list`, or `sources`.
macro_rules! fields {
    ($type:ty $(, usable $usable:expr)?; $($key:literal => $field:ident: $how:ident $(($read:expr))?),+ $(,)?) => {
        impl<'de> $crate::decode::object::Fields<'de> for $type {
            fn read<A: serde::de::MapAccess<'de>>(
                &mut self,
                key: &[u8],
                from: &mut A,
                seen: &mut $crate::decode::object::Seen,
                tally: &$crate::decode::wire::Tally,
            ) -> Result<bool, A::Error> {
                #[expect(non_camel_case_types, reason = "the fields' own names, counted by the compiler")]
                enum Place { $($field),+ }
                match key {
                    $($key => {
                        seen.once(Place::$field as u32, tally)?;
                        self.$field = $crate::decode::object::fields!(@$how from, tally $(, $read)?);
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
    (@scalar $from:ident, $tally:ident, $read:expr) => {
        $from.next_value_seed($crate::decode::wire::Any($crate::decode::wire::Scalar { tally: $tally, read: $read }))?
    };
    (@word $from:ident, $tally:ident, $words:expr) => {
        $from.next_value_seed($crate::decode::wire::Any($crate::decode::wire::Word { tally: $tally, words: $words }))?
    };
    (@object $from:ident, $tally:ident) => {
        $from.next_value_seed($crate::decode::wire::Any($crate::decode::object::Object::new($tally)))?
    };
    (@whole $from:ident, $tally:ident) => {
        $from.next_value_seed($crate::decode::wire::Any($crate::decode::object::Object::new($tally)))?.unwrap_or_default()
    };
    (@boxed $from:ident, $tally:ident) => {
        $from.next_value_seed($crate::decode::wire::Any($crate::decode::object::Object::new($tally)))?.map(Box::new)
    };
    (@list $from:ident, $tally:ident) => {
        $from.next_value_seed($crate::decode::wire::Any($crate::decode::object::List::new($tally)))?
    };
    (@sources $from:ident, $tally:ident) => {
        $from.next_value_seed($crate::decode::wire::Any($crate::decode::tweet::Found { tally: $tally }))?
    };
}
pub(super) use fields;
