//! What was missed, from when the feed was heard, lost and reached again.

use std::time::Duration;

use birdcall::feed::{Gap, Gaps, Signal};
use birdcall::model::limits::{GAPS_WAITING, HISTORY_OVERLAP, HISTORY_REACH};
use birdcall::model::time::Timestamp;
use proptest::prelude::*;

use crate::kit::feed::{Rig, Timers, quick};

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_781_700_000_000 + seconds * 1_000)
}

const fn gap(from: i64, to: i64) -> Gap {
    Gap { from: at(from), to: at(to) }
}

#[test]
fn the_first_connection_ever_follows_no_gap() {
    let mut gaps = Gaps::new();
    assert_eq!((gaps.connected(at(0)), gaps.take(), gaps.missing_since()), (None, None, None));
}

#[test]
fn a_gap_begins_where_the_feed_was_last_heard_and_not_where_its_loss_was_noticed() {
    let mut gaps = Gaps::new();
    gaps.connected(at(0));
    gaps.heard(at(60));
    gaps.lost();
    assert_eq!(gaps.missing_since(), Some(at(60)));
    assert_eq!(gaps.connected(at(107)), Some(gap(60, 107)));
    assert_eq!((gaps.take(), gaps.take(), gaps.missing_since()), (Some(gap(60, 107)), None, None));
}

#[test]
fn a_clock_that_stood_still_without_knowing_heard_the_feed_earlier() {
    let mut gaps = Gaps::new();
    gaps.set_back(Duration::from_secs(1));
    gaps.connected(at(0));
    gaps.heard(at(60));
    gaps.set_back(Duration::from_secs(3_600));
    gaps.lost();
    assert_eq!(gaps.connected(at(61)), Some(gap(60 - 3_600, 61)));
}

#[test]
fn a_connection_that_was_not_heard_was_open_all_the_same() {
    let mut gaps = Gaps::new();
    gaps.connected(at(0));
    gaps.lost();
    gaps.connected(at(10));
    gaps.lost();
    assert_eq!(gaps.connected(at(30)), Some(gap(10, 30)));
}

#[test]
fn on_start_the_gap_begins_where_the_journal_ends() {
    let mut gaps = Gaps::new();
    gaps.restored(at(0));
    assert_eq!(gaps.missing_since(), Some(at(0)));
    assert_eq!(gaps.connected(at(3_600)), Some(gap(0, 3_600)));
}

#[test]
fn a_gap_is_asked_for_with_its_overlap_and_no_farther_back_than_the_reach() {
    let overlap = i64::try_from(HISTORY_OVERLAP.as_secs()).unwrap();
    let reach = i64::try_from(HISTORY_REACH.as_secs()).unwrap();
    assert_eq!(gap(1_000, 2_000).query(), (at(1_000 - overlap), at(2_000 + overlap)));
    assert_eq!(gap(1_000, 2_000).tail(), (at(2_000 - overlap), at(2_000 + overlap)));
    assert_eq!(gap(1_000, 2_000).beyond_reach(), None);
    let long = gap(0, reach + 50);
    assert_eq!(long.query(), (at(50), at(reach + 50 + overlap)));
    assert_eq!(long.beyond_reach(), Some(gap(0, 50)));
    assert_eq!(long.length(), Duration::from_secs(HISTORY_REACH.as_secs() + 50));
    // The overlap alone does not make something lost.
    assert_eq!(gap(0, reach).beyond_reach(), None);
    assert_eq!(gap(0, 90).to_string(), "2026-06-17T12:40:00.000Z to 2026-06-17T12:41:30.000Z");
}

#[test]
fn a_clock_that_was_set_back_makes_no_gap_too_short() {
    let mut gaps = Gaps::new();
    gaps.restored(at(90));
    assert_eq!(gaps.connected(at(60)), Some(gap(60, 60)), "a little: the overlap covers it");
    let mut gaps = Gaps::new();
    gaps.restored(at(100_000));
    let whole = gaps.connected(at(0)).unwrap();
    assert_eq!((whole.length(), whole.to), (HISTORY_REACH, at(0)), "by more: the whole reach");
}

