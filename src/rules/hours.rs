//! `active`: days of the week and hours of the day in a time zone, in which a rule fires.

/// Hours of a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {}
