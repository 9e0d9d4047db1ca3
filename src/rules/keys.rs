//! The keys of every table of the language, for what is said about a key that is in the wrong place, misspelled or not there yet.

use super::diagnostic::Diagnostic;
use super::read::Field;

/// A kind of table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Top,
    Feed,
    Journal,
    Defaults,
    Lists,
    List,
    Digest,
    Rule,
    When,
    Send,
    Window,
    Step,
    Discord,
    Telegram,
    Slack,
    Webhook,
    Console,
    Template,
    Author,
    Token,
    Market,
    Prediction,
    Range,
    Link,
    TextOf,
    Rate,
    Cooldown,
    /// A file of tests.
    TestFile,
    Test,
    TestEvent,
    TestSaid,
    TestRef,
    TestLink,
    TestProfile,
    TestToken,
    TestMarket,
    TestPrediction,
    TestExpect,
    /// The keys are names that the user chooses.
    Free,
}

impl Place {
    /// As it stands in "… belongs into …".
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Top => "the top of the file",
            Self::Feed => "`[feed]`",
            Self::Journal => "`[journal]`",
            Self::Defaults => "`[defaults]`",
            Self::Lists => "`[lists]`",
            Self::List => "a list that stands elsewhere",
            Self::Digest => "`digest`",
            Self::Rule => "the rule",
            Self::When => "`when`",
            Self::Send => "an entry of `send`",
            Self::Window => "`[rule.window]`",
            Self::Step => "a step of a sequence",
            Self::Discord => "an action of type `discord`",
            Self::Telegram => "an action of type `telegram`",
            Self::Slack => "an action of type `slack`",
            Self::Webhook => "an action of type `webhook`",
            Self::Console => "an action of type `console`",
            Self::Template => "a template",
            Self::Author => "`author`",
            Self::Token => "`token`",
            Self::Market => "`market`",
            Self::Prediction => "`prediction`",
            Self::Range => "a range of numbers",
            Self::Link => "`link`",
            Self::TextOf => "a table of text matchers",
            Self::Rate => "`rate_limit`",
            Self::Cooldown => "`cooldown`",
            Self::TestFile => "a file of tests (NAME.test.toml)",
            Self::Test => "a test",
            Self::TestEvent => "an event of a test",
            Self::TestSaid => "this event",
            Self::TestRef => "`ref`",
            Self::TestLink => "a link",
            Self::TestProfile => "this account",
            Self::TestToken => "an entry of `tokens`",
            Self::TestMarket => "an entry of `markets`",
            Self::TestPrediction => "an entry of `predictions`",
            Self::TestExpect => "an expectation",
            Self::Free => "this table",
        }
    }

    /// It stands in a file of tests, where no key of rules is at home.
    fn is_of_tests(self) -> bool {
        matches!(
            self,
            Self::TestFile
                | Self::Test
                | Self::TestEvent
                | Self::TestSaid
                | Self::TestRef
                | Self::TestLink
                | Self::TestProfile
                | Self::TestToken
                | Self::TestMarket
                | Self::TestPrediction
                | Self::TestExpect
        )
    }

    /// Every key that a table of this kind may have; `None` where the user chooses them. What the reader asks for is held against it
    /// ([`Table::finish`](super::read::Table::finish)), and so is the schema.
    pub(super) fn keys(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Top => &["feed", "journal", "defaults", "lists", "templates", "actions", "rule"],
            Self::Feed => &["key", "url", "auth", "meta_timeout", "history", "notices"],
            Self::Journal => &["sync", "max_age", "max_bytes"],
            Self::Defaults => &["max_age", "timeout", "overflow", "mode", "timezone"],
            Self::List => &["file", "tracked"],
            Self::Digest => &["every", "count"],
            Self::Rule => {
                &["name", "on", "when", "each", "wait", "max_age", "mode", "window", "cooldown", "limit", "active", "send"]
            }
            Self::When => WHEN,
            Self::Send => &["to", "max_age", "mode", "template", "json", "form", "cooldown", "limit", "update"],
            Self::Window => WINDOW,
            Self::Step => STEP,
            Self::Discord => DISCORD,
            Self::Telegram => TELEGRAM,
            Self::Slack => SLACK,
            Self::Webhook => WEBHOOK,
            Self::Console => CONSOLE,
            Self::Template => &["title", "body"],
            Self::Author => &["followers", "verified", "name", "bio"],
            Self::Token => &["symbol", "name", "contract", "chain", "network", "price", "source"],
            Self::Market => &["exchange", "symbol", "base", "quote", "price", "source"],
            Self::Prediction => &["exchange", "id", "title", "price", "source"],
            Self::Range => &["above", "at_least", "below", "at_most", "between", "outside"],
            Self::Link => &["domain", "case", "regex"],
            Self::TextOf => &["case", "keyword", "contains", "cashtag", "regex"],
            Self::Rate => &["rate", "burst"],
            Self::Cooldown => &["for", "per"],
            // Those of a test's events depend on the event; no schema speaks of them.
            Self::TestFile
            | Self::Test
            | Self::TestEvent
            | Self::TestSaid
            | Self::TestRef
            | Self::TestLink
            | Self::TestProfile
            | Self::TestToken
            | Self::TestMarket
            | Self::TestPrediction
            | Self::TestExpect
            | Self::Lists
            | Self::Free => return None,
        })
    }

    /// Whether the reader has asked a table of this kind for every key that it may have, and for no other.
    pub(super) fn is_asked_for(self, asked: &[&'static str]) -> bool {
        self.keys().is_none_or(|keys| asked.len() == keys.len() && asked.iter().all(|key| keys.contains(key)))
    }
}

