//! Lists that stand elsewhere: in a file of one value a line, or with the feed, which knows whom the key tracks.

use std::collections::HashMap;
use std::path::Path;

use crate::model::action::Span;
use crate::model::limits::{LIST_FILE_BYTES, LIST_FILE_VALUES};
use crate::rules::check::Check;
use crate::rules::diagnostic::Diagnostic;
use crate::rules::read::{Field, Table};
use crate::rules::source::{Kind, Source, beside};

/// Values and where they stand.
type Words<'a> = Vec<(&'a str, Span)>;

const EXAMPLE: &str = "for example { file = \"kols.txt\" }, or { tracked = true } for the accounts that the key tracks";

/// What became of a list that stands elsewhere.
pub(super) struct Read<'a> {
    pub(super) words: Words<'a>,
    pub(super) tracked: bool,
    /// What its values are is not known (yet).
    pub(super) unknown: bool,
    /// Something is wrong and has been reported.
    pub(super) broken: bool,
}

/// `{ file = "…" }` or `{ tracked = true }`.
pub(super) fn read<'a>(check: &mut Check<'a>, list: Field<'a>, mut table: Table<'a>) -> Read<'a> {
    let errors = check.errors();
    let (file, tracked) = (table.take("file"), table.take("tracked"));
    let named = list.name;
    table.finish(check);
    let words = match (file, tracked) {
        (Some(file), Some(other)) => {
            let message = format!("the list `{named}` cannot come from a file and from the accounts that the key tracks");
            let mistake = Diagnostic::error("two-sources", other.key, message).also(file.key, "the file");
            check.report(mistake.help("make two lists, and name both where they are used: [\"@one\", \"@two\"]"));
            Vec::new()
        }
        (Some(file), None) => of_file(check, file),
        (None, Some(tracked)) => return of_account(check, list, tracked),
        (None, None) => {
            if check.errors() == errors {
                let message = format!("the list `{named}` does not say where its values are");
                check.report(Diagnostic::error("missing-key", list.node.span, message).help(EXAMPLE));
            }
            Vec::new()
        }
    };
    Read { broken: check.errors() > errors, words, tracked: false, unknown: false }
}

fn of_file<'a>(check: &mut Check<'a>, field: Field<'a>) -> Words<'a> {
    let Some(file) = field.node.text(check, "file", "\"kols.txt\"") else { return Vec::new() };
    if file.trim().is_empty() {
        check.report(Diagnostic::error("empty-text", field.node.span, "`file` is empty").help(EXAMPLE));
        return Vec::new();
    }
    let rules = check.sources.get(field.node.span.file).map_or("", |source| source.name.as_str());
    let path = beside(rules, file);
    let is_it = |source: &Source| source.kind != Kind::Rules && Path::new(&source.name) == path;
    let why = match check.sources.iter().enumerate().find(|(_, source)| is_it(source)) {
        Some((at, Source { kind: Kind::List, text, .. })) => return values(check, at, text, Some(field.node.span)),
        Some((_, Source { kind: Kind::Unread(why), .. })) => why.clone(),
        _ => "it was not read".to_owned(),
    };
    let mistake = Diagnostic::error("cannot-read-list", field.node.span, format!("the list cannot be read: {why}"));
    check.report(
        mistake
            .help("it is looked for beside the file of rules that names it; it holds one value a line, and # begins a comment"),
    );
    Vec::new()
}

fn of_account<'a>(check: &mut Check<'a>, list: Field<'a>, field: Field<'a>) -> Read<'a> {
    let broken = Read { words: Vec::new(), tracked: true, unknown: false, broken: true };
    match field.node.boolean(check, "tracked") {
        Some(true) => {}
        Some(false) => {
            let message = format!("the list `{}` does not say where its values are", list.name);
            check.report(Diagnostic::error("missing-key", field.node.span, message).help(EXAMPLE));
            return broken;
        }
        None => return broken,
    }
    let errors = check.errors();
    let kept = check.sources.iter().enumerate().find(|(_, source)| source.is_tracked());
    let words = kept.map(|(at, source)| values(check, at, &source.text, None)).unwrap_or_default();
    let broken = check.errors() > errors;
    let unknown = kept.is_none_or(|(_, source)| source.text.is_empty());
    if words.is_empty() && !broken {
        let name = list.name;
        let message = match kept {
            Some((_, Source { kind: Kind::TrackedUnread(why), .. })) => {
                format!("the list `{name}` is not known, and rules that name it rest: it cannot be read: {why}")
            }
            _ if unknown => format!(
                "the list `{name}` is not known here yet, and rules that name it rest: the feed was not asked which accounts the key tracks"
            ),
            _ => format!("the list `{name}` is empty: the key tracked nobody when the feed was asked"),
        };
        let mistake = Diagnostic::warning("nothing-tracked", field.key, message);
        check.report(
            mistake.help("birdcall check --connect asks the feed and keeps what it says; birdcall run does so when it starts"),
        );
    }
    Read { words, tracked: true, unknown, broken }
}

