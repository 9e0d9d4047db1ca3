//! A small layer over serde for a feed that may say anything: JSON values of any type go in, and what was expected comes out, or its
//! absence with a count.
//!
//! serde's own way (derive, `Option<T>`) loses the whole message when one optional field has the wrong type, and its ways around that
//! (`flatten`, untagged) copy everything into a buffer first. Here every value is taken by a [`Take`], which accepts whatever comes.
//!
//! serde_json itself gives up on two things that are JSON all the same: a lone surrogate (`"\ud800"`) in a string that is read, and a number
//! beyond `f64` (`1e999`). Such a frame is read once more, *patiently*: every value is first found as a raw slice and then understood here.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::malformed::Malformed;
use super::scalar;
use crate::model::envelope::{Oddities, Text};

/// What is counted while one frame is read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    odd: Cell<Oddities>,
    fatal: Cell<Option<Malformed>>,
    patient: bool,
}

impl Tally {
    pub(super) fn new(patient: bool) -> Self {
        Self { patient, ..Self::default() }
    }

    /// Counts one oddity.
    pub(super) fn note(&self, count: impl FnOnce(&mut Oddities) -> &mut u32) {
        let mut odd = self.odd.get();
        let count = count(&mut odd);
        *count = count.saturating_add(1);
        self.odd.set(odd);
    }

    /// Counts what was odd about a part that was read by itself.
    pub(super) fn add(&self, part: Oddities) {
        let sum = self.odd.get();
        self.odd.set(Oddities {
            unknown_fields: sum.unknown_fields.saturating_add(part.unknown_fields),
            wrong_types: sum.wrong_types.saturating_add(part.wrong_types),
            unknown_values: sum.unknown_values.saturating_add(part.unknown_values),
            replaced_text: sum.replaced_text.saturating_add(part.replaced_text),
            version: sum.version.saturating_add(part.version),
            elements: sum.elements.saturating_add(part.elements),
        });
    }

    pub(super) fn wrong_type(&self) {
        self.note(|odd| &mut odd.wrong_types);
    }

    pub(super) fn oddities(&self) -> Oddities {
        self.odd.get()
    }

    /// Ends the reading: the error that comes back stands for `why`.
    pub(super) fn fail<E: Error>(&self, why: Malformed) -> E {
        self.fatal.set(Some(why));
        E::custom("")
    }

    pub(super) fn fatal(&self) -> Option<Malformed> {
        self.fatal.get()
    }
}

/// A value that is neither list nor object, or stands for one (`Nested`) that was not wanted.
#[derive(Debug)]
pub(super) enum Loose<'de> {
    Null,
    Bool,
    Unsigned(u64),
    /// A negative whole number: nothing on the feed is meant to be one.
    Negative,
    Float(f64),
    Text(Text<'de>),
    Nested,
}

/// Takes one JSON value, whatever its type.
pub(super) trait Take<'de>: Sized {
    type Value;

    fn tally(&self) -> &Tally;

    /// The value is a scalar, or a list or an object that was skipped.
    fn scalar<E: Error>(self, value: Loose<'de>) -> Result<Self::Value, E>;

    fn list<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        while from.next_element::<IgnoredAny>()?.is_some() {}
        self.scalar(Loose::Nested)
    }

    fn object<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        while from.next_key_seed(Key)?.is_some() {
            from.next_value::<IgnoredAny>()?;
        }
        self.scalar(Loose::Nested)
    }
}

/// Lends a [`Take`] to serde.
pub(super) struct Any<T>(pub(super) T);

impl<'de, T: Take<'de>> DeserializeSeed<'de> for Any<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T::Value, D::Error> {
        if self.0.tally().patient {
            return self.patiently(<&RawValue>::deserialize(from)?.get());
        }
        from.deserialize_any(self)
    }
}

