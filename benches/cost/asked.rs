//! (world, profile, count) → rules: what each asks, and the same as a rules.toml.
//!
//! Of ten rules three ask for a handle, three for a handle and a pattern, two for a pattern, one for a token's price, one for a contract.
//! Of ten patterns six are keywords (one or up to six), one a phrase, one a cashtag, two true regexes.

use std::fmt::Write as _;

use fastrand::Rng;

use crate::world::{World, address};

/// Rules of one file: a file has a size that it may not pass.
const RULES_PER_FILE: usize = 20_000;
/// Endings that no word of the world has.
const ODD: [&str; 6] = ["qua", "juk", "zep", "yst", "vul", "ody"];

/// What the rules of a set have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Every name and word occurs in the stream.
    Dense,
    /// Of a hundred, 97 never do: nearest to an installation that looks for rare things.
    Sparse,
    /// They follow the popular: many owners who watch the same accounts.
    FanOut,
}

impl Profile {
    pub(crate) const ALL: [Self; 3] = [Self::Dense, Self::Sparse, Self::FanOut];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Sparse => "sparse",
            Self::FanOut => "fan-out",
        }
    }
}

/// What a text must hold.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// One of these, as whole words; without regard to case, as all of them.
    Words(Vec<String>),
    Cashtag(String),
    Regex(String),
}

/// What the price of a token must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Price {
    Below(f64),
    Above(f64),
}

/// What a rule asks. All that is given must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) handles: Vec<String>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) token: Option<(String, Price)>,
    pub(crate) contract: Option<String>,
}

/// So many rules.
pub(crate) fn rules(world: &World, profile: Profile, seed: u64, count: usize) -> Vec<Asked> {
    let mut draw = Draw { world, profile, random: Rng::with_seed(seed) };
    (0..count).map(|number| draw.rule(number)).collect()
}

/// The name of a rule.
pub(crate) fn name(number: usize) -> String {
    format!("r{number}")
}

/// The rules as files that birdcall loads, with one webhook that all are sent to.
pub(crate) fn files(rules: &[Asked]) -> Vec<String> {
    let mut files = vec!["[actions.hook]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:9/hook\"\n".to_owned()];
    for (number, rule) in rules.iter().enumerate() {
        if number > 0 && number.is_multiple_of(RULES_PER_FILE) {
            files.push(String::new());
        }
        if let Some(file) = files.last_mut() {
            let _ = write!(file, "\n[[rule]]\nname = \"{}\"\nsend = [\"hook\"]\nwhen = {{ {} }}\n", name(number), rule.when());
        }
    }
    files
}

impl Asked {
    fn when(&self) -> String {
        let mut parts = Vec::new();
        if !self.handles.is_empty() {
            parts.push(format!("handle = {:?}", self.handles));
        }
        match &self.pattern {
            Some(Pattern::Words(words)) => parts.push(format!("keyword = {words:?}")),
            Some(Pattern::Cashtag(symbol)) => parts.push(format!("cashtag = {symbol:?}")),
            Some(Pattern::Regex(regex)) => parts.push(format!("regex = '{regex}'")),
            None => {}
        }
        match &self.token {
            Some((symbol, Price::Below(price))) => {
                parts.push(format!("token = {{ symbol = {symbol:?}, price = {{ below = {price:?} }} }}"));
            }
            Some((symbol, Price::Above(price))) => {
                parts.push(format!("token = {{ symbol = {symbol:?}, price = {{ above = {price:?} }} }}"));
            }
            None => {}
        }
        if let Some(contract) = &self.contract {
            parts.push(format!("contract = {contract:?}"));
        }
        parts.join(", ")
    }
}

struct Draw<'w> {
    world: &'w World,
    profile: Profile,
    random: Rng,
}

