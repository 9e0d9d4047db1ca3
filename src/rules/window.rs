//! `[rule.window]` → what has to be true over time (RULES 4).

mod price;
pub(super) mod reach;

use std::time::Duration;

use super::brakes;
use super::check::Check;
use super::condition::{Condition, Matcher, NumberRange, TokenMatcher};
use super::condition::{MarketMatcher, PredictionMatcher};
use super::diagnostic::Diagnostic;
use super::keys::{Place, list};
use super::names::{choice, choices};
use super::read::{Field, Table};
use super::ruleset::{Each, Rule, Step, Window, WindowKind};
use super::units::{duration, written};
use super::when::{self, OnSpan, Tree};
use crate::model::action::Span;
use crate::model::limits::{WINDOW_AT_LEAST, WINDOW_KEYS, WINDOW_KEYS_MAX, WINDOW_STEPS, WINDOW_WITHIN_MAX};
use crate::model::subject::Event;
use crate::model::window::Part;

/// A window as it was read, which needs the rule's condition to be whole.
#[derive(Debug)]
pub(super) struct Read {
    window: Window,
    /// Of a sequence.
    steps: Vec<(Vec<Event>, Tree)>,
    /// What it needs of the tweet's elements, so that the rule has one firing for each.
    pub(super) each: Option<Each>,
    /// Where it says how many, or at what price.
    asked_at: Span,
}

/// The types, and the keys that each takes beside `type`, `within` and `max_keys`.
const TYPES: [(&str, &[&str]); 7] = [
    ("count", &["at_least", "per", "rearm"]),
    ("distinct", &["of", "at_least", "per", "rearm"]),
    ("first_seen", &["of", "per"]),
    ("cross", &["above", "below", "hysteresis", "per", "rearm"]),
    ("change", &["percent", "direction", "per", "rearm"]),
    ("silence", &["per", "rearm"]),
    ("sequence", &["steps", "per", "rearm"]),
];

const EXAMPLE: &str = "{ type = \"distinct\", of = \"author\", per = \"token\", within = \"15m\", at_least = 3 }";
/// A shorter time is that of one tweet's envelopes.
const SHORTEST: Duration = Duration::from_secs(1);
/// A last price that is older than this says nothing of a crossing, unless the file says otherwise.
const LAST_PRICE: Duration = Duration::from_secs(30 * 86_400);

/// Every key of a window's table, taken.
#[derive(Debug, Default)]
struct Keys<'a> {
    of: Option<Field<'a>>,
    per: Option<Field<'a>>,
    within: Option<Field<'a>>,
    at_least: Option<Field<'a>>,
    rearm: Option<Field<'a>>,
    max_keys: Option<Field<'a>>,
    price: price::Keys<'a>,
    steps: Option<Field<'a>>,
}

/// What a window is read against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'r> {
    pub(super) on: &'r [Event],
    pub(super) on_span: OnSpan,
    pub(super) each: Option<Each>,
}

/// Reads a window. `None`: there was a mistake, and it has been reported.
pub(super) fn read<'a>(check: &mut Check<'a>, field: Field<'a>, around: Around<'_>) -> Option<Read> {
    let mut table = field.node.table(check, "window", Place::Window, EXAMPLE)?;
    let types: Vec<_> = TYPES.iter().map(|(name, keys)| (*name, (*name, *keys))).collect();
    let kind = table.take("type");
    if kind.is_none() {
        let mistake = Diagnostic::error("missing-key", field.key, "this window has no `type`");
        check.report(mistake.help(format!("it can be {}", list(&TYPES.map(|(name, _)| name)))));
    }
    let kind = kind.and_then(|field| choice(check, field, &types));
    let keys = keys(&mut table);
    table.finish(check);
    let (name, allowed) = kind?;
    let errors = check.errors();
    refuse_others(check, &keys, name, allowed);
    let read = of_type(check, field, name, &keys, around);
    read.filter(|_| check.errors() == errors)
}

fn keys<'a>(table: &mut Table<'a>) -> Keys<'a> {
    Keys {
        of: table.take("of"),
        per: table.take("per"),
        within: table.take("within"),
        at_least: table.take("at_least"),
        rearm: table.take("rearm"),
        max_keys: table.take("max_keys"),
        price: price::Keys::take(table),
        steps: table.take("steps"),
    }
}

