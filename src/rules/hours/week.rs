//! Text → minutes of a week: `Mon-Fri 08:00-12:00,13:00-17:00`.

use super::super::names::shown;

/// Minutes of a day, and of a week, which begins on Monday.
const DAY: u16 = 1_440;
const WEEK: u16 = 7 * DAY;
const MINUTE_MS: i64 = 60_000;
/// The first of January 1970 was a Thursday.
const MONDAY_MS: i64 = 3 * 1_440 * MINUTE_MS;

/// Spans of one text; more are a slip of a program that writes it.
const SPANS: usize = 48;

/// In the order of the week.
pub(super) const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The short name of a day.
pub(super) fn short(day: u8) -> &'static str {
    DAYS.get(usize::from(day)).and_then(|name| name.get(..3)).unwrap_or_default()
}

/// What a text of hours is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A day; Monday is 0.
    Day(u8),
    /// A minute of the day; 1440 is its end.
    Time(u16),
    Dash,
    Comma,
}

/// One text of hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    days: [bool; 7],
    /// Minutes of the day, the end beyond midnight where it is on the next.
    spans: Vec<(u16, u16)>,
}

/// Reads one text. The error says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Entry, String> {
    let pieces = pieces(text)?;
    let times = pieces.iter().position(|piece| matches!(piece, Piece::Time(_))).unwrap_or(pieces.len());
    let (days, times) = pieces.split_at(times);
    match (days, times) {
        ([], []) => Err("it is empty".to_owned()),
        (days, []) => Ok(Entry { days: read_days(days)?, spans: vec![(0, DAY)] }),
        ([], times) => Ok(Entry { days: [true; 7], spans: read_times(times)? }),
        (days, times) => Ok(Entry { days: read_days(days)?, spans: read_times(times)? }),
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == ':' || c == '.';
        let length = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        pieces.push(match first {
            '-' => Piece::Dash,
            ',' => Piece::Comma,
            c if c.is_alphabetic() => Piece::Day(day(word).ok_or_else(|| format!("`{}` is no day of the week", shown(word)))?),
            c if c.is_ascii_digit() => {
                Piece::Time(time(word).ok_or_else(|| format!("`{}` is no time of day, which is written `08:00`", shown(word)))?)
            }
            c => return Err(format!("`{}` cannot stand in hours", c.escape_debug())),
        });
        rest = after.trim_start();
    }
    Ok(pieces)
}

/// A day by its whole name or the first three letters of it.
fn day(word: &str) -> Option<u8> {
    let is_it =
        |name: &str| name.eq_ignore_ascii_case(word) || name.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(word));
    DAYS.iter().position(|name| is_it(name)).and_then(|day| u8::try_from(day).ok())
}

/// `08:00`, `8:00` or `24:00`, as a minute of the day.
fn time(word: &str) -> Option<u16> {
    let (hour, minute) = word.split_once(':')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
    let (hour, minute) = (number(hour).filter(|_| hour.len() <= 2)?, number(minute).filter(|_| minute.len() == 2)?);
    let time = (minute < 60).then(|| hour * 60 + minute)?;
    (time <= DAY).then_some(time)
}

fn read_days(pieces: &[Piece]) -> Result<[bool; 7], String> {
    let mut days = [false; 7];
    for part in pieces.split(|piece| *piece == Piece::Comma) {
        let (first, last) = match part {
            [Piece::Day(day)] => (*day, *day),
            [Piece::Day(first), Piece::Dash, Piece::Day(last)] if first == last => {
                return Err(format!("from {0} to {0} is one day or all: write `{0}`, or no day", short(*first)));
            }
            [Piece::Day(first), Piece::Dash, Piece::Day(last)] => (*first, *last),
            _ => return Err("days are written `Mon-Fri` or `Sat,Sun`".to_owned()),
        };
        let many = (7 + last - first) % 7 + 1;
        for day in (0..many).map(|n| (first + n) % 7) {
            days[usize::from(day)] = true;
        }
    }
    Ok(days)
}

