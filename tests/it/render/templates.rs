//! What the rules file says instead of the defaults.

use std::sync::Arc;

use birdcall::model::firing::{Element, Firing};
use birdcall::model::message::{Body, ContentType};
use birdcall::model::subject::{Event, Token, Tweet};
use birdcall::rules::ruleset::{Each, Payload};
use birdcall::rules::template::schema::{Shape, VARIABLES, variable};
use birdcall::rules::template::{ChatTemplate, JsonTemplate, Scope};
use serde_json::{Value, json};

use super::inert;
use super::samples::{every_kind, on_tweet, post, rendered, sent, token, try_rendered};

const TWEETS: Scope<'static> = Scope { on: &[Event::Tweet], each: Some(Each::Token), window: false };

fn chat(title: Option<&str>, body: Option<&str>) -> ChatTemplate {
    ChatTemplate::compile(title, body, &TWEETS).unwrap()
}

fn json_payload(tree: Value) -> Payload {
    Payload::Json(Arc::new(JsonTemplate::compile(tree, &TWEETS).unwrap()))
}

fn each_token() -> Firing {
    every_kind().into_iter().find(|(kind, _)| *kind == "each_token").unwrap().1
}

#[test]
fn a_template_replaces_title_and_body_and_leaves_link_and_age() {
    let (title, body) = (
        "{{ token.symbol }} from @{{ author.handle }}",
        "{{ token.price | usd }} on {{ token.chain }}\n{{ tweet.text | truncate(20) }}",
    );
    for platform in ["discord", "telegram", "slack", "console"] {
        let message = try_rendered(&each_token(), platform, Some(chat(Some(title), Some(body))), None).unwrap();
        inert::check(&message.body);
        insta::assert_snapshot!(
            format!("template__{platform}"),
            match &message.body {
                Body::Console(_) => sent(&message.body).as_str().unwrap().to_owned(),
                body => serde_json::to_string_pretty(&sent(body)).unwrap(),
            }
        );
    }
}

#[test]
fn half_a_template_leaves_the_other_half_as_it_is() {
    let shown = |title, body| sent(&try_rendered(&each_token(), "discord", Some(chat(title, body)), None).unwrap().body);
    let plain = sent(&rendered(&each_token(), "discord").body);
    assert_eq!(shown(Some("T"), None)["embeds"][0]["description"], plain["embeds"][0]["description"]);
    assert_eq!(shown(Some("T"), None)["embeds"][0]["fields"], plain["embeds"][0]["fields"]);
    assert_eq!(shown(None, Some("B"))["embeds"][0]["title"], plain["embeds"][0]["title"]);
    assert_eq!(shown(None, Some("B"))["embeds"][0]["description"], "B");
}

#[test]
fn a_template_that_cannot_be_worked_out_does_not_cost_the_alert() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    for platform in ["discord", "telegram", "slack", "console"] {
        let message = try_rendered(&each_token(), platform, Some(chat(None, Some(endless))), None).unwrap();
        inert::check(&message.body);
        let text = sent(&message.body).to_string();
        assert!(text.contains("The template could not be worked out"), "{platform}: {text}");
        assert!(text.contains("listing"), "{platform}: {text}");
    }
}

#[test]
fn an_order_is_exactly_what_its_template_says() {
    let tree = json!({
        "action": "buy", "symbol": "{{ token.symbol }}", "contract": "{{ token.contract }}", "price": "{{ token.price }}",
        "id": "{{ firing.id }}", "until": "{{ firing.expires_at_ms }}", "late": "{{ firing.late }}", "note": "{{ rule }} @{{ author.handle }}",
    });
    let message = try_rendered(&each_token(), "webhook", None, Some(json_payload(tree))).unwrap();
    let wanted = json!({
        "action": "buy", "symbol": "ORBL", "contract": "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump", "price": 0.001_203_4,
        "id": each_token().id.to_string(), "until": 1_781_700_600_000_i64, "late": false, "note": "listing-watch @orbitlab_xyz",
    });
    assert_eq!(sent(&message.body), wanted);
    assert_eq!(message.fallback, None);
}

#[test]
fn an_order_without_its_price_is_incomplete_and_says_which_leaf() {
    let firing = Firing { element: Some(Element::Token(Token { price: None, ..token() })), ..each_token() };
    let payload = json_payload(json!({ "order": { "price": "{{ token.price }}" } }));
    let incomplete = try_rendered(&firing, "webhook", None, Some(payload)).unwrap_err();
    assert_eq!(incomplete.what, "json/order/price: `{{ token.price }}` needs a value that is not there");
    let form = Payload::Form(Arc::new(JsonTemplate::compile(json!({ "p": "{{ token.price }}" }), &TWEETS).unwrap()));
    let incomplete = try_rendered(&firing, "webhook", None, Some(form)).unwrap_err();
    assert!(incomplete.what.starts_with("form/p: "), "{}", incomplete.what);
}

#[test]
fn a_form_is_encoded() {
    let firing = on_tweet(Event::Tweet, Tweet { text: Some("a&b=c d\n+é".into()), ..post() });
    let template = JsonTemplate::compile(json!({ "text": "{{ tweet.text }}", "side": "buy" }), &TWEETS).unwrap();
    let Body::Webhook(body) = try_rendered(&firing, "webhook", None, Some(Payload::Form(Arc::new(template)))).unwrap().body
    else {
        panic!()
    };
    assert_eq!(body.content_type, ContentType::Form);
    assert_eq!(body.bytes, "side=buy&text=a%26b%3Dc+d%0A%2B%C3%A9".as_bytes());
}

