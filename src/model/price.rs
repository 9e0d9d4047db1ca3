//! Prices: finite and positive, or they are no prices.

use std::cmp::Ordering;

/// A price in US dollars (for prediction markets: of one share). Never NaN, infinite, zero, negative or subnormal,
/// so comparing two prices cannot go wrong.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub struct Price(f64);

impl Price {
    /// `None` for anything that cannot be a price.
    #[must_use]
    pub fn new(usd: f64) -> Option<Self> {
        (usd.is_normal() && usd > 0.0).then_some(Self(usd))
    }

    /// US dollars.
    #[must_use]
    pub fn usd(self) -> f64 {
        self.0
    }
}

impl<'de> serde::Deserialize<'de> for Price {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let usd = f64::deserialize(from)?;
        Self::new(usd).ok_or_else(|| serde::de::Error::custom(format_args!("{usd} is no price")))
    }
}

impl Eq for Price {}

impl PartialOrd for Price {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Price {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_and_positive_is_no_price() {
        for no in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0, 1e-320] {
            assert_eq!(Price::new(no), None, "{no}");
        }
        assert_eq!(Price::new(4.21e-07).map(Price::usd), Some(4.21e-07));
    }
}
