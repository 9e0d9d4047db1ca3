//! Bounds on numbers: `{ above, at_least, below, at_most, between = [a, b], outside = [a, b] }`.

use super::check::Check;
use super::condition::NumberRange;
use super::diagnostic::Diagnostic;
use super::keys::Place;
use super::read::{Field, Node};
use super::units::parse_duration;

/// What the numbers measure, and so which there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// US dollars: greater than zero.
    Price,
    /// A count: zero or more.
    Count,
    /// Written as durations, held in milliseconds: zero or more.
    Age,
}

impl Measure {
    fn example(self) -> &'static str {
        match self {
            Self::Price => "{ below = 0.5 }",
            Self::Count => "{ above = 10000 }",
            Self::Age => "{ below = \"30m\" }",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Price => "0.5",
            Self::Count => "10000",
            Self::Age => "\"30m\"",
        }
    }
}

/// A range that some number satisfies, or a report.
pub(super) fn range<'a>(check: &mut Check<'a>, field: Field<'a>, measure: Measure) -> Option<NumberRange> {
    let Field { name, node, .. } = field;
    let mut table = node.table(check, name, Place::Range, measure.example())?;
    let mut whole = true;
    let mut bound = |check: &mut Check<'a>, key| {
        let field = table.take(key)?;
        let number = number(check, key, field.node, measure);
        whole &= number.is_some();
        number
    };
    let (above, at_least) = (bound(check, "above"), bound(check, "at_least"));
    let (below, at_most) = (bound(check, "below"), bound(check, "at_most"));
    let mut pair = |check: &mut Check<'a>, key| {
        let field = table.take(key)?;
        let pair = pair(check, key, field.node, measure);
        whole &= pair.is_some();
        pair
    };
    let (between, outside) = (pair(check, "between"), pair(check, "outside"));
    if table.is_empty() {
        let mistake = Diagnostic::error("empty-table", node.span, format!("`{name}` has no bounds, so it asks nothing"));
        check.report(mistake.help(format!("for example `{name} = {}`", measure.example())));
        whole = false;
    }
    table.finish(check);
    let range = NumberRange { above, at_least, below, at_most, between, outside };
    if !whole {
        return None;
    }
    if is_empty(&range, measure) {
        let why = match measure {
            Measure::Price if is_possible(&range) => "a price is always above zero",
            Measure::Count | Measure::Age if is_possible(&range) => "it is never below zero",
            _ => "no number lies within all of these bounds",
        };
        let mistake = Diagnostic::error("impossible-range", node.span, format!("no number satisfies `{name}`")).label(why);
        check.report(
            mistake.help("turn a bound around, or use `outside = [a, b]` for what lies below the one or above the other"),
        );
        return None;
    }
    Some(range)
}

fn number(check: &mut Check<'_>, key: &str, node: Node<'_>, measure: Measure) -> Option<f64> {
    if measure == Measure::Age {
        return duration(check, key, node);
    }
    let Some(number) = node.as_number() else {
        node.wrong(check, key, "a number", measure.one());
        return None;
    };
    if !number.is_finite() {
        let mistake = Diagnostic::error("not-finite", node.span, format!("`{key}` must be a number that is finite"));
        check.report(mistake.help("leave the bound out where there is none"));
        return None;
    }
    Some(number)
}

fn duration(check: &mut Check<'_>, key: &str, node: Node<'_>) -> Option<f64> {
    let Some(text) = node.as_text() else {
        node.wrong(check, key, "a duration in quotes", "\"30m\"");
        return None;
    };
    match parse_duration(text) {
        Ok(duration) => Some(duration.as_secs_f64() * 1_000.0),
        Err(label) => {
            let mistake = Diagnostic::error("bad-duration", node.span, format!("`{key}` is no duration")).label(label);
            check.report(mistake.help("durations are written \"1500ms\", \"3s\", \"10m\", \"2h\" or \"7d\""));
            None
        }
    }
}

fn pair(check: &mut Check<'_>, key: &str, node: Node<'_>, measure: Measure) -> Option<(f64, f64)> {
    let items: Vec<_> = node.as_list().map(Iterator::collect).unwrap_or_default();
    let [from, to] = items.as_slice() else {
        node.wrong(check, key, "a list of two numbers", &format!("[{one}, {one}]", one = measure.one()));
        return None;
    };
    let (from, to) = (number(check, key, *from, measure)?, number(check, key, *to, measure)?);
    if from > to {
        let mistake = Diagnostic::error("reversed-range", node.span, format!("`{key}` runs backwards"))
            .label("the first is greater than the second")
            .help("write the smaller one first");
        check.report(mistake);
        return None;
    }
    Some((from, to))
}

/// Whether any number at all lies within the bounds.
fn is_possible(range: &NumberRange) -> bool {
    !is_empty_from(range, f64::NEG_INFINITY, false)
}

fn is_empty(range: &NumberRange, measure: Measure) -> bool {
    is_empty_from(range, 0.0, measure == Measure::Price)
}

/// Whether two ranges on the same number leave nothing.
pub(super) fn are_disjoint(a: &NumberRange, b: &NumberRange) -> bool {
    let (low_a, high_a) = ends(a, f64::NEG_INFINITY, false);
    let (low_b, high_b) = ends(b, f64::NEG_INFINITY, false);
    nothing_between(low_a.max(low_b), high_a.min(high_b))
}

