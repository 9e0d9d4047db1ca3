//! What templates accept, refuse and say.

use minijinja::Value;
use minijinja::value::Serde;
use serde_json::json;

use super::words::{FILTERS, TESTS};
use super::*;

const TWEETS: Scope<'static> = Scope { on: &[Event::Tweet], each: None, window: false };

fn values(values: serde_json::Value) -> Value {
    Value::from(Serde(values))
}

/// The mistakes of a body: the text that is underlined, the message and the help.
fn mistakes(body: &str, scope: &Scope<'_>) -> Vec<(String, String, String)> {
    let errors = ChatTemplate::compile(None, Some(body), scope).err().unwrap_or_default();
    let shown = |(_, error): (TemplatePart, TemplateError)| {
        (body.get(error.range).unwrap_or("(no place)").to_owned(), error.message, error.help.unwrap_or_default())
    };
    errors.into_iter().map(shown).collect()
}

fn body(source: &str, of: serde_json::Value) -> String {
    let template = ChatTemplate::compile(None, Some(source), &TWEETS).expect("a right template");
    template.body(&values(of)).expect("it can be worked out").expect("a body")
}

#[test]
fn a_wrong_name_is_underlined_with_what_was_meant() {
    for (source, underlined, message, help) in [
        ("{{ toekn.symbol }}", "toekn", "there is no variable `toekn`", "did you mean `token`?"),
        ("hi {{ token.simbol }}", "token.simbol", "`token` has no `simbol`", "did you mean `token.symbol`?"),
        ("{{ ref.author.hanlde }}", "ref.author.hanlde", "`ref.author` has no `hanlde`", "did you mean `ref.author.handle`?"),
        ("{{ token['simbol'] }}", "token['simbol']", "`token` has no `simbol`", "did you mean `token.symbol`?"),
        ("{{ symbol }}", "symbol", "there is no variable `symbol`", "did you mean `token.symbol`?"),
        ("{{ rule.name }}", "rule.name", "`rule` is a single value and has no `name`", "leave that part out"),
        ("{{ tokens.symbol }}", "tokens.symbol", "`tokens` is a list and has no `symbol`", "take one of its elements"),
        ("{% for t in tokens %}{{ t.simbol }}{% endfor %}", "t.simbol", "`t` has no `simbol`", "did you mean `t.symbol`?"),
        ("{{ (tokens | first).simbol }}", "simbol", "this has no `simbol`", "did you mean `symbol`?"),
        ("{{ tokens | map(attribute='simbol') | join(', ') }}", "'simbol'", "this has no `simbol`", "did you mean `symbol`?"),
        ("{% set t = token %}{{ t.prise }}", "t.prise", "`t` has no `prise`", "did you mean `t.price`?"),
        ("{{ token.price | ust }}", "ust", "there is no filter `ust`", "did you mean `usd`?"),
        ("{{ tweet.text | safe }}", "safe", "there is no filter `safe`", "leave it out"),
        ("{{ token.price is undefine }}", "undefine", "there is no test `undefine`", "did you mean `undefined`?"),
        ("{{ tweet.text.upper() }}", "upper", "there is no method `upper`", "filters are written `value | upper`"),
        ("{{ now() }}", "now()", "there is no function `now`", "filters are written"),
        ("{{ token }}", "token", "this is a table, which cannot stand in a text", "say which of its fields: symbol, name"),
        ("{{ tokens }}", "tokens", "this is a list, which cannot stand in a text", "write its elements"),
        ("{{ window.members }}", "window", "`window` is never there in a rule without `[rule.window]`", "there are: rule"),
        ("{{ changed }}", "changed", "there is no variable `changed`", "there are: rule, firing, event, tweet"),
        ("{{ handle }}", "handle", "there is no variable `handle`", "did you mean `author.handle`?"),
    ] {
        let found = mistakes(source, &TWEETS);
        let [(place, said, advice)] = found.as_slice() else { panic!("{source}: {found:?}") };
        assert!(place.contains(underlined), "{source}: {place}");
        assert_eq!(said, message, "{source}");
        assert!(
            advice.contains(help) || advice.starts_with("did you mean") && help.starts_with("did you mean") && advice == help,
            "{source}: {advice}"
        );
    }
}

