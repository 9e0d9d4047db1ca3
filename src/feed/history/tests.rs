//! Windows and paging against an API in memory, whose column, bounds, maximum and population are anything.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::mpsc;

use super::paging::{Learned, Stamp};
use super::question::{Answer, Ask, Failure, Kind, Query};
use super::run::Run;
use super::window::Row;
use super::{Filled, HistoryBounds, Page, Unavailable};
use crate::model::time::Timestamp;

/// In the API's database: microseconds, of which the answers show milliseconds.
#[derive(Clone, Debug)]
struct Stored {
    kind: Kind,
    time: i64,
    received: i64,
}

#[derive(Clone, Debug, Default)]
struct Api {
    rows: Vec<Stored>,
    by_time: bool,
    start_inclusive: bool,
    end_inclusive: bool,
    maximum: usize,
    /// Every so many rows, one is given out twice.
    repeats: usize,
    /// Rows of a longer answer are too many to be read.
    too_long: Option<usize>,
    ignores_start: bool,
    ignores_end: bool,
    /// Rows do not say when they were received, or published.
    mute: Option<bool>,
    ahead: Cell<Option<i64>>,
    refuses: Option<Kind>,
    asked: RefCell<Vec<Query>>,
}

impl Api {
    fn at(&self, row: &Stored) -> i64 {
        if self.by_time { row.time } else { row.received }
    }

    fn row(&self, id: usize) -> Row {
        let row = &self.rows[id];
        let stamp = Stamp {
            time: (self.mute != Some(true)).then_some(row.time.div_euclid(1_000)),
            received: (self.mute != Some(false)).then_some(row.received.div_euclid(1_000)),
        };
        Row { key: id.to_string(), stamp, frames: vec![id.to_string()] }
    }

    /// Ids of the rows that one answer would hold of what lies between, newest first.
    fn find(&self, Query { kind, start, end, limit }: Query) -> Vec<usize> {
        let (start, end) = (start * 1_000, end * 1_000);
        let starts = |at| self.ignores_start || at > start || (self.start_inclusive && at == start);
        let ends = |at| self.ignores_end || at < end || (self.end_inclusive && at == end);
        let mut found: Vec<usize> = (0..self.rows.len())
            .filter(|id| self.rows[*id].kind == kind && starts(self.at(&self.rows[*id])) && ends(self.at(&self.rows[*id])))
            .collect();
        found.sort_by_key(|id| std::cmp::Reverse((self.at(&self.rows[*id]), *id)));
        let twice = |id: &usize| if self.repeats > 0 && id.is_multiple_of(self.repeats) { 2 } else { 1 };
        found.into_iter().flat_map(|id| std::iter::repeat_n(id, twice(&id))).take(limit.min(self.maximum)).collect()
    }
}

impl Ask for Api {
    async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        self.asked.borrow_mut().push(query);
        if self.refuses == Some(query.kind) {
            return Err(Unavailable::Refused("HTTP 400".to_owned()).into());
        }
        let found = self.find(query);
        if self.too_long.is_some_and(|long| found.len() > long) {
            return Err(Failure::TooLong);
        }
        let rows: Vec<_> = found.into_iter().map(|id| self.row(id)).collect();
        let bytes = rows.len() * ROW_BYTES;
        Ok(Answer { rows, unusable: 0, bytes, ahead: self.ahead.get(), requests: 1 })
    }
}

fn bounds() -> HistoryBounds {
    HistoryBounds { window: Duration::from_secs(60), ..HistoryBounds::default() }
}

/// What a row of the API in memory takes of an answer.
const ROW_BYTES: usize = 1_000;

const NOW: i64 = 1_781_700_000_000;

/// All ids in the order in which they were handed on, and what was said of it.
fn fill(api: &Api, bounds: HistoryBounds, from: i64, to: i64) -> (Vec<usize>, Vec<Page>, Result<Filled, Unavailable>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut run = Run::new(api, bounds, Learned::default(), 0);
        let filling = async move { run.fill(Timestamp::from_millis(from), Timestamp::from_millis(to), &sender).await };
        let mut pages = Vec::new();
        let receiving = async {
            while let Some(page) = receiver.recv().await {
                pages.push(page);
            }
        };
        let (filled, ()) = tokio::join!(filling, receiving);
        let ids = pages.iter().flat_map(|page| &page.envelopes).map(|frame| frame.parse().unwrap()).collect();
        (ids, pages, filled)
    })
}

fn tweets(at: impl IntoIterator<Item = i64>) -> Vec<Stored> {
    at.into_iter().map(|ms| Stored { kind: Kind::Tweet, time: ms * 1_000, received: ms * 1_000 + 200_000 }).collect()
}

