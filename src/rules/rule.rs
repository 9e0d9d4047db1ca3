//! `[[rule]]` → a rule.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::brakes::apart;
use super::check::Check;
use super::condition::{Condition, Fields, Matcher};
use super::diagnostic::Diagnostic;
use super::in_short::InShort;
use super::keys::Place;
use super::modes;
use super::names::{choice, choices};
use super::read::{Field, Table};
use super::ruleset::{Each, NOTICES, Rule};
use super::send::{self, Context, Shared};
use super::settings::wait;
use super::suppression;
use super::template::Scope;
use super::units::duration;
use super::when::{self, Leaf, OnSpan, Tree};
use super::window;
use crate::model::action::Span;
use crate::model::mode::Mode;
use crate::model::subject::Event;

/// Characters of a rule's name.
const NAME: usize = 100;

/// Names of rules so far, and where they stand.
pub(super) type Names<'a> = HashMap<&'a str, Span>;

const EVERY: &str = "when = { platform = [\"twitter\", \"truth_social\"] }";

/// Reads one rule. `None`: it has no usable name, and that has been reported.
pub(super) fn read<'a>(
    check: &mut Check<'a>,
    shared: &mut Shared<'a>,
    names: &mut Names<'a>,
    mut table: Table<'a>,
) -> Option<Rule> {
    let header = table.span;
    let name = name(check, names, &mut table);
    let span = name.map_or(header, |(_, span)| span);
    let on_field = table.take("on");
    let on = on_field.map_or_else(|| vec![Event::Tweet], |field| events(check, field));
    let on_span = match on_field {
        Some(field) => OnSpan { span: field.node.span, label: "the rule's events" },
        None => OnSpan { span, label: "is about tweets, as it has no `on`" },
    };
    let when_field = table.take("when");
    let each = table.take("each").and_then(|field| each(check, field, &on, on_span));
    let before = check.errors();
    let window_field = table.take("window");
    let mut window = window_field.and_then(|field| window::read(check, field, window::Around { on: &on, on_span, each }));
    let each = window.as_ref().map_or(each, |window| window.each);
    let tree = when_field.and_then(|field| condition(check, field, &on, on_span, each));
    // A sequence says itself what the rule is about.
    let has_steps = window_field.and_then(|field| field.node.as_table(Place::Window)).is_some_and(|table| table.has("steps"));
    let tree = match &mut window {
        Some(window) => window.whole(tree),
        None => tree,
    };
    let whole = check.errors() == before;
    if when_field.is_none() && on.contains(&Event::Tweet) && !has_steps {
        let mistake = Diagnostic::error("missing-key", span, "this rule has no `when`, so it would fire for every tweet")
            .help(format!("say what it is about under `[rule.when]`; if every tweet is meant, write `{EVERY}`"));
        check.report(mistake);
    }
    let wait = table.take("wait").and_then(|field| wait(check, field).map(|wait| (wait, field.node.span)));
    // What is counted per token waits for it to be known.
    if let (Some((_, span)), Some(tree), None) = (wait, &tree, window.as_ref().and_then(|window| window.each)) {
        useless_wait(check, tree, &on, span);
    }
    let max_age = table.take("max_age").and_then(|field| Some((duration(check, field)?, field.node.span)));
    let mode = table.take("mode");
    let mode = modes::strictest(check, mode, &[(shared.mode, "`[defaults]`")]);
    let knows_lists = !check.named_an_unknown_list();
    let mode = if knows_lists { mode } else { Mode::Off };
    if let (true, Some(window), Some(tree)) = (whole, &window, &tree) {
        window::reach::check(check, window, tree, (&on, knows_lists));
    }
    let context = Context {
        name: name.map_or("this rule", |(name, _)| name),
        scope: Scope { on: &on, each, window: window.is_some() },
        over_time: window.as_ref(),
        tree: tree.as_ref(),
        whole,
        wait,
        max_age,
        mode,
        key: span,
    };
    let (brakes, cooldown) = suppression::of_rule(check, &mut table, &shared.zone);
    apart::check(check, cooldown, &context);
    let sends = table.take("send");
    if sends.is_none() {
        let mistake = Diagnostic::error("missing-key", context.key, "this rule has no `send`, so nobody hears of it");
        check.report(mistake.help("name an action: `send = [\"desk\"]`"));
    }
    let send = sends.map(|field| send::read(check, shared, field, &context)).unwrap_or_default();
    table.finish(check);
    let (name, span) = name?;
    let when = tree.map_or(Condition::All(Vec::new()), Tree::condition);
    let (window, when) = match window {
        Some(window) => {
            let (window, when) = window.finish(when);
            (Some(Arc::new(window)), when)
        }
        None => (None, when),
    };
    let (wait, max_age, in_short) = (wait.map(|(wait, _)| wait), max_age.map(|(max_age, _)| max_age), InShort::default());
    Some(Rule { name: name.into(), span, when, on, each, wait, max_age, mode, window, brakes, send, in_short })
}

