//! A JSON text, read value by value: who reads says what is wanted, and the rest is passed over.
//!
//! Ours, because nothing else reads a frame in one pass: serde_json loses the whole message to a lone surrogate (`"\ud800"`) or to a
//! number beyond `f64` (`1e999`), which are JSON all the same, and took half as long again (docs/performance.md, decode). In all else the two
//! agree on what is JSON and on what stands in it: the fuzz target `decode` holds one against the other.

use super::malformed::Malformed;
use super::scan::special;
use super::tally::Tally;
use super::text::{Piece, piece, unescape};
use crate::model::envelope::Text;

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

/// Where in a JSON text we are, and what was odd so far. All errors are [`Malformed::NotJson`], but for those of who reads.
#[derive(Debug)]
pub(super) struct Reader<'de> {
    pub(super) text: &'de str,
    pub(super) at: usize,
    pub(super) tally: Tally,
}

/// A key of an object.
pub(super) enum Key<'de> {
    Plain(&'de str),
    Escaped(String),
}

impl Key<'_> {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Plain(key) => key.as_bytes(),
            Self::Escaped(key) => key.as_bytes(),
        }
    }
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text, at: 0, tally: Tally::default() }
    }

    /// The first byte of what comes next, spaces aside.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<u8, Malformed> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(Malformed::NotJson),
            }
        }
    }

    /// Nothing but spaces is left.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        if self.peek().is_ok() { Err(Malformed::NotJson) } else { Ok(()) }
    }

    /// Takes this sign.
    #[inline]
    fn sign(&mut self, sign: u8) -> Result<(), Malformed> {
        if self.peek()? != sign {
            return Err(Malformed::NotJson);
        }
        self.at += 1;
        Ok(())
    }

    /// Takes exactly this, if it stands there.
    #[inline(always)]
    pub(super) fn takes(&mut self, ahead: &[u8]) -> bool {
        let takes = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(ahead));
        if takes {
            self.at += ahead.len();
        }
        takes
    }

    /// Takes a text that stands there plainly: no space in front of it, and no escape in it.
    #[inline(always)]
    pub(super) fn plain(&mut self) -> Option<&'de str> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        let begin = self.at + 1;
        let end = special(bytes, begin);
        if bytes.get(end) != Some(&b'"') {
            return None;
        }
        let text = self.text.get(begin..end)?;
        self.at = end + 1;
        Some(text)
    }

    /// Begins an object, and says whether there is nothing in it.
    #[inline]
    pub(super) fn begins_empty(&mut self) -> Result<bool, Malformed> {
        self.sign(b'{')?;
        let is_empty = self.peek()? == b'}';
        self.at += usize::from(is_empty);
        Ok(is_empty)
    }

    /// Behind a member: whether it was the last one.
    #[inline(always)]
    pub(super) fn ended(&mut self) -> Result<bool, Malformed> {
        let sign = self.text.as_bytes().get(self.at).copied();
        if matches!(sign, Some(b',' | b'}')) {
            self.at += 1;
            return Ok(sign == Some(b'}'));
        }
        self.is_last(b'}')
    }

    /// Reads a list; `read` must read or pass over the element that follows.
    pub(super) fn elements(&mut self, mut read: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        self.sign(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            read(self)?;
            if self.is_last(b']')? {
                return Ok(());
            }
        }
    }

    /// Behind a value: either a comma, or what closes the list or object.
    #[inline]
    fn is_last(&mut self, closes: u8) -> Result<bool, Malformed> {
        let sign = self.peek()?;
        self.at += 1;
        match sign {
            b',' => Ok(false),
            sign if sign == closes => Ok(true),
            _ => Err(Malformed::NotJson),
        }
    }

    pub(super) fn key(&mut self) -> Result<Key<'de>, Malformed> {
        self.sign(b'"')?;
        let key = match piece(self.text, self.at)? {
            Piece::Plain { text, after } => {
                self.at = after;
                Key::Plain(text)
            }
            // A lone surrogate in a key is no obstacle, and of no interest.
            Piece::Escaped => {
                let (key, after, _) = unescape(self.text, self.at)?;
                self.at = after;
                Key::Escaped(key)
            }
        };
        self.sign(b':')?;
        Ok(key)
    }

    /// Whether a string begins right here.
    #[inline(always)]
    pub(super) fn is_string_ahead(&self) -> bool {
        self.text.as_bytes().get(self.at) == Some(&b'"')
    }

    /// A string, whose first quotation mark comes next.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<Text<'de>, Malformed> {
        match self.plain() {
            Some(text) => Ok(text.into()),
            None => self.escaped(),
        }
    }

    /// The same, where it is not plain.
    #[inline(never)]
    fn escaped(&mut self) -> Result<Text<'de>, Malformed> {
        let (text, after, replaced) = unescape(self.text, self.at + 1)?;
        self.at = after;
        if replaced {
            self.tally.note(|odd| &mut odd.replaced_text);
        }
        Ok(text.into())
    }

    /// A value of any type; lists and objects are passed over.
    #[inline]
    pub(super) fn loose(&mut self) -> Result<Loose<'de>, Malformed> {
        match self.peek()? {
            b'"' => self.string().map(Loose::Text),
            b'{' | b'[' => self.skip().map(|()| Loose::Nested),
            b'n' => self.word("null").map(|()| Loose::Null),
            b't' => self.word("true").map(|()| Loose::Bool),
            b'f' => self.word("false").map(|()| Loose::Bool),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Malformed::NotJson);
        }
        self.at += word.len();
        Ok(())
    }

    /// A value as it stands.
    pub(super) fn raw(&mut self) -> Result<&'de str, Malformed> {
        self.peek()?;
        let begin = self.at;
        self.skip()?;
        self.text.get(begin..self.at).ok_or(Malformed::NotJson)
    }

    /// Passes over a value, however deep.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let mut open = Vec::new();
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                sign @ (b'{' | b'[') => {
                    let closes = if sign == b'{' { b'}' } else { b']' };
                    self.at += 1;
                    if self.peek()? == closes {
                        self.at += 1;
                    } else {
                        open.push(closes);
                        if closes == b'}' {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                b'n' => self.word("null")?,
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                _ => self.number().map(drop)?,
            }
            loop {
                let Some(closes) = open.last().copied() else { return Ok(()) };
                if self.is_last(closes)? {
                    open.pop();
                } else {
                    if closes == b'}' {
                        self.skip_key()?;
                    }
                    break;
                }
            }
        }
    }

    fn skip_key(&mut self) -> Result<(), Malformed> {
        if self.peek()? != b'"' {
            return Err(Malformed::NotJson);
        }
        self.skip_string()?;
        self.sign(b':')
    }

    fn skip_string(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        self.at = match piece(self.text, self.at)? {
            Piece::Plain { after, .. } => after,
            Piece::Escaped => unescape(self.text, self.at)?.1,
        };
        Ok(())
    }
}
