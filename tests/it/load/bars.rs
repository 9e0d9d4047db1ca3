//! What a soak has come to → its figures, each held to its bar.

use std::collections::HashSet;

use serde_json::Value;

use super::gauge::mib;
use super::soak::{Look, Plan, World};
use super::traffic::{Mix, RULES, tweet_of};
use super::{Counted, Verdict};

/// Alerts that a message of a chat stands for: a digest says how many.
fn alerts(message: &Value) -> u64 {
    let digest = message["text"].as_str().and_then(|text| text.strip_prefix("🗞️ "));
    digest.and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(1)
}

pub(super) fn judge_counts(verdict: &mut Verdict, world: &World, mix: &Mix, status: &Value) {
    for (name, stand_in) in world.stand_ins() {
        let all = Counted::of(status, name, "");
        let ours = RULES.map(|rule| Counted::of(status, name, rule).matched);
        let expected = [0, 1, 2].map(|rule| mix.firings(rule));
        verdict.hold(all.agrees && all.pending == 0, format!("{name}: {all}"));
        verdict
            .hold(ours == expected, format!("{name}: matched {ours:?} of the {expected:?} tweets that the feed sent, by rule"));
        let accepted: u64 = stand_in.messages().iter().map(alerts).sum();
        verdict.hold(accepted == all.delivered, format!("{name}: accepted {accepted}, counted as delivered {}", all.delivered));
        verdict.hold(stand_in.violations().is_empty(), format!("{name}: violations {:?}", stand_in.violations()));
        verdict.say(format!("{name}: told to be slower, beyond what was asked for: {} times", stand_in.throttled()));
    }
    let tweets: u64 = mix.matched.len() as u64;
    for (name, stand_in) in [("desk", &world.desk), ("bot", &world.bot)] {
        let told: Vec<u64> = stand_in.messages().iter().filter_map(tweet_of).filter(|tweet| *tweet < tweets).collect();
        let distinct = told.iter().collect::<HashSet<_>>().len() as u64;
        let accounted = Counted::of(status, name, "").accounted();
        verdict.hold(
            tweets - distinct <= accounted,
            format!("{name}: of {tweets} tweets {distinct} arrived, {accounted} are accounted for otherwise"),
        );
        verdict.hold(told.len() as u64 == distinct, format!("{name}: repeated {}", told.len() as u64 - distinct));
    }
    verdict.hold(status["agree"] == true, "the program finds that its counts agree");
    verdict.hold(status["orders"]["armed"] == true, format!("orders are armed: {}", status["orders"]));
}

pub(super) fn judge_resources(verdict: &mut Verdict, looks: &[Look], plan: Plan) {
    let tenth = looks.iter().find(|look| look.sent >= plan.envelopes / 10).copied().unwrap();
    let later: Vec<_> = looks.iter().filter(|look| look.sent > tenth.sent).copied().collect();
    let last = *later.last().unwrap();
    let peak = later.iter().map(|look| look.reading.rss).max().unwrap_or_default();
    for part in 0..=20 {
        let at = looks.iter().take_while(|look| look.sent <= plan.envelopes * part / 20).last().unwrap_or(&looks[0]);
        verdict.say(format!(
            "{:>8} sent: {:6.1} MiB resident, {:6.1} anonymous, {} files, {} sockets, {} threads, tasks {:?}, disk {:.1} MiB",
            at.sent,
            mib(at.reading.rss),
            mib(at.reading.anonymous),
            at.reading.files,
            at.reading.sockets,
            at.reading.threads,
            at.tasks,
            mib(at.reading.disk / 1_024)
        ));
    }
    // The median of a twentieth, the first one around the tenth: while a gap is being filled more is taken for some seconds, and given back.
    let twentieth = |from: u64| level(looks, plan.envelopes * from / 40..plan.envelopes * (from + 2) / 40);
    let base = twentieth(3).unwrap_or_default().max(1);
    let most = (5..=38).filter_map(twentieth).max().unwrap_or_default();
    let ratio = |rss: u64| rss as f64 / base as f64;
    let memory = format!(
        "memory: {:.1} MiB at a tenth; after that at most {:.1} ({:.3}) as the median of a twentieth, {:.1} at any moment, {:.1} ({:.3}) at the end; bars 1.05 and 170 MiB",
        mib(base),
        mib(most),
        ratio(most),
        mib(peak),
        mib(last.reading.rss),
        ratio(last.reading.rss)
    );
    if plan.is_long {
        verdict.hold(ratio(most) <= 1.05 && ratio(last.reading.rss) <= 1.05 && mib(peak) <= 170.0, memory);
    } else {
        verdict.say(memory);
    }
    // A lane of webhooks opens connections when it needs them and keeps them for a while: the stand-ins know how many there are.
    let other = |look: &Look| look.reading.sockets.saturating_sub(look.connections);
    verdict.hold(
        other(&last).abs_diff(other(&tenth)) <= 2 && last.reading.files.abs_diff(tenth.reading.files) <= 2,
        format!(
            "descriptors: {} files and {} sockets at a tenth, {} and {} at the end; without the connections to destinations ({} and {}) {} and {} sockets",
            tenth.reading.files, tenth.reading.sockets, last.reading.files, last.reading.sockets, tenth.connections, last.connections,
            other(&tenth), other(&last)
        ),
    );
    // What fetches history has threads and tasks of its own, which end when that is quiet.
    let early = || looks.iter().filter(|look| look.sent <= tenth.sent && look.reading.sockets >= tenth.reading.sockets / 2);
    let threads = early().map(|look| look.reading.threads).min().unwrap_or_default();
    let tasks = early().map(|look| look.tasks).min().flatten();
    // A short run ends while a gap is being filled: by one task, and those of its connection.
    let filling = if plan.is_long { 0 } else { 3 };
    let more = last.tasks.zip(tasks).map(|(last, early)| last.wrapping_sub(early));
    verdict.hold(
        (threads == last.reading.threads || !plan.is_long) && more.is_some_and(|more| more <= filling),
        format!("threads: {threads} and {}; tasks: {tasks:?} and {:?}", last.reading.threads, last.tasks),
    );
    let disk = looks.iter().map(|look| look.reading.disk).max().unwrap_or_default();
    verdict.hold(disk <= plan.cap_mib << 20, format!("disk: at most {:.1} MiB of {} MiB", mib(disk / 1_024), plan.cap_mib));
}

/// The median of what is resident while so many were sent.
fn level(looks: &[Look], sent: std::ops::Range<u64>) -> Option<u64> {
    let mut found: Vec<_> = looks.iter().filter(|look| sent.contains(&look.sent)).map(|look| look.reading.rss).collect();
    found.sort_unstable();
    found.get(found.len() / 2).copied()
}
