//! `birdcall tail`: what passes through a running instance, as it passes.

use std::io::Write as _;

use super::moments::{Moments, span};
use super::state::State;
use super::table::{self, FAINT, FINE, STRONG, WAITING, WARNING, WRONG};
use super::{End, Signals, complain, runtime};
use crate::clock::Clock;
use crate::control::{AskError, TailFilter, TailLine, Tailing};

/// Show what passes through a running birdcall: envelopes, firings, deliveries, as they come
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only firings and deliveries of this rule
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Only what this account does, and what comes of it
    #[arg(long, value_name = "HANDLE")]
    handle: Option<String>,
    /// Only deliveries that were held back, with the reason
    #[arg(long)]
    suppressed: bool,
    /// Print one object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    let ended = arguments.state.folder().and_then(|folder| {
        let runtime = runtime().map_err(|error| {
            complain(format_args!("the runtime could not be started: {error}"));
            End::CannotStart
        })?;
        let filter =
            TailFilter { rule: arguments.rule.clone(), handle: arguments.handle.clone(), suppressed: arguments.suppressed };
        let signals = async { Signals::listen().next().await };
        runtime.block_on(async {
            tokio::select! {
                () = signals => Ok(End::Fine),
                ended = watch(&folder, filter, arguments.json) => ended.map_err(|error| {
                    complain(error);
                    End::CannotStart
                }),
            }
        })
    });
    ended.unwrap_or_else(|end| end)
}

/// Until the instance ends, or nobody reads what is printed.
async fn watch(folder: &std::path::Path, filter: TailFilter, json: bool) -> Result<End, AskError> {
    let mut tailing = match Tailing::begin(folder, filter).await? {
        Ok(tailing) => tailing,
        Err(why) => {
            complain(table::clean(&why));
            return Ok(End::CannotStart);
        }
    };
    let mut out = anstream::stdout();
    while let Some(line) = tailing.next().await? {
        // What passes is of this moment, and so is the time of day that is shown without its date.
        let moments = Moments::here(Clock::system().wall());
        let line = if json { table::inert(&serde_json::to_string(&line).unwrap_or_default()) } else { shown(&line, &moments) };
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            return Ok(End::Fine);
        }
    }
    complain("birdcall has ended, or has let this go because it took nothing for 30 s");
    Ok(End::CannotStart)
}

/// One line for people.
fn shown(line: &TailLine, moments: &Moments) -> String {
    let time = |at: &str| {
        let at = moments.parse(at).unwrap_or_default();
        format!("{FAINT}{}{FAINT:#}", moments.local(at))
    };
    match line {
        TailLine::Envelope { at, origin, what, tweet, author, text, tokens } => {
            let late = if origin == "live" { String::new() } else { format!(" ({})", table::clean(origin)) };
            let tokens = if tokens.is_empty() { String::new() } else { format!("  {}", table::clean(&tokens.join(" "))) };
            let about = text.as_deref().or(tweet.as_deref()).unwrap_or_default();
            let rest = format!("{}{}{tokens}{late}", who(author.as_deref()), table::clean(about));
            format!("{}  {FAINT}{:<22}{FAINT:#}  {rest}", time(at), table::clean(what))
        }
        TailLine::Firing { at, rule, subject, author, text, matched, late, .. } => {
            let late = if *late { " (late)" } else { "" };
            let about = table::clean(text.as_deref().unwrap_or(subject));
            let matched = if matched.is_empty() { String::new() } else { format!("  [{}]", table::clean(&matched.join(", "))) };
            let rule = table::clean(rule);
            format!(
                "{}  {STRONG}fired{STRONG:#} {rule}  {}{about}{FAINT}{matched}{FAINT:#}{late}",
                time(at),
                who(author.as_deref())
            )
        }
        TailLine::Delivery { at, rule, subject, action, trading, outcome, why, attempts, took_ms, .. } => {
            let style = match outcome.as_str() {
                "delivered" => FINE,
                "suppressed" => FAINT,
                "expired" => WARNING,
                "dead" | "unknown" => WRONG,
                _ => WAITING,
            };
            let order = if *trading { " (order)" } else { "" };
            let why = why.as_deref().map(|why| format!(": {}", table::clean(why))).unwrap_or_default();
            let tries = if *attempts > 1 { format!(", {attempts} tries") } else { String::new() };
            let took = span(std::time::Duration::from_millis(*took_ms));
            let (rule, action, subject) = (table::clean(rule), table::clean(action), table::clean(subject));
            format!(
                "{}  {style}{}{style:#} {rule} to {action}{order}  {subject}, {took}{tries}{why}",
                time(at),
                table::clean(outcome)
            )
        }
        TailLine::Dropped { lines } => {
            format!("{WARNING}{lines} lines were left out here: they came faster than they were taken{WARNING:#}")
        }
    }
}

fn who(author: Option<&str>) -> String {
    author.map(|author| format!("@{}  ", table::clean(author.trim_start_matches('@')))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    #[test]
    fn whatever_a_tweet_says_does_nothing_to_the_terminal() {
        let hostile = "a\u{1b}[31m\nb\u{202e}c\u{7}".to_owned();
        let some = || Some(hostile.clone());
        let all = |at: &str| {
            [
                TailLine::Envelope {
                    at: at.to_owned(),
                    origin: hostile.clone(),
                    what: hostile.clone(),
                    tweet: some(),
                    author: some(),
                    text: some(),
                    tokens: vec![hostile.clone()],
                },
                TailLine::Firing {
                    at: at.to_owned(),
                    firing: hostile.clone(),
                    rule: hostile.clone(),
                    subject: hostile.clone(),
                    author: some(),
                    text: some(),
                    matched: vec![hostile.clone()],
                    late: true,
                },
                TailLine::Delivery {
                    at: at.to_owned(),
                    firing: hostile.clone(),
                    rule: hostile.clone(),
                    subject: hostile.clone(),
                    action: hostile.clone(),
                    trading: true,
                    outcome: hostile.clone(),
                    why: some(),
                    attempts: 3,
                    took_ms: 5,
                },
                TailLine::Dropped { lines: 3 },
            ]
        };
        let moments = Moments::here(Timestamp::from_millis(0));
        for line in all("2026-11-29T22:00:00Z").into_iter().chain(all(&hostile)) {
            let shown = anstream::adapter::strip_str(&shown(&line, &moments)).to_string();
            assert!(!shown.contains(|letter: char| letter.is_control() || letter == '\u{202e}'), "{shown:?}");
        }
    }
}