/// Reports keys that belong to other types.
fn refuse_others(check: &mut Check<'_>, keys: &Keys<'_>, name: &str, allowed: &[&str]) {
    let given = [keys.of, keys.per, keys.at_least, keys.rearm, keys.steps].into_iter().chain(keys.price.given());
    for field in given.flatten().filter(|field| !allowed.contains(&field.name)) {
        let homes: Vec<_> = TYPES.iter().filter(|(_, keys)| keys.contains(&field.name)).map(|(name, _)| *name).collect();
        let message = format!("`{}` does nothing in a window of type `{name}`", field.name);
        let mistake = Diagnostic::error("misplaced-key", field.key, message);
        check.report(mistake.label(format!("of {}", list(&homes))).help(format!("`{name}` takes `within`, {}", list(allowed))));
    }
}

fn of_type<'a>(check: &mut Check<'a>, field: Field<'a>, name: &str, keys: &Keys<'a>, around: Around<'_>) -> Option<Read> {
    let missing = |check: &mut Check<'a>, key: &str, example: &str| {
        let mistake = Diagnostic::error("missing-key", field.key, format!("a window of type `{name}` needs `{key}`"));
        check.report(mistake.help(format!("for example `{key} = {example}`")));
    };
    let within = match keys.within {
        Some(field) => within(check, field),
        None if name == "cross" => Some(LAST_PRICE),
        None => {
            missing(check, "within", "\"15m\"");
            None
        }
    };
    let of = keys.of.and_then(|field| choice(check, field, &Part::ALL.map(|part| (part.name(), part))));
    if keys.of.is_none() && matches!(name, "distinct" | "first_seen") {
        missing(check, "of", "\"author\"");
    }
    let mut per = keys.per.and_then(|field| brakes::per(check, field)).unwrap_or_default();
    if matches!(name, "cross" | "change") && !per.iter().any(|part| element_of(*part).is_some()) {
        per.push(around.each.map_or(Part::Token, part_of));
    }
    let at_least = keys.at_least.and_then(|field| at_least(check, field, if name == "distinct" { 2 } else { 1 }));
    if keys.at_least.is_none() && matches!(name, "count" | "distinct") {
        missing(check, "at_least", "3");
    }
    let mut steps = Vec::new();
    let kind = match name {
        "count" => at_least.map(|at_least| WindowKind::Count { at_least }),
        "distinct" => of.zip(at_least).map(|(of, at_least)| WindowKind::Distinct { of, at_least }),
        "first_seen" => of.map(|of| WindowKind::FirstSeen { of }),
        "cross" => price::level(check, field, &keys.price).map(WindowKind::Cross),
        "change" => price::change(check, field, &keys.price),
        "silence" => Some(WindowKind::Silence),
        _ => {
            match keys.steps {
                Some(field) => steps = self::steps(check, field, around),
                None => missing(check, "steps", "[{ keyword = \"listing\" }, { on = \"delete\" }]"),
            }
            Some(WindowKind::Sequence { steps: Vec::new() })
        }
    };
    if let (Some(of), Some(at)) = (of.filter(|of| per.contains(of)), keys.of) {
        let message = format!("`of` and `per` are both `{}`, so that there is only ever one of it", of.name());
        check
            .report(Diagnostic::error("impossible", at.node.span, message).help("count another thing, or leave it out of `per`"));
    }
    let each = each(check, field, (keys, &per, of), around);
    let rearm = keys.rearm.and_then(|field| rearm(check, field, name));
    let max_keys = keys.max_keys.map_or(Some(WINDOW_KEYS), |field| max_keys(check, field));
    let window = Window { kind: kind?, within: within?, per, rearm, max_keys: max_keys? };
    let asked_at = keys.at_least.or(keys.price.level()).map_or(field.key, |field| field.node.span);
    Some(Read { window, steps, each, asked_at })
}

fn within(check: &mut Check<'_>, field: Field<'_>) -> Option<Duration> {
    let within = duration(check, field)?;
    if (SHORTEST..=WINDOW_WITHIN_MAX).contains(&within) {
        return Some(within);
    }
    let message = format!("`within` cannot be {}", written(within));
    let help = format!("it is one second at least and {} at most", written(WINDOW_WITHIN_MAX));
    check.report(Diagnostic::error("bad-duration", field.node.span, message).help(help));
    None
}

fn rearm(check: &mut Check<'_>, field: Field<'_>, name: &str) -> Option<Duration> {
    let rearm = duration(check, field)?;
    if name == "silence" && rearm < SHORTEST {
        let message = format!("a silence cannot be told again every {}", written(rearm));
        check.report(Diagnostic::error("bad-duration", field.node.span, message).help("`rearm` of it is one second at least"));
        return None;
    }
    Some(rearm)
}

fn at_least(check: &mut Check<'_>, field: Field<'_>, least: u32) -> Option<u32> {
    let number = whole(check, field, "3")?;
    if (least..=WINDOW_AT_LEAST).contains(&number) {
        return Some(number);
    }
    let mistake = Diagnostic::error("impossible", field.node.span, format!("`at_least` cannot be {number}"));
    check.report(mistake.help(match least {
        2 if number == 1 => "one value is there with the first match: leave the window out, or ask for two or more".to_owned(),
        _ => format!("it is {least} at least and {WINDOW_AT_LEAST} at most"),
    }));
    None
}

