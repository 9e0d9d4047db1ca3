//! The same rules as Sigma, and the same envelopes as lines: for rsigma and whoever else reads both.
//!
//! It asks for the same handles, words, regexes, addresses and prices. Nothing there joins a meta to its tweet, so a rule on a token's price looks at
//! the meta alone.

use std::fmt::Write as _;
use std::path::Path;

use crate::asked::{Asked, Pattern, Price, name};

/// Writes `rules.yml` and `events.ndjson` into a folder.
pub(crate) fn export(folder: &Path, rules: &[Asked], frames: &[String]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let documents: Vec<_> = rules.iter().enumerate().map(|(number, rule)| document(number, rule)).collect();
    std::fs::write(folder.join("rules.yml"), documents.join("---\n"))?;
    std::fs::write(folder.join("events.ndjson"), frames.join("\n") + "\n")
}

fn document(number: usize, rule: &Asked) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !rule.handles.is_empty() {
        parts.push(selection("handle", &list("d.author.handle", &rule.handles)));
    }
    match &rule.pattern {
        Some(Pattern::Words(words)) => {
            let words: Vec<_> = words.iter().map(|word| format!(r"\b{word}\b")).collect();
            parts.push(selection("words", &list("d.text|re|i", &words)));
        }
        Some(Pattern::Cashtag(symbol)) => {
            parts.push(selection("cashtag", &list("d.text|re|i", &[format!(r"(?:^|\s)\${symbol}(?:$|[^a-z0-9])")])));
        }
        Some(Pattern::Regex(regex)) => parts.push(selection("regex", &list("d.text|re|i", std::slice::from_ref(regex)))),
        None => {}
    }
    if let Some((symbol, price)) = &rule.token {
        let (modifier, price) = match price {
            Price::Below(price) => ("lt", price),
            Price::Above(price) => ("gt", price),
        };
        let symbol = list("d.detected.tokens.symbol", std::slice::from_ref(symbol));
        parts.push(selection("token", &format!("{symbol}    d.detected.tokens.priceUsd|{modifier}: {price:?}\n")));
    }
    if let Some(contract) = &rule.contract {
        parts.push(selection("text", &list("d.text|contains", std::slice::from_ref(contract))));
        parts.push(selection("meta", &list("d.detected.tokens.contract", std::slice::from_ref(contract))));
    }
    let names: Vec<_> = parts.iter().filter_map(|part| part.trim_start().split(':').next()).collect();
    let condition = names.join(if rule.contract.is_some() { " or " } else { " and " });
    let name = name(number);
    format!(
        "title: {name}\nid: 00000000-0000-4000-8000-{number:012}\nlogsource:\n  category: tweet\ndetection:\n{}  condition: {condition}\n",
        parts.concat()
    )
}

fn selection(name: &str, asked: &str) -> String {
    format!("  {name}:\n{asked}")
}

/// A field and the values of which one is enough. In single quotation marks YAML leaves all but that mark as it is.
fn list(field: &str, values: &[String]) -> String {
    let mut list = format!("    {field}:\n");
    for value in values {
        let _ = writeln!(list, "      - '{}'", value.replace('\'', "''"));
    }
    list
}
