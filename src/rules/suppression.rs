//! `cooldown`, `limit` and `active` of a rule, or the first two of one of its sends → its brakes.

use super::brakes::{cooldown, limits};
use super::check::Check;
use super::hours::{Zone, hours};
use super::read::{Field, Table};
use super::ruleset::Brakes;

/// Brakes, and where their cooldown stands.
pub(super) type Read<'a> = (Option<Box<Brakes>>, Option<Field<'a>>);

/// Those of a rule.
pub(super) fn of_rule<'a>(check: &mut Check<'a>, table: &mut Table<'a>, zone: &Zone) -> Read<'a> {
    let hours = table.take("active").and_then(|field| hours(check, field, zone)).map(Into::into);
    let (brakes, cooldown) = of_both(check, table);
    (boxed(Brakes { hours, ..brakes }), cooldown)
}

/// Those of a send.
pub(super) fn of_send<'a>(check: &mut Check<'a>, table: &mut Table<'a>) -> Read<'a> {
    let (brakes, cooldown) = of_both(check, table);
    (boxed(brakes), cooldown)
}

fn of_both<'a>(check: &mut Check<'a>, table: &mut Table<'a>) -> (Brakes, Option<Field<'a>>) {
    let at = table.take("cooldown");
    let cooldown = at.and_then(|field| cooldown(check, field));
    let limits = table.take("limit").map(|field| limits(check, field)).unwrap_or_default();
    (Brakes { cooldown, limits, hours: None }, at)
}

fn boxed(brakes: Brakes) -> Option<Box<Brakes>> {
    let is_any = brakes.cooldown.is_some() || !brakes.limits.is_empty() || brakes.hours.is_some();
    is_any.then(|| Box::new(brakes))
}
