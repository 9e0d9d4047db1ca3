//! Numbers, addresses and times as people read them, and the names of all filters and tests of templates.

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::model::time::Timestamp;

/// A price as people read it: `$0.000000421`, `$0.50`, `$1.2345`, `$1,234.50`. Empty for what is not finite.
///
/// Below one dollar five digits are significant, up to a thousand at most four decimals are shown, above it two. What is smaller
/// than a coin's smallest unit or larger than any market is written with an exponent.
#[must_use]
pub fn usd(price: f64) -> String {
    if !price.is_finite() {
        return String::new();
    }
    let sign = if price < 0.0 { "-" } else { "" };
    let size = price.abs();
    if size > 0.0 && !(1e-18..1e15).contains(&size) {
        return format!("{sign}${size:.2e}");
    }
    let decimals = if size >= 1_000.0 {
        2
    } else if size >= 1.0 || size.total_cmp(&0.0).is_eq() {
        4
    } else {
        // Of `4.2100e-7` seven places lead to the first digit and four more follow.
        let scientific = format!("{size:.4e}");
        let exponent = scientific.rsplit_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
        usize::try_from(4 - exponent).unwrap_or(4)
    };
    let fixed = format!("{size:.decimals$}");
    let (whole, fraction) = fixed.split_once('.').unwrap_or((&fixed, ""));
    format!("{sign}${}.{:0<2}", grouped(whole), fraction.trim_end_matches('0'))
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped(digits: &str) -> String {
    let count = digits.len();
    digits.chars().enumerate().fold(String::with_capacity(count + count / 3), |mut out, (at, digit)| {
        if at > 0 && (count - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
        out
    })
}

/// The two ends of an address: `4Dx2…pump`, `0x0568…11F3`. What is short already stays.
#[must_use]
pub fn short(address: &str) -> String {
    let letters: Vec<&str> = address.graphemes(true).collect();
    let head = if address.starts_with("0x") { 6 } else { 4 };
    if letters.len() <= head + 6 {
        return address.to_owned();
    }
    let (start, end) = (letters.get(..head).unwrap_or_default(), letters.get(letters.len() - 4..).unwrap_or_default());
    format!("{}…{}", start.concat(), end.concat())
}

/// An age in its largest unit: `420 ms`, `3 s`, `5 min`, `3 h`, `4 d`.
#[must_use]
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0 => format!("{} ms", age.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", grouped(&(seconds / 86_400).to_string())),
    }
}

/// An age with its direction: `3 s ago`.
#[must_use]
pub fn ago(since: Duration) -> String {
    if since.is_zero() { "just now".to_owned() } else { format!("{} ago", age(since)) }
}

/// A moment as it is told in a message that is written at `now`: `12:40:00 UTC`, with the day when that is another one.
#[must_use]
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    let calendar = |moment: Timestamp| jiff::Timestamp::from_millisecond(moment.as_millis()).ok();
    let Some(then) = calendar(at) else { return "at an unknown time".to_owned() };
    let day = |moment: jiff::Timestamp| moment.strftime("%Y-%m-%d").to_string();
    let same = calendar(now).is_some_and(|now| day(now) == day(then));
    then.strftime(if same { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S UTC" }).to_string()
}

/// How long after an event its alert was made, which stays true whenever it is read: `alerted after 0.2 s`.
#[must_use]
pub fn delay(delay: Duration) -> String {
    let ms = delay.as_millis();
    match ms {
        0 => "alerted at once".to_owned(),
        1..100 => "alerted after less than 0.1 s".to_owned(),
        100..10_000 => format!("alerted after {}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("alerted after {}", age(delay)),
    }
}

/// At most so many letters as people count them, the last of them `…` when something was left out.
#[must_use]
pub fn truncate(text: &str, letters: usize) -> String {
    match text.grapheme_indices(true).nth(letters) {
        None => text.to_owned(),
        Some(_) if letters == 0 => String::new(),
        Some(_) => {
            let end = text.grapheme_indices(true).nth(letters - 1).map_or(0, |(at, _)| at);
            format!("{}…", text.get(..end).unwrap_or_default().trim_end())
        }
    }
}

/// The filters that a template may use: minijinja's own without those that mark up for HTML or print internals, and ours.
pub const FILTERS: [&str; 44] = [
    "usd",
    "short",
    "ago",
    "truncate",
    "lower",
    "upper",
    "title",
    "capitalize",
    "replace",
    "length",
    "count",
    "dictsort",
    "items",
    "reverse",
    "trim",
    "join",
    "split",
    "lines",
    "default",
    "d",
    "round",
    "abs",
    "int",
    "float",
    "attr",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "list",
    "string",
    "bool",
    "batch",
    "slice",
    "sum",
    "indent",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "map",
    "unique",
    "format",
];

/// Filters that come back with the same list (or a part of it), so that what is known of its elements stays known.
pub const KEEPING: [&str; 8] = ["reverse", "sort", "list", "select", "reject", "selectattr", "rejectattr", "unique"];

/// Filters that come back with one element.
pub const TAKING_ONE: [&str; 4] = ["first", "last", "min", "max"];

/// The tests that a template may use.
pub const TESTS: [&str; 40] = [
    "undefined",
    "defined",
    "none",
    "boolean",
    "odd",
    "even",
    "divisibleby",
    "number",
    "integer",
    "int",
    "float",
    "string",
    "sequence",
    "iterable",
    "mapping",
    "startingwith",
    "endingwith",
    "lower",
    "upper",
    "sameas",
    "eq",
    "equalto",
    "==",
    "ne",
    "!=",
    "lt",
    "lessthan",
    "<",
    "le",
    "<=",
    "gt",
    "greaterthan",
    ">",
    "ge",
    ">=",
    "in",
    "true",
    "false",
    "filter",
    "test",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_from_dust_to_millions_are_readable() {
        for (price, shown) in [
            (4.21e-07, "$0.000000421"),
            (0.001_203_4, "$0.0012034"),
            (0.001_203_456, "$0.0012035"),
            (0.1, "$0.10"),
            (0.5, "$0.50"),
            (0.999_999_9, "$1.00"),
            (1.0, "$1.00"),
            (1.234_56, "$1.2346"),
            (12.5, "$12.50"),
            (999.999_99, "$1,000.00"),
            (1_234.5, "$1,234.50"),
            (67_012.349, "$67,012.35"),
            (1_200_000.0, "$1,200,000.00"),
            (0.0, "$0.00"),
            (-3.5, "-$3.50"),
            (1.5e-30, "$1.50e-30"),
            (2.5e20, "$2.50e20"),
            (f64::NAN, ""),
            (f64::INFINITY, ""),
        ] {
            assert_eq!(usd(price), shown, "{price:e}");
        }
    }

    #[test]
    fn addresses_keep_their_two_ends() {
        for (address, shown) in [
            ("4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump", "4Dx2…pump"),
            ("0x0568151C46Ef9cc4c2E5D50690BB523A71Ca11F3", "0x0568…11F3"),
            ("DOGE", "DOGE"),
            ("0x12345678", "0x12345678"),
            ("", ""),
            ("ééééééééééééé", "éééé…éééé"),
        ] {
            assert_eq!(short(address), shown);
        }
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        for (ms, shown) in [
            (0, "just now"),
            (1, "1 ms ago"),
            (999, "999 ms ago"),
            (3_999, "3 s ago"),
            (60_000, "1 min ago"),
            (3_600_000, "1 h ago"),
            (172_799_000, "47 h ago"),
            (172_800_000, "2 d ago"),
            (u64::MAX, "213,503,982,334 d ago"),
        ] {
            assert_eq!(ago(Duration::from_millis(ms)), shown);
        }
    }

    #[test]
    fn a_moment_names_its_day_only_when_it_is_another_one() {
        let at = Timestamp::from_millis(1_781_700_000_204);
        let moment_from = |ms: u64| moment(at, at.plus(Duration::from_millis(ms)));
        assert_eq!(moment_from(3_420), "12:40:00 UTC");
        assert_eq!(moment_from(43_200_000), "2026-06-17 12:40:00 UTC");
        assert_eq!(moment(Timestamp::from_millis(i64::MAX), at), "at an unknown time");
    }

    #[test]
    fn a_delay_is_told_in_tenths_of_a_second_while_they_matter() {
        for (ms, shown) in [
            (0, "alerted at once"),
            (99, "alerted after less than 0.1 s"),
            (231, "alerted after 0.2 s"),
            (3_999, "alerted after 3.9 s"),
            (10_000, "alerted after 10 s"),
            (3_600_000, "alerted after 1 h"),
        ] {
            assert_eq!(delay(Duration::from_millis(ms)), shown);
        }
    }

    #[test]
    fn truncating_counts_letters_as_people_do() {
        assert_eq!(truncate("abc", 3), "abc");
        assert_eq!(truncate("abcd", 3), "ab…");
        assert_eq!(truncate("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 2), "👨‍👩‍👧…");
        assert_eq!(truncate("abc", 0), "");
    }
}
