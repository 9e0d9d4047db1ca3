//! Names as people write them, checked and brought into the form in which they are compared: handles, symbols, addresses,
//! domains, and choices among a few words.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::check::Check;
use super::condition::{Accounts, Sorted};
use super::diagnostic::{Diagnostic, Severity};
use super::keys::{nearest, one_of};
use super::read::{Field, Word};
use crate::model::address::{Address, AddressError};
use crate::model::ids::{normal_handle, normal_symbol};

/// Characters of a handle on X; Truth Social allows more.
const X_HANDLE: usize = 15;
/// Characters of a handle on any platform.
const HANDLE: usize = 30;
/// Characters of a symbol; real ones are much shorter.
const SYMBOL: usize = 40;

/// Adds where a list is used to a mistake in the list.
pub(super) fn with_use(mistake: Diagnostic, word: &Word<'_>, what: &str) -> Diagnostic {
    match word.used_at {
        Some(at) => mistake.also(at, format!("used as {what} here")),
        None => mistake,
    }
}

/// A set of accounts, or a report. A list that stands alone is read once for all rules.
pub(super) fn accounts<'a>(check: &mut Check<'a>, field: Field<'a>, truth_social: bool) -> Option<Arc<Accounts>> {
    let Some(name) = field.node.as_text().and_then(|text| text.strip_prefix('@')) else {
        return read_accounts(check, field, truth_social).map(Arc::new);
    };
    if let Some(known) = check.accounts.get(&(name, truth_social)).cloned() {
        check.name_list(name);
        return known;
    }
    let accounts = read_accounts(check, field, truth_social).map(Arc::new);
    if check.has_list(name) {
        check.accounts.insert((name, truth_social), accounts.clone());
    }
    accounts
}

fn read_accounts<'a>(check: &mut Check<'a>, field: Field<'a>, truth_social: bool) -> Option<Accounts> {
    let (words, mut whole) = field.node.words(check, field.name, "\"elonmusk\"");
    let (mut by_handle, mut by_id) = (HashMap::new(), HashSet::new());
    for word in &words {
        match parse_handle(word.text) {
            Ok((handle, id)) => {
                if handle.len() > X_HANDLE && !truth_social {
                    let message = format!("`{handle}` is longer than X allows a handle to be ({X_HANDLE} characters)");
                    let mistake = Diagnostic::warning("long-handle", word.span, message)
                        .help("if it lives on Truth Social, add `platform = \"truth_social\"` beside it");
                    check.report(with_use(mistake, word, "a handle"));
                }
                if let Some(id) = &id {
                    by_id.insert(id.clone());
                }
                let known = by_handle.entry(handle).or_insert_with(|| id.clone());
                match (known.as_ref(), id) {
                    (Some(first), Some(second)) if *first != second => {
                        let message = format!("`{}` was given another id before: {first}", word.text);
                        let mistake = Diagnostic::error("two-ids", word.span, message)
                            .help("keep the id that is right: it decides when the account is renamed");
                        check.report(with_use(mistake, word, "a handle"));
                        whole = false;
                    }
                    (None, second @ Some(_)) => *known = second,
                    _ => {}
                }
            }
            Err(label) => {
                let mistake = Diagnostic::error("bad-handle", word.span, format!("`{}` is no handle", shown(word.text)))
                    .label(label)
                    .help("a handle is written \"elonmusk\", or \"elonmusk#44196397\" with the id that survives a rename");
                check.report(with_use(mistake, word, "a handle"));
                whole = false;
            }
        }
    }
    whole.then(|| Accounts { by_handle: by_handle.into_iter().collect(), by_id: by_id.into_iter().collect() })
}

/// Reads `handle` or `handle#id`.
pub(crate) fn parse_handle(text: &str) -> Result<(Box<str>, Option<Box<str>>), String> {
    let (handle, id) = match text.split_once('#') {
        Some((handle, id)) => (handle, Some(id.trim())),
        None => (text, None),
    };
    let handle = normal_handle(handle);
    if handle.is_empty() {
        return Err("the name is missing".to_owned());
    }
    if handle.chars().count() > HANDLE {
        return Err(format!("longer than {HANDLE} characters"));
    }
    if let Some(bad) = handle.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
        return Err(format!("{} cannot stand in a handle: only letters, digits and _", named(bad)));
    }
    match id {
        Some(id) if id.is_empty() || id.len() > 20 || !id.bytes().all(|b| b.is_ascii_digit()) => {
            Err("after # comes the account's id, which has only digits".to_owned())
        }
        id => Ok((handle.into(), id.map(Into::into))),
    }
}

fn named(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        c if c.is_ascii_graphic() => format!("`{c}`"),
        c => format!("the character U+{:04X}", u32::from(c)),
    }
}