#[test]
fn gaps_that_touch_become_one_and_many_do_not_pile_up() {
    let mut gaps = Gaps::new();
    gaps.add(gap(10_000, 10_010));
    gaps.add(gap(0, 10));
    gaps.add(gap(10_100, 10_110));
    assert_eq!((gaps.take(), gaps.take(), gaps.take()), (Some(gap(0, 10)), Some(gap(10_000, 10_110)), None));
    for number in 0..200 {
        gaps.add(gap(number * 1_000, number * 1_000 + 1));
    }
    let waiting: Vec<_> = std::iter::from_fn(|| gaps.take()).collect();
    assert_eq!(waiting.len(), GAPS_WAITING);
    assert!(waiting.windows(2).all(|pair| pair[0].to < pair[1].from));
    assert_eq!((waiting[0].from, waiting[GAPS_WAITING - 1].to), (at(0), at(199_001)));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Heard,
    Lost,
    Connected,
    Take,
    /// Could not be filled: the latest that was taken comes back.
    Back,
    /// Killed and started anew: what waits and the last life sign are in the journal.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::Heard),
        2 => Just(Step::Lost),
        4 => Just(Step::Connected),
        1 => Just(Step::Take),
        1 => Just(Step::Back),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec((prop_oneof![0_i64..3, 0_i64..400, 0_i64..5_000], step), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// Whatever happens: every span between the first and the latest connection that no connection covers lies in a gap that was handed out or
    /// still waits.
    #[test]
    fn no_span_is_lost(steps in steps()) {
        let mut gaps = Gaps::new();
        let mut now = 0;
        // Spans in which a connection was heard, and the one that is open.
        let mut covered: Vec<(i64, i64)> = Vec::new();
        let mut open: Option<(i64, i64)> = None;
        let (mut taken, mut moments) = (Vec::new(), Vec::new());
        let mut connected = 0;
        for (later, step) in steps {
            now += later;
            match step {
                Step::Heard => if let Some((_, heard)) = &mut open {
                    gaps.heard(at(now));
                    *heard = now;
                    moments.push(now);
                },
                Step::Lost => {
                    gaps.lost();
                    covered.extend(open.take());
                }
                Step::Connected => {
                    covered.extend(open.take());
                    let from = covered.last().map(|(_, heard)| at(*heard));
                    let gap = gaps.connected(at(now));
                    prop_assert_eq!(gap, from.map(|from| Gap { from, to: at(now) }), "the true ends");
                    open = Some((now, now));
                    connected = now;
                    moments.push(now);
                }
                Step::Take => taken.extend(gaps.take()),
                Step::Back => if let Some(gap) = taken.pop() {
                    gaps.add(gap);
                },
                Step::Restart => {
                    covered.extend(open.take());
                    let mut anew = Gaps::new();
                    if let Some(heard) = gaps.last_heard() {
                        anew.restored(heard);
                    }
                    while let Some(gap) = gaps.take() {
                        anew.add(gap);
                    }
                    gaps = anew;
                }
            }
        }
        covered.extend(open);
        let mut waiting = Vec::new();
        while let Some(gap) = gaps.take() {
            waiting.push(gap);
        }
        prop_assert!(waiting.len() <= GAPS_WAITING);
        prop_assert!(waiting.windows(2).all(|pair| pair[0].query().1 < pair[1].query().0), "no two touch: {:?}", waiting);
        taken.extend(waiting);
        moments.sort_unstable();
        moments.dedup();
        for span in moments.windows(2).filter(|span| span[1] <= connected) {
            let is_covered = covered.iter().any(|(from, to)| *from <= span[0] && span[1] <= *to);
            let is_gap = taken.iter().any(|gap| gap.from <= at(span[0]) && at(span[1]) <= gap.to);
            prop_assert!(is_covered || is_gap, "{:?} is lost; gaps {:?}", span, taken);
        }
    }
}

#[tokio::test]
async fn pongs_count_as_heard_and_a_frozen_connection_does_not() {
    let rig = Rig::plain().await;
    let ms = Duration::from_millis;
    let mut client = rig.client_with(Timers { ping_every: ms(20), dead_after: ms(300), ..quick() });
    assert_eq!(client.feed.heard_ago(), None);
    client.connected().await;
    // Nothing is sent, yet it stays heard.
    let quiet = rig.handle.wait(|stats| stats.pings >= 5);
    client.quiet(quiet).await;
    client.quiet(tokio::time::sleep(ms(30))).await;
    let heard = client.feed.heard_ago().unwrap();
    assert!(heard < ms(150), "{heard:?}");
    rig.handle.freeze();
    client.quiet(tokio::time::sleep(ms(150))).await;
    let silent = client.feed.heard_ago().unwrap();
    assert!(silent >= ms(100), "not noticed yet, but not heard either: {silent:?}");
    let signal = client.next().await;
    assert!(matches!(signal, Signal::Lost { .. }), "{signal:?}");
    let silent = client.feed.heard_ago().unwrap();
    assert!(silent >= ms(250), "{silent:?}");
    // It is not forgotten while the feed reconnects.
    client.connected().await;
    assert!(client.feed.heard_ago().unwrap() < silent);
}
