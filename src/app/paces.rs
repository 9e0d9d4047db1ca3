//! What earlier runs have sent → what each lane's rate limits must know of it, so that a restart gives no quota anew.
//!
//! A request counts from its answer on. Of one that was under way when the run was killed nothing says when it arrived, so it counts from now
//! on; so may a message have been that did not come to its end, unless the run ended in order, or its latest answer is on record and asks for
//! patience still. Moments are of the clock of their time. How far that was moved between two runs the machine knows where it was on all the
//! time. Where it was not, and the clock has been set back, what seems later than now was when the next request was, or counts from now on, and
//! no lane waits longer than a window; where it has been set forward, what was sent seems longer ago than it was.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::journal::{JournalError, Reader, State, StoredDelivery, StoredRequest};
use crate::model::action::{Action, Destination};
use crate::model::limits::{PACE_REACH, RETRY_AFTER_MAX};
use crate::model::time::{Timestamp, Uptime};
use crate::rules::ruleset::RuleSet;

/// The journal's moments and pauses are whole milliseconds, cut off: the end of a request is later than they say by less than this.
const CUT: Duration = Duration::from_millis(2);

/// What earlier runs have sent to one action.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Index of the action.
    pub(super) action: usize,
    /// How long ago each request was.
    pub(super) ages: Vec<Duration>,
    /// Requests that may have been under way at the end of the last run.
    pub(super) under_way: usize,
    /// For how long from now on the destination has asked for patience.
    pub(super) patience: Duration,
}

/// Of every action that has a rate limit, or whose destination has asked for patience.
pub(super) fn read(
    reader: &mut Reader,
    rules: &RuleSet,
    unfinished: &[StoredDelivery],
    (now, uptime): (Timestamp, Option<Uptime>),
) -> Result<Vec<Sent>, JournalError> {
    // By the clock that the last run had: what it sent is as old as that one would say now.
    let now = now.shifted(reader.moved_since(uptime, now)?.saturating_neg());
    let longest = |action: &Action| action.rate_limits.iter().map(|rate| rate.per).max();
    let reach = rules.actions.iter().filter_map(longest).fold(RETRY_AFTER_MAX, Duration::max);
    let requests = reader.requests_since(before(now, reach), now, PACE_REACH)?;
    let newest = requests.iter().map(StoredRequest::over).max();
    // The last run has ended by now; where a clock was set back, not before its last word.
    let ended = reader.last_written()?.max(newest).map_or(now, |last| last.max(now));
    let waits = waiting(&requests, ended);
    let has_finished = reader.has_finished()?;
    let mut sent = Vec::new();
    for (index, action) in rules.actions.iter().enumerate() {
        let patience = patience(action, &requests, now);
        let Some(reach) = longest(action) else {
            if !patience.is_zero() {
                sent.push(Sent { action: index, ages: Vec::new(), under_way: 0, patience });
            }
            continue;
        };
        let most = action.rate_limits.iter().map(|rate| rate.count.get()).max().unwrap_or_default();
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(PACE_REACH);
        let ended = reader.sent_and_ended_since(&action.name, before(now, reach), most)?;
        let ages = ages(times(action, &requests, &ended), reach, now);
        // What is pending after an orderly end has waited only, or its request is on record.
        let under_way = if has_finished { 0 } else { under_way(action, unfinished, &waits) };
        sent.push(Sent { action: index, ages, under_way, patience });
    }
    Ok(sent)
}

/// What is left of the longest that its destination has asked for.
fn patience(action: &Action, requests: &[StoredRequest], now: Timestamp) -> Duration {
    let left = |request: &StoredRequest| request.patience.min(RETRY_AFTER_MAX).saturating_sub(now.since(request.over()));
    requests.iter().filter(|request| *request.action == *action.name).map(left).max().unwrap_or_default()
}

fn before(now: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}

