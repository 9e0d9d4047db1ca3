//! What a scalar of the feed means: ids, handles, moments, numbers, prices, known words. What cannot be meant is absent and counted.

use super::json::Loose;
use super::tally::Tally;
use crate::model::envelope::Text;
use crate::model::price::Price;
use crate::model::subject::{Kind, Platform};
use crate::model::time::Timestamp;

/// The last millisecond of year 9999: no calendar shows a later moment.
const LAST_MOMENT: i64 = 253_402_300_799_999;

fn absent<T>(tally: &mut Tally) -> Option<T> {
    tally.wrong_type();
    None
}

/// Any text, also an empty one.
pub(super) fn text<'de>(value: Loose<'de>, tally: &mut Tally) -> Option<Text<'de>> {
    match value {
        Loose::Text(text) => Some(text),
        Loose::Null => None,
        _ => absent(tally),
    }
}

/// A text that says something.
pub(super) fn filled<'de>(value: Loose<'de>, tally: &mut Tally) -> Option<Text<'de>> {
    text(value, tally).filter(|text| !text.is_empty())
}

/// The same, where the struct holds the text itself and empty means absent.
pub(super) fn required<'de>(value: Loose<'de>, tally: &mut Tally) -> Text<'de> {
    text(value, tally).unwrap_or_default()
}

/// An id. Some senders write ids as numbers, which is no loss as long as the number is whole.
pub(super) fn id<'de>(value: Loose<'de>, tally: &mut Tally) -> Option<Text<'de>> {
    match value {
        Loose::Unsigned(id) => Some(id.to_string().into()),
        other => filled(other, tally),
    }
}

/// The id of a tweet, where the struct holds it itself.
pub(super) fn tweet_id<'de>(value: Loose<'de>, tally: &mut Tally) -> Text<'de> {
    id(value, tally).unwrap_or_default()
}

/// A handle without the leading `@`.
pub(super) fn handle<'de>(value: Loose<'de>, tally: &mut Tally) -> Option<Text<'de>> {
    text(value, tally).map(|handle| handle.without('@')).filter(|handle| !handle.is_empty())
}

/// A whole number of something.
#[expect(clippy::needless_pass_by_value, reason = "the shape that all readers have")]
pub(super) fn count(value: Loose<'_>, tally: &mut Tally) -> Option<u64> {
    /// Up to here every whole number is an `f64` of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Loose::Unsigned(count) => Some(count),
        Loose::Null => None,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: whole, not negative, at most 2^53")]
        Loose::Float(count) if (0.0..=EXACT).contains(&count) && count.fract() == 0.0 => Some(count as u64),
        _ => absent(tally),
    }
}

/// A moment: Unix milliseconds as number or digits, or an ISO date-time as in History rows (PROTOCOL 0, fact 5). Absurd ones are absent.
pub(super) fn moment(value: Loose<'_>, tally: &mut Tally) -> Option<Timestamp> {
    let ms = match value {
        Loose::Unsigned(ms) => i64::try_from(ms).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "a cast saturates, and the range is checked below")]
        Loose::Float(ms) => Some(ms as i64),
        Loose::Text(text) => {
            let digits = || text.parse::<i64>().ok();
            let date = || text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
            digits().or_else(date)
        }
        Loose::Null => return None,
        Loose::Negative | Loose::Bool | Loose::Nested => None,
    };
    match ms.filter(|ms| (1..=LAST_MOMENT).contains(ms)) {
        Some(ms) => Some(Timestamp::from_millis(ms)),
        None => absent(tally),
    }
}

/// A price: a finite, positive number.
#[expect(clippy::needless_pass_by_value, reason = "the shape that all readers have")]
pub(super) fn price(value: Loose<'_>, tally: &mut Tally) -> Option<Price> {
    #[expect(clippy::cast_precision_loss, reason = "nobody pays 2^53 dollars for a token")]
    let usd = match value {
        Loose::Float(usd) => Some(usd),
        Loose::Unsigned(usd) => Some(usd as f64),
        Loose::Null => return None,
        _ => None,
    };
    match usd.and_then(Price::new) {
        Some(price) => Some(price),
        None => absent(tally),
    }
}

/// Of a tweet, or of what it refers to.
pub(super) fn kind(value: Loose<'_>, tally: &mut Tally) -> Option<Kind> {
    Some(match filled(value, tally)?.as_str() {
        "post" => Kind::Post,
        "reply" => Kind::Reply,
        "quote" => Kind::Quote,
        "retweet" => Kind::Retweet,
        other => {
            tally.note(|odd| &mut odd.unknown_values);
            Kind::Other(other.into())
        }
    })
}

/// Of an account.
pub(super) fn platform(value: Loose<'_>, tally: &mut Tally) -> Option<Platform> {
    Some(match filled(value, tally)?.as_str() {
        "twitter" => Platform::Twitter,
        "truth_social" => Platform::TruthSocial,
        other => {
            tally.note(|odd| &mut odd.unknown_values);
            Platform::Other(other.into())
        }
    })
}
