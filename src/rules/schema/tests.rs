//! The schema against the reader's own tables of keys.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::schema;
use crate::rules::keys::Place;

/// The keys of an object of the schema.
fn keys(object: &Value) -> BTreeSet<&str> {
    assert_eq!(object["additionalProperties"], false, "unknown keys are refused: {object:#}");
    object["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

#[test]
fn every_table_has_the_keys_that_the_reader_knows_and_no_others() {
    let schema = schema();
    let definitions = &schema["definitions"];
    let tables = [
        (Place::Top, "", &schema),
        (Place::Feed, "Feed", &schema),
        (Place::Journal, "Journal", &schema),
        (Place::Defaults, "Defaults", &schema),
        (Place::List, "ListElsewhere", &schema),
        (Place::Digest, "Digest", &schema),
        (Place::Rule, "Rule", &schema),
        (Place::When, "When", &schema),
        (Place::Send, "Send", &schema),
        (Place::Window, "Window", &schema),
        (Place::Step, "Step", &schema),
        (Place::Cooldown, "CooldownTable", &schema),
        (Place::Discord, "Discord", &schema),
        (Place::Telegram, "Telegram", &schema),
        (Place::Slack, "Slack", &schema),
        (Place::Webhook, "Webhook", &schema),
        (Place::Console, "Console", &schema),
        (Place::Template, "Template", &schema),
        (Place::Author, "Author", &schema),
        (Place::Token, "Token", &schema),
        (Place::Market, "Market", &schema),
        (Place::Prediction, "Prediction", &schema),
        (Place::Range, "Bounds_of_Age", &schema),
        (Place::Range, "Bounds_of_double", &schema),
        (Place::Link, "Link", &schema),
        (Place::TextOf, "TextOf", &schema),
        (Place::Rate, "RateTable", &schema),
    ];
    for (place, name, root) in tables {
        let object = if name.is_empty() { root } else { &definitions[name] };
        assert!(!object.is_null(), "{name} is not one of {:?}", definitions.as_object().unwrap().keys());
        let known: BTreeSet<_> = place.keys().unwrap().iter().copied().collect();
        assert_eq!(keys(object), known, "{name} of {place:?}");
    }
    let named: BTreeSet<_> = tables.iter().map(|(_, name, _)| *name).collect();
    for (name, definition) in definitions.as_object().unwrap() {
        assert!(named.contains(name.as_str()) || definition.get("properties").is_none(), "{name} is held against no table");
    }
}

/// Calls `see` with every schema within one, and where it stands.
fn each<'s>(place: &str, schema: &'s Value, see: &mut dyn FnMut(&str, &'s Value)) {
    match schema {
        Value::Object(fields) => {
            see(place, schema);
            fields.iter().for_each(|(key, value)| each(&format!("{place}/{key}"), value, see));
        }
        Value::Array(items) => items.iter().for_each(|value| each(place, value, see)),
        _ => {}
    }
}

#[test]
fn every_key_says_what_it_is_for_and_nothing_of_the_generator_is_left() {
    let schema = schema();
    let mut without = BTreeMap::new();
    each("", &schema, &mut |place, schema| {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            if value.get("description").is_none() {
                without.insert(format!("{place}/{key}"), value.clone());
            }
        }
        let text = schema.to_string();
        assert!(!text.contains("\"null\"") && !text.contains("\"format\":\""), "{place}: {text}");
    });
    assert!(without.is_empty(), "{without:#?}");
}
