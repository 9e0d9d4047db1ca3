//! Sets and maps that are made once and looked up often. A hash table of one name takes ten times the name, and most rules ask for one name.

use std::borrow::Borrow;

/// Keys in ascending order, each once, perhaps with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorted<K, V = ()>(Box<[(K, V)]>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Sorted<K, V> {
    /// Of equal keys the first counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        pairs.dedup_by(|(a, _), (b, _)| a == b);
        Self(pairs.into())
    }
}

impl<K: Ord> FromIterator<K> for Sorted<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        keys.into_iter().map(|key| (key, ())).collect()
    }
}

impl<K: Ord, V> Sorted<K, V> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A key as it is kept, and its value.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let at = self.0.binary_search_by(|(known, _)| known.borrow().cmp(key)).ok()?;
        self.0.get(at).map(|(key, value)| (key, value))
    }

    /// Whether it is there.
    #[must_use]
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// All keys, in ascending order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// All keys and their values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Whether the other has all of the keys.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.keys().all(|key| other.contains(key))
    }

    /// Whether the other has none of the keys.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let (few, many) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        !few.keys().any(|key| many.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_other_sets_and_maps_do(
            pairs in prop::collection::vec(("[ab]{0,3}", any::<u8>()), 0..20), others in prop::collection::vec("[ab]{0,3}", 0..4), asked in "[ab]{0,3}"
        ) {
            let mut map = BTreeMap::new();
            for (key, value) in &pairs {
                map.entry(key.clone()).or_insert(*value);
            }
            let sorted: Sorted<String, u8> = pairs.iter().cloned().collect();
            prop_assert!(sorted.iter().eq(map.iter()) && sorted.keys().eq(map.keys()));
            prop_assert_eq!((sorted.len(), sorted.is_empty()), (map.len(), map.is_empty()));
            prop_assert_eq!(sorted.get(asked.as_str()), map.get_key_value(&asked));
            prop_assert_eq!(sorted.contains(asked.as_str()), map.contains_key(&asked));

            let (one, other): (BTreeSet<_>, BTreeSet<_>) = (map.into_keys().collect(), others.iter().cloned().collect());
            let (of_one, of_other): (Sorted<_>, Sorted<_>) = (one.iter().cloned().collect(), others.into_iter().collect());
            prop_assert_eq!(of_one.is_subset(&of_other), one.is_subset(&other));
            prop_assert_eq!(of_other.is_subset(&of_one), other.is_subset(&one));
            prop_assert_eq!(of_one.is_disjoint(&of_other), one.is_disjoint(&other));
        }
    }
}
