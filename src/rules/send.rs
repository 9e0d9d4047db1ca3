//! `send` of a rule: which actions, and what is different for this rule.

use std::collections::HashMap;
use std::time::Duration;

use super::actions::Actions;
use super::brakes::apart;
use super::check::Check;
use super::condition::Matcher;
use super::diagnostic::Diagnostic;
use super::hours::Zone;
use super::keys::{Place, list};
use super::modes;
use super::read::{Field, Node};
use super::ruleset::Send;
use super::suppression;
use super::template::Scope;
use super::templates::{PayloadId, TemplateId, Templates};
use super::token;
use super::units::{duration, written};
use super::when::{Leaf, Tree};
use super::window;
use crate::model::action::{Destination, Slack, Span};
use crate::model::limits::MAX_AGE;
use crate::model::mode::Mode;
use crate::model::subject::Event;

/// A tweet is this old when it comes, nearly always: it has to be noticed and to travel.
const SOONEST: Duration = Duration::from_millis(200);

/// What a rule's `send` is judged against.
#[derive(Debug)]
pub(super) struct Context<'r> {
    pub(super) name: &'r str,
    pub(super) scope: Scope<'r>,
    pub(super) over_time: Option<&'r window::Read>,
    pub(super) tree: Option<&'r Tree>,
    /// No matcher of it was wrong, so that what it lacks is truly not asked.
    pub(super) whole: bool,
    pub(super) wait: Option<(Duration, Span)>,
    pub(super) max_age: Option<(Duration, Span)>,
    /// The stricter of the rule's and that of `[defaults]`.
    pub(super) mode: Mode,
    /// Where the rule's name stands.
    pub(super) key: Span,
}

/// Everything that is shared by all rules.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    pub(super) actions: Actions<'a>,
    pub(super) templates: Templates<'a>,
    /// Of `[defaults]`.
    pub(super) mode: Mode,
    /// The same: in which `active` is meant.
    pub(super) zone: Zone,
}

#[derive(Debug, Default)]
struct Overrides<'a> {
    mode: Option<Field<'a>>,
    max_age: Option<(Duration, Span)>,
    template: Option<TemplateId>,
    payload: Option<PayloadId>,
    brakes: suppression::Read<'a>,
    /// Where it says that what it sends is edited, which can be.
    update: Option<Field<'a>>,
}

/// All entries of a rule's `send`.
pub(super) fn read<'a>(check: &mut Check<'a>, shared: &mut Shared<'a>, field: Field<'a>, context: &Context<'_>) -> Vec<Send> {
    let nodes: Vec<_> = match field.node.as_list() {
        Some(items) => items.collect(),
        // One action needs no list around it.
        None => vec![field.node],
    };
    if nodes.is_empty() {
        let mistake = Diagnostic::error("empty-list", field.node.span, "this rule sends to nothing");
        check.report(mistake.help("name an action: `send = [\"desk\"]`"));
    }
    let mut sends: Vec<Send> = Vec::with_capacity(nodes.len());
    let mut places: HashMap<usize, Span> = HashMap::with_capacity(nodes.len());
    for node in nodes {
        let Some((action, span, overrides)) = entry(check, shared, node) else { continue };
        if let Some(first) = places.get(&action) {
            let mistake = Diagnostic::error("duplicate-name", span, "this rule names the same action twice")
                .label("here again")
                .also(*first, "first here")
                .help("remove one of them: a firing goes to an action once");
            check.report(mistake);
            continue;
        }
        places.insert(action, span);
        sends.extend(finish(check, shared, action, span, &overrides, context));
    }
    sends
}

/// The action that an entry names, and what it overrides.
fn entry<'a>(check: &mut Check<'a>, shared: &mut Shared<'a>, node: Node<'a>) -> Option<(usize, Span, Overrides<'a>)> {
    if let Some(name) = node.as_text() {
        return Some((find(check, shared, name, node.span)?, node.span, Overrides::default()));
    }
    let example = "[\"desk\", { to = \"bot\", max_age = \"2s\" }]";
    let mut table = node.table(check, "send", Place::Send, example)?;
    let to = table.take("to");
    let mut overrides = Overrides::default();
    if let Some(field) = table.take("max_age") {
        overrides.max_age = duration(check, field).map(|age| (age, field.node.span));
    }
    overrides.mode = table.take("mode");
    let template = table.take("template");
    overrides.template = template.and_then(|field| shared.templates.named_or_inline(check, field));
    let json = [table.has("json").then_some("json"), table.has("form").then_some("form")].into_iter().flatten().next();
    overrides.payload = shared.templates.payload(check, &mut table);
    overrides.brakes = suppression::of_send(check, &mut table);
    let update = table.take("update").and_then(|field| Some((field, field.node.boolean(check, "update")?)));
    table.finish(check);
    let Some(to) = to else {
        let mistake = Diagnostic::error("missing-key", node.span, "this entry of `send` names no action");
        check.report(mistake.help("add `to = \"desk\"`"));
        return None;
    };
    let name = to.node.text(check, "to", "\"desk\"")?;
    let action = find(check, shared, name, to.node.span)?;
    let place = shared.actions.drafts.get(action).map(|draft| draft.place)?;
    if let (Some(field), Place::Webhook) = (template, place) {
        let mistake = Diagnostic::error("misplaced-key", field.key, format!("`{name}` is a webhook, which takes no `template`"));
        check.report(mistake.help("say what is sent with `json` or `form`"));
    }
    if let (Some(key), Place::Discord | Place::Telegram | Place::Slack | Place::Console) = (json, place) {
        let mistake =
            Diagnostic::error("misplaced-key", node.span, format!("`{name}` is {}, which takes no `{key}`", place.name()));
        check.report(mistake.help("say what is sent with `template`"));
        overrides.payload = None;
    }
    if let Some((field, true)) = update {
        overrides.update = edits(check, shared, action, field).then_some(field);
    }
    Some((action, to.node.span, overrides))
}