impl Draw<'_> {
    fn rule(&mut self, number: usize) -> Asked {
        let mut rule = Asked::default();
        match number % 10 {
            0..3 => rule.handles = self.handles(70, 5),
            3..6 => {
                rule.handles = self.handles(50, 10);
                rule.pattern = Some(self.pattern());
            }
            6 | 7 => rule.pattern = Some(self.pattern()),
            8 => {
                let token = self.token();
                let price = self.world.tokens[token].price * (0.5 + self.random.f64());
                let bound = if self.random.bool() { Price::Below(price) } else { Price::Above(price) };
                rule.token = Some((self.symbol(token), bound));
            }
            _ => {
                let contract = self.world.tokens[self.token()].contract.clone();
                let solana = !contract.starts_with("0x");
                rule.contract = Some(if self.is_odd() { address(&mut self.random, solana) } else { contract });
            }
        }
        rule
    }

    /// Whether the next name or word is one that never occurs.
    fn is_odd(&mut self) -> bool {
        self.profile == Profile::Sparse && self.random.u8(..100) < 97
    }

    /// One in so many of a hundred rules, else up to `most`.
    fn handles(&mut self, single: u8, most: usize) -> Vec<String> {
        let count = if self.random.u8(..100) < single { 1 } else { self.random.usize(2..=most) };
        let mut handles: Vec<String> = (0..count).map(|_| self.handle()).collect();
        handles.sort();
        handles.dedup();
        handles
    }

    fn handle(&mut self) -> String {
        let all = &self.world.handles;
        let popular = self.profile == Profile::FanOut;
        let at = if popular { self.world.by_handle.draw(&mut self.random) } else { self.random.usize(..all.len()) };
        let mut handle = all[at].to_lowercase();
        if self.is_odd() {
            handle.truncate(10);
            let _ = write!(handle, "q{}", self.random.u16(..1_000));
        }
        handle
    }

    fn token(&mut self) -> usize {
        let popular = self.profile == Profile::FanOut;
        if popular { self.world.by_token.draw(&mut self.random) } else { self.random.usize(..self.world.tokens.len()) }
    }

    fn symbol(&mut self, token: usize) -> String {
        let symbol = self.world.tokens[token].symbol.clone();
        if !self.is_odd() {
            return symbol;
        }
        let letters = (0..3).map(|_| char::from(self.random.u8(b'A'..=b'Z')));
        format!("QX{}", letters.collect::<String>())
    }

    /// A word that is not among the commonest `from`.
    fn word(&mut self, from: usize) -> String {
        let mut word = self.world.words[self.random.usize(from..self.world.words.len())].clone();
        if self.is_odd() {
            word.push_str(ODD[self.random.usize(..ODD.len())]);
        }
        word
    }

    fn pattern(&mut self) -> Pattern {
        match self.random.u8(..10) {
            0..4 => Pattern::Words(vec![self.word(300)]),
            4 | 5 => {
                let mut words: Vec<String> = (0..self.random.usize(2..=6)).map(|_| self.word(300)).collect();
                words.sort();
                words.dedup();
                Pattern::Words(words)
            }
            6 => {
                let common = &self.world.words[self.world.by_word.draw(&mut self.random)];
                Pattern::Words(vec![format!("{common} {}", self.word(100))])
            }
            7 => {
                let token = self.token();
                Pattern::Cashtag(self.symbol(token))
            }
            _ => Pattern::Regex(self.regex()),
        }
    }

    fn regex(&mut self) -> String {
        let (a, b) = (self.word(150), self.word(150));
        match self.random.u8(..7) {
            0 => format!(r"\b{a}(?:s|ed|ing)\b.*\$[a-z]{{2,6}}"),
            1 => format!(r"{a}.{{0,40}}{b}"),
            2 => format!(r"\$[a-z]{{2,6}}\s+{a}\b"),
            3 => format!(r"\b{a}(?:ing|ed|s)?\b\s+(?:on|at|to|in)\s+[a-z]+"),
            4 => format!(r"(?:{a}|{b})\s+[0-9]+(?:\.[0-9]+)?%"),
            5 => format!(r"0x[a-f0-9]{{4,40}}.*\b{a}\b"),
            _ => {
                let (c, d) = (self.word(150), self.word(150));
                format!(r"\b(?:{a}|{b})[a-z]*[^a-z]+(?:[a-z]+[^a-z]+){{0,3}}?(?:{c}|{d})")
            }
        }
    }
}