#[rustfmt::skip]
const WHEN: &[&str] = &[
    "handle", "target", "author", "platform", "kind", "keyword", "contains", "regex", "cashtag", "contract", "token", "market",
    "prediction", "price", "link", "media", "changed", "before", "after", "age", "all", "any", "none", "at_least", "case", "in",
];

#[rustfmt::skip]
const STEP: &[&str] = &[
    "on",
    "handle", "target", "author", "platform", "kind", "keyword", "contains", "regex", "cashtag", "contract", "token", "market",
    "prediction", "price", "link", "media", "changed", "before", "after", "age", "all", "any", "none", "at_least", "case", "in",
];

#[rustfmt::skip]
const WINDOW: &[&str] = &[
    "type", "of", "per", "within", "at_least", "rearm", "max_keys", "above", "below", "hysteresis", "percent", "direction", "steps",
];

#[rustfmt::skip]
const DISCORD: &[&str] = &[
    "type", "url", "thread", "username", "avatar", "silent", "template",
    "rate_limit", "overflow", "digest", "quiet", "max_age", "timeout", "trading", "mode", "max_per_day",
];

#[rustfmt::skip]
const TELEGRAM: &[&str] = &[
    "type", "token", "chat", "topic", "silent", "preview", "api", "template",
    "rate_limit", "overflow", "digest", "quiet", "max_age", "timeout", "trading", "mode", "max_per_day",
];

#[rustfmt::skip]
const SLACK: &[&str] = &[
    "type", "url", "token", "channel", "api", "template",
    "rate_limit", "overflow", "digest", "quiet", "max_age", "timeout", "trading", "mode", "max_per_day",
];

#[rustfmt::skip]
const WEBHOOK: &[&str] = &[
    "type", "url", "method", "headers", "secret", "idempotent", "json", "form",
    "rate_limit", "overflow", "digest", "quiet", "max_age", "timeout", "trading", "mode", "max_per_day",
];

#[rustfmt::skip]
const CONSOLE: &[&str] = &[
    "type", "template",
    "rate_limit", "overflow", "digest", "quiet", "max_age", "timeout", "trading", "mode", "max_per_day",
];

/// Tables of actions.
const ACTIONS: [Place; 5] = [Place::Webhook, Place::Discord, Place::Telegram, Place::Slack, Place::Console];

