//! The alerts of a digest → groups of one rule and token, told apart where two would look alike, as many as there is room for.

use std::collections::HashMap;

use crate::model::delivery::DigestLine;
use crate::model::time::Timestamp;
use crate::rules::ruleset::NOTICES;

/// Rules that are named with their counts.
pub(super) const RULES: usize = 5;
/// Lines that are shown at most.
const LINES: usize = 25;
/// Of what tells one from another.
const APART: usize = 64;

/// The rules and how often each fired, the busiest first. What birdcall itself has to say is of none.
pub(super) fn by_rule<'l>(lines: &[&'l DigestLine]) -> Vec<(&'l str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for line in lines.iter().filter(|line| line.rule != NOTICES) {
        match counts.iter_mut().find(|(rule, _)| *rule == line.rule) {
            Some((_, count)) => *count += 1,
            None => counts.push((&line.rule, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Alerts of one rule about one token, market or prediction.
pub(super) struct Group<'l> {
    pub(super) rule: &'l str,
    /// Its name; with its chain or its whole address where another one would look the same.
    pub(super) token: String,
    /// How many there are, shown or not.
    pub(super) count: usize,
    /// The newest first.
    shown: Vec<&'l DigestLine>,
    /// When the newest of all happened: what was on another day says so.
    newest: Option<Timestamp>,
}

/// What alerts are put together by: the rule, and what they are about.
type Key<'l> = (&'l str, &'l str);

fn key(line: &DigestLine) -> Key<'_> {
    // A line of an earlier version has no more than a name.
    (&line.rule, if line.key.is_empty() { &line.token } else { &line.key })
}

/// The groups of the newest so many alerts, that of the newest first.
fn groups<'l>(lines: &[&'l DigestLine], counts: &HashMap<Key<'l>, usize>, newest: usize) -> Vec<Group<'l>> {
    let mut groups: Vec<(Key<'l>, Group<'l>)> = Vec::new();
    let latest = lines.first().and_then(|line| line.at);
    for line in lines.iter().take(newest) {
        let of = key(line);
        match groups.iter_mut().find(|(key, _)| *key == of) {
            Some((_, group)) => group.shown.push(line),
            None => {
                let (rule, token, count) = (line.rule.as_str(), line.token.clone(), counts.get(&of).copied().unwrap_or(1));
                groups.push((of, Group { rule, token, count, shown: vec![line], newest: latest }));
            }
        }
    }
    let apart: Vec<_> = (0..groups.len()).map(|at| apart(&groups, at)).collect();
    let named = |((_, group), apart): ((Key<'l>, Group<'l>), Option<String>)| match apart {
        Some(apart) => Group { token: [&*group.token, &*apart].join(" "), ..group },
        None => group,
    };
    groups.into_iter().zip(apart).map(named).collect()
}

/// What tells a group from another one of the same name: its chain or exchange, or, if that is the same, its whole address or id.
fn apart(groups: &[(Key<'_>, Group<'_>)], at: usize) -> Option<String> {
    fn parts<'k>((_, key): Key<'k>) -> Option<(&'k str, &'k str)> {
        key.split_once(':')?.1.split_once(':')
    }
    let (own, group) = groups.get(at)?;
    let looks_alike = |(key, of): &&(Key<'_>, Group<'_>)| {
        key != own && of.rule == group.rule && of.token.eq_ignore_ascii_case(&group.token) && !group.token.is_empty()
    };
    let (place, id) = parts(*own)?;
    let others: Vec<_> = groups.iter().filter(looks_alike).collect();
    let is_same = |(key, _): &&(Key<'_>, Group<'_>)| parts(*key).is_some_and(|(of, _)| of == place);
    let shown = if others.is_empty() {
        return None;
    } else if others.iter().any(is_same) || place.is_empty() {
        id
    } else {
        place
    };
    // The feed's words, among our own.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    ((1..=APART).contains(&shown.len()) && shown.bytes().all(is_plain)).then(|| shown.to_owned())
}

/// What `make` makes of the groups of as many alerts as it has room for.
pub(super) fn most<'l, T: Default>(lines: &[&'l DigestLine], make: impl Fn(&[Group<'l>], usize) -> Option<T>) -> T {
    let mut counts = HashMap::new();
    for line in lines {
        *counts.entry(key(line)).or_default() += 1;
    }
    let made = (0..=lines.len().min(LINES)).rev().find_map(|newest| make(&groups(lines, &counts, newest), newest));
    made.unwrap_or_default()
}

impl Group<'_> {
    /// One alert stands on a line with its rule; more stand below it.
    pub(super) fn is_one(&self) -> bool {
        self.count == 1
    }

    /// What is said of each alert that is shown. One of an earlier run has no words of its own.
    pub(super) fn alerts(&self) -> impl Iterator<Item = &DigestLine> {
        let has_words = |line: &&DigestLine| !line.who.is_empty() || !line.text.is_empty() || line.link.is_some();
        self.shown.iter().copied().filter(move |line| self.is_one() || has_words(line))
    }

    /// What is said of an alert in our own words: when it was and at what price, whether it is late, how many were held back since the last.
    pub(super) fn facts(&self, line: &DigestLine) -> String {
        let late = line.late.then(|| "⚠️ late".to_owned());
        let when = line.at.and_then(|at| self.moment(at));
        let held = (line.held > 0).then(|| format!("+{} held back", line.held));
        let price = Some(line.about.clone()).filter(|price| !price.is_empty());
        let facts: Vec<_> = [late, when, price, held].into_iter().flatten().collect();
        facts.join(" · ")
    }

    fn moment(&self, at: Timestamp) -> Option<String> {
        const DAY: i64 = 86_400_000;
        let day = |at: Timestamp| at.as_millis().div_euclid(DAY);
        let same = self.newest.is_none_or(|newest| day(newest) == day(at));
        let then = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        Some(then.strftime(if same { "%H:%M" } else { "%-d %b %H:%M" }).to_string())
    }
}
