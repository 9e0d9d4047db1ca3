//! A rule → events that make it fire, as near as can be guessed from what it asks: where a test of it starts.

use crate::model::subject::{Event, Kind, ProfileField};
use crate::render::sanitise::is_shown;
use crate::rules::condition::{
    AuthorMatcher, ChangedMatcher, Condition, Fields, MarketMatcher, Matcher, NumberRange, PredictionMatcher, TextMatcher,
    TextPattern, TokenMatcher,
};
use crate::rules::ruleset::{Each, Rule};

const SOLANA: &str = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";
const EVM: &str = "0x6982508145454ce325ddbe47a25d7ec3d2311933";

/// What is to be said, as keys and values of TOML.
#[derive(Default)]
struct Said {
    handle: Option<String>,
    author: Vec<(&'static str, String)>,
    words: Vec<String>,
    tweet: Vec<(&'static str, String)>,
    links: Vec<String>,
    target: Option<String>,
    ocr: Vec<String>,
    tokens: Vec<Vec<(&'static str, String)>>,
    markets: Vec<Vec<(&'static str, String)>>,
    predictions: Vec<Vec<(&'static str, String)>>,
    changed: Option<ProfileField>,
    before: Vec<String>,
    after: Vec<String>,
}

/// Events, each a table of TOML on one line. What a regex finds is not guessed: its text stands there as it is.
#[must_use]
pub fn example(rule: &Rule) -> Vec<String> {
    let mut said = Said::default();
    said.all(&rule.when);
    if let Some(each) = rule.each {
        said.element(each);
    }
    // The first event that it is about that can be told in few words.
    match rule.on.first().copied().unwrap_or(Event::Tweet) {
        Event::Tweet => said.tweet(),
        event @ (Event::Delete | Event::Pin | Event::Unpin) => {
            let mut events = said.tweet();
            events.push(table(event.name(), &[("id", quoted("1"))]));
            events
        }
        event @ Event::ProfileUpdate => vec![said.profile(event.name())],
        event => vec![said.follow(event.name())],
    }
}

impl Said {
    fn all(&mut self, condition: &Condition) {
        match condition {
            Condition::All(of) => of.iter().for_each(|of| self.all(of)),
            Condition::Any { of, at_least } => of.iter().take(*at_least).for_each(|of| self.all(of)),
            Condition::None(_) => {}
            Condition::Is(matcher) => self.one(matcher),
        }
    }

    fn one(&mut self, matcher: &Matcher) {
        match matcher {
            Matcher::Handle(of) => self.handle = of.by_handle.keys().next().map(ToString::to_string),
            Matcher::Target(of) => self.target = of.by_handle.keys().next().map(ToString::to_string),
            Matcher::Author(of) => self.who(of),
            Matcher::Platform(of) => self.author.extend(of.first().map(|of| ("platform", quoted(of.name())))),
            Matcher::Kind(of) => self.tweet.extend(of.first().map(|of: &Kind| ("kind", quoted(of.name())))),
            Matcher::Text(of) => self.text(of),
            Matcher::Contract(of) => {
                let address = of.addresses.keys().next().map_or_else(|| SOLANA.to_owned(), ToString::to_string);
                self.place(of.fields).push(address);
            }
            Matcher::Token(of) => self.token(of),
            Matcher::Market(of) => self.market(of),
            Matcher::Prediction(of) => self.prediction(of),
            Matcher::Price(range) => {
                let price = ("price", number(inside(range)));
                self.tokens.push(vec![("symbol", quoted("DOGE")), price]);
            }
            Matcher::Link(of) => self.links.push(of.domains.first().map_or_else(
                || of.patterns.first().map(|of| of.written().to_owned()).unwrap_or_default(),
                |domain| format!("https://{domain}/1"),
            )),
            Matcher::Media(of) => self.tweet.push(("media", quoted(of.kinds.first().map_or("image", |kind| kind)))),
            Matcher::Changed(of) => self.changes(of),
            Matcher::Age(range) => {
                let ms = inside(range).max(1.0);
                let duration = std::time::Duration::try_from_secs_f64((ms / 1_000.0).round().max(1.0)).unwrap_or_default();
                self.tweet.push(("age", quoted(&crate::rules::written(duration))));
            }
        }
    }

    fn who(&mut self, of: &AuthorMatcher) {
        self.author.extend(of.followers.map(|range| ("followers", number(inside(&range).ceil()))));
        self.author.extend(of.verified.first().map(|badge| ("verified", quoted(badge))));
        self.author.extend(of.name.first().map(|of| ("name", quoted(&word(of)))));
        self.author.extend(of.bio.first().map(|of| ("bio", quoted(&word(of)))));
    }

    fn text(&mut self, of: &TextMatcher) {
        let word = word(&of.pattern);
        match of.fields {
            Fields { text: false, quoted: false, ocr: false, name: true, .. } => self.author.push(("name", quoted(&word))),
            Fields { text: false, quoted: false, ocr: false, bio: true, .. } => self.author.push(("bio", quoted(&word))),
            fields => self.place(fields).push(word),
        }
    }

    fn place(&mut self, fields: Fields) -> &mut Vec<String> {
        if fields.ocr && !fields.text { &mut self.ocr } else { &mut self.words }
    }

    fn token(&mut self, of: &TokenMatcher) {
        let mut token = Vec::new();
        let chain = of.chains.keys().next().map(ToString::to_string);
        token.push(("symbol", quoted(of.symbols.keys().next().map_or("ORBL", |symbol| symbol))));
        if of.any_contract || !of.contracts.is_empty() {
            let any = if chain.as_deref().is_none_or(|chain| chain == "solana") { SOLANA } else { EVM };
            let contract = of.contracts.keys().next().map_or_else(|| any.to_owned(), ToString::to_string);
            token.push(("contract", quoted(&contract)));
            if of.source.text {
                self.words.push(contract);
            }
        }
        token.extend(chain.map(|chain| ("chain", quoted(&chain))));
        token.extend(of.networks.keys().next().map(|network| ("network", network.to_string())));
        token.extend(of.names.first().map(|name| ("name", quoted(name))));
        token.extend(of.price.map(|range| ("price", number(inside(&range)))));
        token.extend(of.source.ocr.then(|| ("source", quoted("ocr"))));
        self.tokens.push(token);
    }

    fn market(&mut self, of: &MarketMatcher) {
        let first = |of: Option<&Box<str>>, other: &str| quoted(of.map_or(other, |of| of));
        let mut market = vec![
            ("exchange", first(of.exchanges.keys().next(), "binance")),
            ("symbol", first(of.symbols.keys().next(), "ORBLUSDT")),
            ("base", first(of.bases.keys().next(), "ORBL")),
            ("quote", first(of.quotes.keys().next(), "USDT")),
        ];
        market.extend(of.price.map(|range| ("price", number(inside(&range)))));
        self.markets.push(market);
    }

    fn prediction(&mut self, of: &PredictionMatcher) {
        let mut prediction = vec![
            ("exchange", quoted(of.exchanges.keys().next().map_or("polymarket", |of| of))),
            ("id", quoted(of.ids.keys().next().map_or("1", |of| of))),
            ("title", quoted(of.titles.first().map_or("Will it happen?", |of| of))),
        ];
        prediction.extend(of.price.map(|range| ("price", number(inside(&range)))));
        self.predictions.push(prediction);
    }

    fn changes(&mut self, of: &ChangedMatcher) {
        self.changed = of.fields.first().copied();
        self.before.extend(of.before.iter().map(word));
        self.after.extend(of.after.iter().map(word));
    }

    /// With `each` there has to be one.
    fn element(&mut self, each: Each) {
        match each {
            // An address in the text is one already.
            Each::Token if self.tokens.is_empty() && !self.words.iter().any(|word| word == SOLANA) => {
                self.token(&TokenMatcher::default())
            }
            Each::Market if self.markets.is_empty() => self.market(&MarketMatcher::default()),
            Each::Prediction if self.predictions.is_empty() => self.prediction(&PredictionMatcher::default()),
            // All that is asked is asked of the same one; what was said of it first is what the rule's own matcher says.
            Each::Token => as_one(&mut self.tokens),
            Each::Market => as_one(&mut self.markets),
            Each::Prediction => as_one(&mut self.predictions),
        }
    }

    fn author(&self) -> Vec<(&'static str, String)> {
        let handle = self.handle.as_deref().unwrap_or("somebody");
        std::iter::once(("handle", quoted(handle))).chain(self.author.iter().cloned()).collect()
    }

    fn tweet(&self) -> Vec<String> {
        let mut content = vec![("id", quoted("1"))];
        content.extend(self.author());
        let mut words = self.words.clone();
        words.dedup();
        content.push(("text", quoted(&words.join(" "))));
        content.extend(self.tweet.iter().cloned());
        if !self.links.is_empty() {
            content.push(("links", list(self.links.iter().map(|link| quoted(link)))));
        }
        content.extend(self.target.as_ref().map(|target| ("ref", inline(&[("handle", quoted(target))]))));
        let mut events = vec![table("content", &content)];
        let sorts = [("tokens", &self.tokens), ("markets", &self.markets), ("predictions", &self.predictions)];
        let mut meta = vec![("id", quoted("1"))];
        meta.extend((!self.ocr.is_empty()).then(|| ("ocr", quoted(&self.ocr.join(" ")))));
        let found = sorts.into_iter().filter(|(_, of)| !of.is_empty());
        meta.extend(found.map(|(key, of)| (key, list(of.iter().map(|of| inline(of))))));
        if meta.len() > 1 {
            events.push(format!("{{ at = \"+300ms\", meta = {} }}", inline(&meta)));
        }
        events
    }

    fn profile(&self, event: &str) -> String {
        let field = self.changed.unwrap_or(ProfileField::Bio).name();
        let value = |words: &[String], other: &str| if words.is_empty() { quoted(other) } else { quoted(&words.join(" ")) };
        let mut said = self.author();
        said.push(("before", inline(&[(field, value(&self.before, "old"))])));
        said.push(("after", inline(&[(field, value(&self.after, "new"))])));
        table(event, &said)
    }

    fn follow(&self, event: &str) -> String {
        let mut said = self.author();
        let target = self.target.as_deref().unwrap_or("somebody_else");
        said.push(("target", inline(&[("handle", quoted(target))])));
        table(event, &said)
    }
}

/// A word that the pattern finds; of a regex the regex.
fn word(of: &TextPattern) -> String {
    match of {
        TextPattern::Keyword { words, .. } => words.first().map(|word| word.phrase.to_string()),
        TextPattern::Contains { parts, .. } => parts.first().map(ToString::to_string),
        TextPattern::Regex(of) => of.first().map(|of| of.written().to_owned()),
        TextPattern::Cashtag(of) => of.keys().next().map(|symbol| format!("${symbol}")),
    }
    .unwrap_or_default()
}

/// A number within the bounds, with few digits where there are such.
fn inside(range: &NumberRange) -> f64 {
    let low = [range.above, range.at_least, range.between.map(|(from, _)| from)].into_iter().flatten().reduce(f64::max);
    let high = [range.below, range.at_most, range.between.map(|(_, to)| to)].into_iter().flatten().reduce(f64::min);
    let guess = match (low, high) {
        (Some(low), Some(high)) => f64::midpoint(low, high),
        (Some(low), None) => {
            if low == 0.0 {
                1.0
            } else {
                low * 2.0
            }
        }
        (None, Some(high)) => high / 2.0,
        (None, None) => 1.0,
    };
    let outside = range.outside.map(|(_, to)| to * 2.0);
    // With few digits, if that will do.
    let unit = 10_f64.powf(guess.abs().log10().floor());
    let round = Some((guess / unit).round() * unit).filter(|round| round.is_finite());
    let short = round.and_then(|round| format!("{round:.12}").parse().ok());
    [short, Some(guess), outside].into_iter().flatten().find(|number| range.holds(*number)).unwrap_or(guess)
}

fn number(number: f64) -> String {
    // As TOML writes whole numbers and others.
    number.to_string()
}

/// A text as a value of TOML that does nothing to a terminal. What JSON escapes, TOML does in the same way; what else is not shown as
/// itself is written by its number.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::new();
    for letter in serde_json::to_string(text).unwrap_or_default().chars() {
        match u32::from(letter) {
            _ if is_shown(letter) => out.push(letter),
            short @ ..=0xffff => out.push_str(&format!("\\u{short:04x}")),
            long => out.push_str(&format!("\\U{long:08x}")),
        }
    }
    out
}

fn list(of: impl Iterator<Item = String>) -> String {
    format!("[{}]", of.collect::<Vec<_>>().join(", "))
}

fn inline(of: &[(&'static str, String)]) -> String {
    let mut known = Vec::new();
    let first = of.iter().filter(|(key, _)| {
        let is_new = !known.contains(key);
        known.push(*key);
        is_new
    });
    format!("{{ {} }}", first.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", "))
}

fn table(key: &str, of: &[(&'static str, String)]) -> String {
    format!("{{ {key} = {} }}", inline(of))
}

/// Several elements as one that has what all of them have; of what they say differently the first word.
fn as_one(elements: &mut Vec<Vec<(&'static str, String)>>) {
    let all = std::mem::take(elements).into_iter().flatten();
    let one = all.fold(Vec::new(), |mut one: Vec<(&'static str, String)>, (key, value)| {
        if one.iter().all(|(known, _)| *known != key) {
            one.push((key, value));
        }
        one
    });
    elements.extend((!one.is_empty()).then_some(one));
}