/// Where the keys are at home that people put elsewhere. The first place of a key is the one that is recommended.
const HOMES: &[(Place, &[&str])] = &[
    (Place::Top, &["feed", "journal", "defaults", "lists", "actions", "templates"]),
    (Place::Rule, &["name", "on", "each", "when", "send", "wait", "max_age", "mode", "window", "cooldown", "limit", "active"]),
    (Place::Defaults, &["timezone"]),
    (Place::When, WHEN),
    (
        Place::Webhook,
        &["url", "method", "headers", "secret", "json", "form", "idempotent", "trading", "rate_limit", "max_per_day"],
    ),
    (Place::Discord, &["thread", "username", "avatar", "silent", "overflow", "digest", "quiet", "timeout"]),
    (Place::Telegram, &["chat", "topic", "preview", "api"]),
    (Place::Slack, &["channel"]),
    (Place::Feed, &["key", "auth", "meta_timeout", "history", "notices"]),
    (Place::Journal, &["sync", "max_bytes"]),
    (Place::Send, &["to", "template", "update"]),
    (Place::Window, &["of", "per", "within", "rearm", "max_keys", "hysteresis", "percent", "direction", "steps"]),
    (Place::Template, &["title", "body"]),
    (Place::Author, &["followers", "verified", "bio"]),
    (Place::Token, &["symbol", "chain", "network", "source"]),
    (Place::Market, &["exchange", "base", "quote"]),
    (Place::Prediction, &["id"]),
    (Place::Range, &["above", "below", "at_most", "between", "outside"]),
    (Place::Link, &["domain"]),
    (Place::Cooldown, &["for"]),
    (Place::Digest, &["every"]),
    (Place::TestFile, &["test"]),
];

/// Spellings that people bring from elsewhere.
const ALIASES: &[(Place, &str, &str)] = &[
    (Place::Top, "rules", "rule"),
    (Place::Top, "alert", "rule"),
    (Place::Top, "action", "actions"),
    (Place::Top, "destinations", "actions"),
    (Place::When, "not", "none"),
    (Place::When, "or", "any"),
    (Place::When, "and", "all"),
    (Place::When, "user", "handle"),
    (Place::When, "from", "handle"),
    (Place::When, "text", "contains"),
    (Place::When, "type", "kind"),
    (Place::When, "url", "link"),
    (Place::When, "ticker", "cashtag"),
    (Place::When, "symbol", "cashtag"),
    (Place::When, "address", "contract"),
    (Place::Rule, "action", "send"),
    (Place::Rule, "actions", "send"),
    (Place::Rule, "if", "when"),
    (Place::Rule, "condition", "when"),
    (Place::Send, "action", "to"),
    (Place::Send, "edit", "update"),
    (Place::Cooldown, "by", "per"),
    (Place::Cooldown, "key", "per"),
    (Place::Cooldown, "of", "per"),
    (Place::Cooldown, "every", "for"),
    (Place::Cooldown, "time", "for"),
    (Place::Cooldown, "duration", "for"),
    (Place::Cooldown, "lasts", "for"),
    (Place::Cooldown, "within", "for"),
    (Place::Window, "for", "within"),
    (Place::Window, "in", "within"),
    (Place::Window, "by", "per"),
    (Place::Window, "threshold", "at_least"),
    (Place::Window, "count", "at_least"),
    (Place::Window, "min", "at_least"),
    (Place::Window, "kind", "type"),
    (Place::Window, "field", "of"),
    (Place::Range, "min", "at_least"),
    (Place::Range, "max", "at_most"),
    (Place::Range, "gt", "above"),
    (Place::Range, "gte", "at_least"),
    (Place::Range, "lt", "below"),
    (Place::Range, "lte", "at_most"),
    (Place::Discord, "webhook", "url"),
    (Place::Slack, "webhook", "url"),
    (Place::Webhook, "body", "json"),
    (Place::Telegram, "chat_id", "chat"),
    (Place::Feed, "api_key", "key"),
    (Place::Feed, "history_url", "history"),
    (Place::Feed, "notify", "notices"),
    (Place::Journal, "retention", "max_age"),
    (Place::Journal, "max_size", "max_bytes"),
    (Place::TestFile, "tests", "test"),
    (Place::Test, "input", "events"),
    (Place::Test, "expected", "expect"),
    (Place::TestEvent, "tweet", "content"),
    (Place::TestSaid, "author", "handle"),
    (Place::TestSaid, "from", "handle"),
    (Place::TestExpect, "fired", "fires"),
    (Place::TestExpect, "token", "element"),
    (Place::TestExpect, "market", "element"),
    (Place::TestExpect, "prediction", "element"),
    (Place::TestExpect, "send", "sends"),
    (Place::TestExpect, "why", "because"),
];

