//! Text matchers: `keyword`, `contains`, `regex` and `cashtag`, normalised as the texts will be that they are looked for in.

use super::check::Check;
use super::condition::{Keyword, TextPattern};
use super::diagnostic::Diagnostic;
use super::keys::Place;
use super::names::{self, shown, with_use};
use super::normal;
use super::pattern::pattern;
use super::read::{Field, Table, Word};
use crate::model::action::Span;

/// A text matcher and where it stands.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) key: &'static str,
    pub(super) span: Span,
    pub(super) pattern: TextPattern,
}

/// The text matchers of a table.
pub(super) fn patterns<'a>(check: &mut Check<'a>, table: &mut Table<'a>, exact: bool) -> Vec<Found> {
    let mut found = Vec::new();
    for (key, read) in READERS {
        if let Some(field) = table.take(key) {
            let pattern = read(check, field, exact);
            found.extend(pattern.map(|pattern| Found { key, span: field.key, pattern }));
        }
    }
    found
}

type Reader = for<'a> fn(&mut Check<'a>, Field<'a>, bool) -> Option<TextPattern>;

const READERS: [(&str, Reader); 4] = [("keyword", keyword), ("contains", contains), ("cashtag", cashtag), ("regex", regex)];

/// Whether a table has any text matcher.
pub(super) fn has_patterns(table: &Table<'_>) -> bool {
    READERS.iter().any(|(key, _)| table.has(key))
}

/// `case`, which makes the text matchers of its table exact.
pub(super) fn case<'a>(check: &mut Check<'a>, table: &mut Table<'a>) -> bool {
    let Some(field) = table.take("case") else { return false };
    if !has_patterns(table) {
        let mistake = Diagnostic::error("misplaced-key", field.key, "`case` stands beside no text matcher, so it does nothing")
            .help("put it into the table that holds the `keyword`, `contains` or `regex`: it does not reach into nested tables");
        check.report(mistake);
    }
    let exact = field.node.boolean(check, "case").unwrap_or(false);
    if exact && table.has("cashtag") && !["keyword", "contains", "regex"].iter().any(|key| table.has(key)) {
        let mistake =
            Diagnostic::warning("useless-case", field.key, "case makes no difference in cashtags, so `case` does nothing");
        check.report(mistake.help("remove it, or look for the text itself: `keyword = \"$DOGE\"` with `case = true`"));
    }
    exact
}

/// A text that is a substring, or a table of text matchers (`author.name`, `changed.before`). A report when it is neither.
pub(super) fn text_or_table<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Vec<TextPattern>> {
    let Some(mut table) = field.node.as_table(Place::TextOf) else {
        return contains(check, field, false).map(|pattern| vec![pattern]);
    };
    let exact = case(check, &mut table);
    let empty = !has_patterns(&table);
    let found = patterns(check, &mut table, exact);
    if empty {
        let mistake = Diagnostic::error("empty-table", field.node.span, format!("`{}` asks nothing", field.name));
        check.report(mistake.help(format!("for example `{} = {{ keyword = [\"doge\", \"to the moon\"] }}`", field.name)));
    }
    table.finish(check);
    (!found.is_empty()).then(|| found.into_iter().map(|found| found.pattern).collect())
}

fn keyword<'a>(check: &mut Check<'a>, field: Field<'a>, exact: bool) -> Option<TextPattern> {
    let (words, whole) = field.node.words(check, field.name, "[\"listing\", \"will list\"]");
    let mut keywords = Vec::with_capacity(words.len());
    for word in &words {
        let Some(phrase) = normal_text(check, word, field.name, exact) else { continue };
        let (start, end) = (phrase.chars().next(), phrase.chars().next_back());
        if [start, end].into_iter().flatten().any(normal::is_unspaced) {
            let message =
                format!("`{}` is in a script without spaces between words, so it is looked for as a substring", shown(word.text));
            let mistake = Diagnostic::warning("keyword-substring", word.span, message)
                .label("also found inside longer words")
                .help("if that is meant, write `contains` in place of `keyword`, which says the same without this warning");
            check.report(with_use(mistake, word, "a keyword"));
        }
        wildcard(check, word, &phrase);
        let open = |end: Option<char>| end.is_none_or(|c| normal::is_unspaced(c) || !normal::is_word(c));
        keywords.push(Keyword { open_start: open(start), open_end: open(end), phrase: phrase.into() });
    }
    (whole && keywords.len() == words.len()).then_some(TextPattern::Keyword { words: keywords, exact })
}

