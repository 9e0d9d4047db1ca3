//! Conditions as they stand in the files, for people who ask why a rule did what it did.

use std::collections::HashMap;

use super::check::Check;
use super::keys::Place;
use super::read::{Field, Node, Table};
use super::{Source, entries, parse, rule_tables, sections, when};
use crate::model::action::Span;

/// Characters of one matcher that are shown.
const LONGEST: usize = 160;

/// Of each rule, by its name, every matcher with its value as it is written, in the order of
/// [`Condition::matchers`](super::condition::Condition::matchers). One that cannot be shown on a line is empty.
#[must_use]
pub fn as_written(sources: &[Source]) -> HashMap<String, Vec<String>> {
    let mut check = Check::new(sources);
    let documents: Vec<_> = sources.iter().enumerate().map(|(file, source)| parse(&mut check, file, source).0).collect();
    let tops =
        documents.iter().enumerate().map(|(file, document)| Table::new(document, Span { file, start: 0, end: 0 }, Place::Top));
    let sections = sections(&mut check, tops.collect());
    for field in entries(&mut check, &sections.lists, Place::Lists) {
        check.define_list(field);
    }
    let mut found = HashMap::new();
    for field in &sections.rules {
        for table in rule_tables(&mut check, *field) {
            found.extend(rule(&mut check, table));
        }
    }
    found
}

fn rule<'a>(check: &mut Check<'a>, mut table: Table<'a>) -> Option<(String, Vec<String>)> {
    let (name, field) = (table.take("name")?.node.as_text()?, table.take("when")?);
    let mut ends = HashMap::new();
    note_ends(field.node, &mut ends);
    let tree = when::read(check, field.node.as_table(Place::When)?, 0);
    let mut written = Vec::new();
    tree.each_leaf(false, &mut |leaf, _| {
        let none = (leaf.span.end, Vec::new());
        let (end, sisters) = ends.get(&leaf.span.start).unwrap_or(&none);
        let mut parts = std::iter::once(Span { end: *end, ..leaf.span }).chain(sisters.iter().copied());
        let all: Option<Vec<_>> = parts.by_ref().map(|part| on_a_line(check.text(part))).collect();
        written.push(all.unwrap_or_default().join(", "));
    });
    Some((name.trim().to_owned(), written))
}

/// Where the value of a key ends; and the keys beside it that say how it is meant.
type End = (usize, Vec<Span>);

/// The ends of all keys, by where each begins.
fn note_ends(node: Node<'_>, ends: &mut HashMap<usize, End>) {
    if let Some(table) = node.as_table(Place::When) {
        let fields = table.fields();
        for Field { name, key, node } in &fields {
            let sisters = fields.iter().filter(|of| sisters(name).contains(&of.name));
            let sisters = sisters.map(|of| Span { end: of.node.span.end, ..of.key }).collect();
            ends.insert(key.start, (node.span.end, sisters));
            note_ends(*node, ends);
        }
    }
    node.as_list().into_iter().flatten().for_each(|item| note_ends(item, ends));
}

fn sisters(key: &str) -> &'static [&'static str] {
    match key {
        "keyword" | "contains" | "regex" => &["case", "in"],
        "cashtag" | "contract" => &["in"],
        "changed" => &["before", "after"],
        _ => &[],
    }
}

/// `key = value` on one line. Of tables with headers or dotted keys, and of what has comments in it, there is no such thing.
fn on_a_line(text: &str) -> Option<String> {
    let (key, _) = text.split_once('=')?;
    let is_bare = key.trim_end().chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !is_bare || text.contains('\n') && text.contains('#') {
        return None;
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", line.get(..at)?),
        None => line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_shown_as_they_are_written_and_in_the_order_in_which_they_are_asked() {
        let text = r#"
lists = { kols = ["a", "b"] }
[[rule]]
name = "one"
send = ["x"]
[rule.when]
keyword = ["listing",
   "will  list"]
handle  = ["binance", "@kols"]
token   = { symbol = "DOGE", price = { below = 0.5 } }
none    = [{ regex = 'a{2}', in = ["ocr"], case = true }, { any = [{ cashtag = "BTC" }] }]
[[rule]]
name = "two"
when.link.domain = "x.org"
[[rule]]
name = "three"
when = { before = "old", changed = "bio", after = { keyword = "new" } }
"#;
        let found = as_written(&[Source::rules("rules.toml", text)]);
        assert_eq!(
            found["one"],
            [
                r#"handle = ["binance", "@kols"]"#,
                r#"keyword = ["listing", "will list"]"#,
                r#"token = { symbol = "DOGE", price = { below = 0.5 } }"#,
                "regex = 'a{2}', in = [\"ocr\"], case = true",
                r#"cashtag = "BTC""#,
            ]
        );
        assert_eq!(found["two"].len(), 1);
        assert_eq!(found["three"], [r#"changed = "bio", before = "old", after = { keyword = "new" }"#]);
    }
}