/// Whether what is sent to an action can be edited; says so if it cannot.
fn edits(check: &mut Check<'_>, shared: &Shared<'_>, action: usize, field: Field<'_>) -> bool {
    let Some(draft) = shared.actions.drafts.get(action) else { return false };
    let destination = draft.action.as_ref().map(|action| &action.destination);
    let digest = draft.action.as_ref().and_then(|action| action.digest.as_ref());
    let is_digest = digest.is_some_and(|digest| digest.every.is_some() || digest.count.is_some());
    let why = match destination {
        // It is wrong, and that is said elsewhere.
        None => return false,
        Some(_) if draft.trading => "an order is not edited",
        Some(_) if is_digest => "what is told in a digest is not edited",
        Some(Destination::Discord(_) | Destination::Telegram(_) | Destination::Slack(Slack::App { .. })) => return true,
        Some(Destination::Slack(Slack::Webhook(_))) => "a webhook of Slack's cannot edit what it has posted",
        Some(Destination::Webhook(_)) => "a webhook takes no word back",
        Some(Destination::Console) => "what is printed stays as it is",
    };
    let mistake = Diagnostic::warning("no-update", field.key, format!("`update` changes nothing here: {why}"));
    check.report(mistake.label("each message is sent once, and stays").help(match destination {
        Some(_) if is_digest && !draft.trading => "send to an action without `digest`, and messages are edited",
        Some(Destination::Slack(_)) => "post with `token` and `channel` in the place of `url`, and messages are edited",
        _ => "leave `update` out: messages are edited on Discord, Telegram and, with a `token`, Slack",
    }));
    false
}

/// Whether what is learned later changes what a rule has sent; says so if it does not.
fn learns(check: &mut Check<'_>, context: &Context<'_>, update: Field<'_>) -> bool {
    let is_silence = context.over_time.is_some_and(|window| window.is_silence());
    if is_silence {
        let why = "a silence is not about the tweet that came before it";
        let mistake = Diagnostic::warning("no-update", update.key, format!("`update` changes nothing here: {why}"));
        check.report(mistake.label("each message is sent once, and stays").help("leave `update` out"));
    }
    !is_silence
}

/// The action of this name, which is used from now on, or a report.
pub(super) fn find<'a>(check: &mut Check<'a>, shared: &mut Shared<'a>, name: &str, span: Span) -> Option<usize> {
    if let Some(at) = shared.actions.find(name) {
        if let Some(draft) = shared.actions.drafts.get_mut(at) {
            draft.used = true;
        }
        return Some(at);
    }
    let mistake = Diagnostic::error("undefined-action", span, format!("there is no action `{name}`"));
    let near = check.suggestions.nearest(name, shared.actions.names());
    if let Some(draft) = near.and_then(|near| shared.actions.find(near)).and_then(|at| shared.actions.drafts.get_mut(at)) {
        draft.used = true;
    }
    check.report(match near {
        Some(near) => mistake.label(format!("did you mean `{near}`?")),
        None if !(1..=20).contains(&shared.actions.names().len()) => {
            mistake.help(format!("add `[actions.{name}]` with a `type`, such as `type = \"console\"`"))
        }
        None => {
            let names: Vec<_> = shared.actions.names().collect();
            mistake.help(format!("there is {}; or add `[actions.{name}]` with a `type`", list(&names)))
        }
    });
    None
}