/// What is said about a key that a table of this kind does not have.
pub(super) fn unknown(field: &Field<'_>, place: Place, allowed: &[&'static str]) -> Diagnostic {
    let name = field.name;
    let here = place.name();
    let alias = ALIASES.iter().find(|(at, key, _)| *at == place && key.eq_ignore_ascii_case(name)).map(|(.., key)| *key);
    let at_home = |(at, keys): &&(Place, &[&str])| *at != place && !place.is_of_tests() && keys.contains(&name);
    let is_of_every_action = ACTIONS.iter().all(|of| of.keys().is_some_and(|keys| keys.contains(&name)));
    let home = |(at, _): &(Place, &[&str])| if ACTIONS.contains(at) && is_of_every_action { "an action" } else { at.name() };
    let homes: Vec<_> = HOMES.iter().filter(at_home).map(home).collect();
    let at = if place == Place::Top { "at" } else { "in" };
    let mistake = Diagnostic::error("unknown-key", field.key, format!("unknown key `{name}` {at} {here}"));
    if let Some(key) = alias {
        return mistake.label(format!("it is called `{key}`"));
    }
    if let Some(home) = homes.first() {
        let mistake = Diagnostic::error("misplaced-key", field.key, format!("`{name}` belongs into {home}, not into {here}"));
        return match place {
            Place::When if *home == Place::Rule.name() => {
                mistake.help(format!("every key belongs to the header above it: write `{name}` above `[rule.when]`"))
            }
            _ if allowed.len() > 16 => mistake,
            _ => mistake.help(format!("{here} takes {}", list(allowed))),
        };
    }
    match nearest(name, allowed.iter().copied()) {
        Some(key) => mistake.label(format!("did you mean `{key}`?")),
        None if allowed.is_empty() => mistake,
        None => mistake.help(format!("{here} takes {}", list(allowed))),
    }
}

/// What is said of something that the language has and this version has not.
pub(super) fn not_yet(field: &Field<'_>, what: &str, instead: &str, home: Option<&str>) -> Diagnostic {
    let help = match home {
        Some(home) => format!("remove it; {instead}. When it comes, its place is {home}"),
        None => format!("remove it; {instead}"),
    };
    Diagnostic::error("not-yet", field.key, format!("not yet: this version does not have {what}")).help(help)
}

/// The nearest of some names, if one is near enough to be what was meant.
pub(crate) fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if written.len() > 64 {
        return None;
    }
    let written = written.to_lowercase();
    names
        .into_iter()
        .filter(|name| name.len() <= 64)
        .map(|name| (strsim::jaro_winkler(&written, &name.to_lowercase()), name))
        .filter(|(near, name)| *near > 0.82 || strsim::osa_distance(&written, &name.to_lowercase()) <= 1)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// `a`, `b` and `c`.
pub(super) fn list(names: &[&str]) -> String {
    joined(names, "and")
}

/// `a`, `b` or `c`.
pub(super) fn one_of(names: &[&str]) -> String {
    joined(names, "or")
}

fn joined(names: &[&str], word: &str) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {word} {last}", most.join(", ")),
    }
}
