//! What the generator makes of our types → what editors show well. TOML has no null, and a choice of words is one list of words with a
//! comment for each, which the editors of TOML know how to show. Where the reader takes a word in any case, the schema does, too.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// What the types say of a choice of words that are read in any case, with blanks around them.
pub(super) const ANY_CASE: &str = "x-any-case";

/// Tidies one schema; called for each within it, too.
pub(super) fn tidy(schema: &mut Schema) {
    let Some(schema) = schema.as_object_mut() else { return };
    without_null(schema);
    words(schema);
    forms(schema);
    // How wide a number of ours is concerns nobody, and its bounds are said.
    schema.remove("format");
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

fn without_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [one] = kinds.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(any)) = schema.get_mut("anyOf") else { return };
    any.retain(|one| !is_null(one));
    if let [Value::Object(_)] = any.as_slice()
        && let Some(Value::Array(mut any)) = schema.remove("anyOf")
        && let Some(Value::Object(only)) = any.pop()
    {
        for (key, value) in only {
            schema.entry(key).or_insert(value);
        }
    }
}

/// What one of several forms is shows by itself; whoever looks at the key wants to know what that is for.
fn forms(schema: &mut Map<String, Value>) {
    let forms = schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten();
    forms.filter_map(Value::as_object_mut).for_each(|form| _ = form.remove("description"));
}

/// `oneOf` single words with their comments → one list of words.
fn words(schema: &mut Map<String, Value>) {
    let Some(Value::Array(one_of)) = schema.get("oneOf") else { return };
    let word = |one: &Value| Some((one.get("const")?.clone(), one.get("description").cloned().unwrap_or(Value::Null)));
    let Some((words, comments)) = one_of.iter().map(word).collect::<Option<(Vec<_>, Vec<_>)>>() else { return };
    schema.remove("oneOf");
    if schema.remove(ANY_CASE).is_some() {
        let pattern =
            format!(r"^\s*({})\s*$", words.iter().filter_map(Value::as_str).map(in_any_case).collect::<Vec<_>>().join("|"));
        // The words first: they are what editors offer.
        let words = json!({ "type": "string", "enum": words, "x-taplo": { "docs": { "enumValues": comments } } });
        schema.insert("anyOf".to_owned(), json!([words, { "type": "string", "pattern": pattern }]));
        return;
    }
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), words.into());
    // Taplo and Even Better TOML show the comments from here.
    schema.insert("x-taplo".to_owned(), json!({ "docs": { "enumValues": comments } }));
}

/// `rt` → `[Rr][Tt]`.
fn in_any_case(word: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphabetic() {
        true => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        false => c.to_string(),
    };
    word.chars().map(letter).collect()
}
