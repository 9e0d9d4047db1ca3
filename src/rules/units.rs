//! Durations and rates: `"1500ms"`, `"30/min"`, `{ rate = "30/min", burst = 5 }`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::keys::Place;
use super::read::{Field, Node};
use crate::model::rate::Rate;

/// The longest duration that means anything here; more is a slip of the keyboard.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// Reads `"3s"`. The error says what is wrong with it.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("a duration begins with a number".to_owned());
    }
    let millis = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err(format!("{number} of what? The unit is missing")),
        unit => return Err(format!("`{}` is no unit of time", unit.chars().take(16).collect::<String>())),
    };
    let too_long = || "this is longer than ten years".to_owned();
    let number: u64 = number.parse().map_err(|_| too_long())?;
    let duration = Duration::from_millis(number.checked_mul(millis).ok_or_else(too_long)?);
    if duration > LONGEST { Err(too_long()) } else { Ok(duration) }
}

/// Reads `"30/min"` or `"5/2s"`. The error says what is wrong with it.
pub(super) fn parse_rate(text: &str) -> Result<Rate, String> {
    let shape = || "a rate is a number, a slash and a time".to_owned();
    let (count, per) = text.split_once('/').ok_or_else(shape)?;
    let count: u32 = count.trim().parse().map_err(|_| shape())?;
    let per = per.trim();
    let per = match per {
        "s" | "sec" | "second" => Duration::from_secs(1),
        "m" | "min" | "minute" => Duration::from_secs(60),
        "h" | "hour" => Duration::from_secs(3_600),
        "d" | "day" => Duration::from_secs(86_400),
        _ => parse_duration(per)?,
    };
    Rate::new(count, per).ok_or_else(|| "a rate of nothing would never let anything through".to_owned())
}

/// As a file would write it: "10m" rather than "600s".
pub(super) fn written(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let unit = units.into_iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    unit.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", millis / unit))
}

/// A duration of at least one millisecond, or a report.
pub(super) fn duration(check: &mut Check<'_>, field: Field<'_>) -> Option<Duration> {
    let Field { name, node, .. } = field;
    let help = "durations are written \"1500ms\", \"3s\", \"10m\", \"2h\" or \"7d\"";
    let Some(text) = node.as_text() else {
        let example = node.as_integer().map_or_else(|| "\"3s\"".to_owned(), |number| format!("\"{number}s\""));
        node.wrong(check, name, "a duration in quotes", &example);
        return None;
    };
    match parse_duration(text) {
        Ok(Duration::ZERO) => {
            check.report(Diagnostic::error("bad-duration", node.span, format!("`{name}` cannot be zero")).help(help));
            None
        }
        Ok(duration) => Some(duration),
        Err(label) => {
            let mistake = Diagnostic::error("bad-duration", node.span, format!("`{name}` is no duration"));
            check.report(mistake.label(label).help(help));
            None
        }
    }
}

/// One rate or a list of them, or a report.
pub(super) fn rates<'a>(check: &mut Check<'a>, field: Field<'a>) -> Vec<Rate> {
    let Some(items) = field.node.as_list() else {
        return rate(check, field.name, field.node).into_iter().collect();
    };
    let nodes: Vec<_> = items.collect();
    if nodes.is_empty() {
        let mistake = Diagnostic::error("empty-list", field.node.span, format!("`{}` is an empty list", field.name));
        check.report(mistake.help("remove it for the platform's own limit"));
    }
    nodes.into_iter().filter_map(|node| rate(check, field.name, node)).collect()
}

fn rate<'a>(check: &mut Check<'a>, name: &str, node: Node<'a>) -> Option<Rate> {
    let Some(mut table) = node.as_table(Place::Rate) else {
        return written_rate(check, name, node);
    };
    let rate = table.take("rate").and_then(|field| written_rate(check, "rate", field.node));
    let burst = table.take("burst").and_then(|field| {
        let burst = field.node.as_integer().and_then(|n| u32::try_from(n).ok()).and_then(NonZeroU32::new);
        if burst.is_none() {
            field.node.wrong(check, "burst", "a whole number above zero", "5");
        }
        burst
    });
    if !table.has("rate") {
        let mistake = Diagnostic::error("missing-key", node.span, "a table of a rate needs `rate`");
        check.report(mistake.help("for example { rate = \"30/min\", burst = 5 }"));
    }
    table.finish(check);
    let rate = rate?;
    Some(Rate { burst: burst.unwrap_or(rate.burst), ..rate })
}

fn written_rate(check: &mut Check<'_>, name: &str, node: Node<'_>) -> Option<Rate> {
    let Some(text) = node.as_text() else {
        node.wrong(check, name, "a rate in quotes", "\"30/min\"");
        return None;
    };
    parse_rate(text)
        .map_err(|label| {
            let mistake = Diagnostic::error("bad-rate", node.span, format!("`{name}` is no rate")).label(label);
            check.report(mistake.help("rates are written \"30/min\", \"5/2s\" or { rate = \"30/min\", burst = 5 }"));
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_whole_number_and_a_unit() {
        let good = [("1500ms", 1_500), ("3s", 3_000), ("10m", 600_000), ("2h", 7_200_000), ("7d", 604_800_000), (" 5 s ", 5_000)];
        for (text, millis) in good {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(parse_duration(&written(Duration::from_millis(millis))), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "10", "1.5s", "-3s", "3 weeks", "1h30m", "99999999999999999999s", "4000d", "３s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_a_number_a_slash_and_a_time() {
        let good = [("30/min", 30, 60_000), ("5/2s", 5, 2_000), ("1/s", 1, 1_000), ("3 / h", 3, 3_600_000), ("2/500ms", 2, 500)];
        for (text, count, per) in good {
            let rate = parse_rate(text).unwrap();
            assert_eq!((rate.count.get(), rate.per, rate.burst), (count, Duration::from_millis(per), rate.count), "{text}");
        }
        for text in ["", "30", "30/", "/min", "0/min", "5/0s", "-1/s", "1.5/s", "5/fortnight", "99999999999/s"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }
}
