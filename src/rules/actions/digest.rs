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
    let is_all_kept = digest.every.is_some() || digest.count.is_some();
    if let (Some(Overflow::Drop), Some(field)) = (own, at) {
        let mistake = Diagnostic::error("bad-overflow", field.node.span, "what is dropped cannot be told later");
        check.report(mistake.also(*span, "kept here").help("remove one of them"));
    }
    if let (Some(Overflow::Queue), Some(field), true) = (own, at, is_all_kept) {
        let mistake = Diagnostic::warning(
            "useless-overflow",
            field.node.span,
            "what is kept for a digest is told together, however fast it comes",
        );
        check.report(mistake.label("changes nothing").also(*span, "kept here").help("remove one of them"));
    }
    if is_all_kept {
        return Overflow::Digest;
    }
    own.or(default).filter(|overflow| *overflow != Overflow::Drop).unwrap_or_default()
}

/// How old may become what is kept, where nobody says how old: for as long as it may be kept, and then as old as anything else that is sent.
pub(super) fn max_age(digest: &Digest, of_others: Duration) -> Duration {
    let quiet = digest.quiet.as_ref().map(|quiet| longest(quiet, A_YEAR)).unwrap_or_default();
    of_others + quiet + digest.every.unwrap_or_default()
}

/// Reports what is too old by the time at which it would be told. `own`: how old somebody lets it become, and where that is written; else it is
/// as old as it may be kept. `span`: where it is written that it is kept.
pub(in crate::rules) fn in_time(check: &mut Check<'_>, digest: &Digest, span: Span, own: Option<(Duration, Span)>) {
    let Some((max_age, at)) = own else {
        if let (None, Some(count)) = (digest.every, digest.count) {
            let message = format!(
                "the digest comes when there are {count}, however long that takes, and what is too old by then is left out"
            );
            let help = format!(
                "tell what there is after a while as well: `digest = {{ every = \"1h\", count = {count} }}`; or say how old it may become: `max_age = \"1d\"`"
            );
            check.report(Diagnostic::warning("digest-too-late", span, message).help(help));
        }
        return;
    };
    let sent = format!("nothing older than {} is sent", written(max_age));
    let help = |wanted: Duration| format!("leave `max_age` out, or write `max_age = \"{}\"` or more", written(wanted));
    if let Some(every) = digest.every.filter(|every| *every >= max_age) {
        let message = format!("the digest comes {} after the first that is kept, and {sent}", written(every));
        let mistake = match digest.count {
            None => Diagnostic::error("digest-too-late", at, message).label("the first is always too old by then"),
            Some(count) => Diagnostic::warning("digest-too-late", at, message)
                .label(format!("the first is too old by then, unless there are {count} before")),
        };
        check.report(mistake.also(span, "kept here").help(help(every * 2)));
    }
    let longest = digest.quiet.as_ref().map(|quiet| longest(quiet, TWO_WEEKS));
    if let Some(longest) = longest.filter(|longest| *longest >= max_age) {
        let message = format!("the quiet hours last {}, and {sent}", written(longest));
        let mistake = Diagnostic::warning("digest-too-late", at, message);
        let mistake = mistake.label("what comes first in them is too old at their end").also(span, "kept here");
        let wanted = longest + digest.every.unwrap_or(HOUR);
        check.report(mistake.help(help(HOUR * u32::try_from(wanted.as_secs().div_ceil(3_600)).unwrap_or(u32::MAX))));
    }
}

const HOUR: Duration = Duration::from_secs(3_600);
/// The first of the hours may be cut.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);
/// In which the clocks are put back, which makes a night longer.
const A_YEAR: Duration = Duration::from_secs(370 * 86_400);

/// The longest of the quiet hours within a time.
fn longest(Quiet(hours): &Quiet, within: Duration) -> Duration {
    let (mut at, mut longest) = (MONDAY, Duration::ZERO);
    while at.since(MONDAY) < within {
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