/// The rule's name and where it stands.
fn name<'a>(check: &mut Check<'a>, names: &mut Names<'a>, table: &mut Table<'a>) -> Option<(&'a str, Span)> {
    let Some(field) = table.take("name") else {
        let mistake = Diagnostic::error("missing-key", table.span, "this rule has no `name`");
        check.report(mistake.help("add `name = \"exchange-listing\"`: alerts, counters and duplicates are known by it"));
        return None;
    };
    let name = field.node.text(check, "name", "\"exchange-listing\"")?.trim();
    let span = field.node.span;
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        let mistake = Diagnostic::error("bad-name", span, format!("a rule's name has 1 to {NAME} characters on one line"));
        check.report(mistake.help("for example `name = \"exchange-listing\"`"));
        return None;
    }
    if name == NOTICES {
        let message = format!("`{NOTICES}` is what birdcall's own notices are recorded under");
        check.report(Diagnostic::error("bad-name", span, message).help("choose another name"));
        return None;
    }
    if let Some(first) = names.get(name) {
        let mistake = Diagnostic::error("duplicate-name", span, format!("the rule `{name}` is defined twice"))
            .label("here again")
            .also(*first, "first here")
            .help("give one of them another name: what has fired is remembered by it");
        check.report(mistake);
        return Some((name, span));
    }
    names.insert(name, span);
    Some((name, span))
}

fn events<'a>(check: &mut Check<'a>, field: Field<'a>) -> Vec<Event> {
    let mut events = choices(check, field, &Event::ALL.map(|event| (event.name(), event))).unwrap_or_default();
    events.sort_unstable();
    events.dedup();
    // What follows is judged as if the rule were about tweets; the mistake itself has been reported.
    if events.is_empty() { vec![Event::Tweet] } else { events }
}

fn condition<'a>(check: &mut Check<'a>, field: Field<'a>, on: &[Event], on_span: OnSpan, each: Option<Each>) -> Option<Tree> {
    let table = field.node.table(check, "when", Place::When, "{ keyword = \"listing\" }")?;
    let before = check.handles.len();
    let tree = when::read(check, table, 0);
    forget_excluded(check, &tree, before);
    when::check_events(check, &tree, on, on_span);
    when::check_logic(check, &tree, on, each);
    Some(tree)
}

/// Warns of a `wait` where there is nothing to wait for: all that is asked is known from the first envelope on.
fn useless_wait(check: &mut Check<'_>, tree: &Tree, on: &[Event], span: Span) {
    let mut waits = false;
    tree.each_leaf(false, &mut |leaf, _| {
        waits |= match &*leaf.matcher {
            Matcher::Handle(_) | Matcher::Platform(_) | Matcher::Age(_) => false,
            Matcher::Text(text) => text.fields != Fields::TEXT,
            _ => true,
        };
    });
    if !waits || !on.contains(&Event::Tweet) {
        let mistake = Diagnostic::warning("useless-wait", span, "this rule has nothing to wait for, so `wait` does nothing");
        check.report(mistake.help("remove it: only what TweetStream detects, such as a `token` or a `price`, is waited for"));
    }
}

/// Who stands under `none` is not hoped for, and who is on Truth Social alone is not tracked by name.
fn forget_excluded(check: &mut Check<'_>, tree: &Tree, before: usize) {
    let mut excluded = BTreeSet::new();
    tree.each_leaf(false, &mut |leaf, negated| {
        if negated && leaf.key == "handle" {
            excluded.insert(leaf.span);
        }
    });
    let mut required = Vec::new();
    when::gather_required(tree, &mut required);
    let on_truth_social = |leaf: &&Leaf| matches!(&*leaf.matcher, Matcher::Platform(of) if when::is_truth_social(of));
    if required.iter().any(on_truth_social) {
        check.handles.truncate(before);
    }
    if !excluded.is_empty() {
        let of_rule = check.handles.split_off(before);
        check.handles.extend(of_rule.into_iter().filter(|(key, _)| !excluded.contains(key)));
    }
}

fn each<'a>(check: &mut Check<'a>, field: Field<'a>, on: &[Event], on_span: OnSpan) -> Option<Each> {
    let known = [("token", Each::Token), ("market", Each::Market), ("prediction", Each::Prediction)];
    let each = choice(check, field, &known)?;
    if !on.iter().any(|event| event.is_about_a_tweet()) {
        let mistake = Diagnostic::error("impossible-on-event", field.key, "only tweets have tokens, markets and predictions")
            .also(on_span.span, on_span.label)
            .help("remove `each`, or set `on = \"tweet\"`");
        check.report(mistake);
    }
    Some(each)
}