/// Warns of `list*`.
fn wildcard(check: &mut Check<'_>, word: &Word<'_>, phrase: &str) {
    let starred = |part: &&str| part.ends_with('*') != part.starts_with('*') && part.chars().any(normal::is_word);
    if let Some(part) = phrase.split(' ').find(starred) {
        let bare = part.trim_matches('*');
        let pattern =
            if part.ends_with('*') { format!(r"\b{}\w*", regex::escape(bare)) } else { format!(r"\w*{}\b", regex::escape(bare)) };
        let mistake = Diagnostic::warning("no-wildcards", word.span, "there are no wildcards: this looks for the `*` itself")
            .label("keywords are whole words")
            .help(format!(
                "for words that begin or end so write `regex = '{pattern}'`; for any part of a text `contains = \"{bare}\"`"
            ));
        check.report(with_use(mistake, word, "a keyword"));
    }
}

fn contains<'a>(check: &mut Check<'a>, field: Field<'a>, exact: bool) -> Option<TextPattern> {
    let (words, whole) = field.node.words(check, field.name, "\"airdrop\"");
    let parts: Vec<Box<str>> =
        words.iter().filter_map(|word| normal_text(check, word, field.name, exact)).map(Into::into).collect();
    (whole && parts.len() == words.len()).then_some(TextPattern::Contains { parts, exact })
}

fn cashtag<'a>(check: &mut Check<'a>, field: Field<'a>, _exact: bool) -> Option<TextPattern> {
    names::symbols(check, field, true).map(TextPattern::Cashtag)
}

fn regex<'a>(check: &mut Check<'a>, field: Field<'a>, exact: bool) -> Option<TextPattern> {
    regexes(check, field, exact).map(TextPattern::Regex)
}

/// Compiled patterns, or reports.
pub(super) fn regexes<'a>(check: &mut Check<'a>, field: Field<'a>, exact: bool) -> Option<Vec<super::condition::Pattern>> {
    let (words, whole) = field.node.words(check, field.name, "'\\blist(s|ed|ing)?\\b'");
    let patterns: Vec<_> = words.iter().filter_map(|word| pattern(check, word, exact)).collect();
    (whole && patterns.len() == words.len()).then_some(patterns)
}

/// A text as it is compared, one space between words, or a report when nothing is left of it.
fn normal_text(check: &mut Check<'_>, word: &Word<'_>, key: &str, exact: bool) -> Option<String> {
    let normal = normal::normalise(word.text);
    let normal = if exact { normal } else { normal::fold(&normal) };
    // Blanks at the ends of a substring are meant, though a text itself has none there.
    let is_blank = |c: char| c.is_whitespace() && key == "contains";
    let before = if word.text.starts_with(is_blank) { " " } else { "" };
    let after = if word.text.ends_with(is_blank) { " " } else { "" };
    let text = format!("{before}{normal}{after}");
    if text.trim().is_empty() {
        let message = format!("this `{key}` is empty, so it would be found in every text");
        check.report(with_use(Diagnostic::error("empty-text", word.span, message), word, key));
        return None;
    }
    Some(text)
}

/// Substrings of a name or title, normalised and folded, or a report.
pub(super) fn parts<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Vec<Box<str>>> {
    match contains(check, field, false)? {
        TextPattern::Contains { parts, .. } => Some(parts),
        _ => None,
    }
}
