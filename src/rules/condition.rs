//! What a rule asks of a subject, compiled: nothing here is parsed or looked up by name again.

use std::sync::Arc;
use std::time::Duration;

pub use super::lazy::Pattern;
pub use super::sorted::Sorted;
use crate::model::address::Address;
use crate::model::subject::{Kind, Platform, ProfileField};

/// A tree of matchers. Truth has three values (DESIGN 4): what has not arrived is unknown.
#[derive(Clone, Debug)]
pub enum Condition {
    /// Every one holds. A `when` table is one of these.
    All(Vec<Condition>),
    /// At least so many hold; one unless `at_least` stands beside `any`.
    Any {
        /// Of these.
        of: Vec<Condition>,
        /// So many.
        at_least: usize,
    },
    /// Not one holds.
    None(Vec<Condition>),
    /// One matcher.
    Is(Box<Matcher>),
}

impl Condition {
    /// Hands over every matcher in it.
    pub fn matchers<'r>(&'r self, each: &mut impl FnMut(&'r Matcher)) {
        match self {
            Self::All(of) | Self::Any { of, .. } | Self::None(of) => of.iter().for_each(|of| of.matchers(each)),
            Self::Is(matcher) => each(matcher),
        }
    }
}

impl Matcher {
    /// Hands over every regex in it.
    pub fn patterns<'r>(&'r self, each: &mut impl FnMut(&'r Pattern)) {
        let mut of = |pattern: &'r TextPattern| {
            if let TextPattern::Regex(patterns) = pattern {
                patterns.iter().for_each(&mut *each);
            }
        };
        match self {
            Self::Text(asked) => of(&asked.pattern),
            Self::Author(asked) => asked.name.iter().chain(&asked.bio).for_each(of),
            Self::Link(asked) => asked.patterns.iter().for_each(each),
            _ => {}
        }
    }
}

/// One predicate on a subject. What is large is rare, and stands elsewhere: most rules ask for a handle or a word.
#[derive(Clone, Debug, PartialEq)]
pub enum Matcher {
    /// The author or actor is one of these.
    Handle(Arc<Accounts>),
    /// The followed account, or the author replied to, quoted or retweeted, is one of these.
    Target(Arc<Accounts>),
    /// Properties of the author; all given ones must hold.
    Author(Box<AuthorMatcher>),
    /// The author's platform is one of these.
    Platform(Vec<Platform>),
    /// The tweet is of one of these kinds.
    Kind(Vec<Kind>),
    /// A text of the subject holds a pattern.
    Text(TextMatcher),
    /// A contract address stands in the text, in the links or among the detections.
    Contract(ContractMatcher),
    /// One token satisfies all of this.
    Token(Box<TokenMatcher>),
    /// One market satisfies all of this.
    Market(Box<MarketMatcher>),
    /// One prediction market satisfies all of this.
    Prediction(Box<PredictionMatcher>),
    /// Any token, market or prediction has such a price (US dollars).
    Price(Box<NumberRange>),
    /// An expanded link goes to one of these.
    Link(LinkMatcher),
    /// The tweet has such media.
    Media(MediaMatcher),
    /// Such a part of the profile changed.
    Changed(Box<ChangedMatcher>),
    /// The tweet's age when its envelope came, in milliseconds.
    Age(Box<NumberRange>),
}

/// A set of accounts: handles without `@` in lower case, some with the id that survives a rename. A list is one set that all
/// rules share which name it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accounts {
    /// By handle, with the id when the rule gave one. Where both ids are known, they decide.
    pub by_handle: Sorted<Box<str>, Option<Box<str>>>,
    /// The ids given, so that a renamed account is still found.
    pub by_id: Sorted<Box<str>>,
}

/// Properties of the author; all given ones must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthorMatcher {
    /// Number of followers.
    pub followers: Option<NumberRange>,
    /// One of these verifications (`blue`, `business`, `government`, `none`, …). Empty: any.
    pub verified: Vec<Box<str>>,
    /// Patterns on the display name; all must hold.
    pub name: Vec<TextPattern>,
    /// Patterns on the self-description; all must hold.
    pub bio: Vec<TextPattern>,
}

/// Where a text matcher looks. A match in any field is a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The tweet's text.
    pub text: bool,
    /// The text of the tweet that is quoted, replied to or retweeted.
    pub quoted: bool,
    /// Text recognised in images.
    pub ocr: bool,
    /// The author's display name.
    pub name: bool,
    /// The author's self-description.
    pub bio: bool,
}

impl Fields {
    /// The tweet's text alone: what text matchers read unless `in` says otherwise.
    pub const TEXT: Self = Self { text: true, quoted: false, ocr: false, name: false, bio: false };
}

/// A pattern and where it is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct TextMatcher {
    /// Where.
    pub fields: Fields,
    /// What.
    pub pattern: TextPattern,
}

