//! `cooldown`, `limit` and `active` of a rule, or the first two of one of its sends → its brakes.

use super::brakes::{cooldown, limits};
use super::check::Check;
use super::hours::{Zone, hours};
use super::read::Table;
use super::ruleset::Brakes;

/// Those of a rule.
pub(super) fn of_rule<'a>(check: &mut Check<'a>, table: &mut Table<'a>, zone: &Zone) -> Option<Box<Brakes>> {
    let hours = table.take("active").and_then(|field| hours(check, field, zone)).map(Into::into);
    let brakes = Brakes { hours, ..of_both(check, table) };
    is_any(&brakes).then(|| Box::new(brakes))
}

/// Those of a send.
pub(super) fn of_send<'a>(check: &mut Check<'a>, table: &mut Table<'a>) -> Option<Box<Brakes>> {
    let brakes = of_both(check, table);
    is_any(&brakes).then(|| Box::new(brakes))
}

fn of_both<'a>(check: &mut Check<'a>, table: &mut Table<'a>) -> Brakes {
    let cooldown = table.take("cooldown").and_then(|field| cooldown(check, field));
    let limits = table.take("limit").map(|field| limits(check, field)).unwrap_or_default();
    Brakes { cooldown, limits, hours: None }
}

fn is_any(brakes: &Brakes) -> bool {
    brakes.cooldown.is_some() || !brakes.limits.is_empty() || brakes.hours.is_some()
}
