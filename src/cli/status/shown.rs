//! A status → the lines that a person reads.

use std::fmt::Write as _;

use super::Rest;
use crate::cli::moments::{Moments, span};
use crate::cli::table::{self, Cell, FAINT, FINE, PLAIN, STRONG, WAITING, WARNING, WRONG, clean};
use crate::model::mode::Mode;
use crate::model::status::{
    Count, EditCounts, FeedState, FeedStatus, Gap, GapState, JournalState, JournalStatus, LaneState, LaneStatus, OrdersStatus,
    RulesStatus, Status, WindowStatus,
};

/// Of an instance that runs. Its own clock says what is how long ago.
pub(super) fn running(status: &Status) -> String {
    let moments = Moments::here(status.now);
    let mut out = format!(
        "{STRONG}birdcall {}{STRONG:#}, process {}, running for {}\n\n",
        clean(&status.version),
        status.pid,
        span(status.now.since(status.started_at))
    );
    feed(&mut out, &status.feed, &moments);
    if let Some(of) = &status.rules {
        rules(&mut out, of, &moments);
    }
    orders(&mut out, &status.orders, &moments);
    match status.mutes {
        0 => {}
        1 => topic(&mut out, "muted", &format!("{WARNING}1 mute holds{WARNING:#}; birdcall mutes shows it")),
        many => topic(&mut out, "muted", &format!("{WARNING}{many} mutes hold{WARNING:#}; birdcall mutes lists them")),
    }
    journal(&mut out, &status.journal);
    gaps(&mut out, &status.feed.gaps, &moments);
    if !status.lanes.is_empty() {
        lanes(&mut out, &status.lanes);
    }
    if !status.counts.is_empty() {
        let rows = status.counts.iter().map(count).collect();
        out.push('\n');
        let head = ["RULE", "ACTION", "MATCHED", "DELIVERED", "EXPIRED", "DEAD", "UNKNOWN", "PENDING", "SUPPRESSED"];
        out.push_str(&table::table(&head, rows));
    }
    if !status.windows.is_empty() {
        let rows = status.windows.iter().map(window).collect();
        out.push('\n');
        let head = ["WINDOW OF", "KEYS", "MATCHES", "KEYS FORGOTTEN", "MATCHES FORGOTTEN", "TOO LATE"];
        out.push_str(&table::table(&head, rows));
    }
    if let Some(refused) = status.rules.as_ref().and_then(|rules| rules.refused.as_ref()) {
        let _ = writeln!(out, "\n{WRONG}What is wrong with the rules files{WRONG:#}");
        refused.text.lines().for_each(|line| _ = writeln!(out, "{}", clean(line)));
    }
    if !(status.agree && status.counts.iter().all(Count::agrees)) {
        let _ = writeln!(
            out,
            "{WRONG}the counts do not agree: a delivery is unaccounted for, which is a bug in birdcall; please report it{WRONG:#}"
        );
    }
    out.truncate(out.trim_end().len());
    out
}

fn rules(out: &mut String, rules: &RulesStatus, moments: &Moments) {
    let plural = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let (of_rules, of_actions) = (plural(rules.rules, "rule"), plural(rules.actions, "action"));
    let mut words = format!("{of_rules} and {of_actions}, since {}", moments.both(rules.since));
    if !rules.after_restart.is_empty() {
        let names = clean(&rules.after_restart.join(", "));
        let _ = write!(words, "\n         {WARNING}{names} changed: that counts after a restart{WARNING:#}");
    }
    if let Some(refused) = &rules.refused {
        let _ = write!(
            words,
            "\n         {WRONG}not those of the files since {}{WRONG:#}: {}",
            moments.both(refused.at),
            clean(&refused.brief)
        );
    }
    topic(out, "rules", &words);
}