#[test]
fn template_syntax_in_a_tweet_stays_text() {
    let text = "{{ 7*7 }} {% if true %}x{% endif %} {{ firing.id }}";
    let firing = on_tweet(Event::Tweet, Tweet { text: Some(text.into()), ..post() });
    let message = try_rendered(&firing, "webhook", None, Some(json_payload(json!({ "t": "{{ tweet.text }}" })))).unwrap();
    assert_eq!(sent(&message.body), json!({ "t": text }));
    let slack = try_rendered(&firing, "slack", Some(chat(None, Some("{{ tweet.text }}"))), None).unwrap();
    assert!(sent(&slack.body).to_string().contains("{{ 7*7 }}"));
}

/// The names that check at load and the values that are given at a firing are written down in two places: they must be the same.
#[test]
fn every_name_that_a_template_may_use_has_a_value_and_the_other_way_round() {
    for (kind, firing) in every_kind() {
        let data = sent(&rendered(&firing, "webhook").body)["data"].take();
        let event = firing.subject.event;
        let scope = Scope { on: &[event], each: None, window: firing.window.is_some() };
        for (name, value) in data.as_object().unwrap() {
            if name == "truncated" {
                continue;
            }
            let empty = value.as_array().is_some_and(Vec::is_empty);
            match variable(name, &scope) {
                Ok((_, shape)) => has_shape(&format!("{kind}: {name}"), value, shape),
                Err(_) => assert!(empty, "{kind}: {name} has a value, but no template may use it"),
            }
        }
        let always: Vec<&str> = VARIABLES.into_iter().filter(|name| variable(name, &scope).is_ok()).collect();
        let source: String = always.iter().map(|name| format!("{{{{ 1 if {name} is defined else 0 }}}}")).collect();
        let tree = JsonTemplate::compile(json!(source), &scope).unwrap();
        let sent = sent(&try_rendered(&firing, "webhook", None, Some(Payload::Json(Arc::new(tree)))).unwrap().body);
        for (name, there) in always.iter().zip(sent.as_str().unwrap().chars()) {
            let in_data = data.get(name).is_some();
            assert_eq!(there == '1', in_data, "{kind}: {name}");
        }
    }
}

/// A leaf that is one value takes a shorter way than one that does something with it: both must come to the same.
#[test]
fn a_value_that_stands_alone_is_the_same_as_where_it_is_computed_with() {
    let (mut same, mut absent) = (0, 0);
    for (kind, firing) in every_kind() {
        let scope = Scope { on: &[firing.subject.event], each: None, window: firing.window.is_some() };
        let mut leaves: Vec<String> = Vec::new();
        for name in VARIABLES {
            match variable(name, &scope) {
                Ok((_, Shape::Table(fields))) => leaves.extend(fields.iter().map(|(field, _)| format!("{name}.{field}"))),
                Ok(_) => leaves.push(name.to_owned()),
                Err(_) => {}
            }
        }
        for leaf in leaves {
            let of = |source: String| {
                let leaf = JsonTemplate::compile(json!({ "leaf": source }), &scope).unwrap();
                let body = try_rendered(&firing, "webhook", None, Some(Payload::Json(Arc::new(leaf)))).ok()?;
                Some(sent(&body.body))
            };
            let (alone, computed) = (of(format!("{{{{ {leaf} }}}}")), of(format!("{{{{ {leaf} if true else 1 }}}}")));
            assert_eq!(alone, computed, "{kind}: {leaf}");
            (same, absent) = (same + usize::from(alone.is_some()), absent + usize::from(alone.is_none()));
            let form = |source: String| {
                let leaf = JsonTemplate::compile(json!({ "leaf": source }), &scope).unwrap();
                let body = try_rendered(&firing, "webhook", None, Some(Payload::Form(Arc::new(leaf)))).ok()?;
                let Body::Webhook(body) = body.body else { panic!("no webhook") };
                Some(body.bytes)
            };
            let (alone, computed) = (form(format!("{{{{ {leaf} }}}}")), form(format!("{{{{ {leaf} if true else 1 }}}}")));
            assert_eq!(alone, computed, "{kind}: {leaf} of a form");
        }
    }
    assert!(same > 100 && absent > 20, "{same} {absent}");
}

fn has_shape(path: &str, value: &Value, shape: Shape) {
    match (value, shape) {
        (Value::Object(fields), Shape::Table(known)) => {
            for (name, field) in fields {
                let found = known.iter().find(|(known, _)| known == name);
                has_shape(
                    &format!("{path}.{name}"),
                    field,
                    found.unwrap_or_else(|| panic!("{path}.{name} is not in the schema")).1,
                );
            }
        }
        (Value::Array(items), Shape::List(of)) => items.iter().for_each(|item| has_shape(path, item, *of)),
        (Value::String(_) | Value::Number(_) | Value::Bool(_), Shape::Plain) => {}
        _ => panic!("{path} is {value}, not {shape:?}"),
    }
}
