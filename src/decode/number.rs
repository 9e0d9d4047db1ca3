//! Numbers as they are written: a quick way for those that the feed mostly writes, and one for all.

use super::json::{Loose, Reader};
use super::malformed::Malformed;

/// So many digits are an `f64` of their own, whatever they are.
const EXACT: usize = 15;
/// The powers of ten that as many digits reach; each is an `f64` of its own, too.
const TENS: [u64; EXACT + 1] = {
    let (mut tens, mut at) = ([1; EXACT + 1], 1);
    while at <= EXACT {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};

impl<'de> Reader<'de> {
    /// Takes a whole number that is written plainly: some digits, and directly behind them the next sign.
    #[inline]
    pub(super) fn plain_whole(&mut self) -> Option<u64> {
        let bytes = self.text.as_bytes();
        let (digits, number) = run(bytes, self.at)?;
        let end = self.at + digits;
        (is_begun(bytes, self.at, digits) && is_over(bytes, end)).then(|| {
            self.at = end;
            number
        })
    }

    /// The same with digits behind a point. It is what the exact way makes of it: both parts of the division are exact.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "no more digits than are exact")]
    pub(super) fn plain_decimal(&mut self) -> Option<f64> {
        let bytes = self.text.as_bytes();
        let (digits, whole) = run(bytes, self.at)?;
        let point = self.at + digits;
        if bytes.get(point) != Some(&b'.') || !is_begun(bytes, self.at, digits) {
            return None;
        }
        let (behind, parts) = run(bytes, point + 1)?;
        let end = point + 1 + behind;
        let scale = TENS.get(behind).filter(|_| digits + behind <= EXACT)?;
        is_over(bytes, end).then(|| {
            self.at = end;
            (whole * scale + parts) as f64 / *scale as f64
        })
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

    pub(super) fn number(&mut self) -> Result<Loose<'de>, Malformed> {
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
}

/// How many digits stand from `at` on, and the number that they are; `None` where there is none, more than [`EXACT`], or the end of the frame near.
#[inline(always)]
fn run(bytes: &[u8], at: usize) -> Option<(usize, u64)> {
    let eight = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).map(|eight| u64::from_le_bytes(*eight));
    let first = eight(at)?;
    match digits_ahead(first) {
        0 => None,
        8 => {
            let second = eight(at + 8)?;
            let digits = digits_ahead(second);
            let scale = TENS.get(digits).filter(|_| digits < 8)?;
            Some((8 + digits, meant(first) * scale + begun(second, digits)))
        }
        digits => Some((digits, begun(first, digits))),
    }
}

/// Whether so many digits begin a number: no zero in front of others.
#[inline(always)]
fn is_begun(bytes: &[u8], at: usize, digits: usize) -> bool {
    digits == 1 || bytes.get(at) != Some(&b'0')
}

/// Whether a number is over here: by a sign that may stand behind one.
#[inline(always)]
fn is_over(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b',' | b'}' | b']'))
}

/// What the first of eight bytes say, so many of which are digits, but not all.
#[inline(always)]
fn begun(eight: u64, digits: usize) -> u64 {
    // What is behind the digits goes out at the top, and zeros come in in front of them.
    meant(eight << 8 << (8 * (7 - digits.min(7))))
}

/// How many of eight bytes are digits before one is none.
#[inline(always)]
fn digits_ahead(eight: u64) -> usize {
    let all = |byte: u8| u64::from_le_bytes([byte; 8]);
    // Digits are what begins with a 3, and still does with a 6 added.
    let odd = ((eight & all(0xf0)) ^ all(0x30)) | (((eight & all(0x7f)).wrapping_add(all(6)) & all(0xf0)) ^ all(0x30));
    (odd.trailing_zeros() / 8) as usize
}

/// What eight digits say: pairs of them, then fours, then all.
#[inline(always)]
fn meant(eight: u64) -> u64 {
    let digits = eight & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes of a number and of what is behind it, on each way, and where it left off.
    fn both_ways(text: &str) -> [(Option<f64>, usize); 3] {
        let [mut whole, mut decimal, mut any] = [(); 3].map(|()| Reader::new(text));
        #[expect(clippy::cast_precision_loss, reason = "the same on both sides")]
        let unsigned = |number: u64| number as f64;
        let read = match any.number() {
            Ok(Loose::Unsigned(number)) => Some(unsigned(number)),
            Ok(Loose::Float(number)) => Some(number),
            _ => None,
        };
        [(whole.plain_whole().map(unsigned), whole.at), (decimal.plain_decimal(), decimal.at), (read, any.at)]
    }

    fn agree(text: &str) {
        let [whole, decimal, any] = both_ways(text);
        for quick in [whole, decimal] {
            match quick {
                (None, at) => assert_eq!(at, 0, "{text}: nothing is taken of what is not"),
                (Some(number), at) => assert_eq!((Some(number.to_bits()), at), (any.0.map(f64::to_bits), any.1), "{text}"),
            }
        }
    }

    const BEHIND: &str = ",\"a\":\"something\",\"b\":0}";

    #[test]
    fn what_is_plain_is_read_quickly() {
        for digits in 1..=15 {
            let number = "987654321234567".get(..digits).unwrap();
            let [whole, ..] = both_ways(&format!("{number}{BEHIND}"));
            assert_eq!(whole, (number.parse().ok(), digits));
        }
        for number in ["0.5", "97123.5", "0.00012345", "1234567.12345678", "1.0", "0.0"] {
            let [_, decimal, _] = both_ways(&format!("{number}{BEHIND}"));
            assert_eq!(decimal, (number.parse().ok(), number.len()));
        }
    }

    #[test]
    fn what_is_no_plain_number_is_left_to_the_patient_way() {
        let none = [
            "",
            "-1",
            "00",
            "01",
            "01.5",
            "1e5",
            "1.",
            ".5",
            "1.5e3",
            "1 ",
            "+1",
            "1x",
            "1.5.5",
            "9999999999999999",
            "/",
            ":1",
            "9.007199254740993",
        ];
        for number in none {
            let [whole, decimal, _] = both_ways(&format!("{number}{BEHIND}"));
            assert_eq!((whole, decimal), ((None, 0), (None, 0)), "{number}");
        }
        assert_eq!(both_ways("1234")[0], (None, 0));
    }

    proptest! {
        #[test]
        fn a_number_is_the_same_on_either_way(number in "-?[0-9]{1,20}(\\.[0-9]{1,17})?([eE][0-9]{1,2})?", behind in "[,}\\] .:/0e]{0,2}") {
            agree(&format!("{number}{behind}{BEHIND}"));
            agree(&format!("{number}{behind}"));
        }
    }
}
