//! One backfill: windows from the oldest to the newest, for each type its series of questions, and pages out.

use std::ops::ControlFlow;

use tokio::sync::mpsc;

use super::paging::{Learned, Next, Series};
use super::question::{Answer, Ask, Failure, Kind, Query};
use super::window::Window;
use super::{Filled, HistoryBounds, Page, Unavailable};
use crate::model::time::Timestamp;

/// Clocks that differ by more are corrected; `Date` says only seconds, and the way takes time.
const SKEW_MS: i64 = 5_000;
/// The clock is corrected so often in one backfill.
const SHIFTS: usize = 2;
/// A window does not get shorter than this: with a millisecond more on both sides, a moment is then in two neighbours at most, and the one
/// before is what is remembered.
const SHORTEST_MS: i64 = 3;
/// What the shortest window may hold, as a multiple of what others may: one moment cannot be parted.
const CROWD: usize = 8;
/// Rows asked for at least, unless even these make an answer that is too long: a few very long ones must not make the rest a matter of
/// thousands of requests.
const FEWEST: usize = 16;

pub(super) struct Run<'a, A> {
    asker: &'a A,
    bounds: HistoryBounds,
    learned: Learned,
    /// How far the API's clock is ahead, as far as known, and by how much the questions were shifted, in ms.
    ahead: i64,
    shift: i64,
    /// Rows asked for at once: as many as make an answer of `bounds.answer_wanted`. Few at first, as nothing is known of the rows.
    limit: usize,
    /// Rows asked for at once, at most: fewer after an answer that was too long.
    limit_max: usize,
    /// Types that the API does not give out.
    without: Vec<Kind>,
    has_tweets: bool,
    /// How often the clock was corrected: a clock that jumps about is not followed.
    shifts: usize,
    window: Window,
    /// Of the window that is asked for.
    odd: Odd,
    filled: Filled,
}

/// What is odd about one window, which counts only when it is handed on.
#[derive(Debug, Default)]
struct Odd {
    unusable: usize,
    cut: bool,
}

/// What came of one window.
enum Held {
    All,
    /// More than may be held. Where known: so much of the window's end, in ms, holds that.
    TooMuch(Option<i64>),
    /// The API's clock is another: all over again.
    Shifted,
}

impl<'a, A: Ask> Run<'a, A> {
    pub(super) fn new(asker: &'a A, bounds: HistoryBounds, learned: Learned, ahead: i64) -> Self {
        Self {
            asker,
            bounds,
            learned,
            ahead,
            shift: ahead,
            limit: (bounds.limit / 4).max(1),
            limit_max: bounds.limit.max(1),
            without: Vec::new(),
            has_tweets: false,
            shifts: 0,
            window: Window::default(),
            odd: Odd::default(),
            filled: Filled::default(),
        }
    }

    /// What the next backfill may know: of the API, and how far its clock is ahead.
    pub(super) fn learned(&self) -> (Learned, i64) {
        (self.learned, self.ahead)
    }

    pub(super) async fn fill(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        sender: &mpsc::Sender<Page>,
    ) -> Result<Filled, Unavailable> {
        let (from, to) = (from.as_millis(), to.as_millis().max(from.as_millis()));
        let ms = |span: std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(SHORTEST_MS);
        let mut width = ms(self.bounds.window);
        // In our time, as it is known where the API's is only after its first answer.
        let mut at = from;
        loop {
            let end = at.saturating_add(width).min(to);
            self.odd = Odd::default();
            match self.ask_window(at, end, if is_shortest(width) { CROWD } else { 1 }).await? {
                Held::Shifted => {
                    self.window.forget();
                    self.shift = self.ahead;
                    self.shifts += 1;
                }
                Held::TooMuch(_) if is_shortest(width) => {
                    return Err(Unavailable::TooMuch(format!("more than {} rows of one moment", self.window.len())));
                }
                Held::TooMuch(of) => {
                    self.window.forget();
                    let width_now = (end - at).min(width);
                    // Three quarters of what was too much fit, if the window is as full everywhere; a burst at its end says little.
                    let fits = of.map_or(i64::MAX, |of| of / 4 * 3).max(width_now / 64);
                    width = (width_now / 2).min(fits).max(SHORTEST_MS);
                }
                Held::All => {
                    let is_sparse = self.window.len() < self.bounds.rows / 8 && self.window.bytes() < self.bounds.bytes / 8;
                    if self.hand_on(end, sender).await.is_break() || end == to {
                        return Ok(std::mem::take(&mut self.filled));
                    }
                    at = end;
                    if is_sparse {
                        width = width.saturating_mul(2).min(ms(self.bounds.window_max).max(ms(self.bounds.window)));
                    }
                }
            }
        }
    }

