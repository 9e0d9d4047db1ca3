//! (world, seed) → envelopes: 70 % content, 25 % meta, 5 % about accounts, in the shapes of the feed and as varied as its texts are.
//!
//! Two liberties, so that a reference that neither joins white space nor expands links still finds what birdcall finds: there are no
//! runs of spaces, and a link is as long as the short form of it that stands in the text.

use std::collections::VecDeque;
use std::fmt::Write as _;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::world::{World, address, capital};

/// Milliseconds between two envelopes, on average: a busy list of accounts.
const PAUSE_MS: u64 = 100;
/// The first `ts`.
const BEGUN_MS: i64 = 1_781_700_000_000;
/// Tweets without meta that one may still come for: so it comes some hundred milliseconds after its content.
const AWAITING: usize = 8;
const EMOJI: [&str; 14] = ["🚀", "🔥", "💎", "🙌", "😂", "👀", "🐶", "🐸", "📈", "📉", "✅", "🎉", "💰", "🇺🇸"];

/// Envelopes as the feed sends them.
pub(crate) struct Corpus {
    pub(crate) frames: Vec<String>,
}

impl Corpus {
    pub(crate) fn new(world: &World, seed: u64, count: usize) -> Self {
        let mut writer = Writer { world, random: Rng::with_seed(seed), ts: BEGUN_MS, number: 0, awaiting: VecDeque::new() };
        Self { frames: (0..count).map(|_| writer.envelope()).collect() }
    }

