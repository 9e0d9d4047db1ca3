//! `[actions.NAME]` → actions, with the templates and payloads that rules take over from them.

pub(super) mod digest;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::keys::{Place, not_yet};
use super::modes;
use super::names::choice;
use super::read::{Field, Node, Table};
use super::settings::Defaults;
use super::templates::{PayloadId, TemplateId, Templates, inner_span};
use super::units::{duration, rates};
use crate::model::action::{Action, Destination, Digest, Overflow, Span};
use crate::model::limits::{MAX_AGE, REQUEST_TIMEOUT};
use crate::model::mode::Mode;
use crate::model::rate::Rate;

/// The longest that one request may take: a lane does nothing else meanwhile.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);

/// An action and what only the loader needs to know of it.
#[derive(Debug)]
pub(super) struct Draft {
    /// `None`: something in it is wrong and has been reported.
    pub(super) action: Option<Action>,
    pub(super) place: Place,
    pub(super) key: Span,
    pub(super) own_max_age: Option<Duration>,
    /// Where it is written that what it has to tell is kept.
    pub(super) kept_at: Option<Span>,
    pub(super) trading: bool,
    pub(super) template: Option<TemplateId>,
    pub(super) payload: Option<PayloadId>,
    pub(super) used: bool,
}

/// All actions of all files.
#[derive(Debug, Default)]
pub(super) struct Actions<'a> {
    pub(super) drafts: Vec<Draft>,
    /// What was written of each draft.
    nodes: Vec<Node<'a>>,
    by_name: BTreeMap<&'a str, usize>,
}

impl<'a> Actions<'a> {
    /// The index of an action.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The names of all actions, sorted.
    pub(super) fn names(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.by_name.keys().copied()
    }

    /// Takes in one action.
    pub(super) fn define(&mut self, check: &mut Check<'a>, templates: &mut Templates<'a>, defaults: &Defaults, field: Field<'a>) {
        let known = self.find(field.name);
        if known.and_then(|at| self.nodes.get(at)).is_some_and(|first| first.is_same(field.node)) {
            return;
        }
        if let Some(first) = known.and_then(|at| self.drafts.get(at)) {
            let mistake = Diagnostic::error("duplicate-name", field.key, format!("the action `{}` is defined twice", field.name))
                .label("here again")
                .also(first.key, "first here")
                .help("give one of them another name, or make them the same");
            check.report(mistake);
            return;
        }
        let draft = read(check, templates, defaults, field);
        self.by_name.insert(field.name, self.drafts.len());
        self.drafts.push(draft);
        self.nodes.push(field.node);
    }

    /// Warns of the actions that no rule sends to.
    pub(super) fn unused(&self, check: &mut Check<'a>) {
        for (name, at) in &self.by_name {
            if let Some(draft) = self.drafts.get(*at).filter(|draft| !draft.used) {
                let mistake = Diagnostic::warning("unused-action", draft.key, format!("no rule sends to the action `{name}`"))
                    .help(format!("add `\"{name}\"` to the `send` of a rule, or remove it"));
                check.report(mistake);
            }
        }
    }
}

const EXAMPLE: &str = "{ type = \"discord\", url = \"env:DISCORD_URL\" }";

fn read<'a>(check: &mut Check<'a>, templates: &mut Templates<'a>, defaults: &Defaults, field: Field<'a>) -> Draft {
    let mut draft = Draft {
        action: None,
        place: Place::Free,
        key: field.key,
        own_max_age: None,
        kept_at: None,
        trading: false,
        template: None,
        payload: None,
        used: false,
    };
    let Some(mut table) = field.node.table(check, field.name, Place::Free, EXAMPLE) else { return draft };
    let Some(place) = place(check, &mut table, field) else { return draft };
    (draft.place, table.place) = (place, place);
    let destination = types::destination(check, &mut table, place, field.key);
    if place == Place::Webhook {
        draft.payload = templates.payload(check, &mut table);
        if let Some(field) = table.refuse("template") {
            let mistake = Diagnostic::error("misplaced-key", field.key, "webhooks take `json` or `form`, not `template`");
            check.report(
                mistake.help("for example `json = { text = \"{{ tweet.text }}\" }`; without either the whole firing is sent"),
            );
        }
    } else {
        draft.template = table.take("template").and_then(|field| templates.named_or_inline(check, field));
    }
    no_templates(check, field.node, place);
    let common = common(check, &mut table, defaults);
    draft.own_max_age = common.own_max_age;
    draft.kept_at = common.kept_at;
    draft.trading = common.trading;
    table.finish(check);
    draft.action = destination.map(|destination| Action {
        name: field.name.to_owned(),
        span: field.key,
        rate_limits: common.rate_limits.unwrap_or_else(|| documented_limits(&destination)),
        destination,
        overflow: common.overflow,
        digest: common.digest,
        max_age: common.max_age,
        timeout: common.timeout,
        trading: common.trading,
        mode: common.mode,
        max_per_day: common.max_per_day,
        retired: false,
    });
    draft
}