fn honest(rows: Vec<Stored>) -> Api {
    Api { rows, by_time: true, start_inclusive: true, end_inclusive: true, maximum: 1_000, ..Api::default() }
}

#[derive(Clone, Debug)]
struct Case {
    api: Api,
    bounds: HistoryBounds,
    from: i64,
    to: i64,
}

fn cases() -> impl Strategy<Value = Case> {
    // Dense: many rows of the same and of neighbouring milliseconds. Thin: some of each.
    let span = prop_oneof![Just(40_i64), Just(400), Just(20_000)];
    let delay = prop_oneof![Just((0_i64, 0_i64)), Just((200, 0)), Just((7, 0)), Just((50, 150))];
    (span, delay, 1_usize..30, 1_usize..100, 2_u64..300, any::<[bool; 4]>(), 0_usize..4, 0_u8..4, 1_usize..30).prop_flat_map(
        |(span, (delay, jitter), maximum, limit, window, flags, repeats, mute, wanted)| {
            let row = (0..span, 0_i64..1_000, 0..=jitter, 0_u8..8).prop_map(move |(ms, us, late, kind)| {
                let time = (NOW + ms) * 1_000 + us;
                let kind = if kind < 6 { Kind::Tweet } else { [Kind::Profile, Kind::Follow][usize::from(kind - 6)] };
                Stored { kind, time, received: time + (delay + late) * 1_000 }
            });
            let rows = prop::collection::vec(row, 0..60);
            (rows, 10_usize..70, -30..span, 0..span + 300).prop_map(move |(rows, held, from, length)| {
                let [by_time, start_inclusive, end_inclusive, _] = flags;
                let mute = match mute {
                    0 if by_time => Some(false),
                    0 => Some(true),
                    _ => None,
                };
                let api = Api { rows, by_time, start_inclusive, end_inclusive, maximum, repeats, mute, ..Api::default() };
                let window = Duration::from_millis(window);
                let bounds = HistoryBounds {
                    window,
                    window_max: window * 4,
                    limit,
                    rows: held,
                    answer_wanted: wanted * ROW_BYTES,
                    page: 3,
                    requests: 100_000,
                    ..bounds()
                };
                Case { api, bounds, from: NOW + from, to: NOW + from + length }
            })
        },
    )
}

/// Rows of each kind and moment, with its neighbours a millisecond away, repeats included.
fn crowds(api: &Api) -> BTreeMap<(Kind, i64), usize> {
    let mut crowds = BTreeMap::new();
    for (id, row) in api.rows.iter().enumerate() {
        let times = if api.repeats > 0 && id.is_multiple_of(api.repeats) { 2 } else { 1 };
        for near in -1..=1 {
            *crowds.entry((row.kind, api.at(row).div_euclid(1_000) + near)).or_default() += times;
        }
    }
    crowds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever the population, the maximum, the column and the bounds of the API: every row between the two moments exactly once, oldest
    /// first. Only what stands in a crowd of one moment that is larger than an answer may be missing.
    #[test]
    fn every_row_comes_once_and_oldest_first(Case { api, bounds, from, to } in cases()) {
        let (ids, pages, filled) = fill(&api, bounds, from, to);
        let crowds = crowds(&api);
        let crowd = |id: usize| crowds[&(api.rows[id].kind, api.at(&api.rows[id]).div_euclid(1_000))];
        let room = api.maximum.min(bounds.limit);
        let is_crowded = (0..api.rows.len()).any(|id| crowd(id) >= room);
        let filled = match filled {
            Err(Unavailable::TooMuch(_)) => {
                // Three types may each fill three milliseconds.
                prop_assert!(crowds.values().max().is_some_and(|most| most * 4 > bounds.rows), "{:?}", api.asked.borrow().len());
                return Ok(());
            }
            other => other.unwrap(),
        };
        let once: BTreeSet<usize> = ids.iter().copied().collect();
        prop_assert_eq!(once.len(), ids.len(), "a row came twice");
        prop_assert_eq!(filled.rows, ids.len());
        prop_assert_eq!(filled.pages, pages.len());
        for (id, row) in api.rows.iter().enumerate() {
            let at = api.at(row);
            if (from..=to).contains(&at.div_euclid(1_000)) {
                prop_assert!(once.contains(&id) || crowd(id) >= room, "row {} of {:?} is missing", id, row);
            }
        }
        let delay = |row: &Stored| row.received - row.time;
        let is_steady = api.rows.windows(2).all(|rows| delay(&rows[0]) == delay(&rows[1]));
        if is_steady && !is_crowded {
            let at = |id: &usize| api.at(&api.rows[*id]).div_euclid(1_000);
            prop_assert!(ids.windows(2).all(|ids| at(&ids[0]) <= at(&ids[1])), "out of order: {:?}", ids);
            if api.rows.iter().all(|row| delay(row) == 0) {
                prop_assert!(!filled.cut, "nothing was cut");
            }
        }
        prop_assert!(pages.iter().all(|page| page.envelopes.len() <= bounds.page));
        prop_assert_eq!(pages.last().map(|page| page.until), Some(Timestamp::from_millis(to)));
    }
}