/// Whether every number of `a` lies in `b`, where no number is below zero.
pub(super) fn is_within(a: &NumberRange, b: &NumberRange) -> bool {
    // Nothing of `a` may lie beyond any bound of `b`.
    let low = |least: Option<f64>, bound: f64| Some(least.map_or(bound, |least| least.max(bound)));
    let high = |most: Option<f64>, bound: f64| Some(most.map_or(bound, |most| most.min(bound)));
    let to = |bound: f64| NumberRange { at_most: high(a.at_most, bound), ..*a };
    let under = |bound: f64| NumberRange { below: high(a.below, bound), ..*a };
    let from = |bound: f64| NumberRange { at_least: low(a.at_least, bound), ..*a };
    let over = |bound: f64| NumberRange { above: low(a.above, bound), ..*a };
    let inside = |(start, end): (f64, f64)| NumberRange { at_most: high(a.at_most, end), ..from(start) };
    let beyond = [
        b.above.map(to),
        b.at_least.map(under),
        b.below.map(from),
        b.at_most.map(over),
        b.between.map(|(start, _)| under(start)),
        b.between.map(|(_, end)| over(end)),
        b.outside.map(inside),
    ];
    beyond.iter().flatten().all(|beyond| is_empty_from(beyond, 0.0, false))
}

/// An end of a range; ordered as the ends of what they leave.
#[derive(Clone, Copy, PartialEq)]
struct End {
    at: f64,
    open: bool,
}

impl End {
    fn max(self, other: Self) -> Self {
        if other.at > self.at || (same(other.at, self.at) && other.open) { other } else { self }
    }

    fn min(self, other: Self) -> Self {
        if other.at < self.at || (same(other.at, self.at) && other.open) { other } else { self }
    }
}

fn same(a: f64, b: f64) -> bool {
    a.total_cmp(&b).is_eq()
}

fn ends(range: &NumberRange, floor: f64, open: bool) -> (End, End) {
    let low = [
        range.above.map(|at| End { at, open: true }),
        range.at_least.map(|at| End { at, open: false }),
        range.between.map(|(at, _)| End { at, open: false }),
    ];
    let high = [
        range.below.map(|at| End { at, open: true }),
        range.at_most.map(|at| End { at, open: false }),
        range.between.map(|(_, at)| End { at, open: false }),
    ];
    let low = low.into_iter().flatten().fold(End { at: floor, open }, End::max);
    (low, high.into_iter().flatten().fold(End { at: f64::INFINITY, open: false }, End::min))
}

fn nothing_between(low: End, high: End) -> bool {
    low.at > high.at || (same(low.at, high.at) && (low.open || high.open))
}

fn is_empty_from(range: &NumberRange, floor: f64, open: bool) -> bool {
    let (low, high) = ends(range, floor, open);
    let Some((from, to)) = range.outside else {
        return nothing_between(low, high);
    };
    let below = high.min(End { at: from, open: true });
    let above = low.max(End { at: to, open: true });
    nothing_between(low, below) && nothing_between(above, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> NumberRange {
        NumberRange::default()
    }

    #[test]
    fn a_range_that_no_number_satisfies_is_seen() {
        let empty = [
            NumberRange { above: Some(2.0), below: Some(1.0), ..any() },
            NumberRange { above: Some(1.0), at_most: Some(1.0), ..any() },
            NumberRange { between: Some((2.0, 3.0)), below: Some(2.0), ..any() },
            NumberRange { between: Some((2.0, 3.0)), outside: Some((1.0, 4.0)), ..any() },
            NumberRange { at_least: Some(1.0), outside: Some((1.0, f64::MAX)), at_most: Some(9.0), ..any() },
        ];
        for range in empty {
            assert!(is_empty(&range, Measure::Count), "{range:?}");
        }
        let some = [
            NumberRange { at_least: Some(1.0), at_most: Some(1.0), ..any() },
            NumberRange { between: Some((2.0, 3.0)), outside: Some((2.5, 9.0)), ..any() },
            NumberRange { outside: Some((1.0, 4.0)), ..any() },
            NumberRange { above: Some(-5.0), ..any() },
        ];
        for range in some {
            assert!(!is_empty(&range, Measure::Count), "{range:?}");
        }
    }

    #[test]
    fn a_price_is_above_zero_and_a_count_may_be_zero() {
        let zero = NumberRange { at_most: Some(0.0), ..any() };
        assert!(is_empty(&zero, Measure::Price) && !is_empty(&zero, Measure::Count));
        assert!(is_empty(&NumberRange { below: Some(0.0), ..any() }, Measure::Count));
    }

    #[test]
    fn a_range_lies_within_another_when_nothing_of_it_is_outside() {
        let below = |at| NumberRange { below: Some(at), ..any() };
        let within = [
            (below(0.5), below(1.0)),
            (below(1.0), NumberRange { at_most: Some(1.0), ..any() }),
            (NumberRange { between: Some((2.0, 3.0)), ..any() }, NumberRange { above: Some(1.0), below: Some(4.0), ..any() }),
            (below(1.0), NumberRange { outside: Some((1.0, 2.0)), ..any() }),
            (NumberRange { outside: Some((1.0, 4.0)), ..any() }, NumberRange { outside: Some((2.0, 3.0)), ..any() }),
            (below(1.0), any()),
        ];
        for (a, b) in within {
            assert!(is_within(&a, &b), "{a:?} {b:?}");
        }
        let not = [
            (below(1.0), below(0.5)),
            (NumberRange { at_most: Some(1.0), ..any() }, below(1.0)),
            (any(), below(1.0)),
            (NumberRange { outside: Some((2.0, 3.0)), ..any() }, NumberRange { outside: Some((1.0, 4.0)), ..any() }),
        ];
        for (a, b) in not {
            assert!(!is_within(&a, &b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn two_ranges_are_disjoint_when_nothing_lies_in_both() {
        let low = NumberRange { below: Some(1.0), ..any() };
        let high = NumberRange { at_least: Some(1.0), ..any() };
        assert!(are_disjoint(&low, &high) && !are_disjoint(&low, &NumberRange { above: Some(0.5), ..any() }));
    }
}