/// When each request to `action` was over.
fn times(action: &Action, requests: &[StoredRequest], ended: &[(i64, Timestamp, bool)]) -> Vec<Timestamp> {
    let requests = requests.iter().filter(|request| *request.action == *action.name);
    let recorded: HashSet<i64> = requests.clone().map(|request| request.delivery).collect();
    let mut made: Vec<(Timestamp, Duration)> = requests.map(|request| (request.begun, request.took)).collect();
    if !matches!(action.destination, Destination::Webhook(_)) {
        // A chat's requests come one after the other, so that several of the same moment are one: a digest.
        made.sort_unstable();
        made.dedup();
    }
    let mut times: Vec<Timestamp> = made.into_iter().map(|(begun, took)| begun.plus(took)).collect();
    let unrecorded = || ended.iter().filter(|(delivery, ..)| !recorded.contains(delivery));
    times.extend(unrecorded().filter(|(.., together)| !together).map(|(_, at, _)| *at));
    // Of a digest each has its end, a moment after the other, and one has the request.
    let mut together: Vec<_> = unrecorded().filter(|(.., together)| *together).map(|(_, at, _)| *at).collect();
    together.sort_unstable();
    let is_chat = !matches!(action.destination, Destination::Webhook(_));
    for at in together {
        if !is_chat || !times.iter().any(|known| at.since(*known).max(known.since(at)) < ONE_DIGEST) {
            times.push(at);
        }
    }
    times
}

/// Within so long after its request all in a digest have ended.
const ONE_DIGEST: Duration = Duration::from_secs(1);

/// How long ago each was, as far as it is less than `reach`.
fn ages(times: Vec<Timestamp>, reach: Duration, now: Timestamp) -> Vec<Duration> {
    let ages = times.into_iter().map(|at| now.since(at).saturating_sub(CUT));
    ages.filter(|age| *age < reach).collect()
}

/// The deliveries whose latest attempt was answered, with a patience that was not over when the run `ended` at the latest.
fn waiting(requests: &[StoredRequest], ended: Timestamp) -> HashSet<i64> {
    let mut latest = HashMap::new();
    for request in requests {
        let last = latest.entry(request.delivery).or_insert(request);
        if request.over() > last.over() {
            *last = request;
        }
    }
    let waits = |request: &StoredRequest| request.over().plus(request.patience) > ended;
    latest.into_iter().filter(|(_, request)| waits(request)).map(|(delivery, _)| delivery).collect()
}