/// What is looked for in a normalised text (NFKC, one kind of space, no invisible characters). Patterns without `exact` were
/// normalised and case-folded by `rules::normal` and are looked for in the text folded in the same way; with `exact` they
/// were only normalised. Any of a list is enough.
#[derive(Clone, Debug, PartialEq)]
pub enum TextPattern {
    /// Whole words or phrases.
    Keyword {
        /// Any of these.
        words: Vec<Keyword>,
        /// With regard to case.
        exact: bool,
    },
    /// Substrings.
    Contains {
        /// Any of these.
        parts: Vec<Box<str>>,
        /// With regard to case.
        exact: bool,
    },
    /// Regular expressions on the normalised, unfolded text; `(?i)` is compiled in unless `case = true`.
    Regex(Vec<Pattern>),
    /// Cashtags as X recognises them; symbols without `$` in upper case.
    Cashtag(Sorted<Box<str>>),
}

/// A word or phrase, normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// The phrase, its words parted by one space.
    pub phrase: Box<str>,
    /// It begins with a character of a script without spaces (or with no word character at all), so no boundary is asked in front.
    pub open_start: bool,
    /// The same at its end.
    pub open_end: bool,
}

/// A contract address in the text, in the links or among the detections.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractMatcher {
    /// Which addresses; empty means any.
    pub addresses: Sorted<Address>,
    /// In which texts, beside links and detections.
    pub fields: Fields,
}

/// One token satisfies all that is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenMatcher {
    /// Symbols without `$` in upper case. Empty: any.
    pub symbols: Sorted<Box<str>>,
    /// Substrings of the token's name, normalised and folded. Empty: any.
    pub names: Vec<Box<str>>,
    /// Contracts. Empty and `any_contract` false: not asked.
    pub contracts: Sorted<Address>,
    /// `contract = true`: it must have one.
    pub any_contract: bool,
    /// Its chain must be known. Asked by windows, which tell tokens apart by it.
    pub any_chain: bool,
    /// Chains in lower case. Empty: any.
    pub chains: Sorted<Box<str>>,
    /// Network numbers. Empty: any.
    pub networks: Sorted<u64>,
    /// Price in US dollars.
    pub price: Option<NumberRange>,
    /// Where it must have been found.
    pub source: SourceSet,
}

/// One market satisfies all that is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MarketMatcher {
    /// Exchanges in lower case. Empty: any.
    pub exchanges: Sorted<Box<str>>,
    /// Symbols in upper case. Empty: any.
    pub symbols: Sorted<Box<str>>,
    /// Base assets in upper case. Empty: any.
    pub bases: Sorted<Box<str>>,
    /// Quote assets in upper case. Empty: any.
    pub quotes: Sorted<Box<str>>,
    /// Price in US dollars.
    pub price: Option<NumberRange>,
    /// Where it must have been found.
    pub source: SourceSet,
}

/// One prediction market satisfies all that is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PredictionMatcher {
    /// Exchanges in lower case. Empty: any.
    pub exchanges: Sorted<Box<str>>,
    /// Ids, exactly. Empty: any.
    pub ids: Sorted<Box<str>>,
    /// Substrings of the title, normalised and folded. Empty: any.
    pub titles: Vec<Box<str>>,
    /// Price of a share in US dollars.
    pub price: Option<NumberRange>,
    /// Where it must have been found.
    pub source: SourceSet,
}

/// `source` of a token, market or prediction: found in any of these. All false: not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceSet {
    /// In the tweet's text, by birdcall itself or by TweetStream.
    pub text: bool,
    /// In an image, by TweetStream.
    pub ocr: bool,
    /// By TweetStream, wherever.
    pub meta: bool,
}

impl SourceSet {
    /// Nothing is asked.
    #[must_use]
    pub fn is_any(self) -> bool {
        !(self.text || self.ocr || self.meta)
    }
}

/// Where an expanded link goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkMatcher {
    /// Hosts in lower case; subdomains are included.
    pub domains: Vec<Box<str>>,
    /// Patterns on the whole URL.
    pub patterns: Vec<Pattern>,
}

/// Such media.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MediaMatcher {
    /// Of these kinds. Empty: any media at all.
    pub kinds: Vec<Box<str>>,
}

/// Such a part of the profile changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangedMatcher {
    /// One of these.
    pub fields: Vec<ProfileField>,
    /// Patterns on what it was; all must hold, on the same part.
    pub before: Vec<TextPattern>,
    /// Patterns on what it is now; all must hold, on the same part.
    pub after: Vec<TextPattern>,
}

/// Bounds on a number. All given ones must hold. Never NaN or infinite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NumberRange {
    /// Greater than.
    pub above: Option<f64>,
    /// Greater than or equal to.
    pub at_least: Option<f64>,
    /// Less than.
    pub below: Option<f64>,
    /// Less than or equal to.
    pub at_most: Option<f64>,
    /// From and to, both included.
    pub between: Option<(f64, f64)>,
    /// Less than the first or greater than the second.
    pub outside: Option<(f64, f64)>,
}

impl NumberRange {
    /// Whether a number lies within all bounds.
    #[must_use]
    pub fn holds(&self, number: f64) -> bool {
        self.above.is_none_or(|bound| number > bound)
            && self.at_least.is_none_or(|bound| number >= bound)
            && self.below.is_none_or(|bound| number < bound)
            && self.at_most.is_none_or(|bound| number <= bound)
            && self.between.is_none_or(|(from, to)| number >= from && number <= to)
            && self.outside.is_none_or(|(from, to)| number < from || number > to)
    }
}

/// How long a rule waits for what has not arrived.
pub type Wait = Duration;
