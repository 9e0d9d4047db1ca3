//! The keys of windows over prices: a level that is crossed, and a change.

use super::{Check, Diagnostic, Field, Table, choice};
use crate::rules::ruleset::{Direction, Hysteresis, Level, WindowKind};

#[derive(Debug, Default)]
pub(super) struct Keys<'a> {
    above: Option<Field<'a>>,
    below: Option<Field<'a>>,
    hysteresis: Option<Field<'a>>,
    percent: Option<Field<'a>>,
    direction: Option<Field<'a>>,
}

impl<'a> Keys<'a> {
    pub(super) fn take(table: &mut Table<'a>) -> Self {
        Self {
            above: table.take("above"),
            below: table.take("below"),
            hysteresis: table.take("hysteresis"),
            percent: table.take("percent"),
            direction: table.take("direction"),
        }
    }

    /// Where the level stands.
    pub(super) fn level(&self) -> Option<Field<'a>> {
        self.above.or(self.below)
    }

    pub(super) fn given(&self) -> [Option<Field<'a>>; 5] {
        [self.above, self.below, self.hysteresis, self.percent, self.direction]
    }
}

/// `above` or `below`, with `hysteresis`.
pub(super) fn level(check: &mut Check<'_>, window: Field<'_>, keys: &Keys<'_>) -> Option<Level> {
    let (field, direction) = match (keys.above, keys.below) {
        (Some(above), Some(below)) => {
            let mistake = Diagnostic::error("impossible", below.key, "a window crosses one level, from one side");
            check.report(mistake.also(above.key, "here another").help("make it two rules"));
            return None;
        }
        (Some(above), None) => (above, Direction::Up),
        (None, Some(below)) => (below, Direction::Down),
        (None, None) => {
            let mistake = Diagnostic::error("missing-key", window.key, "a window of type `cross` needs `above` or `below`");
            check.report(mistake.help("for example `below = 0.5`: it fires when the price falls below it"));
            return None;
        }
    };
    let price = above_zero(check, field, "0.5")?;
    let hysteresis = keys.hysteresis.map_or(Some(Hysteresis::Usd(0.0)), |field| hysteresis(check, field));
    let hysteresis = hysteresis?;
    if let (Hysteresis::Usd(back), Direction::Up, Some(at)) = (hysteresis, direction, keys.hysteresis)
        && back >= price
    {
        let mistake =
            Diagnostic::error("impossible", at.node.span, "no price ever falls so far, so it would fire once and never again");
        check.report(mistake.help("make `hysteresis` smaller than the level, or write it in per cent: \"2%\""));
        return None;
    }
    Some(Level { price, direction, hysteresis })
}

/// `percent`, with `direction`.
pub(super) fn change<'a>(check: &mut Check<'a>, window: Field<'_>, keys: &Keys<'a>) -> Option<WindowKind> {
    let Some(field) = keys.percent else {
        let mistake = Diagnostic::error("missing-key", window.key, "a window of type `change` needs `percent`");
        check.report(mistake.help("for example `percent = 20`: it fires when the price has moved by a fifth"));
        return None;
    };
    let percent = match percent_of(field) {
        Some(percent) => percent,
        None => above_zero(check, field, "20")?,
    };
    let known = [("up", Some(Direction::Up)), ("down", Some(Direction::Down)), ("either", None)];
    let direction = keys.direction.map_or(Some(None), |field| choice(check, field, &known))?;
    if direction == Some(Direction::Down) && percent >= 100.0 {
        let mistake = Diagnostic::error("impossible", field.node.span, "a price cannot fall by all that it is");
        check.report(mistake.help("a fall by half is `percent = 50`"));
        return None;
    }
    Some(WindowKind::Change { percent, direction })
}

fn hysteresis(check: &mut Check<'_>, field: Field<'_>) -> Option<Hysteresis> {
    if let Some(percent) = percent_of(field).filter(|percent| *percent < 100.0) {
        return Some(Hysteresis::Percent(percent));
    }
    match field.node.as_number().filter(|number| number.is_finite() && *number >= 0.0) {
        Some(usd) => Some(Hysteresis::Usd(usd)),
        None => {
            field.node.wrong(check, "hysteresis", "a number of US dollars from 0 on, or per cent below 100 in quotes", "\"2%\"");
            None
        }
    }
}

/// `"20%"`.
fn percent_of(field: Field<'_>) -> Option<f64> {
    let number: f64 = field.node.as_text()?.trim().strip_suffix('%')?.trim_end().parse().ok()?;
    (number.is_finite() && number > 0.0).then_some(number)
}

fn above_zero(check: &mut Check<'_>, field: Field<'_>, example: &str) -> Option<f64> {
    let number = field.node.as_number().filter(|number| number.is_finite() && *number > 0.0);
    if number.is_none() {
        field.node.wrong(check, field.name, "a number above zero", example);
    }
    number
}
