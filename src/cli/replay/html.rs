//! What a replay has found, as one page for a browser: it needs nothing else, runs nothing, and whatever a tweet says stays text in it.

use std::fmt::Write as _;
use std::time::Duration;

use super::evaluate::Evaluated;
use super::prices::{self, change, change_shown, marks, middle};
use super::shown::{NOT_COMPARED, differing_numbers, placed};
use crate::cli::moments::{Moments, span};
use crate::cli::progress::grouped;
use crate::render::sanitise;
use crate::replay::{Difference, Order, RuleSummary, Sighting, Summary, Timeline, Told};

const STYLE: &str = include_str!("html.css");
/// Bars of the great chart, and of a rule's.
const BARS: usize = 96;
const BARS_OF_RULE: usize = 48;
/// Rows of a list; the newest orders and the first of what differs.
const ROWS: usize = 2_000;

/// The page.
pub(super) fn page(of: &Evaluated, moments: &Moments) -> String {
    let summary = &of.summary;
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>birdcall replay</title>\n<style>\n{STYLE}</style></head><body><main>\n"
    );
    out.push_str(&head(of, moments));
    let chart = chart(&summary.timeline, moments);
    if !chart.is_empty() {
        let width = span(summary.timeline.in_at_most(BARS).width());
        let _ = writeln!(out, "<h2>Firings over time</h2><p>Each bar is {width}.</p><div class=\"chart\">{chart}</div>");
    }
    out.push_str(&rules(summary));
    if !summary.orders.is_empty() {
        out.push_str(&orders(summary, moments));
    }
    if let Some(difference) = &of.difference {
        out.push_str(&compared(difference, moments));
    }
    out.push_str(
        "<footer>Made by birdcall replay. Nothing was sent. The pace of lanes, orders that were disarmed and what destinations would have \
         answered are not part of it.</footer>\n</main></body></html>\n",
    );
    out
}

/// Anybody's words: one line, nothing that is not shown as itself, and nothing that HTML reads as more than text.
fn text(words: &str) -> String {
    let line = sanitise::line(words);
    let mut out = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

fn head(of: &Evaluated, moments: &Moments) -> String {
    let (summary, ends) = (&of.summary, of.summary.ends());
    let mut out = "<h1>birdcall replay</h1>".to_owned();
    match (summary.from, summary.to) {
        (Some(from), Some(to)) => {
            let (from, to, length) = (moments.local(from), moments.local(to), span(to.since(from)));
            let _ = write!(out, "<p>{from} to {to} ({length}), replayed in {}.</p>", span(of.took));
        }
        _ => out.push_str("<p>There are no entries in the past that was asked for.</p>"),
    }
    let tiles = [
        ("entries", summary.entries),
        ("firings", summary.firings),
        ("messages", ends.messages),
        ("orders", ends.orders),
        ("on paper", ends.paper),
        ("expired", ends.expired),
        ("incomplete", ends.incomplete),
    ];
    out.push_str("<div class=\"tiles\">");
    for (word, number) in tiles {
        let _ = write!(out, "<div class=\"tile\"><b>{}</b><span>{word}</span></div>", grouped(number));
    }
    out.push_str("</div>\n");
    let left_out = of.faults.number + of.damaged;
    if left_out > 0 {
        let _ = write!(out, "<p class=\"warn\">{} lines could not be read and were left out.</p>", grouped(left_out));
    }
    if let Some(why) = &of.stopped {
        let _ = write!(out, "<p class=\"warn\">Not all could be read: {}.</p>", text(&why.to_string()));
    }
    out
}

/// Bars with an axis of times.
fn chart(timeline: &Timeline, moments: &Moments) -> String {
    const WIDE: usize = 1_000;
    const HIGH: usize = 180;
    const FOOT: usize = 22;
    const TOP: usize = 16;
    let timeline = timeline.in_at_most(BARS);
    let buckets: Vec<_> = timeline.buckets().collect();
    let most = buckets.iter().map(|(_, count)| *count).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let mut out = format!("<svg viewBox=\"0 0 {WIDE} {}\" role=\"img\" aria-label=\"Firings over time\">", TOP + HIGH + FOOT);
    let _ = write!(out, "<text x=\"0\" y=\"11\">{}</text>", grouped(most));
    let step = share(WIDE, 1, buckets.len());
    for (place, (start, count)) in buckets.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
        let tall =
            share(HIGH, usize::try_from(*count).unwrap_or(usize::MAX), usize::try_from(most).unwrap_or(usize::MAX)).max(1.5);
        let (x, y) = (step * number(place), number(TOP + HIGH) - tall);
        let (wide, when) = ((step * 0.86).min(40.0), moments.local(*start));
        let _ = write!(
            out,
            "<rect class=\"bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\"><title>{when}: {count}</title></rect>"
        );
    }
    let ground = TOP + HIGH;
    let _ = write!(out, "<line class=\"axis\" x1=\"0\" y1=\"{ground}\" x2=\"{WIDE}\" y2=\"{ground}\"/>");
    let labels = buckets.len().min(6);
    for label in 0..labels {
        let place = label * buckets.len() / labels;
        if let Some((start, _)) = buckets.get(place) {
            let _ = write!(out, "<text x=\"{:.1}\" y=\"{}\">{}</text>", step * number(place), ground + 15, moments.local(*start));
        }
    }
    out.push_str("</svg>");
    out
}

