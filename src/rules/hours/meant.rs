//! What people write for hours, and what they most likely mean by it: `9am-5pm`, `9-17`, `8:00–22:00`, `weekdays`.

use super::week::{self, DAYS, Entry, Piece, short};

/// Longer texts are not guessed at.
const LONGEST: usize = 100;

/// Words that stand for days, or for signs.
const WORDS: &[(&str, &[Piece])] = &[
    ("weekday", &[Piece::Day(0), Piece::Dash, Piece::Day(4)]),
    ("weekdays", &[Piece::Day(0), Piece::Dash, Piece::Day(4)]),
    ("workdays", &[Piece::Day(0), Piece::Dash, Piece::Day(4)]),
    ("weekend", &[Piece::Day(5), Piece::Comma, Piece::Day(6)]),
    ("weekends", &[Piece::Day(5), Piece::Comma, Piece::Day(6)]),
    ("daily", &[]),
    ("every", &[]),
    ("everyday", &[]),
    ("day", &[]),
    ("from", &[]),
    ("on", &[]),
    ("at", &[]),
    ("between", &[]),
    ("to", &[Piece::Dash]),
    ("till", &[Piece::Dash]),
    ("until", &[Piece::Dash]),
    ("through", &[Piece::Dash]),
    ("and", &[Piece::Comma]),
    ("noon", &[Piece::Time(12 * 60)]),
    ("midnight", &[Piece::Time(0)]),
];

/// Reads one text of hours. The error says what is wrong with it, or what was most likely meant.
pub(super) fn parse(text: &str) -> Result<Entry, String> {
    week::parse(text).map_err(|why| meant(text).map_or(why, |meant| format!("did you mean `{meant}`?")))
}

/// What was most likely meant by a text that is no hours: it is some.
fn meant(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let written = written(&pieces(text)?);
    week::parse(&written).is_ok().then_some(written)
}

/// A number as somebody wrote it.
#[derive(Clone, Copy)]
struct Loose {
    hour: u16,
    /// `None`: the hour alone.
    minute: Option<u16>,
    /// `am` or `pm`.
    afternoon: Option<bool>,
}

impl Loose {
    fn minute_of_day(self) -> Option<u16> {
        let hour = match self.afternoon {
            Some(_) if self.hour == 0 || self.hour > 12 => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let minute = self.minute.unwrap_or_default();
        (hour <= 24 && minute < 60).then(|| hour * 60 + minute)
    }
}

enum Read {
    Piece(Piece),
    Time(Loose),
}

fn pieces(text: &str) -> Option<Vec<Piece>> {
    let lower = text.to_lowercase();
    let mut read = Vec::new();
    let mut rest = lower.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_ascii_digit() => rest.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(rest.len()),
            c if c.is_alphabetic() => rest.find(|c: char| !c.is_alphabetic() && c != '.').unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        match first {
            '-' | '–' | '—' | '‒' | '‑' | '−' | '~' | '>' => read.push(Read::Piece(Piece::Dash)),
            ',' | ';' | '&' | '+' | '/' => read.push(Read::Piece(Piece::Comma)),
            ':' | '.' | '(' | ')' => {}
            c if c.is_ascii_digit() => read.push(Read::Time(number(word.trim_end_matches(['.', ':']))?)),
            c if c.is_alphabetic() => add_word(word, &mut read)?,
            _ => return None,
        }
        rest = after.trim_start();
    }
    times(&read)
}

/// `9`, `09`, `0900`, `9.30`, `9:30`, `9:30:00`.
fn number(word: &str) -> Option<Loose> {
    let parts: Vec<_> = word.split([':', '.']).collect();
    let whole = |text: &str| (text.len() <= 4).then(|| text.parse::<u16>().ok())?;
    let (hour, minute) = match parts.as_slice() {
        [one] if one.len() > 2 => (whole(one)? / 100, Some(whole(one)? % 100)),
        [hour] => (whole(hour)?, None),
        [hour, minute] | [hour, minute, "00"] => (whole(hour)?, Some(whole(minute)?)),
        _ => return None,
    };
    Some(Loose { hour, minute, afternoon: None })
}

fn add_word(word: &str, read: &mut Vec<Read>) -> Option<()> {
    let word = word.replace('.', "");
    if let (Some(Read::Time(time)), "am" | "pm" | "a" | "p") = (read.last_mut(), word.as_str()) {
        time.afternoon = Some(word.starts_with('p'));
    } else if let (Some(Read::Time(_)), "h" | "hrs" | "hours" | "oclock") = (read.last(), word.as_str()) {
    } else if let Some((_, pieces)) = WORDS.iter().find(|(known, _)| *known == word) {
        read.extend(pieces.iter().copied().map(Read::Piece));
    } else {
        read.push(Read::Piece(Piece::Day(day(&word)?)));
    }
    Some(())
}

/// `mo`, `tues`, `thurs`, `weds`, `mondays`.
fn day(word: &str) -> Option<u8> {
    let singular = word.strip_suffix('s').filter(|word| word.len() > 2).unwrap_or(word);
    let is_it = |name: &str| {
        let name = name.to_lowercase();
        singular.len() >= 2 && (name.starts_with(singular) || name.starts_with(word))
    };
    DAYS.iter().position(|name| is_it(name)).and_then(|day| u8::try_from(day).ok())
}

/// Makes times of numbers, two by two where two are a span.
fn times(read: &[Read]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = read;
    loop {
        rest = match rest {
            [] => return Some(pieces),
            [Read::Time(begin), Read::Piece(Piece::Dash), Read::Time(end), after @ ..] => {
                let (begin, end) = span(*begin, *end)?;
                pieces.extend([Piece::Time(begin), Piece::Dash, Piece::Time(end)]);
                after
            }
            [Read::Time(time), after @ ..] => {
                pieces.push(Piece::Time(time.minute_of_day()?));
                after
            }
            [Read::Piece(piece), after @ ..] => {
                pieces.push(*piece);
                after
            }
        };
    }
}

/// `8-10pm` is in the evening, `9-5pm` goes over noon, and so does `9-5`.
fn span(mut begin: Loose, mut end: Loose) -> Option<(u16, u16)> {
    match (begin.afternoon, end.afternoon) {
        (None, Some(afternoon)) => begin.afternoon = Some(afternoon != (begin.hour % 12 > end.hour % 12)),
        (None, None) if end.hour < begin.hour && begin.hour < 12 && begin.minute.is_none() && end.minute.is_none() => {
            end.hour += 12
        }
        _ => {}
    }
    Some((begin.minute_of_day()?, end.minute_of_day()?))
}

/// As hours are written.
fn written(pieces: &[Piece]) -> String {
    let mut text = String::new();
    let mut in_times = false;
    for piece in pieces {
        match piece {
            Piece::Day(day) => text.push_str(short(*day)),
            Piece::Dash => text.push('-'),
            Piece::Comma => text.push(','),
            Piece::Time(time) => {
                if !in_times && !text.is_empty() {
                    text.truncate(text.trim_end_matches([',', '-']).len());
                    text.push(' ');
                }
                in_times = true;
                text.push_str(&format!("{:02}:{:02}", time / 60, time % 60));
            }
        }
    }
    text
}