/// Of one that does not run.
pub(super) fn rest(not_running: &str, rest: &Rest, moments: &Moments) -> String {
    let mut out = format!("{}\n\n", clean(not_running));
    let heard = rest.last_alive.map_or_else(|| "never".to_owned(), |at| moments.both(at));
    topic(&mut out, "feed", &format!("last heard {heard}"));
    let orders = match &rest.switch {
        None => "as the rules say, from the next start on".to_owned(),
        Some(switch) => {
            let word = if switch.armed { "armed" } else { "disarmed" };
            format!("{word} from the next start on, since {}: {}", moments.both(switch.at), clean(&switch.why))
        }
    };
    topic(&mut out, "orders", &orders);
    let pending = match rest.pending.len() {
        0 => "nothing is pending".to_owned(),
        1 => "1 delivery is pending; the next start resumes it, unless it has expired".to_owned(),
        many => format!("{many} deliveries are pending; the next start resumes those that have not expired"),
    };
    topic(&mut out, "journal", &pending);
    let found: Vec<_> = rest
        .gaps
        .iter()
        .rev()
        .map(|gap| {
            let state = GapState::ALL.iter().copied().find(|state| state.name() == gap.state.name()).unwrap_or(GapState::Open);
            Gap { from: gap.from, to: Some(gap.to), state, why: Some(gap.why.clone()) }
        })
        .collect();
    gaps(&mut out, &found, moments);
    out.truncate(out.trim_end().len());
    out
}

