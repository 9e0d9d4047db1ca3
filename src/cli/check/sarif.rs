//! Mistakes as SARIF 2.1.0, which code scanning and many editors read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::severity;
use crate::cli::table::inert;
use crate::model::action::Span;
use crate::rules::{Diagnostic, Places, Source};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One document with one run, with a line break at its end.
///
/// What is about the files as a whole stands at the beginning of the first; where there is none, of what was `asked` for: code scanning takes no
/// result without a place.
pub(super) fn written(diagnostics: &[Diagnostic], sources: &[Source], asked: &str) -> String {
    let whole = whole(sources.first().map_or(asked, |source| source.name.as_str()));
    let places = Places::of(sources);
    let codes: BTreeSet<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    let codes: Vec<_> = codes.into_iter().collect();
    let results: Vec<_> = diagnostics.iter().map(|diagnostic| result(diagnostic, &places, &codes, &whole)).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "birdcall",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| json!({ "id": code, "shortDescription": { "text": words(code) } })).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    // What is made of texts and numbers always has a form in JSON.
    let mut text = inert(&serde_json::to_string_pretty(&document).unwrap_or_default());
    text.push('\n');
    text
}

/// `unknown-key` → "Unknown key."
fn words(code: &str) -> String {
    let mut words = code.replace('-', " ") + ".";
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

fn result(diagnostic: &Diagnostic, places: &Places<'_>, codes: &[&str], whole: &Value) -> Value {
    let label = Some(&diagnostic.label).filter(|label| !label.is_empty());
    let lines = [Some(&diagnostic.message), label, diagnostic.help.as_ref()].into_iter().flatten();
    let text = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
    let mut result = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": codes.iter().position(|code| *code == diagnostic.code),
        "level": severity(diagnostic.severity),
        "message": { "text": text },
        "locations": [diagnostic.span.and_then(|span| location(span, places)).unwrap_or_else(|| whole.clone())],
    });
    let related = diagnostic.more.iter().filter_map(|(span, label)| {
        let mut place = location(*span, places)?;
        place["message"] = json!({ "text": label });
        Some(place)
    });
    let related: Vec<_> = related.collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    result
}

/// The beginning of a file.
fn whole(path: &str) -> Value {
    let region = json!({ "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1 });
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(path) }, "region": region } })
}

fn location(span: Span, places: &Places<'_>) -> Option<Value> {
    let (from, to) = places.locate(span)?;
    let region = json!({ "startLine": from.line, "startColumn": from.column, "endLine": to.line, "endColumn": to.column });
    Some(json!({ "physicalLocation": { "artifactLocation": { "uri": uri(places.name(span.file)?) }, "region": region } }))
}

/// A path as a reference: relative ones stay so, to be found from where the check ran.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    let path = path.strip_prefix("./").unwrap_or(path);
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference_that_any_reader_takes() {
        for (path, expected) in [
            ("rules.toml", "rules.toml"),
            ("./rules/a b.toml", "rules/a%20b.toml"),
            ("/etc/birdcall/ü#1.toml", "file:///etc/birdcall/%C3%BC%231.toml"),
            ("a:b.toml", "a%3Ab.toml"),
        ] {
            assert_eq!(uri(path), expected, "{path}");
        }
        assert_eq!(words("unknown-key"), "Unknown key.");
    }
}
