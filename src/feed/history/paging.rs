//! One type's rows in one window, from answer to answer → what to ask next. Pure; moments are Unix milliseconds of the API's clock.
//!
//! An answer holds the newest rows up to `endDate`, and at most so many. What it leaves out is older than what it holds, so the end moves to the oldest
//! row held, plus a millisecond: an inclusive bound repeats a few rows, an exclusive one loses none. This ends with an answer that
//! has nothing new, not with one that is shorter than `limit`: the API's true maximum may be another than the documented one.

/// When a row happened, as far as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Publication.
    pub(super) time: Option<i64>,
    /// Receipt by TweetStream.
    pub(super) received: Option<i64>,
}

impl Stamp {
    /// By which rows are put in order.
    pub(super) fn moment(self) -> Option<i64> {
        self.received.or(self.time)
    }

    /// The later of the two: the row is no younger than this, whichever counts.
    pub(super) fn latest(self) -> Option<i64> {
        self.time.max(self.received)
    }

    fn by(self, column: Column) -> Option<i64> {
        match column {
            Column::Time => self.time.or(self.received),
            Column::Received => self.received.or(self.time),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Time,
    Received,
}

/// What answers have shown of the API so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Learned {
    /// `endDate` does not look at the publication.
    not_time: bool,
    /// `endDate` does not look at the receipt.
    not_received: bool,
    /// Rows of the longest answer: the API's maximum is no less.
    widest: usize,
}

impl Learned {
    /// From now on so many are asked for.
    pub(super) fn limited(&mut self, limit: usize) {
        self.widest = self.widest.min(limit);
    }

    /// Takes out the columns by which most rows lie behind the end that was asked for.
    fn look(&mut self, stamps: &[Stamp], end: i64) {
        let denies = |column| {
            // A millisecond of grace: some servers round.
            let behind = stamps.iter().filter_map(|stamp| stamp.by(column)).filter(|at| *at > end.saturating_add(1)).count();
            behind * 2 > stamps.len()
        };
        self.not_time |= denies(Column::Time);
        self.not_received |= denies(Column::Received);
    }

    fn columns(self) -> impl Iterator<Item = Column> {
        let time = (!self.not_time).then_some(Column::Time);
        time.into_iter().chain((!self.not_received).then_some(Column::Received))
    }
}

/// What comes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask again.
    More,
    /// The window has no further rows.
    Done,
    /// The API does not look at the end that it is asked for, so that older rows cannot be had.
    Ignored,
}

/// The way through one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    start: i64,
    end: i64,
    /// The latest answer was of one moment, and the end had to step over it: if older rows come, it was full, and may have left out some.
    stepped: bool,
    /// Rows of one moment may be missing.
    pub(super) cut: bool,
}

impl Series {
    /// For the rows from `from` up to and including `to`.
    pub(super) fn new(from: i64, to: i64) -> Self {
        Self { start: from.saturating_sub(1), end: to.saturating_add(1), stepped: false, cut: false }
    }

    /// The bounds to ask for.
    pub(super) fn bounds(&self) -> (i64, i64) {
        (self.start, self.end)
    }

    /// Takes an answer: when its readable rows happened, how many rows it had in all, and how many of them were new. `limit` is what was asked for.
    pub(super) fn after(&mut self, stamps: &[Stamp], seen: usize, fresh: usize, limit: usize, learned: &mut Learned) -> Next {
        if seen == 0 {
            return Next::Done;
        }
        if fresh > 0 {
            self.cut |= std::mem::take(&mut self.stepped);
        } else if seen < learned.widest {
            return Next::Done;
        }
        learned.widest = learned.widest.max(seen);
        learned.look(stamps, self.end);
        if learned.columns().next().is_none() {
            return Next::Ignored;
        }
        // What is not in the answer is no younger than its oldest row, by the column that counts; by the other it may be. So the later one of the two.
        let oldest = |column| stamps.iter().filter_map(|stamp| stamp.by(column)).min();
        let Some(oldest) = learned.columns().filter_map(oldest).max() else {
            self.cut |= seen >= limit;
            return Next::Done;
        };
        let next = oldest.saturating_add(1);
        if next < self.end {
            self.end = next;
        } else {
            self.cut |= seen >= limit;
            self.stepped = true;
            self.end = self.end.saturating_sub(1);
        }
        if self.end < self.start { Next::Done } else { Next::More }
    }
}
