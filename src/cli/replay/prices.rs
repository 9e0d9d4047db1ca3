//! Prices, and what became of them.

use crate::cli::moments::span;
use crate::model::time::Timestamp;
use crate::replay::{Order, Sighting, Worth, Worths};
use crate::rules::template::words::usd;

/// A price as people read it, or that there is none.
pub(super) fn shown(price: Option<Sighting>) -> String {
    price.map_or_else(|| "–".to_owned(), |sighting| usd(sighting.price.usd()))
}

/// By how much of itself a price has changed since.
pub(super) fn change(then: Option<Sighting>, later: Option<Sighting>) -> Option<f64> {
    Some((later?.price.usd() / then?.price.usd() - 1.0) * 100.0)
}

/// `+12.3 %`, with when it was seen where that was much later than asked for; `–` when it never was.
pub(super) fn change_shown(order: &Order, later: Option<Sighting>, asked_ms: u64) -> String {
    let Some(seen) = later else { return "–".to_owned() };
    let Some(change) = change(order.then, later) else { return usd(seen.price.usd()) };
    format!("{}{}", percent(change), late(order.firing.at, seen.at, asked_ms))
}

fn late(ordered: Timestamp, seen: Timestamp, asked_ms: u64) -> String {
    let age = seen.since(ordered);
    let is_late = age.as_millis() > u128::from(asked_ms) * 3 / 2;
    if is_late { format!(" ({})", span(age)) } else { String::new() }
}

/// With its sign.
pub(super) fn percent(change: f64) -> String {
    match change.abs() {
        0.0..10.0 => format!("{change:+.2} %"),
        10.0..1_000.0 => format!("{change:+.1} %"),
        _ => format!("{change:+.0} %"),
    }
}

/// The times after which it is told what became of orders.
pub(super) fn marks(worths: &Worths) -> [(&'static str, Worth); 3] {
    [("1 min", worths.after_1m), ("5 min", worths.after_5m), ("1 h", worths.after_1h)]
}

/// The middle one of some orders, or that it is not known.
pub(super) fn middle(worth: &Worth) -> String {
    worth.median_percent.map_or_else(|| "–".to_owned(), percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_its_sign_and_no_more_digits_than_it_means() {
        let rows = [(0.0, "+0.00 %"), (-1.234, "-1.23 %"), (12.34, "+12.3 %"), (-99.95, "-100.0 %"), (123_456.7, "+123457 %")];
        for (change, expected) in rows {
            assert_eq!(percent(change), expected);
        }
    }
}
