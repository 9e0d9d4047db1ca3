//! Templates against their rule: what a `json` or `form` cannot do without must be there when the rule fires, or nothing is sent; and what a
//! message shows should be.

use super::check::Check;
use super::diagnostic::{Diagnostic, Severity};
use super::keys::list;
use super::presence::{Known, Way};
use super::send::Context;
use super::template::reads::{ELEMENT, Read};
use super::when::Presence;
use super::window;
use crate::model::action::Span;

/// Places underlined in one report.
const SHOWN: usize = 3;
const OF_SILENCE: &str = "a silence has none";
const OF_NO_TOKEN: &str = "its matches are about no token";
const MEMBER_HAS: &str = "a match has a price where each is about one token: write `each = \"token\"` in the rule (or \"market\", \
                          \"prediction\"), or leave it out of the payload";
const SILENCE_HAS: &str = "of the last that was heard there is `author.handle`, `author.link`, `tweet.id`, `tweet.link`, `tweet.created_at`, \
                           `window.members`, and the `token` where that is what `per` counts";

/// A value that a payload needs, as it is called, and where.
struct Lacking {
    name: String,
    span: Span,
    way: Option<Way>,
    /// What is in front of the last step may be absent as well, so that `default` on the whole does not help.
    whole: String,
    default_helps: bool,
}

/// Reports what the payload of a send needs and the rule's firings never have, or may not have yet.
pub(super) fn check(check: &mut Check<'_>, context: &Context<'_>, reads: &[(Span, Read)], trading: bool, send: Span) {
    let Some(tree) = context.tree.filter(|_| context.whole) else { return };
    if reads.is_empty() {
        return;
    }
    let known = Known::new(context, tree);
    for presence in [Presence::Never, Presence::Maybe] {
        let mut found: Vec<Lacking> = Vec::new();
        for (span, read) in reads {
            let Some(lacking) = lacking(&known, read, *span, presence) else { continue };
            if !found.iter().any(|before| before.name == lacking.name) {
                found.push(lacking);
            }
        }
        if let Some(first) = found.first() {
            check.report(report(first, &found, context, presence, trading, send));
        }
    }
}

/// Warns of what a message shows of a silence, and no silence has.
pub(super) fn check_message(check: &mut Check<'_>, context: &Context<'_>, reads: &[(Span, Read)], send: Span) {
    let Some(tree) = context.tree.filter(|_| context.whole && is_silence(context)) else { return };
    let known = Known::new(context, tree);
    let mut found: Vec<Lacking> = Vec::new();
    for (span, read) in reads {
        let Some(lacking) = lacking(&known, read, *span, Presence::Never) else { continue };
        if !found.iter().any(|before| before.name == lacking.name) {
            found.push(lacking);
        }
    }
    let Some(first) = found.first() else { return };
    let names: Vec<&str> = found.iter().map(|lacking| lacking.name.as_str()).collect();
    let are = if found.len() == 1 { "is" } else { "are" };
    let message =
        format!("{} {are} never there when `{}` fires: the message has nothing in that place", list(&names), context.name);
    let mut mistake = Diagnostic::warning("never-there", first.span, message).label(OF_SILENCE);
    for lacking in found.iter().skip(1).take(SHOWN - 1) {
        mistake = mistake.also(lacking.span, "nor this");
    }
    let mistake = mistake.also(context.key, "in this rule").also(send, "is sent this");
    check.report(mistake.help(format!("{SILENCE_HAS}; another `template` for this send may say that")));
}

fn is_silence(context: &Context<'_>) -> bool {
    context.over_time.is_some_and(window::Read::is_silence)
}

fn lacking(known: &Known<'_>, read: &Read, span: Span, wanted: Presence) -> Option<Lacking> {
    let steps: Vec<&str> = read.path.iter().map(String::as_str).collect();
    let (_, before) = steps.split_last()?;
    let steps = if read.last_may_be_absent { before } else { steps.as_slice() };
    // The first step that may be missing is the one to speak of: without it nothing behind it matters.
    let at = (1..=steps.len()).find(|end| steps.get(..*end).is_some_and(|path| known.presence(path) != Presence::Always))?;
    let path = steps.get(..at)?;
    if known.presence(path) != wanted {
        return None;
    }
    // With the table itself missing, what is asked of it is the surer way to it.
    let way = known.way(steps).or_else(|| known.way(path));
    let shown = |path: String| path.replace(&format!(".{ELEMENT}"), "[0]");
    let default_helps = at == read.path.len();
    Some(Lacking { name: shown(read.path.join(".")), span, way, whole: shown(path.join(".")), default_helps })
}