fn max_keys(check: &mut Check<'_>, field: Field<'_>) -> Option<usize> {
    let number = whole(check, field, "20000")? as usize;
    if (1..=WINDOW_KEYS_MAX).contains(&number) {
        return Some(number);
    }
    let mistake = Diagnostic::error("impossible", field.node.span, format!("`max_keys` cannot be {number}"));
    check.report(mistake.help(format!("it is 1 at least and {WINDOW_KEYS_MAX} at most")));
    None
}

fn whole(check: &mut Check<'_>, field: Field<'_>, example: &str) -> Option<u32> {
    let number = field.node.as_integer().and_then(|number| u32::try_from(number).ok());
    if number.is_none() {
        field.node.wrong(check, field.name, "a whole number, zero or more", example);
    }
    number
}

/// Which elements of a tweet have it.
pub(super) fn element_of(part: Part) -> Option<Each> {
    match part {
        Part::Token | Part::Contract => Some(Each::Token),
        Part::Market => Some(Each::Market),
        Part::Prediction => Some(Each::Prediction),
        Part::Author | Part::Tweet => None,
    }
}

fn part_of(each: Each) -> Part {
    match each {
        Each::Token => Part::Token,
        Each::Market => Part::Market,
        Each::Prediction => Part::Prediction,
    }
}

/// What is counted per token is looked at token by token: what `each` must be, and is where the rule does not say it.
fn each<'a>(
    check: &mut Check<'a>,
    window: Field<'a>,
    (keys, per, of): (&Keys<'a>, &[Part], Option<Part>),
    around: Around<'_>,
) -> Option<Each> {
    let mut each = around.each;
    for (part, field) in per.iter().map(|part| (*part, keys.per)).chain(of.map(|of| (of, keys.of))) {
        let (needed, field) = (element_of(part), field.unwrap_or(window));
        if !around.on.iter().any(|event| event.is_about_a_tweet()) && part != Part::Author {
            let message = if part == Part::Tweet {
                "these events are of no tweet".to_owned()
            } else {
                format!("only tweets have a {}", part.name())
            };
            let mistake = Diagnostic::error("impossible-on-event", field.key, message);
            check.report(
                mistake.also(around.on_span.span, around.on_span.label).help("count something else, or set `on = \"tweet\"`"),
            );
        } else if let Some(other) = each.filter(|each| needed.is_some_and(|needed| *each != needed)) {
            let message = format!("one window cannot count a {} and a {}", part_of(other).name(), part.name());
            let mistake = Diagnostic::error("impossible", field.key, message);
            check.report(mistake.help("a match is about one token, one market or one prediction market: make it two rules"));
        }
        each = each.or(needed);
    }
    each
}

/// The steps of a sequence: tables such as `when`, each with `on` if it is about one of the rule's events only.
fn steps<'a>(check: &mut Check<'a>, field: Field<'a>, around: Around<'_>) -> Vec<(Vec<Event>, Tree)> {
    let tables = field.node.tables(check, "steps", Place::Step, "[{ keyword = \"listing\" }, { on = \"delete\" }]");
    let written = field.node.as_list().map_or(0, Iterator::count);
    if !(2..=WINDOW_STEPS).contains(&written) {
        let message = format!("a sequence has two steps at least and {WINDOW_STEPS} at most");
        check.report(Diagnostic::error("impossible", field.node.span, message).help("for one step there is `count`"));
    }
    tables.into_iter().map(|table| step(check, table, around)).collect()
}

fn step<'a>(check: &mut Check<'a>, mut table: Table<'a>, around: Around<'_>) -> (Vec<Event>, Tree) {
    let span = table.span;
    let on_field = table.take("on");
    let known = Event::ALL.map(|event| (event.name(), event));
    let on = on_field.and_then(|field| choices(check, field, &known)).unwrap_or_else(|| around.on.to_vec());
    for event in on.iter().filter(|event| !around.on.contains(event)) {
        let at = on_field.map_or(span, |field| field.node.span);
        let message = format!("the rule hears nothing of `{}`", event.name());
        let mistake = Diagnostic::error("impossible-on-event", at, message).also(around.on_span.span, around.on_span.label);
        check.report(mistake.help(format!("add it to the rule's events: `on = [\"tweet\", \"{}\"]`", event.name())));
    }
    let on_span = on_field.map_or(around.on_span, |field| OnSpan { span: field.node.span, label: "the step's events" });
    let tree = when::read_step(check, table, on_field.is_some());
    when::check_events(check, &tree, &on, on_span);
    when::check_logic(check, &tree, &on, around.each);
    (on, tree)
}

