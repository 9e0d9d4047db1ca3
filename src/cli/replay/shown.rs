//! What a replay has found, on a terminal and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::chart::chart;
use super::evaluate::Evaluated;
use super::prices::{self, change, change_shown, marks, middle};
use crate::cli::moments::{Moments, span};
use crate::cli::progress::{grouped, number_of};
use crate::cli::table::{self, Cell, FAINT, FINE, PLAIN, STRONG, WARNING, WRONG};
use crate::replay::{Difference, Order, RuleSummary, Summary, Told, Worths};

/// Orders and differences that are shown; JSON and the page have all that are known.
const SHOWN: usize = 20;
/// Rules that never fired and are named.
const NAMED: usize = 12;

/// For people.
pub(super) fn words(of: &Evaluated, moments: &Moments) -> String {
    let summary = &of.summary;
    let mut out = head(of, moments);
    let mut fired: Vec<_> = summary.rules.iter().filter(|rule| rule.firings > 0).collect();
    // The sort is stable: rules that fired as often stay in the order of the file.
    fired.sort_by_key(|rule| std::cmp::Reverse(rule.firings));
    if !fired.is_empty() {
        out.push('\n');
        out.push_str(&rules(&fired));
    }
    out.push_str(&silent(summary));
    let chart = chart(&summary.timeline, moments);
    if !chart.is_empty() {
        let _ = write!(out, "\n{chart}");
    }
    if !summary.orders.is_empty() {
        out.push('\n');
        out.push_str(&orders(summary, moments));
    }
    if let Some(difference) = &of.difference {
        out.push('\n');
        out.push_str(&compared(difference, moments));
    }
    out.truncate(out.trim_end().len());
    out
}

fn head(of: &Evaluated, moments: &Moments) -> String {
    let summary = &of.summary;
    let (Some(from), Some(to)) = (summary.from, summary.to) else {
        return "There are no entries in the past that was asked for.\n".to_owned();
    };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "shown, not reckoned with"
    )]
    let rate = (summary.entries as f64 / of.took.as_secs_f64().max(0.001)) as u64;
    let mut out = format!(
        "{} from {} to {} ({}), replayed in {} ({}/s)\n",
        entries(summary.entries),
        moments.local(from),
        moments.local(to),
        span(to.since(from)),
        span(of.took),
        grouped(rate)
    );
    if summary.backfilled > 0 {
        let _ =
            writeln!(out, "{} of them were fetched from the history: nothing is ordered on these", grouped(summary.backfilled));
    }
    let rules = number_of(summary.rules.len() as u64, "rule");
    let _ = writeln!(out, "{} of {rules}; nothing was sent", number_of(summary.firings, "firing"));
    out
}

fn entries(number: u64) -> String {
    format!("{} {}", grouped(number), if number == 1 { "entry" } else { "entries" })
}

fn rules(fired: &[&RuleSummary]) -> String {
    let head = [
        "RULE",
        "FIRINGS",
        "AUTHORS",
        "TOKENS",
        "SENT",
        "ORDERS",
        "PAPER",
        "OFF",
        "EXPIRED",
        "INCOMPLETE",
        "OVER DAY",
        "MUTED",
        "COOLDOWN",
        "LIMIT",
        "OUT OF HOURS",
        "+1 MIN",
        "+5 MIN",
        "+1 H",
        "P50",
        "P95",
    ];
    let rows: Vec<Vec<Cell>> = fired.iter().map(|rule| row(rule)).collect();
    // A column in which there is nothing says nothing.
    let known = |of: &RuleSummary, mark: fn(&Worths) -> u64| of.worth.as_ref().map_or(0, mark);
    let counts: [&dyn Fn(&RuleSummary) -> u64; 12] = [
        &|of| of.ends.paper,
        &|of| of.ends.off,
        &|of| of.ends.expired,
        &|of| of.ends.incomplete,
        &|of| of.ends.max_per_day,
        &|of| of.ends.muted,
        &|of| of.ends.cooldown,
        &|of| of.ends.limit,
        &|of| of.ends.out_of_hours,
        &|of| known(of, |of| of.after_1m.known),
        &|of| known(of, |of| of.after_5m.known),
        &|of| known(of, |of| of.after_1h.known),
    ];
    let empty: Vec<_> =
        (6..18).zip(counts).filter(|(_, count)| fired.iter().all(|rule| count(rule) == 0)).map(|(at, _)| at).collect();
    let head: Vec<_> = head.into_iter().enumerate().filter(|(at, _)| !empty.contains(at)).map(|(_, word)| word).collect();
    let kept = |row: Vec<Cell>| row.into_iter().enumerate().filter(|(at, _)| !empty.contains(at)).map(|(_, cell)| cell).collect();
    table::table(&head, rows.into_iter().map(kept).collect())
}