/// Reports braces where they would be sent as they are.
fn no_templates(check: &mut Check<'_>, node: Node<'_>, place: Place) {
    let Some(table) = node.as_table(place) else { return };
    let mut texts: Vec<Field<'_>> = Vec::new();
    for field in table.fields() {
        match field.name {
            "json" | "form" | "template" => {}
            _ => match field.node.as_table(Place::Free) {
                Some(inner) => texts.extend(inner.fields()),
                None => texts.push(field),
            },
        }
    }
    for field in texts {
        let text = field.node.as_text().unwrap_or_default();
        let Some(at) = text.find("{{").or_else(|| text.find("{%")) else { continue };
        let end =
            text.get(at..).and_then(|rest| rest.find("}}").or_else(|| rest.find("%}"))).map_or(text.len(), |end| at + end + 2);
        let span = inner_span(check, text, field.node.span, &(at..end));
        let message = format!("`{}` is no template: these braces would be sent as they are", field.name);
        let mistake = Diagnostic::error("no-template-here", span, message).label("nothing is put in here");
        check.report(mistake.help(if place == Place::Webhook {
            "only `json`, `form` and templates are templates: put the value into `json` or `form`, or make one action for each value"
        } else {
            "only `json`, `form` and templates are templates: put the value into a `template`, or make one action for each value"
        }));
    }
}

/// What kind of action it is, by its `type`.
fn place<'a>(check: &mut Check<'a>, table: &mut Table<'a>, action: Field<'a>) -> Option<Place> {
    let known = [
        ("discord", Place::Discord),
        ("telegram", Place::Telegram),
        ("slack", Place::Slack),
        ("webhook", Place::Webhook),
        ("console", Place::Console),
    ];
    let Some(field) = table.take("type") else {
        let mistake = Diagnostic::error("missing-key", action.key, format!("the action `{}` has no `type`", action.name))
            .help("add `type = \"discord\"`, `\"telegram\"`, `\"slack\"`, `\"webhook\"` or `\"console\"`");
        check.report(mistake);
        return None;
    };
    if let Some(kind @ ("redis" | "nats" | "sqs")) = field.node.as_text() {
        let at = Field { key: field.node.span, ..field };
        check.report(not_yet(
            &at,
            &format!("actions of type `{kind}`"),
            "`type = \"webhook\"` reaches anything that speaks HTTP",
            None,
        ));
        return None;
    }
    choice(check, field, &known)
}

struct Common {
    rate_limits: Option<Vec<Rate>>,
    overflow: Overflow,
    digest: Option<Digest>,
    kept_at: Option<Span>,
    own_max_age: Option<Duration>,
    max_age: Duration,
    timeout: Duration,
    trading: bool,
    mode: Mode,
    max_per_day: Option<u32>,
}

