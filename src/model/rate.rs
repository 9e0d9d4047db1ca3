//! How often something may happen.

use std::num::NonZeroU32;
use std::time::Duration;

/// At most `count` in any span of `per`, at most `burst` of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how long; never zero.
    pub per: Duration,
    /// How many of them may come back to back. Defaults to `count`.
    pub burst: NonZeroU32,
}

impl Rate {
    /// `count` in any span of `per`. `None` when either is zero.
    #[must_use]
    pub fn new(count: u32, per: Duration) -> Option<Self> {
        let count = NonZeroU32::new(count)?;
        (!per.is_zero()).then_some(Self { count, per, burst: count })
    }
}