/// A rule's own small chart, over the time of all.
fn spark(timeline: &Timeline, all: &Timeline) -> String {
    const WIDE: usize = 150;
    const HIGH: usize = 24;
    let counts = timeline.spread(all);
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let mut out = format!("<svg viewBox=\"0 0 {WIDE} {HIGH}\" aria-hidden=\"true\">");
    let step = share(WIDE, 1, counts.len());
    for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let tall =
            share(HIGH, usize::try_from(*count).unwrap_or(usize::MAX), usize::try_from(most).unwrap_or(usize::MAX)).max(1.0);
        let (x, y, wide) = (step * number(place), number(HIGH) - tall, (step * 0.85).clamp(1.0, 12.0));
        let _ = write!(out, "<rect class=\"bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\"/>");
    }
    out.push_str("</svg>");
    out
}

#[expect(clippy::cast_precision_loss, reason = "drawn, not reckoned with")]
fn number(of: usize) -> f64 {
    of as f64
}

fn share(whole: usize, part: usize, of: usize) -> f64 {
    number(whole) * number(part) / number(of.max(1))
}

fn cell(number: u64) -> String {
    format!("<td class=\"n{}\">{}</td>", if number == 0 { " zero" } else { "" }, grouped(number))
}

/// A column of counts: its word, and what is counted.
type Column = (&'static str, fn(&RuleSummary) -> u64);

const COUNTS: [Column; 14] = [
    ("Firings", |rule| rule.firings),
    ("Authors", |rule| rule.authors),
    ("Tokens", |rule| rule.tokens),
    ("Messages", |rule| rule.ends.messages),
    ("Orders", |rule| rule.ends.orders),
    ("Paper", |rule| rule.ends.paper),
    ("Off", |rule| rule.ends.off),
    ("Expired", |rule| rule.ends.expired),
    ("Incomplete", |rule| rule.ends.incomplete),
    ("Over day", |rule| rule.ends.max_per_day),
    ("Muted", |rule| rule.ends.muted),
    ("Cooldown", |rule| rule.ends.cooldown),
    ("Limit", |rule| rule.ends.limit),
    ("Out of hours", |rule| rule.ends.out_of_hours),
];
/// The first of them are always shown; of the others, those in which there is something.
const ALWAYS: usize = 5;

fn rules(summary: &Summary) -> String {
    let mut rules: Vec<_> = summary.rules.iter().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.firings));
    let all = summary.timeline.in_at_most(BARS_OF_RULE);
    let says = |(place, (_, count)): &(usize, Column)| *place < ALWAYS || rules.iter().any(|rule| count(rule) > 0);
    let columns: Vec<_> = COUNTS.into_iter().enumerate().filter(says).map(|(_, column)| column).collect();
    let mut out = "<h2>Rules</h2><div class=\"scroll\"><table><tr><th>Rule</th><th>When</th>".to_owned();
    let has_worth = summary.worth.is_some_and(|worths| marks(&worths).iter().any(|(_, worth)| worth.known > 0));
    let worth: &[&str] = if has_worth { &["+1 min", "+5 min", "+1 h"] } else { &[] };
    let words = columns.iter().map(|(word, _)| *word).chain(worth.iter().copied()).chain(["p50", "p95"]);
    words.for_each(|word| out.push_str(&format!("<th class=\"n\">{word}</th>")));
    out.push_str("</tr>\n");
    for rule in rules {
        out.push_str(&rule_row(rule, &columns, &all, has_worth));
    }
    out.push_str("</table></div><p class=\"note\">p50 and p95: from a tweet's creation to the firing, of what came live.</p>\n");
    out
}

fn rule_row(rule: &RuleSummary, columns: &[Column], all: &Timeline, has_worth: bool) -> String {
    let mode = if rule.mode == "armed" { String::new() } else { format!(" <span class=\"warn\">{}</span>", rule.mode) };
    let mut out = format!("<tr><td>{}{mode}</td><td>{}</td>", text(&rule.name), spark(&rule.timeline, all));
    columns.iter().for_each(|(_, count)| out.push_str(&cell(count(rule))));
    for (_, worth) in marks(&rule.worth.unwrap_or_default()).iter().filter(|_| has_worth) {
        let _ = write!(out, "<td class=\"n\">{}</td>", middle(worth));
    }
    for delay in [rule.delay_p50_ms, rule.delay_p95_ms] {
        let shown = delay.map_or_else(|| "–".to_owned(), |ms| span(Duration::from_millis(ms)));
        let _ = write!(out, "<td class=\"n\">{shown}</td>");
    }
    out.push_str("</tr>\n");
    out
}