    /// Asks for everything from `at` to `end`, in our time. Holds so many times the bounds.
    async fn ask_window(&mut self, at: i64, end: i64, times: usize) -> Result<Held, Unavailable> {
        let (at, end) = (at.saturating_add(self.shift), end.saturating_add(self.shift));
        let (most_rows, most_bytes) = (self.bounds.rows.saturating_mul(times), self.bounds.bytes.saturating_mul(times));
        for kind in Kind::ALL {
            if self.without.contains(&kind) {
                continue;
            }
            let mut series = Series::new(at, end);
            loop {
                let (start, until) = series.bounds();
                let Some(answer) = self.ask(Query { kind, start, end: until, limit: self.limit }).await? else { break };
                if self.is_elsewhere(&answer) {
                    return Ok(Held::Shifted);
                }
                let stamps: Vec<_> = answer.rows.iter().map(|row| row.stamp).collect();
                let (seen, bytes) = (answer.rows.len() + answer.unusable, answer.bytes);
                let mut fresh = 0;
                for row in answer.rows {
                    // From before the window, whichever clock counts: the API does not look at the start that it was asked for.
                    let is_older = row.stamp.latest().is_some_and(|latest| latest < start - 1);
                    fresh += usize::from(!is_older && self.window.take(row));
                }
                let next = series.after(&stamps, seen, fresh, self.limit, &mut self.learned);
                self.odd.unusable += answer.unusable * usize::from(fresh > 0 || stamps.is_empty());
                self.fit(seen, bytes);
                if self.window.len() > most_rows || self.window.bytes() > most_bytes {
                    // Of the other types there are few, so that they say nothing of how full it is.
                    return Ok(Held::TooMuch((kind == Kind::Tweet).then(|| end - series.bounds().1)));
                }
                match next {
                    Next::More => {}
                    Next::Done => break,
                    Next::Ignored => {
                        let words = "it does not look at endDate, so that older rows cannot be asked for";
                        return Err(Unavailable::Refused(words.to_owned()));
                    }
                }
            }
            self.odd.cut |= series.cut;
            self.has_tweets |= kind == Kind::Tweet;
        }
        Ok(Held::All)
    }

    /// One answer. `None`: this type is not given out.
    async fn ask(&mut self, query: Query) -> Result<Option<Answer>, Unavailable> {
        let mut limit = query.limit;
        loop {
            if self.filled.requests >= self.bounds.requests {
                return Err(Unavailable::TooMuch(format!("it would take more than {} requests", self.bounds.requests)));
            }
            match self.asker.ask(Query { limit, ..query }).await {
                Ok(answer) => {
                    self.filled.requests += answer.requests;
                    // Where the limit parts a moment, what is older than the answer could not be asked for without a hole.
                    if limit < self.limit_max && answer.is_of_one_moment(limit) {
                        limit = self.limit_max;
                        continue;
                    }
                    self.limit = limit;
                    return Ok(Some(answer));
                }
                Err(Failure::TooLong) if limit == 1 => {
                    return Err(Unavailable::TooMuch(format!("one row alone is longer than {} bytes", self.bounds.answer_bytes)));
                }
                Err(Failure::TooLong) => {
                    self.filled.requests += 1;
                    limit /= 2;
                    self.limit_max = limit;
                    self.learned.limited(limit);
                }
                // Tweets were given out, so it is this type that is refused.
                Err(Failure::Unavailable(why)) if why.is_final() && self.has_tweets && query.kind != Kind::Tweet => {
                    self.filled.requests += 1;
                    self.without.push(query.kind);
                    self.filled.without.push(format!("{}: {why}", query.kind.name()));
                    return Ok(None);
                }
                Err(Failure::Unavailable(why)) => return Err(why),
            }
        }
    }

    /// Next time so many rows are asked for that the answer is about as long as it should be. This one had so many rows and bytes.
    fn fit(&mut self, rows: usize, bytes: usize) {
        // A short answer that is not full says little of the rows.
        if bytes > self.bounds.answer_wanted || rows >= self.limit {
            let wanted = self.bounds.answer_wanted.saturating_mul(rows) / bytes.max(1);
            self.limit = wanted.min(self.limit.saturating_mul(2)).max(FEWEST).min(self.limit_max);
        }
        self.learned.limited(self.limit);
    }

    /// Whether the API's clock turns out to be another than the questions were asked by. Once something was handed on, it is left at that.
    fn is_elsewhere(&mut self, answer: &Answer) -> bool {
        if let Some(ahead) = answer.ahead {
            self.ahead = if ahead.saturating_abs() <= SKEW_MS { 0 } else { ahead };
        }
        self.filled.pages == 0 && self.shifts < SHIFTS && self.ahead.saturating_sub(self.shift).saturating_abs() > SKEW_MS
    }

    /// Hands on what is held of the window that ends at `end`. Breaks when nobody listens.
    async fn hand_on(&mut self, end: i64, sender: &mpsc::Sender<Page>) -> ControlFlow<()> {
        self.filled.rows += self.window.len();
        self.filled.unusable += self.odd.unusable;
        self.filled.cut |= self.odd.cut;
        for mut page in self.window.close(self.bounds.page, end.saturating_add(self.shift)) {
            page.until = Timestamp::from_millis(page.until.as_millis().saturating_sub(self.shift));
            page.ahead = self.ahead;
            self.filled.pages += 1;
            if sender.send(page).await.is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

fn is_shortest(width: i64) -> bool {
    width / 2 < SHORTEST_MS
}
