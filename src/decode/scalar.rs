//! What a scalar of the feed means: ids, handles, moments, numbers, prices, known words. What cannot be meant is absent and counted.
//!
//! Each reader takes what stands there plainly at once, and looks at all that it could be otherwise ([`Loose`]) only if nothing does.

use super::json::{Loose, Reader};
use super::malformed::Malformed;
use super::tally::Tally;
use crate::model::envelope::{Text, bare};
use crate::model::price::Price;
use crate::model::subject::{Kind, Platform};
use crate::model::time::Timestamp;

/// The last millisecond of year 9999: no calendar shows a later moment.
const LAST_MOMENT: i64 = 253_402_300_799_999;

type Read = Result<(), Malformed>;

fn absent<T>(tally: &mut Tally) -> Option<T> {
    tally.wrong_type();
    None
}

/// Any text, also an empty one.
#[inline(always)]
pub(super) fn text<'de>(from: &mut Reader<'de>, into: &mut Option<Text<'de>>) -> Read {
    if into.is_none() && from.is_string_ahead() {
        *into = Some(from.string()?);
        return Ok(());
    }
    odd(from, into, any_text)
}

/// The patient way of all that are absent or something.
#[cold]
#[inline(never)]
fn odd<'de, T>(from: &mut Reader<'de>, into: &mut Option<T>, read: impl FnOnce(Loose<'de>, &mut Tally) -> Option<T>) -> Read {
    *into = from.scalar(read)?;
    Ok(())
}

fn any_text<'de>(value: Loose<'de>, tally: &mut Tally) -> Option<Text<'de>> {
    match value {
        Loose::Text(text) => Some(text),
        Loose::Null => None,
        _ => absent(tally),
    }
}

/// A text that says something.
#[inline(always)]
pub(super) fn filled<'de>(from: &mut Reader<'de>, into: &mut Option<Text<'de>>) -> Read {
    // A field is read once, so that there is nothing in it to be dropped.
    if into.is_none()
        && let Some(text) = from.plain()
    {
        if !text.is_empty() {
            *into = Some(text.into());
        }
        return Ok(());
    }
    odd(from, into, filled_text)
}

fn filled_text<'de>(value: Loose<'de>, tally: &mut Tally) -> Option<Text<'de>> {
    any_text(value, tally).filter(|text| !text.is_empty())
}

/// The same, where the struct holds the text itself and empty means absent.
#[inline(always)]
pub(super) fn required<'de>(from: &mut Reader<'de>, into: &mut Text<'de>) -> Read {
    if into.is_empty()
        && let Some(text) = from.plain()
    {
        *into = text.into();
        return Ok(());
    }
    odd_whole(from, into, any_text)
}

/// The patient way of texts that the struct holds itself.
#[cold]
#[inline(never)]
fn odd_whole<'de>(
    from: &mut Reader<'de>,
    into: &mut Text<'de>,
    read: impl FnOnce(Loose<'de>, &mut Tally) -> Option<Text<'de>>,
) -> Read {
    *into = from.scalar(read)?.unwrap_or_default();
    Ok(())
}

/// An id. Some senders write ids as numbers, which is no loss as long as the number is whole.
#[inline(always)]
pub(super) fn id<'de>(from: &mut Reader<'de>, into: &mut Option<Text<'de>>) -> Read {
    if into.is_none()
        && let Some(text) = from.plain()
    {
        if !text.is_empty() {
            *into = Some(text.into());
        }
        return Ok(());
    }
    odd(from, into, any_id)
}

fn any_id<'de>(value: Loose<'de>, tally: &mut Tally) -> Option<Text<'de>> {
    match value {
        Loose::Unsigned(id) => Some(id.to_string().into()),
        other => filled_text(other, tally),
    }
}