fn report(
    first: &Lacking,
    found: &[Lacking],
    context: &Context<'_>,
    presence: Presence,
    trading: bool,
    send: Span,
) -> Diagnostic {
    let names: Vec<&str> = found.iter().map(|lacking| lacking.name.as_str()).collect();
    let (names, rule) = (list(&names), context.name);
    let what = if trading { "no order" } else { "nothing" };
    let are = if found.len() == 1 { "is" } else { "are" };
    let mut mistake = if presence == Presence::Never {
        let message = format!("{names} {are} never there when `{rule}` fires, so {what} is ever sent");
        Diagnostic::new(Severity::Error, "always-incomplete", Some(first.span), message).label("nothing in `when` names it")
    } else {
        let message = if trading {
            format!("`{rule}` can fire before {names} {are} known: then the order is NOT sent")
        } else {
            format!("`{rule}` can fire before {names} {are} known: then nothing is sent")
        };
        Diagnostic::new(Severity::Warning, "may-be-incomplete", Some(first.span), message).label("may be absent")
    };
    if presence == Presence::Never && (first.whole.starts_with("tweet.") || first.whole.starts_with("account")) {
        mistake.label = "these events have none".to_owned();
    }
    let is_member = presence == Presence::Never && first.whole.starts_with("window.members");
    let is_silence = presence == Presence::Never && !is_member && is_silence(context);
    if is_silence {
        mistake.label = OF_SILENCE.to_owned();
    } else if is_member {
        mistake.label = OF_NO_TOKEN.to_owned();
    }
    for lacking in found.iter().skip(1).take(SHOWN - 1) {
        mistake = mistake.also(lacking.span, if presence == Presence::Never { "nor this" } else { "this too" });
    }
    let mistake = mistake.also(context.key, "in this rule");
    let mistake = if trading { mistake.also(send, "places the order") } else { mistake };
    mistake.help(match (is_silence, is_member) {
        (true, _) => SILENCE_HAS.to_owned(),
        (_, true) => MEMBER_HAS.to_owned(),
        _ => help(found, presence),
    })
}

/// Everything that helps, each way once.
fn help(found: &[Lacking], presence: Presence) -> String {
    let mut ways: Vec<String> = Vec::new();
    for element in ["token", "market", "prediction"] {
        let mut asked: Vec<&str> = Vec::new();
        let (mut inside, mut instead) = (false, None);
        for way in found.iter().filter_map(|lacking| lacking.way).filter(|way| way.element == element) {
            inside |= way.inside;
            instead = instead.or(way.instead);
            if !asked.contains(&way.asked) {
                asked.push(way.asked);
            }
        }
        let asked = asked.join(", ");
        match (asked.is_empty(), inside, instead) {
            (true, ..) => {}
            (false, true, _) => ways.push(format!("add `{asked}` inside the `{element} = {{ … }}` of `when`")),
            (false, false, None) => ways.push(format!("add `{element} = {{ {asked} }}` to `when`")),
            (false, false, Some(key)) => {
                let now = if key == "contract" { "contract" } else { "symbol" };
                ways.push(format!("in place of `{key}` write `token = {{ {now} = …, {asked} }}`, all about the same token"));
            }
        }
    }
    let without = found.iter().find(|lacking| lacking.way.is_none()).or(found.first());
    if let Some(lacking) = without.filter(|lacking| presence == Presence::Maybe || lacking.way.is_some()) {
        let Lacking { name, whole, .. } = lacking;
        let value = if name.ends_with(".price") { "0" } else { "\"none\"" };
        ways.push(match lacking.default_helps {
            true => format!("where the receiver can do without, give it a default: `{{{{ {name} | default({value}) }}}}`"),
            false => format!("where the receiver can do without, write `{{{{ {name} if {whole} else {value} }}}}`"),
        });
    }
    if ways.is_empty() { "leave it out of the payload".to_owned() } else { ways.join("; or, ") }
}