#[test]
fn what_the_events_never_have_is_refused() {
    let scope = |on: &'static [Event], each| Scope { on, each, window: false };
    for (source, scope, message) in [
        ("{{ account.id }}", scope(&[Event::Tweet], None), "`account` is never there in a rule on tweet"),
        ("{{ tweet.text }}", scope(&[Event::Follow], None), "`tweet` is never there in a rule on follow"),
        ("{{ token.symbol }}", scope(&[Event::ProfileUpdate], None), "`token` is never there in a rule on profile_update"),
        (
            "{{ market.symbol }}",
            scope(&[Event::Tweet], Some(Each::Token)),
            "`market` is never there in a rule with each = \"token\"",
        ),
        ("{{ account.target.handle }}", scope(&[Event::ProfileUpdate], None), "`account` has no `target`"),
        ("{% for c in account.changes %}{% endfor %}", scope(&[Event::Follow], None), "`account` has no `changes`"),
    ] {
        let found = mistakes(source, &scope);
        assert!(matches!(found.as_slice(), [(_, said, _)] if said == message), "{source}: {found:?}");
    }
    let found = mistakes("{{ changed }}", &scope(&[Event::ProfileUpdate], None));
    assert!(matches!(found.as_slice(), [(_, _, help)] if help == "did you mean `account.changes`?"), "{found:?}");
    for (source, scope) in [
        ("{{ token.symbol }}", scope(&[Event::Tweet], None)),
        ("{{ token.symbol }}", scope(&[Event::Tweet], Some(Each::Token))),
        ("{{ tweet.text }}", scope(&[Event::Delete, Event::Follow], None)),
        ("{{ account.target.handle }}", scope(&[Event::Follow, Event::ProfileUpdate], None)),
        ("{{ author.handle }} {{ event }} {{ rule }} {{ firing.id }}", scope(&[Event::Unfollow], None)),
    ] {
        assert_eq!(mistakes(source, &scope), [], "{source}");
    }
}

#[test]
fn loops_set_with_and_branches_bring_their_own_names() {
    for source in [
        "{% for t in tokens %}{{ loop.index }}/{{ loop.length }} {{ t.symbol }} {{ loop.cycle('a', 'b') }}{% else %}none{% endfor %}",
        "{% for key, value in {'a': 1} | items %}{{ key }}{{ value }}{% endfor %}",
        "{% set x = token.price %}{{ x | usd }}",
        "{% set x %}text{% endset %}{{ x }}",
        "{% with p = token.price %}{{ p }}{% endwith %}",
        "{% if token.price and token.price < 1 %}{% set cheap = 'yes' %}{% endif %}{{ cheap }}",
        "{{ token.symbol or token.name or 'unknown' }}",
        "{{ (tokens | selectattr('chain', 'eq', 'solana') | list | first).symbol }}",
        "{% for i in range(3) %}{{ i }}{% endfor %}",
        "{% filter upper %}{{ rule }}{% endfilter %}",
    ] {
        assert_eq!(mistakes(source, &TWEETS), [], "{source}");
    }
    let after = mistakes("{% for t in tokens %}{% endfor %}{{ t.symbol }}", &TWEETS);
    assert_eq!(after.len(), 1, "a loop variable ends with its loop: {after:?}");
}

