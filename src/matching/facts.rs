//! A subject as matchers see it: normalised texts, cashtags, addresses and tokens, each worked out when first asked for.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use super::tokens::Said;
use super::{text, tokens};
use crate::model::address::Address;
use crate::model::limits::{ELEMENTS, RAW_TEXT_BYTES, TEXT_BYTES};
use crate::model::subject::{About, Account, AccountEvent, Link, Subject, Token, Tweet};
use crate::rules::condition::Pattern;
use crate::rules::normal;

/// A subject as matchers see it. Its texts are borrowed, whoever owns them.
#[derive(Debug)]
pub struct Facts<'a> {
    about: Held<'a>,
    /// How old the tweet was when its envelope came. `None`: not known.
    pub(crate) age: Option<Duration>,
    texts: [OnceCell<Option<NormalText<'a>>>; 5],
    tokens: OnceCell<Vec<Token<Said<'a>>>>,
    link_addresses: OnceCell<Vec<Address>>,
}

#[derive(Debug)]
enum Held<'a> {
    Seen(&'a Tweet<&'a str>),
    Tweet(Box<Tweet<&'a str>>),
    Account(Box<AccountEvent<&'a str>>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Whom<'f, 'a> {
    Tweet(&'f Tweet<&'a str>),
    Account(&'f AccountEvent<&'a str>),
}

/// A text that matchers can look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Text,
    Quoted,
    Ocr,
    Name,
    Bio,
}

impl Field {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Text, Self::Quoted, Self::Ocr, Self::Name, Self::Bio];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Quoted => "quoted",
            Self::Ocr => "ocr",
            Self::Name => "name",
            Self::Bio => "bio",
        }
    }
}

impl<'a> Facts<'a> {
    /// Facts about a tweet: what `content`, `update` and `meta` have told so far.
    #[must_use]
    pub fn of_tweet(tweet: &'a Tweet<&'a str>, age: Option<Duration>) -> Self {
        Self::new(Held::Seen(tweet), age)
    }

    /// Facts about any subject.
    #[must_use]
    pub fn of(subject: &'a Subject, age: Option<Duration>) -> Self {
        match &subject.about {
            About::Tweet(tweet) => Self::new(Held::Tweet(Box::new(tweet.borrowed())), age),
            About::Account(account) => Self::new(Held::Account(Box::new(account.borrowed())), None),
        }
    }

    fn new(about: Held<'a>, age: Option<Duration>) -> Self {
        Self { about, age, texts: Default::default(), tokens: OnceCell::new(), link_addresses: OnceCell::new() }
    }

    pub(crate) fn about(&self) -> Whom<'_, 'a> {
        match &self.about {
            Held::Seen(tweet) => Whom::Tweet(tweet),
            Held::Tweet(tweet) => Whom::Tweet(tweet),
            Held::Account(account) => Whom::Account(account),
        }
    }