fn read_times(pieces: &[Piece]) -> Result<Vec<(u16, u16)>, String> {
    if pieces.iter().any(|piece| matches!(piece, Piece::Day(_))) {
        return Err("days come first; others with hours of their own are another text, in a list of texts".to_owned());
    }
    let parts = pieces.split(|piece| *piece == Piece::Comma);
    let spans: Result<Vec<_>, _> = parts.map(span).collect();
    let spans = spans?;
    if spans.len() > SPANS { Err(format!("these are more than {SPANS} spans")) } else { Ok(spans) }
}

fn span(part: &[Piece]) -> Result<(u16, u16), String> {
    match part {
        [Piece::Time(DAY), Piece::Dash, ..] => {
            Err("a span that begins at 24:00 is one of the next day: write `00:00`".to_owned())
        }
        [Piece::Time(begin), Piece::Dash, Piece::Time(end)] if begin == end => {
            Err("it ends when it begins: for whole days write no time, or `00:00-24:00`".to_owned())
        }
        [Piece::Time(begin), Piece::Dash, Piece::Time(end)] => Ok((*begin, if end < begin { end + DAY } else { *end })),
        [Piece::Time(_)] => Err("a span has a beginning and an end, such as `08:00-22:00`".to_owned()),
        _ => Err("hours are written `08:00-22:00` or `08:00-12:00,13:00-17:00`".to_owned()),
    }
}

/// When a week's hours open and close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Week {
    /// How the week ends, and so how it begins before its first change.
    ends_open: bool,
    /// Minutes at which it is no more as it was, in order.
    changes: Box<[u16]>,
}

impl Week {
    /// The hours of any of these.
    pub(super) fn of(entries: &[Entry]) -> Self {
        // How many spans more or fewer there are from a minute on, and how many go past the end of the week.
        let (mut turns, mut depth) = (vec![0_i32; usize::from(WEEK)], 0);
        for entry in entries {
            let days = (0_u16..).zip(entry.days).filter(|(_, is_in)| *is_in);
            for (day, (begin, end)) in days.flat_map(|(day, _)| entry.spans.iter().map(move |span| (day, span))) {
                turns[usize::from(day * DAY + begin)] += 1;
                turns[usize::from((day * DAY + end) % WEEK)] -= 1;
                depth += i32::from(day * DAY + end >= WEEK);
            }
        }
        let so_far = turns.iter().scan(depth, |depth, turn| {
            *depth += turn;
            Some(*depth > 0)
        });
        let open: Vec<bool> = so_far.collect();
        let ends_open = open.last().copied().unwrap_or_default();
        let before = std::iter::once(&ends_open).chain(&open);
        let changes = (0_u16..).zip(before.zip(&open)).filter(|(_, (before, now))| before != now).map(|(minute, _)| minute);
        Self { ends_open, changes: changes.collect() }
    }

    /// Whether it never closes. There is none that never opens.
    pub(super) fn is_whole(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether it is open when clocks show so many milliseconds since 1970.
    pub(super) fn is_open(&self, shown: i64) -> bool {
        let minute = since_monday(shown) / MINUTE_MS;
        let changed = self.changes.partition_point(|change| i64::from(*change) <= minute);
        self.ends_open ^ !changed.is_multiple_of(2)
    }

    /// The next of its changes after what clocks show, in milliseconds since 1970.
    pub(super) fn next_change(&self, shown: i64) -> Option<i64> {
        let now = since_monday(shown);
        let later = self.changes.iter().map(|change| i64::from(*change) * MINUTE_MS).find(|change| *change > now);
        let next = later.or_else(|| self.changes.first().map(|change| (i64::from(*change) + i64::from(WEEK)) * MINUTE_MS))?;
        shown.checked_add(next - now)
    }
}

/// Milliseconds since the beginning of the week.
fn since_monday(shown: i64) -> i64 {
    shown.saturating_add(MONDAY_MS).rem_euclid(i64::from(WEEK) * MINUTE_MS)
}
