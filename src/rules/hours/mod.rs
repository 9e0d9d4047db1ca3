//! `active`: days of the week and hours of the day in a time zone, in which a rule fires.
//!
//! Hours are what a clock on the wall shows in that zone. So a time that a clock skips in spring is in no hours of that day, and one that it
//! shows twice in autumn is in them twice: nobody has to know more than the time to tell whether a rule is open.

mod meant;
mod week;
mod zone;

pub use self::zone::Zone;

use self::week::Week;
use super::check::Check;
use super::diagnostic::Diagnostic;
use super::names::shown;
use super::read::Field;
use crate::model::action::WeekHours;
use crate::model::time::Timestamp;

/// Hours of a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    week: Week,
    zone: Zone,
    written: Box<str>,
}

/// What is wrong with a text of hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadHours {
    /// Which of the texts.
    pub text: usize,
    /// In words.
    pub why: String,
}

impl Hours {
    /// Reads texts such as `"Mon-Fri 08:00-22:00"`, `"22:00-06:00"` or `"Sat,Sun"`: the hours of any of them. A span that goes past midnight
    /// belongs to the day that it begins on.
    ///
    /// # Errors
    ///
    /// What is wrong with each text that is no hours; with none at all, that.
    pub fn parse(texts: &[&str], zone: &Zone) -> Result<Self, Vec<BadHours>> {
        let (mut entries, mut wrong) = (Vec::with_capacity(texts.len()), Vec::new());
        for (text, written) in texts.iter().enumerate() {
            match meant::parse(written) {
                Ok(entry) => entries.push(entry),
                Err(why) => wrong.push(BadHours { text, why }),
            }
        }
        if texts.is_empty() {
            wrong.push(BadHours { text: 0, why: "there are no hours".to_owned() });
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let written: Vec<_> = texts.iter().map(|text| text.trim()).collect();
        Ok(Self { week: Week::of(&entries), zone: zone.clone(), written: written.join(" and ").into() })
    }

    /// Whether a moment is within them.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.week.is_open(at.as_millis().saturating_add(self.zone.shift(at)))
    }

    /// The next moment after `at` at which they open or close. `None`: they never do.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let is_open = self.is_open(at);
        let mut from = at;
        loop {
            // Until the clocks are moved, what they show goes on with time.
            let shift = self.zone.shift(from);
            let next = self.week.next_change(from.as_millis().checked_add(shift)?)?.checked_sub(shift)?;
            match self.zone.next_shift(from) {
                Some(moved) if moved.as_millis() <= next => {
                    if self.is_open(moved) != is_open {
                        return Some(moved);
                    }
                    from = moved;
                }
                _ => return Some(Timestamp::from_millis(next)),
            }
        }
    }

    /// The first moment not before `at` that is within them.
    #[must_use]
    pub fn opens_at(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_open(at) { Some(at) } else { self.next_change(at) }
    }

    /// Whether they hold at all hours of all days.
    #[must_use]
    pub fn is_always_open(&self) -> bool {
        self.week.is_whole()
    }

    /// As they were written; several texts joined by "and".
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The time zone that they are meant in.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }
}

impl WeekHours for Hours {
    fn is_open(&self, at: Timestamp) -> bool {
        Self::is_open(self, at)
    }

    fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        Self::next_change(self, at)
    }

    fn in_words(&self) -> String {
        format!("{} {}", self.written, self.zone.name())
    }
}

/// A text of hours in which a rule fires, or a list of them, or a report.
pub(super) fn hours<'a>(check: &mut Check<'a>, field: Field<'a>, zone: &Zone) -> Option<Hours> {
    let hours = read(check, field, zone)?;
    if hours.is_always_open() {
        let message = format!("`{}` names every hour of the week", field.name);
        let mistake = Diagnostic::warning("useless-hours", field.node.span, message);
        check.report(mistake.help("remove it: a rule without it is active at all hours"));
    }
    Some(hours)
}

/// A text of hours or a list of them, or a report.
pub(super) fn read<'a>(check: &mut Check<'a>, field: Field<'a>, zone: &Zone) -> Option<Hours> {
    let Field { name, node, .. } = field;
    let example = "\"Mon-Fri 08:00-22:00\"";
    let nodes = node.as_list().map_or_else(|| vec![node], Iterator::collect);
    if nodes.is_empty() {
        let mistake = Diagnostic::error("empty-list", node.span, format!("`{name}` is an empty list"));
        check.report(mistake.help("remove it: without it rules fire, and actions tell, at all hours"));
        return None;
    }
    let mut texts = Vec::with_capacity(nodes.len());
    for node in &nodes {
        match node.as_text() {
            Some(text) => texts.push(text),
            None => node.wrong(check, name, "hours in quotes, or a list of such", example),
        }
    }
    if texts.len() < nodes.len() {
        return None;
    }
    match Hours::parse(&texts, zone) {
        Ok(hours) => Some(hours),
        Err(wrong) => {
            for BadHours { text, why } in wrong {
                let span = nodes.get(text).map_or(node.span, |node| node.span);
                let written = shown(texts.get(text).copied().unwrap_or_default());
                let mistake = Diagnostic::error("bad-hours", span, format!("`{written}` is no hours of the week")).label(why);
                check.report(
                    mistake.help("hours are written \"Mon-Fri 08:00-22:00\", \"22:00-06:00\" or \"Sat,Sun\"; several as a list"),
                );
            }
            None
        }
    }
}

/// A time zone, or a report.
pub(super) fn zone(check: &mut Check<'_>, field: Field<'_>) -> Option<Zone> {
    let text = field.node.text(check, field.name, "\"Europe/London\"")?;
    Zone::parse(text)
        .map_err(|why| {
            let mistake = Diagnostic::error("bad-timezone", field.node.span, format!("`{}` is no time zone", shown(text)));
            check.report(mistake.label(why).help("a time zone is written \"Europe/London\", or \"UTC\""));
        })
        .ok()
}

#[cfg(test)]
mod tests;
