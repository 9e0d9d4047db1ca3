//! `digest` and `quiet` of an action: what is kept, to be told together, and until when.

use std::sync::Arc;
use std::time::Duration;

use super::{Defaults, is_chat};
use crate::model::action::{Action, Digest, Overflow, Quiet, Span};
use crate::model::limits::{DIGEST_COUNT, DIGEST_EVERY};
use crate::model::time::Timestamp;
use crate::rules::check::Check;
use crate::rules::diagnostic::Diagnostic;
use crate::rules::hours;
use crate::rules::keys::Place;
use crate::rules::read::{Field, Table};
use crate::rules::units::{duration, written};

/// A Monday: where the longest of a week's quiet hours are looked for from.
const MONDAY: Timestamp = Timestamp::from_millis(1_767_571_200_000);

/// What is kept, and where that is written.
pub(super) struct Kept {
    pub(super) digest: Digest,
    pub(super) span: Span,
}

/// Reads both. Of what has no digests, that is said.
pub(super) fn read<'a>(check: &mut Check<'a>, table: &mut Table<'a>, trading: bool, defaults: &Defaults) -> Option<Kept> {
    let (digest, quiet) = (table.take("digest"), table.take("quiet"));
    let first = digest.or(quiet)?;
    let whole = [digest, quiet].into_iter().flatten().filter(|field| can(check, *field, table.place, trading)).count();
    let (mut kept, mut fine) = (Digest::default(), whole > 0);
    if let Some(field) = digest {
        fine &= until(check, field, &mut kept);
    }
    if let Some(field) = quiet {
        let hours = hours::read(check, field, &defaults.zone);
        if hours.as_ref().is_some_and(hours::Hours::is_always_open) {
            let mistake = Diagnostic::error(
                "useless-hours",
                field.node.span,
                "these are all hours of the week: nothing would ever be told",
            );
            check.report(mistake.help("to send nothing write `mode = \"paper\"` or `mode = \"off\"`"));
            fine = false;
        }
        fine &= hours.is_some();
        kept.quiet = hours.map(|hours| Quiet(Arc::new(hours)));
    }
    fine.then_some(Kept { digest: kept, span: first.key })
}

/// Whether there can be digests, or a report.
fn can(check: &mut Check<'_>, field: Field<'_>, place: Place, trading: bool) -> bool {
    let problem = if !is_chat(place) {
        format!("{} keeps nothing to tell it together: that is for chats, which people read", place.name())
    } else if trading {
        "orders cannot be kept and told together".to_owned()
    } else {
        return true;
    };
    let help = "remove it; in which hours a rule fires is the rule's `active`";
    check.report(Diagnostic::error("bad-digest", field.key, problem).help(help));
    false
}

/// `digest = { every = "15m", count = 20 }`.
fn until<'a>(check: &mut Check<'a>, field: Field<'a>, kept: &mut Digest) -> bool {
    const EXAMPLE: &str = "{ every = \"15m\", count = 20 }";
    let Some(mut table) = field.node.table(check, "digest", Place::Digest, EXAMPLE) else { return false };
    let errors = check.errors();
    if let Some(field) = table.take("every") {
        kept.every = duration(check, field);
        if kept.every.is_some_and(|every| !(Duration::from_secs(1)..=DIGEST_EVERY).contains(&every)) {
            let message = format!("a digest comes every second at most and every {} at least", written(DIGEST_EVERY));
            check.report(Diagnostic::error("bad-duration", field.node.span, message));
        }
    }
    if let Some(field) = table.take("count") {
        kept.count = field.node.as_integer().and_then(|count| usize::try_from(count).ok());
        match kept.count {
            None => field.node.wrong(check, "count", "a whole number", "20"),
            Some(2..=DIGEST_COUNT) => {}
            Some(_) => {
                let message = format!("`count` is a number from 2 to {DIGEST_COUNT}");
                check.report(Diagnostic::error("bad-digest", field.node.span, message));
            }
        }
    }
    table.finish(check);
    if check.errors() == errors && kept.every.is_none() && kept.count.is_none() {
        let mistake = Diagnostic::error("missing-key", field.node.span, "this `digest` does not say when it is told");
        check.report(mistake.help(format!("for example `digest = {EXAMPLE}`: whichever comes first")));
    }
    check.errors() == errors
}