impl<'de, T: Take<'de>> Any<T> {
    /// Reads one value out of its raw text, which serde_json has found to be well-formed.
    fn patiently<E: Error>(self, raw: &'de str) -> Result<T::Value, E> {
        match raw.as_bytes().first() {
            Some(b'{' | b'[') => serde_json::Deserializer::from_str(raw).deserialize_any(self).map_err(E::custom),
            Some(b'"') => {
                let bytes = serde_json::Deserializer::from_str(raw).deserialize_bytes(Bytes).map_err(E::custom)?;
                let text = without_surrogates(bytes, self.0.tally());
                self.0.scalar(Loose::Text(text))
            }
            Some(b'n') => self.0.scalar(Loose::Null),
            Some(b't' | b'f') => self.0.scalar(Loose::Bool),
            _ => {
                let unsigned = || raw.parse().ok().map(Loose::Unsigned);
                let float = || raw.parse().ok().map(Loose::Float);
                self.0.scalar(unsigned().or_else(float).unwrap_or(Loose::Nested))
            }
        }
    }
}

impl<'de, T: Take<'de>> Visitor<'de> for Any<T> {
    type Value = T::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<T::Value, E> {
        self.0.scalar(Loose::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T::Value, E> {
        self.0.scalar(Loose::Bool)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T::Value, E> {
        self.0.scalar(Loose::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T::Value, E> {
        self.0.scalar(Loose::Negative)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T::Value, E> {
        self.0.scalar(Loose::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<T::Value, E> {
        self.0.scalar(Loose::Text(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T::Value, E> {
        self.0.scalar(Loose::Text(value.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, from: A) -> Result<T::Value, A::Error> {
        self.0.list(from)
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<T::Value, A::Error> {
        self.0.object(from)
    }
}

/// The bytes of a string: serde_json hands out lone surrogates only this way (as WTF-8). Also for the keys of objects.
#[derive(Clone, Copy)]
struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }
}

/// A key of an object. A lone surrogate in it is no obstacle.
pub(super) struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, [u8]>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        let key = from.deserialize_bytes(Bytes)?;
        // Read as bytes, serde_json does not look for raw control characters, which JSON forbids in strings.
        match &key {
            Cow::Borrowed(raw) if raw.iter().any(|byte| *byte < 0x20) => Err(D::Error::custom("control character in a key")),
            _ => Ok(key),
        }
    }
}

/// UTF-8 of WTF-8: one U+FFFD in place of each lone surrogate, which takes three bytes.
fn without_surrogates<'de>(bytes: Cow<'de, [u8]>, tally: &Tally) -> Text<'de> {
    let bytes = match bytes {
        Cow::Borrowed(bytes) => match str::from_utf8(bytes) {
            Ok(text) => return text.into(),
            Err(_) => bytes.to_vec(),
        },
        Cow::Owned(bytes) => bytes,
    };
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    loop {
        match str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                break;
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                text.push_str(str::from_utf8(valid).unwrap_or_default());
                text.push(char::REPLACEMENT_CHARACTER);
                rest = after.get(3..).unwrap_or_default();
            }
        }
    }
    if text.len() != bytes.len() || text.as_bytes() != bytes {
        tally.note(|odd| &mut odd.replaced_text);
    }
    text.into()
}

/// Takes a scalar and lets `read` understand it.
pub(super) struct Scalar<'t, F> {
    pub(super) tally: &'t Tally,
    pub(super) read: F,
}

impl<'de, T, F: FnOnce(Loose<'de>, &Tally) -> T> Take<'de> for Scalar<'_, F> {
    type Value = T;

    fn tally(&self) -> &Tally {
        self.tally
    }

    fn scalar<E: Error>(self, value: Loose<'de>) -> Result<T, E> {
        Ok((self.read)(value, self.tally))
    }
}

/// Takes a word that is kept as it is, and counted when it is none of `words`.
pub(super) struct Word<'t> {
    pub(super) tally: &'t Tally,
    pub(super) words: &'static [&'static str],
}

impl<'de> Take<'de> for Word<'_> {
    type Value = Option<Text<'de>>;

    fn tally(&self) -> &Tally {
        self.tally
    }

    fn scalar<E: Error>(self, value: Loose<'de>) -> Result<Self::Value, E> {
        let word = scalar::filled(value, self.tally);
        if word.as_ref().is_some_and(|word| !self.words.contains(&word.as_str())) {
            self.tally.note(|odd| &mut odd.unknown_values);
        }
        Ok(word)
    }
}