    pub(crate) fn tweet(&self) -> Option<&Tweet<&'a str>> {
        match self.about() {
            Whom::Tweet(tweet) => Some(tweet),
            Whom::Account(_) => None,
        }
    }

    pub(crate) fn actor(&self) -> &Account<&'a str> {
        match self.about() {
            Whom::Tweet(tweet) => &tweet.author,
            Whom::Account(account) => &account.actor,
        }
    }

    /// Author, text and kind are here: what is missing of them now is missing for good.
    pub(crate) fn has_content(&self) -> bool {
        self.tweet().is_none_or(|tweet| tweet.parts.content)
    }

    /// Detections and OCR are here.
    pub(crate) fn has_meta(&self) -> bool {
        self.tweet().is_none_or(|tweet| tweet.parts.meta)
    }

    pub(crate) fn text(&self, field: Field) -> Option<&NormalText<'a>> {
        let cell = &self.texts[field as usize];
        cell.get_or_init(|| self.raw(field).map(NormalText::new)).as_ref()
    }

    /// Whether there is a text, without a look at it.
    pub(crate) fn has_text(&self, field: Field) -> bool {
        self.written(field).is_some()
    }

    fn raw(&self, field: Field) -> Option<Cow<'a, str>> {
        let written = self.written(field)?;
        match self.tweet() {
            Some(tweet) if field == Field::Text => Some(expand(written, &tweet.urls)),
            _ => Some(Cow::Borrowed(written)),
        }
    }

    fn written(&self, field: Field) -> Option<&'a str> {
        match (field, self.about()) {
            (Field::Text, Whom::Tweet(tweet)) => tweet.text,
            (Field::Quoted, Whom::Tweet(tweet)) => tweet.reference.as_ref()?.text,
            (Field::Ocr, Whom::Tweet(tweet)) => tweet.ocr,
            (Field::Text | Field::Quoted | Field::Ocr, Whom::Account(_)) => None,
            (Field::Name, _) => self.actor().name,
            (Field::Bio, _) => self.actor().bio,
        }
    }

    /// Detected tokens, then those that only birdcall recognised in the text.
    pub(crate) fn tokens(&self) -> &[Token<Said<'a>>] {
        self.tokens.get_or_init(|| self.tweet().map(|tweet| tokens::of(tweet, self)).unwrap_or_default())
    }

    /// Addresses in expanded links.
    pub(crate) fn link_addresses(&self) -> &[Address] {
        self.link_addresses.get_or_init(|| {
            let urls = self.tweet().map(|tweet| tweet.urls.as_slice()).unwrap_or_default();
            urls.iter().flat_map(|link| text::addresses(link.url)).take(ELEMENTS).collect()
        })
    }
}

/// A text in the form in which it is compared.
#[derive(Debug)]
pub(crate) struct NormalText<'a> {
    exact: Cow<'a, str>,
    /// It has no case but that of ASCII.
    is_plain: bool,
    folded: OnceCell<Folded>,
    cashtags: OnceCell<Vec<Box<str>>>,
    addresses: OnceCell<Vec<Address>>,
    /// No run of its letters, digits and underscores is as long as an address: for who has looked at all of them.
    has_short_words: Cell<bool>,
    /// Of regexes that were asked for, whether they are found: many rules may share one.
    regexes: RefCell<HashMap<usize, bool, foldhash::fast::FixedState>>,
}

/// A text without its case.
#[derive(Debug)]
struct Folded {
    /// As [`normal::fold`] makes it.
    whole: String,
    /// As [`normal::fold_each`] makes it, where that is another.
    each: Option<String>,
}

impl<'a> NormalText<'a> {
    pub(crate) fn new(raw: Cow<'a, str>) -> Self {
        let (mut exact, is_plain) = match raw {
            Cow::Borrowed(raw) => normal::normal(bounded(raw, RAW_TEXT_BYTES)),
            Cow::Owned(raw) => {
                let (exact, is_plain) = normal::normal(bounded(&raw, RAW_TEXT_BYTES));
                (Cow::Owned(exact.into_owned()), is_plain)
            }
        };
        match &mut exact {
            Cow::Borrowed(exact) => *exact = bounded(exact, TEXT_BYTES),
            Cow::Owned(exact) => exact.truncate(exact.floor_char_boundary(TEXT_BYTES)),
        }
        Self {
            exact,
            is_plain,
            folded: OnceCell::new(),
            cashtags: OnceCell::new(),
            addresses: OnceCell::new(),
            has_short_words: Cell::new(false),
            regexes: RefCell::default(),
        }
    }

    /// It is of ASCII, and of characters at which words end on either side and that have no case.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// With its case.
    pub(crate) fn exact(&self) -> &str {
        &self.exact
    }

    /// With its case, or folded.
    pub(crate) fn cased(&self, exact: bool) -> &str {
        if exact { &self.exact } else { &self.folded().whole }
    }

    /// The text folded character by character, where that is another than the folded one: in it stands what stood in the text with its case.
    pub(crate) fn folded_each(&self) -> Option<&str> {
        self.folded().each.as_deref()
    }

