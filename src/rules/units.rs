//! Durations, sizes and rates: `"1500ms"`, `"2GiB"`, `"30/min"`, `{ rate = "30/min", burst = 5 }`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::keys::Place;
use super::read::{Field, Node};
use crate::model::rate::Rate;

/// The longest duration that means anything here; more is a slip of the keyboard.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// The largest size that means anything here: a pebibyte.
const LARGEST: u64 = 1 << 50;

/// Words that people write for units of time.
const TIME_ALIASES: &[(&str, &[&str])] = &[
    ("ms", &["msec", "msecs", "milli", "millis", "millisecond", "milliseconds"]),
    ("s", &["sec", "secs", "second", "seconds"]),
    ("m", &["min", "mins", "minute", "minutes"]),
    ("h", &["hr", "hrs", "hour", "hours"]),
    ("d", &["day", "days"]),
];

/// Units of size with their bytes.
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Words that people write for units of size.
const SIZE_ALIASES: &[(&str, &[&str])] = &[
    ("B", &["byte", "bytes"]),
    ("KiB", &["k", "ki", "kbyte", "kbytes", "kilobyte", "kilobytes"]),
    ("MiB", &["m", "mi", "mbyte", "mbytes", "meg", "megs", "megabyte", "megabytes"]),
    ("GiB", &["g", "gi", "gbyte", "gbytes", "gig", "gigs", "gigabyte", "gigabytes"]),
    ("TiB", &["t", "ti", "tbyte", "tbytes", "terabyte", "terabytes"]),
];

/// Reads `"3s"`: a whole number and one of `ms`, `s`, `m`, `h` and `d`, ten years at most.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
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
        unit => return Err(no_unit_of_time(number, unit)),
    };
    let too_long = || "this is longer than ten years".to_owned();
    let number: u64 = number.parse().map_err(|_| too_long())?;
    let duration = Duration::from_millis(number.checked_mul(millis).ok_or_else(too_long)?);
    if duration > LONGEST { Err(too_long()) } else { Ok(duration) }
}

/// Reads `"+2s"` or `"+9m30s"`: the time since something began, which may be nothing.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn parse_since(text: &str) -> Result<Duration, String> {
    let bare = text.trim().trim_start_matches('+');
    let (mut rest, mut since) = (bare, Duration::ZERO);
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (_, unit) = rest.split_at(digits);
        let (one, more) = rest.split_at(digits + unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len()));
        match parse_part(one) {
            Ok(part) => since = since.saturating_add(part),
            // Of the whole it is said what is wrong with it.
            Err(_) => return parse_duration(bare),
        }
        if more.is_empty() {
            return if since > LONGEST { Err("this is longer than ten years".to_owned()) } else { Ok(since) };
        }
        rest = more;
    }
}

/// As [`parse_duration`], or nothing.
fn parse_part(text: &str) -> Result<Duration, String> {
    // A duration is never nothing.
    let unit = text.trim_start_matches('0');
    let is_unit = |unit: &str| unit.trim_start().chars().all(char::is_alphabetic) && parse_duration(&format!("1{unit}")).is_ok();
    if unit.len() < text.len() && (unit.is_empty() || is_unit(unit)) {
        return Ok(Duration::ZERO);
    }
    parse_duration(text)
}

fn no_unit_of_time(number: &str, unit: &str) -> String {
    let lower = unit.to_lowercase();
    let known = |(name, aliases): &&(&str, &[&str])| *name == lower || aliases.contains(&lower.as_str());
    match TIME_ALIASES.iter().find(known) {
        Some((name, _)) if number.len() <= 20 => format!("did you mean `{number}{name}`?"),
        _ => format!("`{}` is no unit of time", unit.chars().take(16).collect::<String>()),
    }
}

/// Reads `"2GiB"`: a whole number and a unit of bytes, in steps of 1024 (`KiB`, `MiB`, …) or of 1000 (`kB`, `MB`, …). Case makes no
/// difference.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    if number.is_empty() {
        return Err("a size begins with a number".to_owned());
    }
    if unit.is_empty() {
        return Err(format!("{} of what? The unit is missing", number.chars().take(20).collect::<String>()));
    }
    let Some((_, bytes)) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) else {
        return Err(no_unit_of_size(number, unit));
    };
    let too_large = || "this is more than a thousand terabytes".to_owned();
    let number: u64 = number.parse().map_err(|_| too_large())?;
    number.checked_mul(*bytes).filter(|size| *size <= LARGEST).ok_or_else(too_large)
}

fn no_unit_of_size(number: &str, unit: &str) -> String {
    let known = |(_, aliases): &&(&str, &[&str])| aliases.iter().any(|alias| alias.eq_ignore_ascii_case(unit));
    let meant = SIZE_ALIASES.iter().find(known).map(|(name, _)| *name);
    match meant {
        Some(name) if number.len() <= 20 => format!("did you mean `{number}{name}`?"),
        _ => format!("`{}` is no unit of size", unit.chars().take(16).collect::<String>()),
    }
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
#[must_use]
pub fn written(duration: Duration) -> String {
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

/// A size above zero, or a report.
pub(super) fn size(check: &mut Check<'_>, field: Field<'_>) -> Option<u64> {
    let Field { name, node, .. } = field;
    let help = "sizes are written \"512MiB\" or \"2GiB\"";
    let Some(text) = node.as_text() else {
        node.wrong(check, name, "a size in quotes", "\"2GiB\"");
        return None;
    };
    match parse_size(text) {
        Ok(0) => {
            check.report(Diagnostic::error("bad-size", node.span, format!("`{name}` cannot be zero")).help(help));
            None
        }
        Ok(size) => Some(size),
        Err(label) => {
            let mistake = Diagnostic::error("bad-size", node.span, format!("`{name}` is no size"));
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
    fn the_time_since_something_began_may_be_nothing_and_have_several_parts() {
        for (text, seconds) in [("+2s", 2), ("0", 0), ("+0m", 0), ("+9m30s", 570), ("1d 12h", 129_600), ("0m5s", 5)] {
            assert_eq!(parse_since(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "+", "9m30", "9m-30s", "1.5h", "m", "9m3x", "3650d1s", "99999999999999999999d", "é1"] {
            assert!(parse_since(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_unit_of_time_in_words_is_understood_and_said_shorter() {
        for (text, meant) in
            [("10 min", "`10m`"), ("3 seconds", "`3s`"), ("2H", "`2h`"), ("5Days", "`5d`"), ("40 msec", "`40ms`")]
        {
            assert!(parse_duration(text).is_err_and(|error| error.contains(meant)), "{text}");
        }
        assert_eq!(parse_duration("3 weeks"), Err("`weeks` is no unit of time".to_owned()));
    }

    #[test]
    fn sizes_are_a_whole_number_and_a_unit() {
        let good = [
            ("2GiB", 2 << 30),
            ("512 MiB", 512 << 20),
            ("1kib", 1_024),
            ("3KB", 3_000),
            ("5mb", 5_000_000),
            ("7B", 7),
            ("1TiB", 1 << 40),
        ];
        for (text, bytes) in good {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "2", "-2GiB", "1.5GiB", "2 parsecs", "9999999TiB", "99999999999999999999GB", "２GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        for (text, meant) in [("2G", "`2GiB`"), ("512 megs", "`512MiB`"), ("1 terabyte", "`1TiB`"), ("9 bytes", "`9B`")] {
            assert!(parse_size(text).is_err_and(|error| error.contains(meant)), "{text}");
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