/// An entry, with what it takes over from its action.
fn finish<'a>(
    check: &mut Check<'a>,
    shared: &mut Shared<'a>,
    action: usize,
    span: Span,
    overrides: &Overrides<'a>,
    context: &Context<'_>,
) -> Option<Send> {
    let draft = shared.actions.drafts.get(action)?;
    let (trading, key, own_max_age, kept_at) = (draft.trading, draft.key, draft.own_max_age, draft.kept_at);
    let of_action_mode = draft.action.as_ref().map_or(Mode::default(), |action| action.mode);
    let of_action = draft.action.as_ref().map_or(MAX_AGE, |action| action.max_age);
    let digest = draft.action.as_ref().and_then(|action| action.digest.clone());
    let template = overrides.template.or(draft.template);
    let payload = overrides.payload.or(draft.payload);
    if trading && own_max_age.is_none() && overrides.max_age.is_none() {
        let mistake = Diagnostic::error("missing-max-age", span, "an action with `trading = true` must have a `max_age`")
            .label("places orders, however late")
            .also(key, "this action has none of its own")
            .help("add `max_age = \"3s\"` to the action, or to every `send` that names it");
        check.report(mistake);
    }
    if trading {
        token::symbol_alone(check, context, span);
    }
    // Of the rule and the send the stricter counts, if one of them says other than the action.
    let of_rule = context.max_age.filter(|(age, _)| *age < overrides.max_age.map_or(of_action, |(age, _)| age));
    let own = of_rule.or(overrides.max_age);
    let (max_age, age_span) = (own.map_or(of_action, |(age, _)| age), overrides.max_age.map_or(span, |(_, span)| span));
    in_time(check, context, max_age, age_span);
    // Of the action's own age that was said with the action.
    if let (Some(digest), Some(kept_at), Some(_)) = (digest, kept_at, own) {
        super::actions::digest::in_time(check, &digest, kept_at, own);
    }
    if let Some(id) = template {
        super::incomplete::check_message(check, context, &shared.templates.shows(check, id), span);
    }
    let template = template.and_then(|id| shared.templates.chat(check, id, &context.scope));
    let compiled = payload.and_then(|id| shared.templates.compiled_payload(check, id, &context.scope));
    // Without a payload of its own a webhook is sent the whole firing, its token included.
    let uses_token = compiled.as_ref().is_none_or(|payload| payload.uses().contains(&"token"));
    if trading && uses_token {
        token::another(check, context, span);
    }
    let outer = if context.mode == shared.mode { "`[defaults]`" } else { "the rule" };
    let around = [(context.mode, outer), (of_action_mode, "the action")];
    let mode = modes::strictest(check, overrides.mode, &around);
    apart::check(check, overrides.brakes.1, context);
    if let Some(id) = payload.filter(|_| compiled.is_some()) {
        let reads = shared.templates.reads(check, id);
        super::incomplete::check(check, context, &reads, trading, span);
    }
    Some(Send {
        action,
        max_age: overrides.max_age.map(|(age, _)| age),
        mode,
        template,
        brakes: overrides.brakes.0.clone(),
        payload: compiled,
        update: overrides.update.is_some_and(|update| learns(check, context, update)),
    })
}

/// Reports what can never be sent in time.
fn in_time(check: &mut Check<'_>, context: &Context<'_>, max_age: Duration, span: Span) {
    let Some(tree) = context.tree else { return };
    if max_age < SOONEST && context.scope.on.contains(&Event::Tweet) {
        let message = format!("hardly anything is ever sent: `max_age` is {}", written(max_age));
        let mistake = Diagnostic::warning("never-in-time", span, message).label("sends nothing older");
        check.report(mistake.help("a tweet is some 200 ms old when it comes; \"2s\" or \"3s\" is short for an order"));
    }
    let mut meta = None;
    tree.each_leaf(false, &mut |leaf, _| meta = meta.or_else(|| needs_meta(leaf).then_some(leaf)));
    if let (Some(leaf), Some((wait, wait_span))) = (meta, context.wait.filter(|(wait, _)| *wait >= max_age)) {
        let message = format!(
            "what this rule waits for can come too late for this send: it waits {} and sends for {}",
            written(wait),
            written(max_age)
        );
        let mistake = Diagnostic::warning("late-send", wait_span, message)
            .label("waits this long")
            .also(leaf.span, "for this")
            .also(span, "is too old by then")
            .help("make `wait` shorter than `max_age`");
        check.report(mistake);
    }
    let mut required = Vec::new();
    super::when::gather_required(tree, &mut required);
    let late = required.into_iter().find(|leaf| match &*leaf.matcher {
        Matcher::Age(range) => {
            let least =
                [range.above, range.at_least, range.between.map(|(from, _)| from)].into_iter().flatten().fold(0.0, f64::max);
            least >= max_age.as_secs_f64() * 1_000.0
        }
        _ => false,
    });
    if let Some(leaf) = late {
        let mistake =
            Diagnostic::error("never-in-time", leaf.span, format!("nothing is ever sent: `max_age` is {}", written(max_age)))
                .label("asks for older tweets than that")
                .also(span, "sends nothing older")
                .help("raise `max_age` on the action or the send, or lower `age`");
        check.report(mistake);
    }
}

/// Whether it is known only when meta has come.
fn needs_meta(leaf: &Leaf) -> bool {
    match &*leaf.matcher {
        Matcher::Token(_) | Matcher::Market(_) | Matcher::Prediction(_) | Matcher::Price(_) => true,
        Matcher::Text(text) => text.fields.ocr,
        Matcher::Contract(contract) => contract.fields.ocr,
        _ => false,
    }
}