#[test]
fn a_day_with_little_in_it_takes_few_questions() {
    let api = honest(tweets((0..24).map(|hour| NOW + hour * 3_600_000 + 5)));
    let (ids, _, filled) = fill(&api, HistoryBounds::default(), NOW, NOW + 24 * 3_600_000);
    assert_eq!(ids, (0..24).collect::<Vec<_>>());
    assert!(filled.unwrap().requests < 80, "{}", api.asked.borrow().len());
}

#[test]
fn a_crowd_is_held_in_ever_smaller_windows() {
    // 40 rows a second for a quarter of an hour: 36,000.
    let api = honest(tweets((0..36_000).map(|row| NOW + row * 25)));
    let bounds = HistoryBounds { rows: 3_000, ..HistoryBounds::default() };
    let (ids, pages, filled) = fill(&api, bounds, NOW, NOW + 900_000);
    assert!(ids.iter().copied().eq(0..36_000), "{} rows", ids.len());
    assert!(!filled.unwrap().cut && pages.iter().all(|page| page.envelopes.len() <= bounds.page));
    let questions = api.asked.borrow().len();
    assert!(questions < 300, "{questions}");
}

#[test]
fn answers_are_about_as_long_as_they_should_be() {
    let api = honest(tweets((0..5_000).map(|row| NOW + row * 10)));
    let bounds = HistoryBounds { limit: 1_000, answer_wanted: 50 * ROW_BYTES, ..HistoryBounds::default() };
    let (ids, _, filled) = fill(&api, bounds, NOW, NOW + 60_000);
    assert!(ids.into_iter().eq(0..5_000) && !filled.unwrap().cut);
    let asked = api.asked.borrow();
    assert!(asked.iter().skip(1).all(|query| query.limit == 50), "the first is a guess: {asked:?}");
    // Where rows are short, as many are asked for as the API gives out.
    let (api, asked) = (Api { asked: RefCell::default(), ..api.clone() }, asked.len());
    let bounds = HistoryBounds { answer_wanted: 10_000 * ROW_BYTES, ..bounds };
    assert_eq!(fill(&api, bounds, NOW, NOW + 60_000).0.len(), 5_000);
    assert!(api.asked.borrow().iter().any(|query| query.limit == 1_000) && api.asked.borrow().len() < asked / 5);
}

#[test]
fn a_moment_with_more_rows_than_are_asked_for_at_once_is_asked_for_whole() {
    let crowd =
        (0..30).map(|row| NOW + row * 10).chain((0..700).map(|_| NOW + 400)).chain((0..30).map(|row| NOW + 500 + row * 10));
    for mute in [None, Some(false), Some(true)] {
        let api = Api { by_time: mute != Some(true), mute, ..honest(tweets(crowd.clone())) };
        let bounds = HistoryBounds { answer_wanted: 20 * ROW_BYTES, ..bounds() };
        let (ids, _, filled) = fill(&api, bounds, NOW, NOW + 2_000);
        assert_eq!((ids.len(), filled.unwrap().cut), (760, false), "{mute:?}");
    }
}

#[test]
fn a_moment_that_holds_more_than_a_window_may_is_held_all_the_same() {
    let api = honest(tweets((0..20).map(|row| NOW + row).chain((0..900).map(|_| NOW + 30)).chain([NOW + 900])));
    let bounds = HistoryBounds { rows: 200, ..bounds() };
    let (ids, _, filled) = fill(&api, bounds, NOW, NOW + 2_000);
    assert_eq!((ids.len(), filled.unwrap().cut), (921, false));
    // But not without end.
    let (_, _, filled) = fill(&api, HistoryBounds { rows: 100, ..bounds }, NOW, NOW + 2_000);
    assert!(matches!(filled, Err(Unavailable::TooMuch(_))), "{filled:?}");
}

#[test]
fn more_rows_of_one_moment_than_an_answer_holds_are_said_to_be_cut_and_the_older_ones_still_come() {
    for inclusive in [false, true] {
        let at = [NOW + 1, NOW + 2, NOW + 500, NOW + 500, NOW + 500, NOW + 500, NOW + 900];
        let api = Api { maximum: 3, end_inclusive: inclusive, ..honest(tweets(at)) };
        let (ids, _, filled) = fill(&api, bounds(), NOW, NOW + 1_500);
        assert!(filled.unwrap().cut);
        let old_and_new: Vec<_> = ids.iter().filter(|id| ![2, 3, 4, 5].contains(*id)).collect();
        assert_eq!(old_and_new, [&0, &1, &6]);
    }
}

