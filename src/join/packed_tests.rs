//! Every tweet that there may be, there and back; and bytes that are none.

use proptest::prelude::*;

use super::*;

/// Texts of every length that a number may take one, two or three characters for, and of every width.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-zA-Z0-9 $@/:.\u{7f}\u{0}é上🚀\u{301}]{0,12}",
        (60_usize..70, 0_usize..3).prop_map(|(count, of)| ["a", "é", "🚀"][of].repeat(count)),
        Just("x".repeat(5_000)),
    ]
}

/// Numbers that are drawn for what is no text, from their ends as well.
fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0_u64..200, Just(u64::MAX), Just(1 << 63)]
}

/// What a tweet is made of: its fields take one after the other, and half of those that may be absent are.
struct Draw<'a> {
    texts: &'a [String],
    numbers: &'a [u64],
    at: usize,
}

impl<'a> Draw<'a> {
    fn number(&mut self) -> u64 {
        self.at += 1;
        self.numbers[self.at % self.numbers.len()].rotate_left(self.at as u32)
    }

    fn is(&mut self) -> bool {
        self.number().count_ones().is_multiple_of(2)
    }

    fn text(&mut self) -> &'a str {
        self.at += 1;
        &self.texts[self.at % self.texts.len()]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.is().then(|| make(self))
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.number() % 4).map(|_| make(self)).collect()
    }

    fn moment(&mut self) -> Timestamp {
        Timestamp::from_millis(self.number().cast_signed())
    }

    fn price(&mut self) -> Option<Price> {
        self.maybe(|draw| f64::from_bits(draw.number())).and_then(|usd| Price::new(usd.abs()))
    }

    fn kind(&mut self) -> Kind<&'a str> {
        match self.number() % 5 {
            0 => Kind::Post,
            1 => Kind::Reply,
            2 => Kind::Quote,
            3 => Kind::Retweet,
            _ => Kind::Other(self.text()),
        }
    }

    fn account(&mut self) -> Account<&'a str> {
        Account {
            id: self.maybe(Self::text),
            handle: self.maybe(Self::text),
            name: self.maybe(Self::text),
            platform: self.maybe(|draw| match draw.number() % 3 {
                0 => Platform::Twitter,
                1 => Platform::TruthSocial,
                _ => Platform::Other(draw.text()),
            }),
            avatar: self.maybe(Self::text),
            banner: self.maybe(Self::text),
            bio: self.maybe(Self::text),
            followers: self.maybe(Self::number),
            following: self.maybe(Self::number),
            joined_at: self.maybe(Self::moment),
            location: self.maybe(Self::text),
            url: self.maybe(Self::text),
            verified: self.maybe(Self::text),
        }
    }

    fn media(&mut self) -> Media<&'a str> {
        Media { kind: self.maybe(Self::text), url: self.text(), thumbnail: self.maybe(Self::text) }
    }

    fn sources(&mut self) -> Sources {
        Sources { text: self.is(), ocr: self.is(), meta: self.is() }
    }

    fn address(&mut self) -> Address {
        let bytes: Vec<u8> = (0..4).flat_map(|_| self.number().to_be_bytes()).collect();
        if self.is() { Address::Evm(bytes[..20].try_into().unwrap()) } else { Address::Solana(bytes.try_into().unwrap()) }
    }

    fn token(&mut self) -> Token<&'a str> {
        Token {
            symbol: self.maybe(Self::text),
            name: self.maybe(Self::text),
            contract: self.maybe(Self::text),
            address: self.maybe(Self::address),
            chain: self.maybe(Self::text),
            network: self.maybe(Self::number),
            price: self.price(),
            sources: self.sources(),
        }
    }

    fn market(&mut self) -> Market<&'a str> {
        Market {
            exchange: self.maybe(Self::text),
            symbol: self.maybe(Self::text),
            base: self.maybe(Self::text),
            quote: self.maybe(Self::text),
            price: self.price(),
            url: self.maybe(Self::text),
            sources: self.sources(),
        }
    }

    fn prediction(&mut self) -> Prediction<&'a str> {
        Prediction {
            exchange: self.maybe(Self::text),
            id: self.maybe(Self::text),
            title: self.maybe(Self::text),
            price: self.price(),
            url: self.maybe(Self::text),
            sources: self.sources(),
        }
    }

    fn tweet(&mut self) -> Tweet<&'a str> {
        Tweet {
            id: TweetId::new("1"),
            parts: Parts { content: self.is(), update: self.is(), meta: self.is() },
            stated_kind: self.maybe(Self::kind),
            text: self.maybe(Self::text),
            created_at: self.maybe(Self::moment),
            received_at: self.maybe(Self::moment),
            author: self.account(),
            link: self.maybe(Self::text),
            media: self.list(Self::media),
            mentions: self.list(|draw| Mention {
                id: draw.maybe(Self::text),
                handle: draw.maybe(Self::text),
                name: draw.maybe(Self::text),
            }),
            urls: self.list(|draw| Link { url: draw.text(), name: draw.maybe(Self::text), tco: draw.maybe(Self::text) }),
            reference: self.maybe(|draw| Reference {
                kind: draw.maybe(Self::kind),
                tweet_id: draw.maybe(|draw| TweetId::new(draw.text())),
                text: draw.maybe(Self::text),
                author: draw.account(),
                media: draw.list(Self::media),
            }),
            ocr: self.maybe(Self::text),
            tokens: self.list(Self::token),
            markets: self.list(Self::market),
            predictions: self.list(Self::prediction),
            deleted_at: self.maybe(Self::moment),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_tweet_is_unpacked_as_it_was_packed_and_two_are_equal_when_they_are_packed_so(
        texts in prop::collection::vec(any_text(), 1..9), numbers in prop::collection::vec(any_number(), 1..9)
    ) {
        let mut draw = Draw { texts: &texts, numbers: &numbers, at: 0 };
        let (one, other) = (draw.tweet(), draw.tweet());
        let mut packer = Packer::default();
        let pack = |tweet: &Tweet<&str>, packer: &mut Packer| Packed::new(packer.pack(tweet));
        let packed = pack(&one, &mut packer);
        prop_assert_eq!(&packed.unpack(TweetId::new("1")), &one);
        let owned = packed.unpack(TweetId::new("1")).owned();
        prop_assert_eq!(&owned.borrowed(), &one, "and owned");
        prop_assert_eq!(pack(&other, &mut packer) == packed, other == one);
    }

    #[test]
    fn whatever_is_unpacked_something_comes_out(packed in "[\u{0}-\u{7f}é上]{0,200}", cut in 0_usize..400) {
        let mut draw = Draw { texts: &[packed.clone(), "ab".to_owned()], numbers: &[0x5555_1234, 7, 0], at: cut };
        let mut broken = Packer::default().pack(&draw.tweet()).to_owned();
        broken.truncate(cut);
        // What is cut within a character is no text at all; mostly it is to be one.
        while cut % 4 != 0 && str::from_utf8(&broken).is_err() {
            broken.pop();
        }
        broken.extend_from_slice(packed.as_bytes());
        for packed in [packed.into_bytes(), broken] {
            let packed = Packed::new(&packed);
            let tweet = packed.unpack(TweetId::new("1"));
            prop_assert!(tweet.media.len() <= limits::ELEMENTS);
        }
    }
}

#[test]
fn an_empty_text_is_not_an_absent_one() {
    let mut packer = Packer::default();
    let absent = Tweet::unknown(TweetId::new("1"));
    let empty = Tweet { text: Some(""), ..absent.clone() };
    let (absent_packed, empty_packed) = (Packed::new(packer.pack(&absent)), Packed::new(packer.pack(&empty)));
    assert_eq!(absent_packed.unpack(TweetId::new("1")).text, None);
    assert_eq!(empty_packed.unpack(TweetId::new("1")).text, Some(""));
    assert!(absent_packed.as_bytes().len() < 16, "{absent_packed:?}: next to nothing takes next to no room");
}