/// Warns of rules that look further back than the journal remembers: after a restart what is older is not known.
pub(super) fn beyond_journal(check: &mut Check<'_>, rules: &[Rule], remembered: Duration) {
    for rule in rules {
        // A last price is of no use for so long; and what was seen is kept beside the entries.
        let is_kept = |window: &Window| matches!(window.kind, WindowKind::Cross(_) | WindowKind::FirstSeen { .. });
        let window = rule.window.as_deref().filter(|window| !is_kept(window));
        let longest = window.map_or(Duration::ZERO, |window| window.reach()).max(rule.held_for());
        if longest > remembered {
            let (longest, remembered) = (written(longest), written(remembered));
            let message = format!("this rule looks back {longest}, and the journal forgets after {remembered}");
            let mistake = Diagnostic::warning("short-memory", rule.span, message);
            check.report(
                mistake
                    .label("after a restart what is older is not known")
                    .help(format!("give it more: `[journal]` with `max_age = \"{longest}\"`")),
            );
        }
    }
}

impl Read {
    /// It fires when nothing comes any more, so that there is no match which the firing is about.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self.window.kind, WindowKind::Silence)
    }

    /// It is about prices: a match without one is passed over.
    pub(super) fn is_of_prices(&self) -> bool {
        matches!(self.window.kind, WindowKind::Cross(_) | WindowKind::Change { .. })
    }

    /// Whether each match has this, as it is counted, or counted apart by.
    pub(super) fn counts(&self, part: Part) -> bool {
        let of = match self.window.kind {
            WindowKind::Distinct { of, .. } | WindowKind::FirstSeen { of } => Some(of),
            _ => None,
        };
        of == Some(part) || self.window.per.contains(&part)
    }

    /// The whole condition: what the rule asks and, of a sequence, one of its steps.
    pub(super) fn whole(&mut self, when: Option<Tree>) -> Option<Tree> {
        if self.steps.is_empty() {
            return when;
        }
        let steps = self.steps.iter_mut().map(|(_, tree)| std::mem::replace(tree, Tree::All(Vec::new()))).collect();
        let any = Tree::Any { of: steps, at_least: 1 };
        Some(Tree::All(when.into_iter().chain([any]).collect()))
    }

    /// What must be known of a token, a market or a prediction market, so that it is the same one in every tweet, and has a price.
    fn identity(&self) -> Vec<Condition> {
        let has_price = matches!(self.window.kind, WindowKind::Cross(_) | WindowKind::Change { .. });
        let price = has_price.then(|| NumberRange { above: Some(0.0), ..NumberRange::default() });
        let is = |matcher| Condition::Is(Box::new(matcher));
        let priced = price.is_some();
        match self.each {
            Some(Each::Token) => {
                let known = || {
                    is(Matcher::Token(Box::new(TokenMatcher { any_contract: true, any_chain: true, ..TokenMatcher::default() })))
                };
                // Until meta has come a cashtag may turn out to be of a contract: it is waited for, and only then counted as a symbol.
                let settled = Condition::Any { of: vec![known(), Condition::None(vec![known()])], at_least: 1 };
                let priced = priced.then(|| is(Matcher::Token(Box::new(TokenMatcher { price, ..TokenMatcher::default() }))));
                std::iter::once(settled).chain(priced).collect()
            }
            Some(Each::Market) if priced => {
                vec![is(Matcher::Market(Box::new(MarketMatcher { price, ..MarketMatcher::default() })))]
            }
            Some(Each::Prediction) if priced => {
                vec![is(Matcher::Prediction(Box::new(PredictionMatcher { price, ..PredictionMatcher::default() })))]
            }
            _ => Vec::new(),
        }
    }

    /// The window and the rule's condition, which holds what the window needs to know.
    pub(super) fn finish(self, when: Condition) -> (Window, Condition) {
        let identity = self.identity();
        let mut window = self.window;
        let events: Vec<_> = self.steps.into_iter().map(|(on, _)| on).collect();
        let Condition::All(mut all) = when else { return (window, when) };
        if let WindowKind::Sequence { steps } = &mut window.kind
            && let Some(Condition::Any { of, .. }) = all.last()
        {
            let base = all.get(..all.len() - 1).unwrap_or_default();
            let of_step = |(on, step): (Vec<Event>, &Condition)| {
                let all = base.iter().chain(&identity).chain([step]).cloned().collect();
                Step { on, when: Condition::All(all) }
            };
            *steps = events.into_iter().zip(of).map(of_step).collect();
        }
        all.extend(identity);
        (window, Condition::All(all))
    }
}