fn row(rule: &RuleSummary) -> Vec<Cell> {
    let ends = rule.ends;
    let [after_1m, after_5m, after_1h] = worth_cells(rule);
    let delay = |ms: Option<u64>| ms.map_or_else(|| "–".to_owned(), |ms| span(Duration::from_millis(ms)));
    vec![
        Cell::new(&rule.name, STRONG),
        Cell::number(rule.firings, PLAIN),
        Cell::number(rule.authors, PLAIN),
        Cell::number(rule.tokens, PLAIN),
        Cell::number(ends.messages, FINE),
        Cell::number(ends.orders, FINE),
        Cell::number(ends.paper, FAINT),
        Cell::number(ends.off, FAINT),
        Cell::number(ends.expired, WARNING),
        Cell::number(ends.incomplete, WRONG),
        Cell::number(ends.max_per_day, WARNING),
        Cell::number(ends.muted, FAINT),
        Cell::number(ends.cooldown, FAINT),
        Cell::number(ends.limit, FAINT),
        Cell::number(ends.out_of_hours, FAINT),
        after_1m,
        after_5m,
        after_1h,
        Cell::plain(delay(rule.delay_p50_ms)),
        Cell::plain(delay(rule.delay_p95_ms)),
    ]
}

/// The middle one of a rule's orders after each time.
fn worth_cells(rule: &RuleSummary) -> [Cell; 3] {
    marks(&rule.worth.unwrap_or_default()).map(|(_, worth)| {
        let style = match worth.median_percent {
            Some(median) if median > 0.0 => FINE,
            Some(median) if median < 0.0 => WRONG,
            _ => PLAIN,
        };
        Cell::new(middle(&worth), style)
    })
}

/// Rules that never fired: what one would not see otherwise.
fn silent(summary: &Summary) -> String {
    let (off, silent): (Vec<_>, Vec<_>) =
        summary.rules.iter().filter(|rule| rule.firings == 0).partition(|rule| rule.mode == "off");
    let named = |rules: &[&RuleSummary]| {
        let mut names: Vec<_> = rules.iter().take(NAMED).map(|rule| table::clean(&rule.name)).collect();
        if rules.len() > NAMED {
            names.push(format!("and {} more", rules.len() - NAMED));
        }
        names.join(", ")
    };
    let mut out = String::new();
    if !silent.is_empty() {
        let _ = write!(out, "\nNever fired: {}\n", named(&silent));
    }
    if !off.is_empty() {
        let _ = write!(out, "\nOff, so that they cannot fire: {}\n", named(&off));
    }
    out
}

fn orders(summary: &Summary, moments: &Moments) -> String {
    let all = &summary.orders;
    let mut out = placed(summary);
    let shown = all.len().min(SHOWN);
    if shown < all.len() {
        let _ = write!(out, "; the last {shown} of them (--json and --html have more)");
    }
    out.push_str(". Prices are as the record tells them: at the first sighting then or later\n");
    let rows = all.iter().skip(all.len() - shown).map(|order| order_row(order, moments)).collect();
    out.push_str(&table::table(&["AT", "RULE", "ACTION", "AUTHOR", "TOKEN", "PRICE", "+1 MIN", "+5 MIN", "+1 H"], rows));
    for (after, worth) in marks(&summary.worth.unwrap_or_default()) {
        if worth.known > 0 {
            let _ = writeln!(
                out,
                "after {after}: the middle one of {} at {}, {} of them up; of {} it is unknown",
                grouped(worth.known),
                middle(&worth),
                grouped(worth.up),
                grouped(worth.unknown)
            );
        }
    }
    if summary.orders_not_followed > 0 {
        let _ = writeln!(out, "{} older orders are counted, and not kept one by one", grouped(summary.orders_not_followed));
    }
    out
}

/// How many there were, and how many of them on paper only.
pub(super) fn placed(summary: &Summary) -> String {
    let orders = number_of(summary.orders.len() as u64 + summary.orders_not_followed, "order");
    let paper = summary.orders.iter().filter(|order| order.paper).count() as u64;
    let is_more = if paper > 0 && summary.orders_not_followed > 0 { "at least " } else { "" };
    let paper = if paper > 0 { format!(" ({is_more}{} on paper)", grouped(paper)) } else { String::new() };
    format!("{orders}{paper} would have been placed")
}