/// Of an order it is known whether a byte may have left; of anything else only while it waits after an answer.
fn under_way(action: &Action, unfinished: &[StoredDelivery], waits: &HashSet<i64>) -> usize {
    let may_have_left = |stored: &&StoredDelivery| match stored.trading {
        true => stored.state == State::Sending,
        false => !waits.contains(&stored.id),
    };
    unfinished.iter().filter(|stored| *stored.action == *action.name).filter(may_have_left).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// One action of each kind.
    fn actions() -> Vec<Action> {
        let text = "[actions.desk]\ntype = \"discord\"\nurl = \"env:DESK\"\n[actions.bot]\ntype = \"webhook\"\nurl = \"env:BOT\"\n\
            [[rule]]\nname = \"gm\"\nsend = [\"desk\", \"bot\"]\nwhen = { keyword = \"gm\" }\n";
        let source = crate::rules::Source::rules("rules.toml", text);
        crate::rules::load(&[source]).ruleset.unwrap().actions.clone()
    }

    #[test]
    fn what_seems_later_than_now_is_of_now_and_hides_nothing_else() {
        let hour = 3_600_000;
        assert_eq!(ages(vec![at(hour), at(hour - 500)], ms(1_000), at(0)), [ms(0), ms(0)]);
        assert_eq!(ages(vec![at(hour), at(-500)], ms(1_000), at(0)), [ms(0), ms(498)]);
        assert!(ages(vec![at(0)], ms(1_000), at(hour)).is_empty(), "set forward: it seems an hour ago");
        assert_eq!(ages(vec![at(0), at(-400)], ms(1_000), at(100)), [ms(98), ms(498)]);
        assert!(ages(Vec::new(), ms(1_000), at(0)).is_empty());
        assert_eq!(ages(vec![at(i64::MAX), at(i64::MIN)], ms(1_000), at(0)), [ms(0)]);
    }

    #[test]
    fn those_of_a_digest_that_have_no_attempt_of_their_own_are_the_one_request_that_is_on_record() {
        let actions = actions();
        let desk = actions.iter().find(|action| *action.name == *"desk").unwrap();
        let request = StoredRequest { delivery: 1, action: "desk".to_owned(), begun: at(10), took: ms(5), patience: ms(0) };
        // Of the second digest nothing is on record.
        let ended: Vec<_> =
            (2..900).map(|n| (n, at(15 + n / 2), true)).chain((900..999).map(|n| (n, at(9_000 + n), true))).collect();
        let mut times = times(desk, std::slice::from_ref(&request), &ended);
        times.sort_unstable();
        assert_eq!(times, [at(15), at(9_900)]);
    }

    #[test]
    fn a_digest_is_one_request_and_what_has_no_attempt_on_record_counts_by_its_end() {
        let actions = actions();
        let find = |name: &str| actions.iter().find(|action| *action.name == *name).unwrap();
        let request = |delivery, action: &str, begun| StoredRequest {
            delivery,
            action: action.to_owned(),
            begun: at(begun),
            took: ms(5),
            patience: ms(0),
        };
        let requests = [
            request(1, "desk", 10),
            request(2, "desk", 10),
            request(2, "desk", 90),
            request(3, "bot", 10),
            request(4, "bot", 10),
        ];
        let ended = [(2, at(95), false), (7, at(120), false)];
        let sorted = |name: &str, ended: &[(i64, Timestamp, bool)]| {
            let mut times = times(find(name), &requests, ended);
            times.sort_unstable();
            times
        };
        assert_eq!(sorted("desk", &ended), [at(15), at(95), at(120)]);
        assert_eq!(sorted("bot", &[]), [at(15), at(15)], "of orders two can leave at the same moment");
    }

    #[test]
    fn what_is_left_of_a_destinations_patience_is_from_its_answer_on_and_never_longer_than_it_can_ask_for() {
        let actions = actions();
        let left = |patience_ms: u64, now: i64| {
            let request = |begun, patience| StoredRequest {
                delivery: 1,
                action: "desk".to_owned(),
                begun: at(begun),
                took: ms(5),
                patience,
            };
            let requests = [request(900, ms(0)), request(95, ms(patience_ms)), request(0, ms(1_000))];
            actions.iter().map(|action| (&*action.name, patience(action, &requests, at(now)))).collect::<Vec<_>>()
        };
        let of = |name, of| move |found: Vec<(&str, Duration)>| assert!(found.contains(&(name, of)), "{found:?}");
        of("desk", ms(60_000))(left(60_000, 100));
        of("desk", ms(59_100))(left(60_000, 1_000));
        of("desk", ms(0))(left(60_000, 100_000));
        of("desk", RETRY_AFTER_MAX)(left(u64::MAX, 100));
        of("bot", ms(0))(left(60_000, 100));
    }

    #[test]
    fn what_was_asked_for_patience_is_not_under_way_unless_that_may_be_over() {
        let actions = actions();
        let find = |name: &str| actions.iter().find(|action| *action.name == *name).unwrap();
        let stored = |id, action: &str, trading, state| StoredDelivery {
            id,
            firing: std::sync::Arc::new(crate::model::firing::FiringBrief {
                id: crate::model::ids::FiringId::of("gm", "1", ""),
                rule: "gm".into(),
                subject: "1".to_owned(),
                at: at(0),
                late: false,
            }),
            action: action.to_owned(),
            trading,
            expires_at: at(60_000),
            state,
            attempts: 0,
            sent_at: None,
            ended_at: None,
            form: None,
            receipt: None,
            why: None,
            body: None,
            fallback: None,
            line: None,
            edit: None,
        };
        let unfinished = [
            stored(1, "desk", false, State::Pending),
            stored(2, "desk", false, State::Pending),
            stored(3, "bot", true, State::Pending),
            stored(4, "bot", true, State::Sending),
        ];
        let request = |delivery, begun, patience| StoredRequest {
            delivery,
            action: "desk".to_owned(),
            begun: at(begun),
            took: ms(5),
            patience: ms(patience),
        };
        let count = |name: &str, requests: &[StoredRequest], ended: i64| {
            under_way(find(name), &unfinished, &waiting(requests, at(ended)))
        };
        assert_eq!(count("desk", &[], 0), 2, "of neither is anything known");
        assert_eq!(count("desk", &[request(1, 1_000, 5_000)], 1_000), 1);
        assert_eq!(count("desk", &[request(1, 1_000, 5_000)], 6_004), 1);
        assert_eq!(count("desk", &[request(1, 1_000, 5_000)], 6_005), 2, "it may have been tried again");
        assert_eq!(count("desk", &[request(1, 1_000, 0)], 1_005), 2, "the first pause is anything where nothing is asked for");
        let both = [request(1, 2_000, 5_000), request(2, 1_990, 5_000), request(1, 10, 60_000)];
        assert_eq!((count("desk", &both, 6_000), count("desk", &both, 7_005)), (0, 2), "the latest counts");
        assert_eq!(count("bot", &[request(4, 2_000, 60_000)], 2_010), 1, "an order is sending until it has ended");
    }
}