fn orders(summary: &Summary, moments: &Moments) -> String {
    let all = &summary.orders;
    let number = all.len() as u64 + summary.orders_not_followed;
    let mut out = format!(
        "<h2>Orders that would have been placed</h2><p>{}. Prices are as the record tells them: at the first sighting then or later.</p>",
        placed(summary)
    );
    out.push_str("<div class=\"tiles\">");
    for (after, worth) in marks(&summary.worth.unwrap_or_default()) {
        let Some(median) = worth.median_percent else { continue };
        let class = if median < 0.0 { "down" } else { "up" };
        let _ = write!(
            out,
            "<div class=\"tile\"><b class=\"{class}\">{}</b><span>the middle one of {} after {after}; {} of them up, {} unknown</span></div>",
            prices::percent(median),
            grouped(worth.known),
            grouped(worth.up),
            grouped(worth.unknown)
        );
    }
    out.push_str(
        "</div><div class=\"scroll\"><table><tr><th>At</th><th>Rule</th><th>Action</th><th>Author</th><th>Token</th>\
         <th class=\"n\">Price</th><th class=\"n\">+1 min</th><th class=\"n\">+5 min</th><th class=\"n\">+1 h</th><th>Tweet</th></tr>\n",
    );
    all.iter().rev().take(ROWS).for_each(|order| out.push_str(&order_row(order, moments)));
    out.push_str("</table></div>\n");
    if number > ROWS as u64 {
        let _ = write!(out, "<p class=\"note\">The latest {} are listed.</p>", ROWS.min(all.len()));
    }
    out
}

fn order_row(order: &Order, moments: &Moments) -> String {
    let mut out = format!(
        "<tr><td>{}</td><td>{}</td><td>{}{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td>",
        moments.local(order.firing.at),
        text(&order.firing.rule),
        text(&order.action),
        if order.paper { " <span class=\"warn\">paper</span>" } else { "" },
        author(&order.firing),
        text(order.token.as_deref().unwrap_or("–")),
        prices::shown(order.then),
    );
    let later: [(Option<Sighting>, u64); 3] = [(order.after_1m, 60_000), (order.after_5m, 300_000), (order.after_1h, 3_600_000)];
    for (seen, asked) in later {
        let class = match change(order.then, seen) {
            Some(change) if change > 0.0 => " up",
            Some(change) if change < 0.0 => " down",
            _ => "",
        };
        let _ = write!(out, "<td class=\"n{class}\">{}</td>", change_shown(order, seen, asked));
    }
    let _ = writeln!(out, "<td class=\"text\">{}</td></tr>", words(&order.firing));
    out
}

fn author(told: &Told) -> String {
    told.author.as_deref().map_or_else(|| "–".to_owned(), |author| format!("@{}", text(author)))
}

/// The tweet's first words, as a link that we have built.
fn words(told: &Told) -> String {
    let words = text(told.text.as_deref().unwrap_or(&told.subject));
    match told.link.as_deref().filter(|link| link.starts_with("https://")) {
        Some(link) => format!("<a rel=\"noreferrer noopener\" href=\"{}\">{words}</a>", text(link)),
        None => words,
    }
}

fn compared(difference: &Difference, moments: &Moments) -> String {
    let mut out = format!("<h2>Compared with the old rules</h2><p>Firings: {}.</p>", differing_numbers(difference));
    if difference.not_compared > 0 {
        let _ = write!(out, "<p class=\"warn\">{} more {NOT_COMPARED}.</p>", grouped(difference.not_compared));
    }
    let sides = [
        (&difference.appear, "+", "up"),
        (&difference.disappear, "−", "down"),
        (&difference.held, "held", "down"),
        (&difference.released, "sent", "up"),
    ];
    if sides.iter().all(|(side, ..)| side.is_empty()) {
        return out;
    }
    out.push_str("<div class=\"scroll\"><table><tr><th></th><th>At</th><th>Rule</th><th>Author</th><th>Tweet</th></tr>\n");
    for (side, sign, class) in sides {
        for told in side.iter().take(ROWS) {
            let (at, rule) = (moments.local(told.at), text(&told.rule));
            let _ = writeln!(
                out,
                "<tr><td class=\"{class}\">{sign}</td><td>{at}</td><td class=\"{class}\">{rule}</td><td>{}</td><td class=\"text\">{}</td></tr>",
                author(told),
                words(told)
            );
        }
    }
    out.push_str("</table></div>\n");
    for (side, more, word) in [
        (&difference.appear, difference.more_appear, "appear"),
        (&difference.disappear, difference.more_disappear, "disappear"),
        (&difference.held, difference.more_held, "are held back now"),
        (&difference.released, difference.more_released, "are sent now"),
    ] {
        let cut = side.len().saturating_sub(ROWS) as u64 + more;
        if cut > 0 {
            let _ = write!(out, "<p class=\"note\">{} more that {word} are not listed.</p>", grouped(cut));
        }
    }
    out
}
