//! What one envelope says of a tweet, in as few bytes as it can be read back from: one piece of memory instead of dozens, for tweets of which
//! hardly any is ever looked at again.
//!
//! All of it is one text. Numbers stand in it as ASCII, six bits a character, so that what is between them can be cut out and borrowed as it is.
//! It is written as bytes, and looked through for being text when it is unpacked, which most never are.

use crate::model::address::Address;
use crate::model::ids::TweetId;
use crate::model::limits;
use crate::model::price::Price;
use crate::model::subject::{
    Account, Kind, Link, Market, Media, Mention, Parts, Platform, Prediction, Reference, Sources, Token, Tweet,
};
use crate::model::time::Timestamp;

/// A packed tweet, without its id. Equal when the tweets are; the order is some order that depends on nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// What a [`Packer`] has packed.
    pub(super) fn new(packed: &[u8]) -> Self {
        Self(packed.into())
    }

    /// As a packer packs it.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The tweet again, with texts that lie in here.
    #[inline]
    pub(super) fn unpack(&self, id: TweetId) -> Tweet<&str> {
        let mut from = Unpacker { text: str::from_utf8(&self.0).unwrap_or_default(), at: 0 };
        let mut tweet = Tweet::unpacked(&mut from);
        tweet.id = id;
        tweet
    }
}

/// Packs one tweet after the other in the same room.
#[derive(Debug, Default)]
pub(super) struct Packer(Vec<u8>);

impl Packer {
    /// What the tweet comes to, but for its id.
    pub(super) fn pack(&mut self, tweet: &Tweet<&str>) -> &[u8] {
        self.0.clear();
        tweet.put(self);
        &self.0
    }

    /// A whole number: six bits a character, the lowest first. The seventh says that more follow.
    #[inline]
    fn number(&mut self, mut number: u64) {
        while number >= MORE {
            self.0.push(low(number | MORE));
            number >>= BITS;
        }
        self.0.push(low(number));
    }
}

const BITS: u32 = 6;
const MORE: u64 = 1 << BITS;

/// The lowest seven bits, which are an ASCII character.
#[inline]
fn low(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

/// Reads what a packer has packed, from its beginning. Of anything else it reads something, too.
struct Unpacker<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Unpacker<'a> {
    #[inline]
    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            self.at += 1;
            number |= (u64::from(*byte) & (MORE - 1)).checked_shl(shift).unwrap_or(0);
            if u64::from(*byte) & MORE == 0 {
                break;
            }
            shift += BITS;
        }
        number
    }

    #[inline]
    fn text(&mut self) -> &'a str {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        let end = self.at.saturating_add(length);
        let text = self.text.get(self.at..end).unwrap_or_default();
        self.at = end;
        text
    }
}

/// Something that is packed, and how.
trait Item<'a>: Sized {
    fn put(&self, to: &mut Packer);
    /// `None`: what stands there is none.
    fn take(from: &mut Unpacker<'a>) -> Option<Self>;
}

impl<'a> Item<'a> for &'a str {
    #[inline]
    fn put(&self, to: &mut Packer) {
        to.number(self.len() as u64);
        to.0.extend_from_slice(self.as_bytes());
    }

    #[inline]
    fn take(from: &mut Unpacker<'a>) -> Option<Self> {
        Some(from.text())
    }
}

impl Item<'_> for u64 {
    fn put(&self, to: &mut Packer) {
        to.number(*self);
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        Some(from.number())
    }
}

impl Item<'_> for Timestamp {
    /// Negative ones are rare: they stand between the others, so that small ones stay short.
    fn put(&self, to: &mut Packer) {
        let ms = self.as_millis();
        to.number((ms.cast_unsigned() << 1) ^ (ms >> 63).cast_unsigned());
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        let number = from.number();
        Some(Self::from_millis(((number >> 1) ^ (number & 1).wrapping_neg()).cast_signed()))
    }
}

impl Item<'_> for Price {
    /// From its highest bits: the lowest of most are zero.
    fn put(&self, to: &mut Packer) {
        to.number(self.usd().to_bits().reverse_bits());
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        Self::new(f64::from_bits(from.number().reverse_bits()))
    }
}

impl Item<'_> for Address {
    fn put(&self, to: &mut Packer) {
        let (sort, bytes) = match self {
            Self::Evm(bytes) => (0, bytes.as_slice()),
            Self::Solana(bytes) => (1, bytes.as_slice()),
        };
        to.number(sort);
        for four in bytes.chunks(4) {
            to.number(four.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        }
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        let is_solana = from.number() == 1;
        let (mut evm, mut solana) = ([0; 20], [0; 32]);
        for four in if is_solana { solana.as_mut_slice() } else { evm.as_mut_slice() }.chunks_exact_mut(4) {
            let [_, _, _, _, bytes @ ..] = from.number().to_be_bytes();
            four.copy_from_slice(&bytes);
        }
        Some(if is_solana { Self::Solana(solana) } else { Self::Evm(evm) })
    }
}