/// The keys that every type has.
fn common<'a>(check: &mut Check<'a>, table: &mut Table<'a>, defaults: &Defaults) -> Common {
    let rate_limits = table.take("rate_limit").map(|field| rates(check, field));
    let written = table.take("overflow");
    let own_overflow = written.and_then(|field| overflow(check, field));
    let own = table.take("max_age").and_then(|field| Some((duration(check, field)?, field.node.span)));
    let own_max_age = own.map(|(max_age, _)| max_age);
    let timeout = table.take("timeout").and_then(|field| timeout(check, field));
    let trading = table.take("trading").and_then(|field| field.node.boolean(check, "trading")).unwrap_or(false);
    if let (Some(Overflow::Digest), Some(field)) = (own_overflow, written) {
        no_digest(check, field, table.place, trading);
    }
    // What `[defaults]` say of digests is for the actions that can have one.
    let default = defaults.overflow.filter(|overflow| *overflow != Overflow::Digest || (is_chat(table.place) && !trading));
    let kept = digest::read(check, table, trading, defaults);
    let of_others = defaults.max_age.unwrap_or(MAX_AGE);
    let of_kept = kept.as_ref().map_or(of_others, |kept| digest::max_age(&kept.digest, of_others));
    let max_age = own_max_age.unwrap_or(of_kept);
    let overflow = digest::overflow(check, kept.as_ref(), (own_overflow, written), default);
    if let Some(kept) = &kept {
        digest::in_time(check, &kept.digest, kept.span, own);
    }
    let mode = table.take("mode");
    let mode = modes::strictest(check, mode, &[(defaults.mode, "`[defaults]`")]);
    let max_per_day = table.take("max_per_day").and_then(|field| max_per_day(check, field));
    Common {
        rate_limits,
        overflow,
        kept_at: kept.as_ref().map(|kept| kept.span),
        digest: kept.map(|kept| kept.digest),
        own_max_age,
        max_age,
        timeout: timeout.or(defaults.timeout).unwrap_or(REQUEST_TIMEOUT),
        trading,
        mode,
        max_per_day,
    }
}

/// `overflow`.
pub(super) fn overflow<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Overflow> {
    choice(check, field, &[("queue", Overflow::Queue), ("digest", Overflow::Digest), ("drop", Overflow::Drop)])
}

/// Whether people read it there, so that several alerts may become one message.
fn is_chat(place: Place) -> bool {
    matches!(place, Place::Discord | Place::Telegram | Place::Slack)
}

/// Reports a digest where there is none.
fn no_digest(check: &mut Check<'_>, field: Field<'_>, place: Place, trading: bool) {
    let problem = if !is_chat(place) {
        format!("{} has no digests: they are for chats, which people read", place.name())
    } else if trading {
        "orders cannot be digested into one message".to_owned()
    } else {
        return;
    };
    let mistake = Diagnostic::error("bad-overflow", field.node.span, problem);
    check.report(mistake.help("`\"queue\"` keeps the newest, `\"drop\"` sends what the pace lets through"));
}

/// `max_per_day`.
fn max_per_day(check: &mut Check<'_>, field: Field<'_>) -> Option<u32> {
    if field.node.as_integer() == Some(0) {
        let mistake = Diagnostic::error("bad-limit", field.node.span, "`max_per_day` cannot be zero");
        check.report(mistake.help("to send nothing write `mode = \"paper\"` or `mode = \"off\"`"));
        return None;
    }
    let most = field.node.as_integer().and_then(|count| u32::try_from(count).ok());
    if most.is_none() {
        field.node.wrong(check, "max_per_day", "a whole number above zero", "20");
    }
    most
}

/// `timeout` of one request.
pub(super) fn timeout<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Duration> {
    let timeout = duration(check, field)?;
    if timeout > LONGEST_TIMEOUT {
        let mistake = Diagnostic::error("bad-duration", field.node.span, "`timeout` cannot be longer than two minutes");
        check.report(mistake.help("it is the time of one request; how long an alert is worth sending is `max_age`"));
        return None;
    }
    Some(timeout)
}

/// The platforms' documented limits (DESTINATIONS 1).
fn documented_limits(destination: &Destination) -> Vec<Rate> {
    let limits: &[(u32, u64)] = match destination {
        Destination::Discord(_) => &[(5, 2), (30, 60)],
        Destination::Telegram(_) => &[(1, 1), (20, 60)],
        Destination::Slack(_) => &[(1, 1)],
        Destination::Webhook(_) | Destination::Console => &[],
    };
    limits.iter().filter_map(|&(count, seconds)| Rate::new(count, Duration::from_secs(seconds))).collect()
}
