//! Any text as a template: refused with the places of its mistakes, or worked out within its bounds into messages in which nothing acts.

use std::ops::Range;
use std::sync::Arc;

use birdcall::model::message::Body;
use birdcall::model::subject::Event;
use birdcall::rules::ruleset::{Each, Payload};
use birdcall::rules::template::{ChatTemplate, JsonTemplate, Scope, TemplatePart};
use serde_json::{Value, json};

use crate::render::inert;
use crate::render::samples::{every_kind, try_rendered};

/// The first line is the title, the rest the body.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (title, body) = text.split_once('\n').unwrap_or(("", text));
    for event in Event::ALL {
        chat(title, body, &Scope { on: &[event], each: None, window: false });
    }
    for each in [Each::Token, Each::Market, Each::Prediction] {
        chat(title, body, &Scope { on: &[Event::Tweet], each: Some(each), window: false });
    }
    json_and_form(body);
}

/// A template is worked out for firings that its scope does not have, too: a wrong guess of the check must not become a panic.
fn chat(title: &str, body: &str, scope: &Scope<'_>) {
    let template = match ChatTemplate::compile(Some(title), Some(body), scope) {
        Ok(template) => template,
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for (part, mistake) in mistakes {
                stands_in(if part == TemplatePart::Title { title } else { body }, &mistake.range);
            }
            return;
        }
    };
    for (_, firing) in every_kind().iter().filter(|(_, firing)| scope.on.contains(&firing.subject.event)) {
        for platform in ["discord", "telegram", "slack", "console"] {
            let message =
                try_rendered(firing, platform, Some(template.clone()), None).expect("a chat message is never incomplete");
            inert::check(&message.body);
        }
    }
}

fn json_and_form(source: &str) {
    let scope = Scope { on: &[Event::Tweet], each: None, window: false };
    let tree = json!({ "leaf": source, "list": [source, 1, null], "a/b~c": { "": source } });
    let of_form = json!({ "leaf": source, "n": 1 });
    let (json, form) = match (JsonTemplate::compile(tree, &scope), JsonTemplate::compile(of_form, &scope)) {
        (Ok(json), Ok(form)) => (Arc::new(json), Arc::new(form)),
        (Err(mistakes), Err(_)) => return mistakes.iter().for_each(|(_, mistake)| stands_in(source, &mistake.range)),
        (json, form) => panic!("the same leaf is a mistake in one tree only: {json:?} {form:?}"),
    };
    for (_, firing) in every_kind() {
        let written = |payload| match try_rendered(&firing, "webhook", None, Some(payload)).map(|message| message.body) {
            Ok(Body::Webhook(body)) => Some(body),
            Ok(other) => panic!("not for a webhook: {other:?}"),
            Err(incomplete) => {
                assert!(!incomplete.to_string().is_empty());
                None
            }
        };
        if let Some(body) = written(Payload::Json(Arc::clone(&json))) {
            let value: Value = serde_json::from_slice(&body.bytes).expect("JSON");
            let keys = value.as_object().expect("a table").keys().collect::<Vec<_>>();
            assert_eq!(keys.len(), 3, "no value changes the shape of the tree: {keys:?}");
            assert_eq!(value["list"].as_array().map(Vec::len), Some(3));
            assert!(!value["leaf"].is_null(), "what is absent is never sent as null");
        }
        if let Some(body) = written(Payload::Form(Arc::clone(&form))) {
            let names: Vec<_> = url::form_urlencoded::parse(&body.bytes).map(|(name, _)| name.into_owned()).collect();
            assert_eq!(names, ["leaf", "n"], "no value adds a field to the form");
        }
    }
}

fn stands_in(source: &str, range: &Range<usize>) {
    assert!(source.get(range.clone()).is_some(), "{range:?} is no place of {source:?}");
}