/// One line of the upper part. `text` is ours, or cleaned.
fn topic(out: &mut String, name: &str, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{FAINT}{name:<8}{FAINT:#} {text}");
}

fn feed(out: &mut String, feed: &FeedStatus, moments: &Moments) {
    let style = match feed.state {
        FeedState::Connected => FINE,
        FeedState::Connecting => WAITING,
        FeedState::Lost => WARNING,
        FeedState::Refused => WRONG,
    };
    let mut line = format!("{style}{}{style:#}, {}, since {}", feed.state, clean(&feed.host), moments.both(feed.since));
    if let Some(why) = &feed.why {
        let _ = write!(line, ": {}", clean(why));
    }
    topic(out, "feed", &line);
    let mut heard = feed.last_frame_at.map_or_else(|| "no frame yet".to_owned(), |at| format!("last frame {}", moments.age(at)));
    if let Some(lag) = feed.lag_ms {
        let _ = write!(heard, "; {lag} ms behind");
    }
    let times = match feed.losses {
        0 => "never lost".to_owned(),
        1 => "lost once".to_owned(),
        many => format!("lost {many} times"),
    };
    topic(out, "", &format!("{heard}; {times}"));
    if let Some(tweet) = &feed.last_tweet {
        topic(out, "", &format!("last tweet {}, {}", clean(&tweet.id), moments.both(tweet.at)));
    }
}

fn orders(out: &mut String, orders: &OrdersStatus, moments: &Moments) {
    let (style, word) = if orders.armed { (FINE, "armed") } else { (WRONG, "disarmed") };
    let mut line = format!("{style}{word}{style:#}");
    if let Some(since) = orders.since {
        let _ = write!(line, " since {}", moments.both(since));
    }
    if let Some(why) = &orders.why {
        let _ = write!(line, ": {}", clean(why));
    }
    topic(out, "orders", &line);
}

fn journal(out: &mut String, journal: &JournalStatus) {
    let style = match journal.state {
        JournalState::Fine => FINE,
        JournalState::Degraded => WRONG,
        JournalState::None => WARNING,
    };
    let mut line = format!("{style}{}{style:#}", journal.state);
    if let Some(why) = &journal.why {
        let _ = write!(line, ": {}", clean(why));
    }
    if journal.state != JournalState::None {
        let _ = write!(line, "; {}, {} waiting to be written", bytes(journal.bytes), journal.queue);
    }
    for (count, style, words) in
        [(journal.shed, WARNING, "unmatched entries left out"), (journal.unrecorded, WRONG, "other records lost")]
    {
        if count > 0 {
            let _ = write!(line, "; {style}{words}: {count}{style:#}");
        }
    }
    topic(out, "journal", &line);
}

fn gaps(out: &mut String, gaps: &[Gap], moments: &Moments) {
    for (at, gap) in gaps.iter().enumerate() {
        let style = match gap.state {
            GapState::Open => WAITING,
            GapState::Filled => FINE,
            GapState::Unavailable => WRONG,
        };
        let to = match gap.to {
            Some(to) => format!("to {} ({})", moments.local(to), span(to.since(gap.from))),
            None => "until now".to_owned(),
        };
        let why = gap.why.as_deref().map(clean).filter(|why| !why.is_empty()).map(|why| format!(": {why}")).unwrap_or_default();
        let name = if at == 0 { "gaps" } else { "" };
        topic(out, name, &format!("{style}{}{style:#}, from {} {to}{why}", gap.state, moments.local(gap.from)));
    }
}

/// Edits only where there were any.
fn lanes(out: &mut String, lanes: &[LaneStatus]) {
    let mut head = vec!["LANE", "KIND", "MODE", "STATE", "WARM", "WAITING", "DELIVERED", "REQUESTS", "WHY"];
    let mut rows: Vec<_> = lanes.iter().map(lane).collect();
    if lanes.iter().any(|lane| lane.edits != EditCounts::default()) {
        let at = head.len() - 1;
        head.insert(at, "EDITED");
        rows.iter_mut().zip(lanes).for_each(|(row, lane)| row.insert(at, edited(lane.edits)));
    }
    out.push('\n');
    out.push_str(&table::table(&head, rows));
}

fn edited(EditCounts { made, failed }: EditCounts) -> Cell {
    match failed {
        0 => Cell::number(made, PLAIN),
        failed => Cell::new(format!("{made}, {failed} failed"), WARNING),
    }
}

fn lane(lane: &LaneStatus) -> Vec<Cell> {
    let style = match lane.state {
        LaneState::Ok => FINE,
        LaneState::Throttled => WARNING,
        LaneState::CircuitOpen | LaneState::Disabled => WRONG,
    };
    let mode = match lane.mode {
        Mode::Armed => PLAIN,
        Mode::Paper => WARNING,
        Mode::Off => FAINT,
    };
    let order = if lane.trading { " (orders)" } else { "" };
    vec![
        Cell::plain(format!("{}{order}", lane.action)),
        Cell::plain(&lane.kind),
        Cell::new(lane.mode.name(), mode),
        Cell::new(lane.state.name().replace('_', " "), style),
        Cell::plain(if lane.warm { "yes" } else { "no" }),
        Cell::number(lane.waiting, WAITING),
        Cell::number(lane.delivered, FINE),
        Cell::number(lane.attempts, PLAIN),
        Cell::plain(lane.why.as_deref().unwrap_or_default()),
    ]
}

fn count(count: &Count) -> Vec<Cell> {
    let reasons: Vec<_> =
        count.suppressed.iter().filter(|(_, many)| **many > 0).map(|(reason, many)| format!("{many} {reason}")).collect();
    vec![
        Cell::plain(&count.rule),
        Cell::plain(&count.action),
        Cell::number(count.matched, if count.agrees() { PLAIN } else { WRONG }),
        Cell::number(count.delivered, FINE),
        Cell::number(count.expired, WARNING),
        Cell::number(count.dead, WRONG),
        Cell::number(count.unknown, WRONG),
        Cell::number(count.pending, WAITING),
        Cell::plain(if reasons.is_empty() { "0".to_owned() } else { reasons.join(", ") }),
    ]
}

fn window(of: &WindowStatus) -> Vec<Cell> {
    vec![
        Cell::plain(&of.rule),
        Cell::number(of.keys, PLAIN),
        Cell::number(of.matches, PLAIN),
        Cell::number(of.evicted_keys, WARNING),
        Cell::number(of.evicted_matches, WARNING),
        Cell::number(of.late, WARNING),
    ]
}

/// `812 B`, `12.3 MiB`.
fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        // Tenths, without floating point.
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}
