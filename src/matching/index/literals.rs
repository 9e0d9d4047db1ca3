//! regex → texts of which at least one stands in whatever the regex matches, folded character by character.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::rules::condition::Pattern;
use crate::rules::normal;

/// Texts of one regex; with more it is not worth it.
const MOST: usize = 64;
/// Texts that are put together of neighbouring parts.
const MOST_OF_RUN: usize = 16;
/// Characters of a class that are looked at one by one.
const CLASS: u32 = 64;
/// Bytes of one text: more tells no more.
const LONGEST: usize = 48;

/// Texts that are commoner than this together lead to everything.
const TOO_COMMON: u64 = 100_000;

/// What is known of a part of a regex.
#[derive(Debug, Default)]
struct Known {
    /// All that it can match.
    all: Option<Vec<String>>,
    /// Whatever it matches has one of these.
    some: Option<Vec<String>>,
}

/// Texts of which one stands in whatever the pattern matches. `None`: there are none that would help.
pub(super) fn required(pattern: &Pattern) -> Option<Vec<String>> {
    let mut parser = regex_syntax::ParserBuilder::new().case_insensitive(!pattern.is_exact()).build();
    let known = look(&parser.parse(pattern.composed()).ok()?);
    better(known.some, known.all)
}

/// How often such texts stand where they mean nothing, roughly: the shorter the oftener.
pub(super) fn commonness(text: &str) -> u64 {
    match text.chars().count() {
        0 => u64::MAX,
        // Letters of most scripts are commoner than signs and ideographs.
        1 if text.chars().any(|c| c.is_ascii_alphanumeric() || c == ' ') => 200_000,
        1 => 4_000,
        2 => 2_000,
        3 => 400,
        4 => 100,
        _ => 40,
    }
}

fn look(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known { all: Some(vec![String::new()]), some: None },
        HirKind::Literal(literal) => {
            Known { all: str::from_utf8(&literal.0).ok().map(|text| vec![normal::fold_each(text)]), some: None }
        }
        HirKind::Class(class) => Known { all: members(class), some: None },
        HirKind::Capture(capture) => look(&capture.sub),
        HirKind::Repetition(of) => {
            let known = look(&of.sub);
            match (of.min, of.max) {
                (0, Some(1)) => {
                    let all = known.all.map(|mut all| {
                        all.push(String::new());
                        all
                    });
                    Known { all: all.and_then(tidy), some: None }
                }
                (0, _) => Known::default(),
                (1, Some(1)) => known,
                _ => Known { all: None, some: better(known.some, known.all) },
            }
        }
        HirKind::Concat(parts) => in_a_row(parts),
        HirKind::Alternation(parts) => one_of(parts),
    }
}

/// The texts of a class of few characters.
fn members(class: &Class) -> Option<Vec<String>> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
        Class::Bytes(class) if class.is_ascii() => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Bytes(_) => return None,
    };
    let many = ranges.iter().map(|(from, to)| to - from + 1).try_fold(0_u32, u32::checked_add)?;
    if many == 0 || many > CLASS {
        return None;
    }
    let characters = ranges.into_iter().flat_map(|(from, to)| from..=to).filter_map(char::from_u32);
    tidy(characters.map(|c| normal::fold_each(c.encode_utf8(&mut [0; 4]))).collect())
}

/// Parts one after the other: neighbours of which all is known make longer texts.
fn in_a_row(parts: &[Hir]) -> Known {
    let (mut best, mut run, mut whole) = (None, vec![String::new()], true);
    for part in parts {
        let known = look(part);
        let longer = known.all.as_ref().and_then(|all| joined(&run, all));
        match longer {
            Some(longer) => run = longer,
            None => {
                whole = false;
                let ended = std::mem::replace(&mut run, known.all.clone().unwrap_or_else(|| vec![String::new()]));
                best = better(best, Some(ended));
                best = better(best, known.some);
            }
        }
    }
    let all = whole.then(|| run.clone());
    Known { all, some: better(best, Some(run)) }
}

fn one_of(parts: &[Hir]) -> Known {
    let (mut all, mut some) = (Some(Vec::new()), Some(Vec::new()));
    for part in parts {
        let known = look(part);
        let with = |sum: Option<Vec<String>>, more: Option<Vec<String>>| match (sum, more) {
            (Some(mut sum), Some(more)) => {
                sum.extend(more);
                tidy(sum)
            }
            _ => None,
        };
        all = with(all, known.all.clone());
        some = with(some, better(known.some, known.all));
    }
    Known { all, some }
}

/// Every text of the first with every one of the second behind it, unless these are too many or too long.
fn joined(first: &[String], second: &[String]) -> Option<Vec<String>> {
    if first.len() * second.len() > MOST_OF_RUN {
        return None;
    }
    let both: Vec<String> = first.iter().flat_map(|head| second.iter().map(move |tail| format!("{head}{tail}"))).collect();
    both.iter().all(|text| text.len() <= LONGEST).then_some(both).and_then(tidy)
}

/// Without doubles, unless there are too many.
fn tidy(mut texts: Vec<String>) -> Option<Vec<String>> {
    texts.sort_unstable();
    texts.dedup();
    (texts.len() <= MOST).then_some(texts)
}

/// The group that says more. One with an empty text, or with what stands in most texts, says nothing.
fn better(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    let cost = |group: &Vec<String>| group.iter().map(|text| commonness(text)).fold(0, u64::saturating_add);
    let usable = |group: &Vec<String>| group.iter().all(|text| !text.trim().is_empty()) && (1..TOO_COMMON).contains(&cost(group));
    match (one.filter(usable), other.filter(usable)) {
        (Some(one), Some(other)) => Some(if cost(&other) < cost(&one) { other } else { one }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
#[path = "literals_tests.rs"]
mod tests;
