//! Texts that are short nearly always, kept where they are named: no allocation, and no way to memory of their own.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A text, of which up to `N` bytes are kept inside; a longer one is outside, once for all of its clones.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortText<const N: usize>(Kept<N>);

/// A short text is always inside, and the rest of its bytes zero: so texts that are the same are equal as they stand.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kept<const N: usize> {
    Inside { length: u8, bytes: [u8; N] },
    Outside(Arc<str>),
}

impl<const N: usize> ShortText<N> {
    /// The text as it is.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; N];
        Self(match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(length), Some(inside)) => {
                inside.copy_from_slice(text.as_bytes());
                Kept::Inside { length, bytes }
            }
            _ => Kept::Outside(text.into()),
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // What was a text is one.
            Kept::Inside { .. } => str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Kept::Outside(text) => text,
        }
    }

    /// The text's bytes, which are at hand without a look at each of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Kept::Inside { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Kept::Outside(text) => text.as_bytes(),
        }
    }

    /// Bytes that it takes beside itself.
    #[must_use]
    pub fn bytes_outside(&self) -> usize {
        match &self.0 {
            Kept::Inside { .. } => 0,
            Kept::Outside(text) => text.len(),
        }
    }
}

impl<const N: usize> Hash for ShortText<N> {
    /// All bytes at once, the zeros among them: equal for equal texts, and few steps.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Kept::Inside { length, bytes } => {
                state.write(bytes);
                state.write_u8(*length);
            }
            Kept::Outside(text) => text.hash(state),
        }
    }
}

impl<const N: usize> Default for ShortText<N> {
    fn default() -> Self {
        Self::new("")
    }
}

impl<const N: usize> From<&str> for ShortText<N> {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<const N: usize> From<String> for ShortText<N> {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl<const N: usize> serde::Serialize for ShortText<N> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de, const N: usize> serde::Deserialize<'de> for ShortText<N> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self::new(&text))
    }
}

impl<const N: usize> fmt::Display for ShortText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for ShortText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_it_was_written_however_long() {
        for length in 0..40 {
            let text = "7".repeat(length);
            let short = ShortText::<22>::new(&text);
            assert_eq!((short.as_str(), short.as_bytes()), (&*text, text.as_bytes()));
            assert_eq!(short.bytes_outside(), if length <= 22 { 0 } else { length });
            assert_eq!(short, ShortText::new(&text));
            assert_ne!(short, ShortText::new(&format!("{text}\0")));
        }
        assert_eq!(ShortText::<22>::new("é上🚀").as_str(), "é上🚀");
    }

    #[test]
    fn it_takes_no_more_than_its_bytes_and_two() {
        assert_eq!((size_of::<ShortText<22>>(), size_of::<ShortText<62>>()), (24, 64));
        assert_eq!(size_of::<Option<ShortText<22>>>(), 24);
    }
}