impl Item<'_> for TweetId {
    fn put(&self, to: &mut Packer) {
        self.as_str().put(to);
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        Some(Self::new(from.text()))
    }
}

/// Three yes or no as a number.
fn bits(of: [bool; 3]) -> u64 {
    of.iter().fold(0, |number, bit| number << 1 | u64::from(*bit))
}

fn of_bits(number: u64) -> [bool; 3] {
    [number & 4 != 0, number & 2 != 0, number & 1 != 0]
}

impl Item<'_> for Sources {
    fn put(&self, to: &mut Packer) {
        to.number(bits([self.text, self.ocr, self.meta]));
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        let [text, ocr, meta] = of_bits(from.number());
        Some(Self { text, ocr, meta })
    }
}

impl Item<'_> for Parts {
    fn put(&self, to: &mut Packer) {
        to.number(bits([self.content, self.update, self.meta]));
    }

    fn take(from: &mut Unpacker<'_>) -> Option<Self> {
        let [content, update, meta] = of_bits(from.number());
        Some(Self { content, update, meta })
    }
}

impl<'a, T: Item<'a>> Item<'a> for Vec<T> {
    #[inline]
    fn put(&self, to: &mut Packer) {
        to.number(self.len() as u64);
        self.iter().for_each(|of| of.put(to));
    }

    #[inline]
    fn take(from: &mut Unpacker<'a>) -> Option<Self> {
        match usize::try_from(from.number()).unwrap_or(usize::MAX).min(limits::ELEMENTS) {
            0 => Some(Self::new()),
            length => Some((0..length).filter_map(|_| T::take(from)).collect()),
        }
    }
}

/// Writes [`Item`] for a word of which we know some.
macro_rules! words {
    ($type:ident: $($number:literal $known:ident)*) => {
        impl<'a> Item<'a> for $type<&'a str> {
            fn put(&self, to: &mut Packer) {
                match self {
                    $(Self::$known => to.number($number),)*
                    Self::Other(word) => {
                        to.number(0);
                        word.put(to);
                    }
                }
            }

            fn take(from: &mut Unpacker<'a>) -> Option<Self> {
                Some(match from.number() {
                    $($number => Self::$known,)*
                    _ => Self::Other(from.text()),
                })
            }
        }
    };
}

/// Writes [`Item`] for a struct: first which of the fields are there that may be absent, then these, then the others.
macro_rules! fields {
    ($type:ty; maybe $($maybe:ident)*; always $($always:ident)*; but $($field:ident: $but:expr)?) => {
        impl<'a> Item<'a> for $type {
            #[inline]
            fn put(&self, to: &mut Packer) {
                let is_there = [$(self.$maybe.is_some()),*];
                to.number(is_there.iter().rev().fold(0, |all, is| all << 1 | u64::from(*is)));
                $(if let Some(of) = &self.$maybe {
                    of.put(to);
                })*
                $(self.$always.put(to);)*
            }

            #[inline]
            fn take(from: &mut Unpacker<'a>) -> Option<Self> {
                Some(Self::unpacked(from))
            }
        }

        impl<'a> $type {
            #[inline]
            fn unpacked(from: &mut Unpacker<'a>) -> Self {
                let mut is_there = from.number();
                $(
                    let $maybe = if is_there & 1 == 0 { None } else { Item::take(from) };
                    is_there >>= 1;
                )*
                let _ = is_there;
                $(let $always = Item::take(from).unwrap_or_default();)*
                Self { $($maybe,)* $($always,)* $($field: $but)? }
            }
        }
    };
}

words! { Kind: 1 Post 2 Reply 3 Quote 4 Retweet }
words! { Platform: 1 Twitter 2 TruthSocial }

fields! { Tweet<&'a str>;
    maybe stated_kind text created_at received_at link reference ocr deleted_at;
    always parts author media mentions urls tokens markets predictions; but id: TweetId::default()
}
fields! { Account<&'a str>;
    maybe id handle name platform avatar banner bio followers following joined_at location url verified; always; but
}
fields! { Media<&'a str>; maybe kind thumbnail; always url; but }
fields! { Mention<&'a str>; maybe id handle name; always; but }
fields! { Link<&'a str>; maybe name tco; always url; but }
fields! { Reference<&'a str>; maybe kind tweet_id text; always author media; but }
fields! { Token<&'a str>; maybe symbol name contract address chain network price; always sources; but }
fields! { Market<&'a str>; maybe exchange symbol base quote price url; always sources; but }
fields! { Prediction<&'a str>; maybe exchange id title price url; always sources; but }

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;
