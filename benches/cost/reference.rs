//! What birdcall is held against: D, a decode of no more than the rules need, and N, the same with one check after another for each rule.
//!
//! D is serde_json's own derived code at its best: everything that is not needed is passed over, and texts are borrowed. `Option<Cow<str>>`
//! would copy them, so [`Text`] has a visitor of its own. N is what somebody writes in an afternoon: each rule's pattern is one compiled
//! regex, and every rule is tried on every envelope. Neither joins, remembers or waits.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::asked::{Asked, Pattern, Price};

/// What may stand behind a cashtag for X to see one, beside a space and the end.
const AFTER_CASHTAG: &str = r"!'#%&()*+,\-./:;<=>?@\[\\\]^_{|}~$";

/// A text, borrowed wherever it has no escape.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Borrow)
    }
}

/// An envelope, as far as rules need it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    t: Text<'a>,
    #[serde(borrow)]
    pub(crate) op: Text<'a>,
    pub(crate) ts: u64,
    #[serde(borrow)]
    d: Data<'a>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow, default)]
    tweet_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    author: Option<Author<'a>>,
    #[serde(borrow, default)]
    ocr: Option<Ocr<'a>>,
    #[serde(borrow, default)]
    detected: Option<Detected<'a>>,
}

#[derive(Debug, serde::Deserialize)]
struct Author<'a> {
    #[serde(borrow)]
    handle: Text<'a>,
}

#[derive(Debug, serde::Deserialize)]
struct Ocr<'a> {
    #[serde(borrow)]
    text: Text<'a>,
}

#[derive(Debug, serde::Deserialize)]
struct Detected<'a> {
    #[serde(borrow, default)]
    tokens: Vec<Token<'a>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token<'a> {
    #[serde(borrow)]
    symbol: Text<'a>,
    #[serde(borrow)]
    contract: Text<'a>,
    price_usd: f64,
}

impl Envelope<'_> {
    /// The tweet that it is about.
    pub(crate) fn tweet(&self) -> Option<&str> {
        self.d.tweet_id.as_ref().map(|id| &*id.0)
    }

    /// Looks at everything that was decoded, so that none of it can be left out.
    pub(crate) fn weigh(&self) -> usize {
        let of = |text: &Option<Text<'_>>| text.as_ref().map_or(0, |text| text.0.len());
        let ocr = self.d.ocr.as_ref().map_or(0, |ocr| ocr.text.0.len());
        let tokens = self.d.detected.as_ref().map_or(0, |detected| detected.tokens.len());
        self.op.0.len() + of(&self.d.tweet_id) + of(&self.d.text) + ocr + tokens + usize::from(self.ts > 0)
    }
}

/// D. `None`: not an envelope.
pub(crate) fn decode(frame: &str) -> Option<Envelope<'_>> {
    serde_json::from_str(frame).ok()
}

/// N's form of one rule.
struct Check {
    handles: HashSet<String>,
    pattern: Option<Regex>,
    token: Option<(String, Price)>,
    contract: Option<(Regex, String)>,
}

/// N's rules.
pub(crate) struct Naive(Vec<Check>);

impl Naive {
    pub(crate) fn new(rules: &[Asked]) -> Result<Self, regex::Error> {
        rules.iter().map(check).collect::<Result<_, _>>().map(Self)
    }

    /// Tries every rule on the envelope and tells which hold.
    pub(crate) fn find(&self, envelope: &Envelope<'_>, mut found: impl FnMut(usize)) {
        if envelope.t.0 != "tweet" {
            return;
        }
        let handle = envelope.d.author.as_ref().map(|author| author.handle.0.trim_start_matches('@').to_lowercase());
        for (number, check) in self.0.iter().enumerate() {
            if check.holds(&envelope.d, handle.as_deref()) {
                found(number);
            }
        }
    }
}

impl Check {
    fn holds(&self, d: &Data<'_>, handle: Option<&str>) -> bool {
        let tokens = || d.detected.iter().flat_map(|detected| &detected.tokens);
        let text = d.text.as_ref().map(|text| &*text.0);
        if !self.handles.is_empty() && !handle.is_some_and(|handle| self.handles.contains(handle)) {
            return false;
        }
        if let Some(pattern) = &self.pattern
            && !text.is_some_and(|text| pattern.is_match(text))
        {
            return false;
        }
        if let Some((symbol, price)) = &self.token {
            let holds = |token: &Token<'_>| match price {
                Price::Below(price) => token.price_usd < *price,
                Price::Above(price) => token.price_usd > *price,
            };
            return tokens().any(|token| token.symbol.0.eq_ignore_ascii_case(symbol) && holds(token));
        }
        if let Some((in_text, contract)) = &self.contract {
            return tokens().any(|token| token.contract.0 == contract.as_str())
                || text.is_some_and(|text| in_text.is_match(text));
        }
        true
    }
}

fn check(rule: &Asked) -> Result<Check, regex::Error> {
    let pattern = match &rule.pattern {
        None => None,
        Some(Pattern::Words(words)) => {
            let words: Vec<_> = words.iter().map(|word| format!(r"\b{}\b", regex::escape(word))).collect();
            Some(format!("(?i-u){}", words.join("|")))
        }
        Some(Pattern::Cashtag(symbol)) => Some(format!(r"(?:^|\s)\$(?i-u:{symbol})(?:$|[\s{AFTER_CASHTAG}])")),
        Some(Pattern::Regex(regex)) => Some(format!("(?is){regex}")),
    };
    // An EVM address may be written in any case, a Solana one in its own only.
    let flags = |contract: &str| if contract.starts_with("0x") { "(?i-u)" } else { "(?-u)" };
    let contract =
        rule.contract.as_ref().map(|contract| Ok((build(&format!(r"{}\b{contract}\b", flags(contract)))?, contract.clone())));
    Ok(Check {
        handles: rule.handles.iter().cloned().collect(),
        pattern: pattern.map(|pattern| build(&pattern)).transpose()?,
        token: rule.token.clone(),
        contract: contract.transpose()?,
    })
}

fn build(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).build()
}