/// One value a line. `named`: where rules name the file; one without a value is a mistake then.
fn values<'a>(check: &mut Check<'a>, file: usize, text: &'a str, named: Option<Span>) -> Words<'a> {
    if let Some(known) = check.lists.files.get(&file) {
        return known.clone();
    }
    let whole = Span { file, start: 0, end: 0 };
    let mut words: Words<'a> = Vec::new();
    if text.len() as u64 > LIST_FILE_BYTES {
        check.error("too-large", whole, format!("a list may have {} MiB; this one has more", LIST_FILE_BYTES / 1024 / 1024));
        return words;
    }
    let mut seen = HashMap::new();
    for (value, span) in lines(file, text) {
        if words.len() == LIST_FILE_VALUES {
            let mistake =
                Diagnostic::error("too-large", span, format!("a list may have {LIST_FILE_VALUES} values; this one has more"));
            check.report(mistake.label("the first that is too many").help("make two lists, and name both where they are used"));
            break;
        }
        check.again_in_list(&mut seen, value, span);
        words.push((value, span));
    }
    if named.is_some() {
        hidden(check, file, text);
    }
    if let Some(named) = named.filter(|_| words.is_empty()) {
        let mistake = Diagnostic::error("empty-list", named, "the list has no value").label("in this file there is none");
        check.report(
            mistake.help("put one on a line of its own or remove the list: what asks for one of its values can never hold"),
        );
    }
    check.lists.files.insert(file, words.clone());
    words
}

/// Warns of the first that may be meant as a value and is a comment: `#kol`.
fn hidden(check: &mut Check<'_>, file: usize, text: &str) {
    let mut next = 0;
    let mut hidden = text.split_inclusive('\n').filter_map(|line| {
        let begin = next;
        next += line.len();
        let (at, rest) = comment(line).and_then(|at| Some((at, line.get(at + 1..)?)))?;
        let word =
            rest.split(char::is_whitespace).next().filter(|word| word.starts_with(|c: char| c.is_alphanumeric() || c == '_'))?;
        Some((word, Span { file, start: begin + at, end: begin + at + 1 + word.len() }))
    });
    let Some((word, span)) = hidden.next() else { return };
    let more = match hidden.count() {
        0 => String::new(),
        1 => ", and so is that of one more line".to_owned(),
        more => format!(", and so are those of {more} more lines"),
    };
    let mistake = Diagnostic::warning("value-in-comment", span, format!("`#{word}` is a comment and no value{more}"));
    check.report(
        mistake.help(format!("a value has no # before it: `{word}`; a comment that is meant has a space after it: `# {word}`")),
    );
}

/// Where the comment of a line begins.
fn comment(line: &str) -> Option<usize> {
    let begins = |at: usize| line.get(..at).is_some_and(|before| before.chars().next_back().is_none_or(is_blank));
    line.char_indices().find(|(at, c)| *c == '#' && begins(*at)).map(|(at, _)| at)
}

/// As whatever stands between words, and the mark that some editors put in front of a text.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{FEFF}'
}

/// The value of each line that has one. A comment begins with a # at the beginning of a line or after a space: one within a word is that of
/// `handle#id`.
pub(super) fn lines(file: usize, text: &str) -> impl Iterator<Item = (&str, Span)> {
    let mut next = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let begin = next;
        next += line.len();
        let bare = line.strip_prefix('\u{FEFF}').filter(|_| begin == 0).unwrap_or(line);
        let value = bare.get(..comment(bare).unwrap_or(bare.len())).unwrap_or_default();
        let start = begin + (line.len() - bare.len()) + (value.len() - value.trim_start().len());
        let value = value.trim();
        (!value.is_empty()).then_some((value, Span { file, start, end: start + value.len() }))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_value_a_line_with_comments_and_ids() {
        let text = "\u{FEFF}# ours\r\nbinance#87 # the best\r\n\n  kol one\t\n#x\n@kol_two\n上 # y\nlast";
        let read: Vec<_> = lines(3, text).map(|(value, span)| (value, &text[span.start..span.end])).collect();
        let expected = ["binance#87", "kol one", "@kol_two", "上", "last"];
        assert_eq!(read, expected.map(|value| (value, value)));
    }

    #[test]
    fn rules_that_name_a_tracked_list_rest_while_it_is_not_known() {
        use crate::model::mode::Mode::{Armed, Off};
        let text = "[lists]\nmine = { tracked = true }\n[actions.desk]\ntype = \"console\"\n\
            [[rule]]\nname = \"mine\"\nsend = [\"desk\"]\nwhen = { handle = \"@mine\" }\n\
            [[rule]]\nname = \"others\"\nsend = [\"desk\"]\nwhen = { contract = true, none = [{ handle = \"@mine\" }] }\n\
            [[rule]]\nname = \"all\"\nsend = [\"desk\"]\nwhen = { contract = true }\n";
        let unread = Source { kind: Kind::TrackedUnread("it is a folder".to_owned()), ..Source::tracked("t", "") };
        for (kept, expected) in [
            (None, [Off, Off, Armed]),
            (Some(Source::tracked("t", "")), [Off, Off, Armed]),
            (Some(unread), [Off, Off, Armed]),
            (Some(Source::tracked("t", "# nobody\n")), [Armed, Armed, Armed]),
            (Some(Source::tracked("t", "kol\n")), [Armed, Armed, Armed]),
        ] {
            let sources: Vec<_> = std::iter::once(Source::rules("r.toml", text)).chain(kept).collect();
            let rules = crate::rules::load(&sources).ruleset.unwrap();
            let modes: Vec<_> = rules.rules.iter().map(|rule| (rule.mode, rule.send[0].mode)).collect();
            assert_eq!(modes, expected.map(|mode| (mode, mode)), "{:?}", sources.get(1));
        }
    }

    proptest! {
        #[test]
        fn every_value_stands_where_it_is_said_to_stand(text in "[a#@ \r\n\t\u{FEFF}上]{0,60}") {
            for (value, span) in lines(0, &text) {
                prop_assert_eq!(text.get(span.start..span.end), Some(value));
                prop_assert!(!value.is_empty() && value.trim() == value && !value.contains('\n') && !value.starts_with('#'));
            }
        }
    }
}