#[test]
fn every_mistake_of_both_halves_is_told_in_one_go() {
    let errors = ChatTemplate::compile(Some("{{ rul }}"), Some("{{ tokn.symbol }} {{ tweet.txt }}"), &TWEETS).unwrap_err();
    let parts: Vec<TemplatePart> = errors.iter().map(|(part, _)| *part).collect();
    assert_eq!(parts, [TemplatePart::Title, TemplatePart::Body, TemplatePart::Body]);
    let tree = json!({ "a": ["{{ x }}", { "b/c": "{{ token.simbol }}" }], "{{ k }}": 1 });
    let errors = JsonTemplate::compile(tree, &TWEETS).unwrap_err();
    let mut places: Vec<&str> = errors.iter().map(|(place, _)| place.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/a/0", "/a/1/b~1c", "/{{ k }}"]);
}

#[test]
fn a_syntax_error_has_its_place() {
    for source in ["{{ token.symbol", "{% if x %}", "{{ }}", "a {{ 1 + }} b", "{% include 'x' %}", "{% frob %}"] {
        let found = mistakes(source, &TWEETS);
        assert!(matches!(found.as_slice(), [(_, said, _)] if !said.is_empty()), "{source}: {found:?}");
    }
    // Whole letters, whatever minijinja points at.
    assert_eq!(mistakes("{{ 𖫀 x }}", &TWEETS)[0].0, "𖫀");
}

#[test]
fn what_is_too_long_or_nested_too_deeply_is_refused_without_harm() {
    let long = "x".repeat(TEMPLATE_SOURCE_BYTES + 1);
    assert_eq!(mistakes(&long, &TWEETS).len(), 1);
    let deep = format!("{{{{ {}1 }}}}", "1 + ".repeat(3_000));
    assert!(mistakes(&deep, &TWEETS).iter().any(|(_, said, _)| said == "this is nested too deeply"));
    let brackets = format!("{{{{ {}1{} }}}}", "(".repeat(3_000), ")".repeat(3_000));
    assert!(!mistakes(&brackets, &TWEETS).is_empty());
}

#[test]
fn an_absent_value_is_empty_in_chat() {
    let none = json!({});
    assert_eq!(body("[{{ token.symbol }}|{{ token.price | usd }}|{{ ref.author.handle | short }}]", none.clone()), "[||]");
    assert_eq!(body("{% for t in tokens %}x{% endfor %}{{ ocr | truncate(3) }}{{ tweet.created_at | ago }}!", none.clone()), "!");
    assert_eq!(body("{{ token.symbol or 'none' }} {{ token.symbol | default('x') | upper }}", none), "none X");
}

#[test]
fn filters_read_as_people_write() {
    let of = json!({
        "firing": { "at_ms": 1_781_700_003_000_i64, "age": 0.42 },
        "tweet": { "created_at": "2026-06-17T12:40:00Z", "text": "one two three" },
        "token": { "price": 4.21e-07, "contract": "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump" },
    });
    for (source, said) in [
        ("{{ token.price | usd }}", "$0.000000421"),
        ("{{ '0.5' | usd }}", "$0.50"),
        ("{{ 1200000 | usd }}", "$1,200,000.00"),
        ("{{ 1 < 2 }} {{ none }}", "true "),
        ("{{ token.contract | short }}", "4Dx2…pump"),
        ("{{ tweet.created_at | ago }}", "3 s ago"),
        ("{{ firing.age | ago }}", "420 ms ago"),
        ("{{ tweet.text | truncate(8) }}", "one two…"),
        ("{{ tweet.text | truncate(length=4) }}", "one…"),
    ] {
        assert_eq!(body(source, of.clone()), said, "{source}");
    }
}

/// What a receiver reads in what the template writes.
fn sent(template: &JsonTemplate, of: serde_json::Value) -> Result<serde_json::Value, (String, Failure)> {
    template.json(&values(of)).map(|json| serde_json::from_slice(&json).unwrap())
}

#[test]
fn a_value_is_never_a_template() {
    let text = "{{ 7 * 7 }} {% for x in range(9) %}x{% endfor %} {# gone #} ${7*7}";
    assert_eq!(body("<{{ tweet.text }}>", json!({ "tweet": { "text": text } })), format!("<{text}>"));
    let template = JsonTemplate::compile(json!({ "t": "{{ tweet.text }}", "u": "say {{ tweet.text }}" }), &TWEETS).unwrap();
    let sent = sent(&template, json!({ "tweet": { "text": text } })).unwrap();
    assert_eq!(sent, json!({ "t": text, "u": format!("say {text}") }));
}

#[test]
fn no_value_can_change_the_shape_of_json() {
    let template = JsonTemplate::compile(json!({ "text": "{{ tweet.text }}", "amount": "1" }), &TWEETS).unwrap();
    for hostile in ["x\",\"amount\":\"9999\",\"z\":\"…", "\\", "\"}", "\u{0}\u{1b}\u{2028}", "}}{{"] {
        let sent = sent(&template, json!({ "tweet": { "text": hostile } })).unwrap();
        assert_eq!(sent, json!({ "text": hostile, "amount": "1" }));
    }
}

#[test]
fn one_expression_alone_keeps_its_type() {
    let tree = json!({
        "price": "{{ token.price }}", "trimmed": "{{- token.price -}}", "text": "at {{ token.price }}", "spaced": " {{ token.price }}",
        "late": "{{ firing.late }}", "whole": "{{ token }}", "list": "{{ tokens | map(attribute='symbol') | list }}",
        "two": "{{ token.symbol }}{{ token.symbol }}", "sum": "{{ token.price * 2 }}", "string": "{{ token.price | string }}",
        "fixed": "no template", "number": 5, "nothing": null, "yes": true,
    });
    let template = JsonTemplate::compile(tree, &TWEETS).unwrap();
    let of = json!({ "token": { "price": 0.5, "symbol": "KAI" }, "tokens": [{ "symbol": "KAI" }], "firing": { "late": false } });
    let sent = sent(&template, of).unwrap();
    let wanted = json!({
        "price": 0.5, "trimmed": 0.5, "text": "at 0.5", "spaced": " 0.5", "late": false, "whole": { "price": 0.5, "symbol": "KAI" },
        "list": ["KAI"], "two": "KAIKAI", "sum": 1.0, "string": "0.5", "fixed": "no template", "number": 5, "nothing": null, "yes": true,
    });
    assert_eq!(sent, wanted);
    assert_eq!(template.uses(), ["firing", "token", "tokens"]);
}

#[test]
fn an_absent_value_fails_and_names_its_leaf() {
    for source in [
        "{{ token.price }}",
        "at {{ token.price }}",
        "{{ token.price | usd }}",
        "{{ token.price * 2 }}",
        "{{ market.symbol }}",
        "{{ token.symbol | upper }}",
        "{{ none }}",
        "{{ (tokens | first).symbol }}",
    ] {
        let template = JsonTemplate::compile(json!({ "order": ["0", { "a/~b": { "p": source } }] }), &TWEETS).unwrap();
        let (leaf, failure) = sent(&template, json!({ "token": {}, "tokens": [] })).unwrap_err();
        assert_eq!(leaf, "/order/1/a~1~0b/p", "{source}");
        assert!(failure.to_string().contains(source), "{failure}");
    }
    let template =
        JsonTemplate::compile(json!("{{ 'buy' if token.price else 'ask' }} {{ token.price | default(1) }}"), &TWEETS).unwrap();
    assert_eq!(sent(&template, json!({ "token": {} })).unwrap(), json!("ask 1"));
}

#[test]
fn a_form_is_names_and_texts() {
    let tree = json!({ "symbol": "{{ token.symbol }}", "price": "{{ token.price }}", "n": 5, "fixed": "a&b" });
    let template = JsonTemplate::compile(tree, &TWEETS).unwrap();
    let fields = template.form(&values(json!({ "token": { "symbol": "A&x=1", "price": 0.5 } }))).unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(fields, [pair("fixed", "a&b"), pair("n", "5"), pair("price", "0.5"), pair("symbol", "A&x=1")]);
    assert_eq!(template.form(&values(json!({ "token": {} }))).unwrap_err().0, "/price");
}

#[test]
fn work_and_output_are_bounded() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    let chat = ChatTemplate::compile(None, Some(endless), &TWEETS).unwrap();
    assert!(matches!(chat.body(&values(json!({}))), Err(Failure::Broken { why, .. }) if why == "it takes too many steps"));
    let long = format!("{{% for a in range(5000) %}}{}{{% endfor %}}", "é".repeat(30));
    let chat = ChatTemplate::compile(None, Some(&long), &TWEETS).unwrap();
    let said = chat.body(&values(json!({}))).unwrap().unwrap();
    assert!(said.len() <= crate::model::limits::TEMPLATE_BYTES && said.len() > 60_000);
    let strict = JsonTemplate::compile(json!(long), &TWEETS).unwrap();
    assert!(strict.json(&values(json!({}))).is_err());
}

#[test]
fn every_filter_and_test_that_is_named_exists() {
    let known = |kind: &str, name: &str| body(&format!("{{{{ '{name}' is {kind} }}}}"), json!({}));
    for name in FILTERS {
        assert_eq!(known("filter", name), "true", "{name}");
    }
    for name in TESTS {
        assert_eq!(known("test", name), "true", "{name}");
    }
    for name in ["safe", "escape", "e", "pprint"] {
        assert_eq!(known("filter", name), "false", "{name}");
    }
}

#[test]
fn a_rule_that_never_fires_holds_little_more_than_its_text() {
    let size = std::mem::size_of::<Piece>();
    assert!(size <= 48, "{size}");
}