/// Enough of a text to know it again.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Symbols without `$` in upper case, or a report.
pub(super) fn symbols<'a>(check: &mut Check<'a>, field: Field<'a>, cashtag: bool) -> Option<Sorted<Box<str>>> {
    let (words, mut whole) = field.node.words(check, field.name, "\"DOGE\"");
    let mut symbols: Vec<Box<str>> = Vec::with_capacity(words.len());
    // One in a list may be there for later; when X recognises none of them, nothing is ever found.
    let none = cashtag && !words.iter().any(|word| is_cashtag(&normal_symbol(word.text)));
    let severity = if none { Severity::Error } else { Severity::Warning };
    for word in &words {
        let symbol = normal_symbol(word.text);
        let bad =
            symbol.is_empty() || symbol.chars().count() > SYMBOL || symbol.chars().any(|c| c.is_whitespace() || c.is_control());
        if bad {
            let mistake = Diagnostic::error("bad-symbol", word.span, format!("`{}` is no symbol", shown(word.text)))
                .help("a symbol is one word, with or without the $: \"DOGE\"");
            check.report(with_use(mistake, word, "a symbol"));
            whole = false;
        } else if cashtag && !is_cashtag(&symbol) {
            whole &= !none;
            let message = format!("X does not recognise `${symbol}` as a cashtag");
            let mistake = Diagnostic::new(severity, "not-a-cashtag", Some(word.span), message)
                .label("a cashtag has one to six letters, then perhaps `.` or `_` and one or two more")
                .help(format!("use `keyword = \"${symbol}\"` for what stands in the text, or `token = \"{symbol}\"` for what TweetStream detects"));
            check.report(with_use(mistake, word, "a cashtag"));
        }
        symbols.push(symbol.into());
    }
    whole.then(|| symbols.into_iter().collect())
}

/// twitter-text: `[a-z]{1,6}(?:[._][a-z]{1,2})?`.
fn is_cashtag(symbol: &str) -> bool {
    let (head, tail) = match symbol.find(['.', '_']) {
        Some(at) => (symbol.get(..at).unwrap_or_default(), symbol.get(at + 1..)),
        None => (symbol, None),
    };
    let letters = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic());
    letters(head, 6) && tail.is_none_or(|tail| letters(tail, 2))
}

/// Addresses, or a report: wrong length, wrong checksum.
pub(super) fn addresses<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Sorted<Address>> {
    let (words, mut whole) = field.node.words(check, field.name, "\"0x…\"");
    let mut addresses = Vec::with_capacity(words.len());
    for word in &words {
        match Address::parse_checked(word.text.trim()) {
            Ok(address) => {
                addresses.push(address);
            }
            Err(error) => {
                let mistake =
                    Diagnostic::error("bad-address", word.span, error.to_string()).help(address_help(word.text.trim(), error));
                check.report(with_use(mistake, word, "a contract"));
                whole = false;
            }
        }
    }
    whole.then(|| addresses.into_iter().collect())
}

fn address_help(text: &str, error: AddressError) -> String {
    match error {
        AddressError::EvmChecksum => match Address::parse(text) {
            Ok(right) => format!("copy it again from a source that you trust. If every digit is right it is spelled {right}"),
            Err(_) => "copy it again from a source that you trust".to_owned(),
        },
        AddressError::EvmLength(64) => "64 digits are a transaction, not a contract; EVM contracts have 40".to_owned(),
        AddressError::EvmLength(_) | AddressError::EvmDigit => "copy it again, from the first character to the last".to_owned(),
        AddressError::Solana if text.len() <= 12 => format!("for a symbol write `token = \"{}\"`", shown(text)),
        AddressError::Solana => "copy it again; upper and lower case matter".to_owned(),
    }
}

/// Hosts in lower case, or a report.
pub(super) fn domains<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Vec<Box<str>>> {
    let (words, whole) = field.node.words(check, field.name, "\"pump.fun\"");
    let mut domains = Vec::with_capacity(words.len());
    for word in &words {
        match parse_domain(word.text) {
            Ok(domain) => domains.push(domain),
            Err(help) => {
                let mistake =
                    Diagnostic::error("bad-domain", word.span, format!("`{}` is no domain", shown(word.text))).help(help);
                check.report(with_use(mistake, word, "a domain"));
            }
        }
    }
    (whole && domains.len() == words.len()).then_some(domains)
}

fn parse_domain(text: &str) -> Result<Box<str>, String> {
    let bare = text.trim();
    if let Some(rest) = bare.strip_prefix("*.") {
        return Err(format!("subdomains are always included: \"{}\"", shown(rest)));
    }
    let after_scheme = bare.split_once("://").map_or(bare, |(_, rest)| rest);
    let host = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    if host.len() != bare.len() {
        return Err(format!("write the domain alone, \"{}\"; for paths there is `link = {{ regex = '…' }}`", shown(host)));
    }
    let whole = "a domain is written \"pump.fun\"".to_owned();
    if !bare.contains('.') || bare.starts_with('.') || bare.ends_with('.') {
        return Err(whole);
    }
    match url::Host::parse(bare) {
        Ok(url::Host::Domain(domain)) => Ok(domain.into()),
        Ok(url::Host::Ipv4(ip)) => Ok(ip.to_string().into()),
        _ => Err(whole),
    }
}