#[test]
fn an_answer_that_is_too_long_is_asked_for_in_parts() {
    let api = Api { too_long: Some(30), ..honest(tweets((0..200).map(|row| NOW + row * 50))) };
    let (ids, _, filled) = fill(&api, bounds(), NOW, NOW + 60_000);
    assert_eq!(ids, (0..200).collect::<Vec<_>>());
    assert!(!filled.unwrap().cut);
    let api = Api { too_long: Some(0), ..api };
    let (_, _, filled) = fill(&api, bounds(), NOW, NOW + 60_000);
    assert!(matches!(filled, Err(Unavailable::TooMuch(_))), "{filled:?}");
}

#[test]
fn an_api_that_does_not_look_at_the_bounds_is_not_asked_for_ever() {
    let rows = || tweets((0..500).map(|row| NOW + row * 100));
    let api = Api { ignores_start: true, maximum: 20, ..honest(rows()) };
    let (ids, _, filled) = fill(&api, bounds(), NOW + 40_000, NOW + 60_000);
    // Those that were received before the window are left out; of the others it is not known which time counts.
    let expected: Vec<_> = (0..500).filter(|id| api.rows[*id].received >= (NOW + 40_000 - 2) * 1_000).collect();
    assert_eq!((ids, filled.unwrap().cut), (expected, false));
    assert!(api.asked.borrow().len() < 30, "{}", api.asked.borrow().len());

    let api = Api { ignores_end: true, maximum: 20, ..honest(rows()) };
    let (_, _, filled) = fill(&api, bounds(), NOW, NOW + 20_000);
    assert!(matches!(filled, Err(Unavailable::Refused(_))), "{filled:?}");
    assert!(api.asked.borrow().len() < 5);
}

#[test]
fn questions_have_a_bound() {
    let api = Api { maximum: 1, ..honest(tweets((0..500).map(|row| NOW + row * 10))) };
    let bounds = HistoryBounds { requests: 50, ..bounds() };
    let (_, _, filled) = fill(&api, bounds, NOW, NOW + 20_000);
    assert!(matches!(filled, Err(Unavailable::TooMuch(_))), "{filled:?}");
    assert_eq!(api.asked.borrow().len(), 50);
}

#[test]
fn a_type_that_is_refused_while_tweets_are_given_out_is_left_out_and_named() {
    let api = Api { refuses: Some(Kind::Profile), ..honest(tweets([NOW + 1, NOW + 70_000])) };
    let (ids, _, filled) = fill(&api, bounds(), NOW, NOW + 120_000);
    let filled = filled.unwrap();
    assert_eq!(ids, [0, 1]);
    assert_eq!(filled.without.len(), 1, "{:?}", filled.without);
    assert!(filled.without[0].starts_with("PROFILE: "), "{:?}", filled.without);
    assert_eq!(api.asked.borrow().iter().filter(|query| query.kind == Kind::Profile).count(), 1);

    let api = Api { refuses: Some(Kind::Tweet), ..api };
    assert!(matches!(fill(&api, bounds(), NOW, NOW + 120_000).2, Err(Unavailable::Refused(_))));
}

#[test]
fn clocks_that_differ_are_corrected_and_one_that_jumps_is_not_followed() {
    let skew = 600_000;
    let api = honest(tweets([NOW + skew + 500, NOW + skew + 700]));
    api.ahead.set(Some(skew + 400));
    let (ids, pages, filled) = fill(&api, bounds(), NOW, NOW + 1_000);
    assert_eq!((ids, filled.unwrap().requests > 3), (vec![0, 1], true));
    assert_eq!(pages.last().unwrap().until, Timestamp::from_millis(NOW + 1_000), "of our clock");

    // Seconds are what `Date` cannot say exactly.
    let api = honest(tweets([NOW + 10]));
    api.ahead.set(Some(-4_000));
    assert_eq!(fill(&api, bounds(), NOW, NOW + 1_000).0, [0]);
    assert!(api.asked.borrow().iter().all(|query| query.start == NOW - 1));
}

#[test]
fn nobody_listening_ends_it() {
    let api = honest(tweets((0..500).map(|row| NOW + row * 10)));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (sender, receiver) = mpsc::channel(1);
        drop(receiver);
        let mut run = Run::new(&api, bounds(), Learned::default(), 0);
        let (from, to) = (Timestamp::from_millis(NOW), Timestamp::from_millis(NOW + 3_600_000));
        assert!(run.fill(from, to, &sender).await.is_ok());
    });
    assert!(api.asked.borrow().len() < 10);
}