fn order_row(order: &Order, moments: &Moments) -> Vec<Cell> {
    let changed = |later, asked| {
        let style = match change(order.then, later) {
            Some(change) if change > 0.0 => FINE,
            Some(change) if change < 0.0 => WRONG,
            _ => PLAIN,
        };
        Cell::new(change_shown(order, later, asked), style)
    };
    let paper = if order.paper { " (paper)" } else { "" };
    vec![
        Cell::plain(moments.local(order.firing.at)),
        Cell::plain(&order.firing.rule),
        Cell::plain(format!("{}{paper}", order.action)),
        Cell::plain(order.firing.author.as_deref().unwrap_or("–")),
        Cell::plain(order.token.as_deref().unwrap_or("–")),
        Cell::plain(prices::shown(order.then)),
        changed(order.after_1m, 60_000),
        changed(order.after_5m, 300_000),
        changed(order.after_1h, 3_600_000),
    ]
}

fn compared(difference: &Difference, moments: &Moments) -> String {
    let mut out = format!("Firings compared with those of the old rules: {}\n", differing_numbers(difference));
    if difference.not_compared > 0 {
        let _ = writeln!(out, "{} more {NOT_COMPARED}", grouped(difference.not_compared));
    }
    let by_time = |all: &[Told], sign: &'static str, style| {
        let rows = all.iter().take(SHOWN).map(|told| differing(told, sign, style, moments)).collect::<Vec<_>>();
        (rows, all.len().saturating_sub(SHOWN) as u64)
    };
    let (mut rows, more_new) = by_time(&difference.appear, "+", FINE);
    let (gone, more_old) = by_time(&difference.disappear, "-", WRONG);
    let (more_new, more_old) = (more_new + difference.more_appear, more_old + difference.more_disappear);
    rows.extend(gone);
    let (held, more_of_held) = by_time(&difference.held, "held", WARNING);
    let (released, more_of_released) = by_time(&difference.released, "sent", FINE);
    rows.extend(held);
    rows.extend(released);
    if !rows.is_empty() {
        out.push_str(&table::table(&["", "AT", "RULE", "AUTHOR", "TEXT", "HELD BY"], rows));
    }
    let more_moved = more_of_held + more_of_released + difference.more_held + difference.more_released;
    if more_moved > 0 {
        let _ = writeln!(out, "and {} more of those that are held back or sent now", grouped(more_moved));
    }
    if more_new + more_old > 0 {
        let (new, old) = (grouped(more_new), grouped(more_old));
        let _ = writeln!(out, "and {new} more appear, {old} more disappear: --json has up to 100,000 of each, --html 2,000");
    }
    out
}

/// Of a firing of which it is not known whether both rule sets have it.
pub(super) const NOT_COMPARED: &str = "firings of one or the other could not be compared: too many differ";

/// How many differ.
pub(super) fn differing_numbers(difference: &Difference) -> String {
    let (appear, disappear) = (difference.appear.len() as u64, difference.disappear.len() as u64);
    let (appear, disappear) = (appear + difference.more_appear, disappear + difference.more_disappear);
    let (held, released) = (difference.held.len() as u64, difference.released.len() as u64);
    let (held, released) = (held + difference.more_held, released + difference.more_released);
    let moved = match (held, released) {
        (0, 0) => String::new(),
        _ => format!(", of which {} are held back now and {} are sent now", grouped(held), grouped(released)),
    };
    format!("{} new, {} gone, {} the same{moved}", grouped(appear), grouped(disappear), grouped(difference.both))
}

fn differing(told: &Told, sign: &str, style: anstyle::Style, moments: &Moments) -> Vec<Cell> {
    vec![
        Cell::new(sign, style),
        Cell::plain(moments.local(told.at)),
        Cell::new(&told.rule, style),
        Cell::plain(told.author.as_deref().unwrap_or("–")),
        Cell::plain(told.text.as_deref().unwrap_or(&told.subject)),
        Cell::plain(told.held.unwrap_or_default()),
    ]
}

/// For programs. The names stay.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<&'a Difference>,
    lines_left_out: u64,
    went_back: u64,
    is_whole: bool,
    took_ms: u64,
}

/// One object, on one line when it is one of many.
pub(super) fn json(of: &Evaluated, is_line: bool) -> String {
    let document = Document {
        kind: is_line.then_some("summary"),
        summary: &of.summary,
        compared: of.difference.as_ref(),
        lines_left_out: of.faults.number + of.damaged,
        went_back: of.went_back,
        is_whole: of.stopped.is_none(),
        took_ms: u64::try_from(of.took.as_millis()).unwrap_or(u64::MAX),
    };
    let written = if is_line { serde_json::to_string(&document) } else { serde_json::to_string_pretty(&document) };
    // Strings and numbers always serialise.
    written.unwrap_or_default()
}