    fn folded(&self) -> &Folded {
        self.folded.get_or_init(|| {
            if self.is_plain {
                return Folded { whole: self.exact.to_ascii_lowercase(), each: None };
            }
            let each = normal::fold_each(&self.exact);
            match normal::recompose(&each) {
                Some(whole) => Folded { whole, each: Some(each) },
                None => Folded { whole: each, each: None },
            }
        })
    }

    /// Whether a regex is found, which is looked for once however many rules ask. It must live as long as the text does.
    pub(crate) fn has_match(&self, pattern: &Pattern) -> bool {
        let of = pattern.identity();
        if let Some(known) = self.regexes.borrow().get(&of) {
            return *known;
        }
        let found = pattern.is_match(&self.exact);
        self.regexes.borrow_mut().insert(of, found);
        found
    }

    pub(crate) fn cashtags(&self) -> &[Box<str>] {
        self.cashtags.get_or_init(|| text::cashtags(&self.exact))
    }

    pub(crate) fn addresses(&self) -> &[Address] {
        if self.has_short_words.get() {
            return &[];
        }
        self.addresses.get_or_init(|| text::addresses(&self.exact))
    }

    /// The longest run of letters, digits and underscores of ASCII in it has so many bytes.
    pub(crate) fn has_words_up_to(&self, longest: usize) {
        self.has_short_words.set(longest < text::ADDRESS_BYTES.0);
    }
}

/// As much of a text as is looked at.
fn bounded(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// The text with its t.co links replaced by what they lead to, where that is known. Whole links only, and once: what a link leads to is
/// not looked into again.
fn expand<'t>(text: &'t str, urls: &[Link<&str>]) -> Cow<'t, str> {
    const TCO: &str = "https://t.co/";
    if urls.iter().all(|link| link.tco.is_none()) || text::find_part(text, TCO, 0).is_none() {
        return Cow::Borrowed(text);
    }
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(TCO).filter(|_| expanded.len() < RAW_TEXT_BYTES) {
        let code = rest.bytes().skip(at + TCO.len()).take_while(u8::is_ascii_alphanumeric).count();
        let (before, from) = rest.split_at(at);
        let (tco, after) = from.split_at(TCO.len() + code);
        let known = urls.iter().find(|link| link.tco == Some(tco));
        expanded.push_str(before);
        expanded.push_str(known.map_or(tco, |link| link.url));
        rest = after;
    }
    expanded.push_str(rest);
    Cow::Owned(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_links_are_expanded_and_only_once() {
        let link = |tco: &'static str, url: &'static str| Link { url, name: None, tco: Some(tco) };
        let urls =
            [link("https://t.co/abc", "https://good.example/?https://t.co/xyz"), link("https://t.co/xyz", "https://bad.example")];
        let expanded = expand("a https://t.co/abc, https://t.co/abcdef https://t.co/xyz https://t.co/", &urls);
        assert_eq!(expanded, "a https://good.example/?https://t.co/xyz, https://t.co/abcdef https://bad.example https://t.co/");
    }

    #[test]
    fn every_regex_has_an_answer_of_its_own_and_the_same_each_time() {
        let text = NormalText::new("gm moon".into());
        let patterns = [("moon", true), ("sun", false), ("Moon", false), ("^gm", true)];
        let patterns = patterns.map(|(written, found)| (Pattern::new(written, written, true, None), found));
        for _ in 0..2 {
            for (pattern, found) in &patterns {
                assert_eq!(text.has_match(pattern), *found, "{}", pattern.written());
                assert_eq!(text.has_match(&pattern.clone()), *found, "a clone is the same");
            }
        }
        assert_eq!(text.regexes.borrow().len(), 4);
    }

    #[test]
    fn expansion_is_bounded() {
        let url = "x".repeat(300_000);
        let urls = [Link { url: url.as_str(), name: None, tco: Some("https://t.co/a") }];
        assert!(expand(&"https://t.co/a ".repeat(6_000), &urls).len() < RAW_TEXT_BYTES + 500_000);
    }
}
