//! Lists of numbers by number, in two flat arrays: thousands of short lists take little more than their elements.

/// The lists 0, 1, 2, …
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Where each begins, and where the last one ends.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// From pairs of a list and an element of it. Each list comes out in ascending order, each element once.
    pub(super) fn of(mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let lists = pairs.last().map_or(0, |(list, _)| *list as usize + 1);
        let mut starts = vec![0_u32; lists + 1];
        for (list, _) in &pairs {
            if let Some(next) = starts.get_mut(*list as usize + 1) {
                *next += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Self { starts, items: pairs.into_iter().map(|(_, item)| item).collect() }
    }

    /// The elements of a list; none of one that there is not.
    pub(super) fn get(&self, list: u32) -> &[u32] {
        let at = list as usize;
        let range = self.starts.get(at).zip(self.starts.get(at + 1));
        range.and_then(|(from, to)| self.items.get(*from as usize..*to as usize)).unwrap_or_default()
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        (self.starts.capacity() + self.items.capacity()) * size_of::<u32>()
    }
}

/// A number for an index into a list of rules, atoms or words, of which there are never 2³².
pub(super) fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order_without_doubles_and_some_are_empty() {
        let lists = Lists::of(vec![(3, 7), (0, 2), (3, 1), (0, 2), (0, 1)]);
        assert_eq!(
            [0, 1, 2, 3, 4, u32::MAX].map(|list| lists.get(list).to_vec()),
            [vec![1, 2], vec![], vec![], vec![1, 7], vec![], vec![]]
        );
        assert!(Lists::of(Vec::new()).get(0).is_empty());
    }
}