/// What becomes of more than may go, where something is kept: what waits already is told together, and never dropped.
pub(super) fn overflow(
    check: &mut Check<'_>,
    kept: Option<&Kept>,
    (own, at): (Option<Overflow>, Option<Field<'_>>),
    default: Option<Overflow>,
) -> Overflow {
    let Some(Kept { digest, span }) = kept else { return own.or(default).unwrap_or_default() };
    if let (Some(Overflow::Drop), Some(field)) = (own, at) {
        let mistake = Diagnostic::error("bad-overflow", field.node.span, "what is dropped cannot be told later");
        check.report(mistake.also(*span, "kept here").help("remove one of them"));
    }
    if digest.every.is_some() || digest.count.is_some() {
        return Overflow::Digest;
    }
    own.or(default).filter(|overflow| *overflow != Overflow::Drop).unwrap_or_default()
}

/// Warns of what is too old by the time at which it would be told.
pub(in crate::rules) fn in_time(check: &mut Check<'_>, digest: &Digest, max_age: Duration, span: Span) {
    let too_late = |message: String| {
        let message = format!("{message}, and nothing older than {} is sent", written(max_age));
        Diagnostic::warning("digest-too-late", span, message)
    };
    let help = |wanted: Duration| {
        let hours = Duration::from_secs(wanted.as_secs().div_ceil(3_600) * 3_600);
        let wanted = if wanted > Duration::from_secs(3_600) { hours } else { wanted };
        format!("what is too old is left out and recorded as expired; write `max_age = \"{}\"` or more", written(wanted))
    };
    match (digest.every, digest.count) {
        (Some(every), _) if every >= max_age => {
            let mistake = too_late(format!("the digest comes {} after the first that is kept", written(every)));
            check.report(mistake.label("that one is always too old by then").help(help(every * 2)));
        }
        (None, Some(count)) => {
            let mistake = too_late(format!("the digest comes when there are {count}, however long that takes"));
            let help = format!(
                "tell what there is after a while as well: `digest = {{ every = \"{}\", count = {count} }}`",
                written(max_age / 2)
            );
            check.report(mistake.help(help));
        }
        _ => {}
    }
    let longest = digest.quiet.as_ref().map(longest);
    if let Some(longest) = longest.filter(|longest| *longest >= max_age) {
        let mistake = too_late(format!("the quiet hours last {}", written(longest)));
        let wanted = longest + digest.every.unwrap_or(Duration::from_secs(3_600));
        check.report(mistake.label("what comes first in them is too old at their end").help(help(wanted)));
    }
}

/// The longest of a week's quiet hours.
fn longest(Quiet(hours): &Quiet) -> Duration {
    let (mut at, mut longest) = (MONDAY, Duration::ZERO);
    // Two weeks, as the first may be cut.
    while at.since(MONDAY) < Duration::from_secs(14 * 86_400) {
        let Some(next) = hours.next_change(at) else { break };
        if hours.is_open(at) {
            longest = longest.max(next.since(at));
        }
        at = next;
    }
    longest
}

/// How a message that an action is given at this moment is kept, in words: `every 15m, or when there are 20`. `None`: it is sent at once.
#[must_use]
pub fn in_digest(action: &Action, at: Timestamp) -> Option<String> {
    let digest = action.digest.as_ref()?;
    if let Some(quiet) = digest.quiet.as_ref().filter(|quiet| quiet.0.is_open(at)) {
        return Some(format!("at the end of the quiet hours ({})", quiet.0.in_words()));
    }
    match (digest.every, digest.count) {
        (Some(every), Some(count)) => Some(format!("{} after its first, or when there are {count}", written(every))),
        (Some(every), None) => Some(format!("{} after its first", written(every))),
        (None, Some(count)) => Some(format!("when there are {count}")),
        (None, None) => None,
    }
}
