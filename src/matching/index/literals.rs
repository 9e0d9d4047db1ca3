//! regex → groups of texts of which at least one each stands in whatever the regex matches, folded character by character.

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

/// Groups of one regex: the rarest.
const MOST_GROUPS: usize = 4;

/// Texts of which one stands in whatever a regex matches.
pub(super) type Group = Vec<String>;

/// What is known of a part of a regex.
#[derive(Debug, Default)]
struct Known {
    /// All that it can match.
    all: Option<Group>,
    /// Whatever it matches has one of each of these.
    some: Vec<Group>,
}

impl Known {
    /// All groups that tell something.
    fn groups(self) -> impl Iterator<Item = Group> {
        self.some.into_iter().chain(self.all).filter(is_usable)
    }

    /// The one that tells most.
    fn best(self) -> Option<Group> {
        self.groups().min_by_key(cost)
    }
}

/// What must stand in whatever the pattern matches: of each group one text, the rarest group first. Empty: there are none that would help.
pub(super) fn required(pattern: &Pattern) -> Vec<Group> {
    let mut parser = regex_syntax::ParserBuilder::new().case_insensitive(!pattern.is_exact()).build();
    let Ok(regex) = parser.parse(pattern.composed()) else { return Vec::new() };
    let mut groups: Vec<_> = look(&regex).groups().collect();
    groups.sort_by_key(cost);
    groups.dedup();
    groups.truncate(MOST_GROUPS);
    groups
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
        HirKind::Empty | HirKind::Look(_) => Known { all: Some(vec![String::new()]), some: Vec::new() },
        HirKind::Literal(literal) => {
            Known { all: str::from_utf8(&literal.0).ok().map(|text| vec![normal::fold_each(text)]), some: Vec::new() }
        }
        HirKind::Class(class) => Known { all: members(class), some: Vec::new() },
        HirKind::Capture(capture) => look(&capture.sub),
        HirKind::Repetition(of) => {
            let known = look(&of.sub);
            match (of.min, of.max) {
                (0, Some(1)) => {
                    let all = known.all.map(|mut all| {
                        all.push(String::new());
                        all
                    });
                    Known { all: all.and_then(tidy), some: Vec::new() }
                }
                (0, _) => Known::default(),
                (1, Some(1)) => known,
                _ => Known { all: None, some: known.groups().collect() },
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
    let (mut some, mut run, mut whole) = (Vec::new(), vec![String::new()], true);
    for part in parts {
        let known = look(part);
        let longer = known.all.as_ref().and_then(|all| joined(&run, all));
        match longer {
            Some(longer) => run = longer,
            None => {
                whole = false;
                some.push(std::mem::replace(&mut run, known.all.unwrap_or_else(|| vec![String::new()])));
                some.extend(known.some);
            }
        }
    }
    let all = whole.then(|| run.clone());
    some.push(run);
    Known { all, some: some.into_iter().filter(is_usable).collect() }
}

fn one_of(parts: &[Hir]) -> Known {
    let (mut all, mut some) = (Some(Vec::new()), Some(Vec::new()));
    for part in parts {
        let known = look(part);
        let with = |sum: Option<Group>, more: Option<Group>| match (sum, more) {
            (Some(mut sum), Some(more)) => {
                sum.extend(more);
                tidy(sum)
            }
            _ => None,
        };
        all = with(all, known.all.clone());
        some = with(some, known.best());
    }
    Known { all, some: some.into_iter().collect() }
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

/// How often one of a group stands where it means nothing, roughly.
pub(super) fn cost(group: &Group) -> u64 {
    group.iter().map(|text| commonness(text)).fold(0, u64::saturating_add)
}

/// A group with an empty text, or with what stands in most texts, says nothing.
fn is_usable(group: &Group) -> bool {
    group.iter().all(|text| !text.trim().is_empty()) && (1..TOO_COMMON).contains(&cost(group))
}

#[cfg(test)]
#[path = "literals_tests.rs"]
mod tests;