    /// What it is like, for whoever compares figures.
    pub(crate) fn describe(&self) -> String {
        let share = |of: usize, all: usize| 100.0 * of as f64 / all.max(1) as f64;
        let having = |part: &str| self.frames.iter().filter(|frame| frame.contains(part)).count();
        let content = having(r#""op":"content""#);
        let escaped =
            self.frames.iter().filter(|frame| frame.contains(r#""op":"content""#) && text_of(frame).contains('\\')).count();
        let mean = self.frames.iter().map(String::len).sum::<usize>() / self.frames.len().max(1);
        format!(
            "{} envelopes of {mean} B on average; {:.0} % content, {:.0} % meta, {:.0} % about accounts; {:.0} % of the texts with an escape",
            self.frames.len(),
            share(content, self.frames.len()),
            share(having(r#""op":"meta""#), self.frames.len()),
            share(having(r#""t":"account""#), self.frames.len()),
            share(escaped, content),
        )
    }
}

fn text_of(frame: &str) -> &str {
    let text = frame.split_once(r#""text":""#).map_or("", |(_, rest)| rest);
    text.split_once(r#"","createdAt""#).map_or(text, |(text, _)| text)
}

struct Writer<'w> {
    world: &'w World,
    random: Rng,
    ts: i64,
    number: u64,
    awaiting: VecDeque<u64>,
}

impl Writer<'_> {
    fn envelope(&mut self) -> String {
        self.number += 1;
        self.ts += i64::try_from(self.random.u64(..2 * PAUSE_MS)).unwrap_or_default();
        match self.random.u8(..100) {
            0..70 => self.content(),
            70..95 => match self.awaiting.pop_front() {
                Some(tweet) => self.meta(tweet),
                None => self.content(),
            },
            _ => self.account(),
        }
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random.u8(..100) < percent
    }

    fn content(&mut self) -> String {
        let tweet = 1_900_000_000_000_000_000 + self.number * 4_194_304 + self.random.u64(..4_000_000);
        self.awaiting.push_back(tweet);
        if self.awaiting.len() > AWAITING {
            self.awaiting.pop_front();
        }
        let who = self.world.by_handle.draw(&mut self.random);
        let (text, urls) = self.text();
        let created = self.ts - self.random.i64(150..900);
        let kind = if self.chance(30) { ["reply", "quote", "retweet"][self.random.usize(..3)] } else { "post" };
        let handle = &self.world.handles[who];
        let mut d = format!(
            r#"{{"tweetId":"{tweet}","text":{},"createdAt":{created},"receivedAt":{},"author":{},"kind":"{kind}","link":"https://x.com/{handle}/status/{tweet}""#,
            Value::from(text),
            self.ts - 12,
            self.author(who),
        );
        if !urls.is_empty() {
            let _ = write!(d, r#","urls":{}"#, Value::from(urls));
        }
        if self.chance(30) {
            let _ = write!(d, r#","media":{}"#, self.media());
        }
        if kind != "post" {
            let other = self.world.by_handle.draw(&mut self.random);
            let (quoted, author) = (Value::from(self.text().0), self.author(other));
            let id = tweet - 4_194_304 * self.random.u64(1..100_000);
            let _ = write!(d, r#","ref":{{"type":"{kind}","tweetId":"{id}","text":{quoted},"author":{author}}}"#);
        }
        d.push('}');
        self.frame("tweet", "content", &tweet.to_string(), &d)
    }

    fn meta(&mut self, tweet: u64) -> String {
        let mut d = format!(r#"{{"tweetId":"{tweet}""#);
        let read = self.chance(30);
        if read {
            let _ = write!(d, r#","ocr":{{"text":{}}}"#, Value::from(self.text().0));
        }
        let tokens = if read && self.chance(30) { 0 } else { self.random.usize(1..=3) };
        let mut found: Vec<String> = Vec::new();
        for _ in 0..tokens {
            let token = &self.world.tokens[self.world.by_token.draw(&mut self.random)];
            if found.iter().any(|other| other.contains(&token.contract)) {
                continue;
            }
            let price = token.price * (0.5 + self.random.f64());
            let source = ["text", "ocr"][self.random.usize(..2)];
            found.push(format!(
                r#"{{"symbol":"{}","name":"{}","contract":"{}","chain":"{}","networkId":{},"priceUsd":{price:.8},"sources":["{source}"]}}"#,
                token.symbol, token.name, token.contract, token.chain, token.network,
            ));
        }
        let _ = write!(d, r#","detected":{{"tokens":[{}]"#, found.join(","));
        if self.chance(20) {
            let base = &self.world.tokens[self.world.by_token.draw(&mut self.random)].symbol;
            let _ = write!(
                d,
                r#","cex":[{{"exchange":"binance","symbol":"{base}USDT","baseAsset":"{base}","quoteAsset":"USDT","sources":["text"]}}]"#
            );
        }
        d.push_str("}}");
        self.frame("tweet", "meta", &tweet.to_string(), &d)
    }

    fn account(&mut self) -> String {
        let (number, ts) = (self.number, self.ts);
        let who = self.world.by_handle.draw(&mut self.random);
        let actor = self.author(who);
        let (op, rest) = if self.random.bool() {
            let other = self.world.by_handle.draw(&mut self.random);
            ("follow", format!(r#""target":{}"#, self.author(other)))
        } else {
            let (before, after) = (Value::from(self.text().0), Value::from(self.text().0));
            ("profile_update", format!(r#""changes":{{"bio":{after}}},"previous":{{"bio":{before}}}"#))
        };
        let kind = if op == "follow" { "FOLLOW" } else { "PROFILE" };
        let d = format!(r#"{{"kind":"{kind}","eventId":"e{number}","observedAt":{ts},"actor":{actor},{rest}}}"#);
        self.frame("account", op, &format!("e{number}"), &d)
    }

    fn frame(&self, t: &str, op: &str, id: &str, d: &str) -> String {
        format!(r#"{{"v":1,"t":"{t}","op":"{op}","id":"{id}","ts":{},"d":{d}}}"#, self.ts)
    }

    fn author(&mut self, who: usize) -> String {
        let handle = &self.world.handles[who];
        let (id, picture) = (10_000_000 + who * 7_919, 1_000_000_000_000_000_000 + who * 104_729_000_003);
        let verified = ["blue", "blue", "business", "none"][who % 4];
        let followers = 5_000_000 / (who + 1) + self.random.usize(..1_000);
        format!(
            r#"{{"id":"{id}","handle":"@{handle}","name":"{}","platform":"twitter","profileImage":"https://pbs.twimg.com/profile_images/{picture}/{}_normal.jpg","followersCount":{followers},"verifiedType":"{verified}"}}"#,
            capital(handle),
            self.letters(8),
        )
    }

    fn media(&mut self) -> Value {
        let count = if self.chance(70) { 1 } else { self.random.usize(2..=4) };
        let one = |_| {
            let url = format!("https://pbs.twimg.com/media/{}.jpg", self.letters(15));
            json!({"type": "image", "url": url, "thumbnail": format!("{url}?name=small")})
        };
        (0..count).map(one).collect()
    }

    fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| self.random.alphanumeric()).collect()
    }

    /// A text of some 40 to 280 characters, and where its links lead.
    fn text(&mut self) -> (String, Vec<Value>) {
        let length = if self.chance(15) { self.random.usize(40..80) } else { self.random.usize(80..280) };
        let (mut text, mut urls, mut begins) = (String::new(), Vec::new(), true);
        while text.len() < length {
            let piece = self.piece(&mut urls, begins);
            text.push_str(&piece);
            begins = false;
            text.push_str(match self.random.u16(..500) {
                0..8 => {
                    begins = true;
                    "\n"
                }
                8..11 => " \"",
                11..45 => {
                    begins = true;
                    ". "
                }
                45..53 => "! ",
                53..80 => ", ",
                80..89 => "? ",
                89..98 => "’s ",
                _ => " ",
            });
        }
        (text.trim_end().to_owned(), urls)
    }

    fn piece(&mut self, urls: &mut Vec<Value>, begins: bool) -> String {
        let token = |random: &mut Rng| &self.world.tokens[self.world.by_token.draw(random)];
        match self.random.u16(..1_000) {
            0..30 => format!("${}", token(&mut self.random).symbol),
            30..35 => format!("${}", token(&mut self.random).symbol.to_lowercase()),
            35..55 => EMOJI[self.random.usize(..EMOJI.len())].to_owned(),
            55..65 => {
                let tco = format!("https://t.co/{}", self.letters(10));
                urls.push(json!({"url": format!("https://a.io/{}", self.letters(10)), "name": "a.io", "tco": tco}));
                tco
            }
            65..67 => token(&mut self.random).contract.clone(),
            67..70 => {
                let solana = self.random.bool();
                address(&mut self.random, solana)
            }
            70..85 => format!("@{}", self.world.handles[self.world.by_handle.draw(&mut self.random)]),
            85..100 => match self.random.u8(..3) {
                0 => format!("{}%", self.random.u16(..300)),
                1 => format!("${}", self.random.u32(..100_000)),
                _ => format!("{}.{}", self.random.u8(..100), self.random.u8(..100)),
            },
            _ => {
                let word = &self.world.words[self.world.by_word.draw(&mut self.random)];
                match self.random.u8(..40) {
                    0 => word.to_uppercase(),
                    1 => capital(word),
                    _ if begins => capital(word),
                    _ => word.clone(),
                }
            }
        }
    }
}