/// The id of a tweet, where the struct holds it itself.
#[inline(always)]
pub(super) fn tweet_id<'de>(from: &mut Reader<'de>, into: &mut Text<'de>) -> Read {
    if into.is_empty()
        && let Some(text) = from.plain()
    {
        *into = text.into();
        return Ok(());
    }
    odd_whole(from, into, any_id)
}

/// A handle without the leading `@`.
#[inline(always)]
pub(super) fn handle<'de>(from: &mut Reader<'de>, into: &mut Option<Text<'de>>) -> Read {
    if into.is_none()
        && let Some(text) = from.plain()
    {
        let handle = bare(text, '@');
        if !handle.is_empty() {
            *into = Some(handle.into());
        }
        return Ok(());
    }
    odd(from, into, any_handle)
}

fn any_handle<'de>(value: Loose<'de>, tally: &mut Tally) -> Option<Text<'de>> {
    any_text(value, tally).map(|handle| handle.without('@')).filter(|handle| !handle.is_empty())
}

/// A whole number of something.
#[inline(always)]
pub(super) fn count(from: &mut Reader<'_>, into: &mut Option<u64>) -> Read {
    if let Some(count) = from.plain_whole() {
        *into = Some(count);
        return Ok(());
    }
    odd(from, into, any_count)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that all have")]
fn any_count(value: Loose<'_>, tally: &mut Tally) -> Option<u64> {
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
#[inline(always)]
pub(super) fn moment(from: &mut Reader<'_>, into: &mut Option<Timestamp>) -> Read {
    let Some(ms) = from.plain_whole() else { return odd(from, into, any_moment) };
    *into = i64::try_from(ms).ok().and_then(shown);
    if into.is_none() {
        from.tally.wrong_type();
    }
    Ok(())
}

/// A moment that a calendar shows.
fn shown(ms: i64) -> Option<Timestamp> {
    (1..=LAST_MOMENT).contains(&ms).then(|| Timestamp::from_millis(ms))
}

fn any_moment(value: Loose<'_>, tally: &mut Tally) -> Option<Timestamp> {
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
    ms.and_then(shown).or_else(|| absent(tally))
}

/// A price: a finite, positive number.
pub(super) fn price(from: &mut Reader<'_>, into: &mut Option<Price>) -> Read {
    let Some(usd) = from.plain_decimal() else { return odd(from, into, any_price) };
    *into = Price::new(usd);
    if into.is_none() {
        from.tally.wrong_type();
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that all have")]
fn any_price(value: Loose<'_>, tally: &mut Tally) -> Option<Price> {
    #[expect(clippy::cast_precision_loss, reason = "nobody pays 2^53 dollars for a token")]
    let usd = match value {
        Loose::Float(usd) => Some(usd),
        Loose::Unsigned(usd) => Some(usd as f64),
        Loose::Null => return None,
        _ => None,
    };
    usd.and_then(Price::new).or_else(|| absent(tally))
}

/// Of a tweet, or of what it refers to.
pub(super) fn kind(from: &mut Reader<'_>, into: &mut Option<Kind>) -> Read {
    *into = match from.plain() {
        Some(word) => named_kind(word, &mut from.tally),
        None => from.scalar(any_text)?.and_then(|word| named_kind(&word, &mut from.tally)),
    };
    Ok(())
}

fn named_kind(word: &str, tally: &mut Tally) -> Option<Kind> {
    Some(match word {
        "" => return None,
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
pub(super) fn platform(from: &mut Reader<'_>, into: &mut Option<Platform>) -> Read {
    *into = match from.plain() {
        Some(word) => named_platform(word, &mut from.tally),
        None => from.scalar(any_text)?.and_then(|word| named_platform(&word, &mut from.tally)),
    };
    Ok(())
}

fn named_platform(word: &str, tally: &mut Tally) -> Option<Platform> {
    Some(match word {
        "" => return None,
        "twitter" => Platform::Twitter,
        "truth_social" => Platform::TruthSocial,
        other => {
            tally.note(|odd| &mut odd.unknown_values);
            Platform::Other(other.into())
        }
    })
}