/// Words among a few, or a report with what was most likely meant.
pub(super) fn choices<'a, T: Clone>(check: &mut Check<'a>, field: Field<'a>, known: &[(&'static str, T)]) -> Option<Vec<T>> {
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    let example = format!("\"{}\"", names.first().copied().unwrap_or_default());
    let (words, whole) = field.node.words(check, field.name, &example);
    let mut found = Vec::with_capacity(words.len());
    for word in &words {
        let written = word.text.trim();
        match known.iter().find(|(name, _)| name.eq_ignore_ascii_case(written)) {
            Some((_, value)) => found.push(value.clone()),
            None => {
                let mistake = unknown_value(field.name, word, &names);
                check.report(with_use(mistake, word, &format!("`{}`", field.name)));
            }
        }
    }
    (whole && found.len() == words.len()).then_some(found)
}

/// One word among a few, or a report.
pub(super) fn choice<'a, T: Clone>(check: &mut Check<'a>, field: Field<'a>, known: &[(&'static str, T)]) -> Option<T> {
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    let example = format!("\"{}\"", names.first().copied().unwrap_or_default());
    let text = field.node.text(check, field.name, &example)?;
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| value.clone());
    if found.is_none() {
        check.report(unknown_value(field.name, &Word { text, span: field.node.span, used_at: None }, &names));
    }
    found
}

fn unknown_value(key: &str, word: &Word<'_>, names: &[&'static str]) -> Diagnostic {
    let mistake = Diagnostic::error("unknown-value", word.span, format!("`{key}` cannot be `{}`", shown(word.text)));
    let alias = ALIASES.iter().find(|(at, alias, _)| *at == key && alias.eq_ignore_ascii_case(word.text)).map(|(.., name)| *name);
    match alias.or_else(|| nearest(word.text, names.iter().copied())) {
        Some(near) => mistake.label(format!("did you mean `{near}`?")),
        None => mistake.help(format!("it can be {}", one_of(names))),
    }
}

/// Words that people use for others.
const ALIASES: &[(&str, &str, &str)] = &[
    ("kind", "tweet", "post"),
    ("kind", "original", "post"),
    ("kind", "rt", "retweet"),
    ("kind", "repost", "retweet"),
    ("platform", "x", "twitter"),
    ("platform", "truth", "truth_social"),
    ("media", "photo", "image"),
    ("media", "picture", "image"),
    ("changed", "picture", "avatar"),
    ("changed", "description", "bio"),
    ("changed", "username", "handle"),
    ("on", "post", "tweet"),
    ("on", "profile", "profile_update"),
    ("each", "contract", "token"),
    ("mode", "live", "armed"),
    ("mode", "on", "armed"),
    ("mode", "dry", "paper"),
    ("mode", "dry-run", "paper"),
    ("mode", "test", "paper"),
    ("mode", "disabled", "off"),
    ("overflow", "summary", "digest"),
    ("sync", "full", "power"),
    ("sync", "normal", "process"),
];

/// Names in lower (or upper) case, or a report.
pub(super) fn cased<'a>(
    check: &mut Check<'a>,
    field: Field<'a>,
    example: &str,
    case: fn(&str) -> String,
) -> Option<Sorted<Box<str>>> {
    let (words, mut whole) = field.node.words(check, field.name, example);
    let mut names: Vec<Box<str>> = Vec::with_capacity(words.len());
    for word in &words {
        let name = case(word.text.trim());
        if name.is_empty() {
            check.report(with_use(
                Diagnostic::error("empty-text", word.span, format!("`{}` is empty", field.name)),
                word,
                field.name,
            ));
            whole = false;
        }
        names.push(name.into());
    }
    whole.then(|| names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_letters_digits_and_underscores_with_an_id_perhaps() {
        let good = [
            ("elonmusk", "elonmusk", None),
            ("@Binance", "binance", None),
            ("Binance#877807935493033984", "binance", Some("877807935493033984")),
            (" a_1 # 12 ", "a_1", Some("12")),
        ];
        for (text, handle, id) in good {
            assert_eq!(parse_handle(text), Ok((handle.into(), id.map(Into::into))), "{text}");
        }
        for text in
            ["", "@", "#12", "elon musk", "elon#", "elon#x1", "élon", "elon.musk", &"a".repeat(31), "a#123456789012345678901"]
        {
            assert!(parse_handle(text).is_err(), "{text}");
        }
    }

    #[test]
    fn domains_stand_alone_and_in_lower_case() {
        let good = [
            ("Pump.fun", "pump.fun"),
            ("www.x.com", "www.x.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("10.0.0.1", "10.0.0.1"),
        ];
        for (text, domain) in good {
            assert_eq!(parse_domain(text).as_deref(), Ok(domain), "{text}");
        }
        for text in ["", "pump", "https://pump.fun", "pump.fun/coin", "*.pump.fun", ".fun", "a b.fun", "pump.fun."] {
            assert!(parse_domain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cashtags_are_those_of_twitter_text() {
        for symbol in ["A", "DOGE", "FLOKII", "BRK.B", "BTC_X"] {
            assert!(is_cashtag(symbol), "{symbol}");
        }
        for symbol in ["1INCH", "FARTCOIN", "BRK.BBB", "A.B.C", "DOGE_", "狗"] {
            assert!(!is_cashtag(symbol), "{symbol}");
        }
    }
}
