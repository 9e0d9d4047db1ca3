//! A JSON text, read value by value: who reads says what is wanted, and the rest is passed over.
//!
//! Ours, because nothing else reads a frame in one pass: serde_json loses the whole message to a lone surrogate (`"\ud800"`) or to a
//! number beyond `f64` (`1e999`), which are JSON all the same, and took half as long again (docs/performance.md, decode). In all else the two
//! agree on what is JSON and on what stands in it: the fuzz target `decode` holds one against the other.

use super::malformed::Malformed;
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
    text: &'de str,
    at: usize,
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

    /// What follows the quotation mark that must come next.
    #[inline]
    pub(super) fn string_ahead(&mut self) -> Result<&'de [u8], Malformed> {
        if self.peek()? != b'"' {
            return Err(Malformed::NotJson);
        }
        Ok(self.text.as_bytes().get(self.at + 1..).unwrap_or_default())
    }

    /// Takes a key of so many bytes that was seen ahead.
    #[inline]
    pub(super) fn pass_key(&mut self, bytes: usize) {
        self.at += bytes + 2;
    }

    /// What stands behind a key.
    #[inline]
    pub(super) fn colon(&mut self) -> Result<(), Malformed> {
        self.sign(b':')
    }

    /// Reads an object; `read` must read each key, and read or pass over the value that follows it.
    #[inline]
    pub(super) fn members(&mut self, mut read: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        self.sign(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            read(self)?;
            if self.is_last(b'}')? {
                return Ok(());
            }
        }
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

    /// A string, whose first quotation mark comes next.
    #[inline]
    fn string(&mut self) -> Result<Text<'de>, Malformed> {
        self.at += 1;
        match piece(self.text, self.at)? {
            Piece::Plain { text, after } => {
                self.at = after;
                Ok(text.into())
            }
            Piece::Escaped => {
                let (text, after, replaced) = unescape(self.text, self.at)?;
                self.at = after;
                if replaced {
                    self.tally.note(|odd| &mut odd.replaced_text);
                }
                Ok(text.into())
            }
        }
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

    /// How many digits come next, one at least, and what they say, if there are no more than fit.
    #[inline]
    fn digits(&mut self) -> Result<(usize, u64), Malformed> {
        let (begin, mut sum) = (self.at, 0_u64);
        while let Some(digit) = self.text.as_bytes().get(self.at).filter(|byte| byte.is_ascii_digit()) {
            sum = sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == begin { Err(Malformed::NotJson) } else { Ok((self.at - begin, sum)) }
    }

    fn number(&mut self) -> Result<Loose<'de>, Malformed> {
        let begin = self.at;
        let next = |reader: &Self| reader.text.as_bytes().get(reader.at).copied();
        let is_negative = next(self) == Some(b'-');
        self.at += usize::from(is_negative);
        let is_zero = next(self) == Some(b'0');
        let (digits, sum) = self.digits()?;
        if digits > 1 && is_zero {
            return Err(Malformed::NotJson);
        }
        let mut is_whole = true;
        if next(self) == Some(b'.') {
            (self.at, is_whole) = (self.at + 1, false);
            self.digits()?;
        }
        if matches!(next(self), Some(b'e' | b'E')) {
            (self.at, is_whole) = (self.at + 1, false);
            self.at += usize::from(matches!(next(self), Some(b'+' | b'-')));
            self.digits()?;
        }
        // Nineteen digits are no more than fit.
        if is_whole && !is_negative && digits <= 19 {
            return Ok(Loose::Unsigned(sum));
        }
        let written = self.text.get(begin..self.at).unwrap_or_default();
        if is_whole && is_negative && !is_zero {
            return Ok(Loose::Negative);
        }
        let unsigned = || written.parse().ok().map(Loose::Unsigned).filter(|_| is_whole);
        let float = || written.parse().ok().map(Loose::Float);
        unsigned().or_else(float).ok_or(Malformed::NotJson)
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
