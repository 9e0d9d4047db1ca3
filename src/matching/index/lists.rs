//! Lists of numbers by number, in two flat arrays: thousands of short lists take little more than their elements. Most have one element, which
//! stands where else is said where the list begins: to follow it is one access to memory less.

/// Where a list is: its only element, or where in [`Items`] it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head(u32);

impl Head {
    const NONE: Self = Self(u32::MAX);
    /// It is not the element itself.
    const FAR: u32 = 1 << 31;
}

/// The elements of longer lists, in front of each their number.
#[derive(Debug, Default)]
pub(super) struct Items(Vec<u32>);

impl Items {
    /// The elements of a list.
    #[inline]
    pub(super) fn get<'l>(&'l self, head: &'l Head) -> &'l [u32] {
        if head.0 & Head::FAR == 0 {
            return std::slice::from_ref(&head.0);
        }
        let at = (head.0 & !Head::FAR) as usize;
        let length = self.0.get(at).copied().unwrap_or_default() as usize;
        self.0.get(at + 1..at + 1 + length).unwrap_or_default()
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<u32>()
    }
}

/// The lists 0, 1, 2, …
#[derive(Debug, Default)]
pub(super) struct Lists {
    heads: Vec<Head>,
    items: Items,
}

impl Lists {
    /// From pairs of a list and an element of it, below 2³¹. Each list comes out in ascending order, each element once.
    pub(super) fn of(mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let count = pairs.last().map_or(0, |(list, _)| *list as usize + 1);
        let (mut heads, mut items) = (vec![Head::NONE; count], Vec::new());
        for list in pairs.chunk_by(|(one, _), (next, _)| one == next) {
            let Some(((of, first), head)) = list.first().and_then(|first| Some((first, heads.get_mut(first.0 as usize)?))) else {
                continue;
            };
            debug_assert!(*of < Head::FAR && *first < Head::FAR, "{of} {first}");
            if list.len() == 1 {
                *head = Head(*first);
            } else {
                *head = Head(number(items.len()) | Head::FAR);
                items.push(number(list.len()));
                items.extend(list.iter().map(|(_, item)| *item));
            }
        }
        items.shrink_to_fit();
        Self { heads, items: Items(items) }
    }

    /// The elements of a list; none of one that there is not.
    #[inline]
    pub(super) fn get(&self, list: u32) -> &[u32] {
        self.heads.get(list as usize).map_or(&[], |head| self.items.get(head))
    }

    /// So many lists as such: where each is, and the elements.
    pub(super) fn into_parts(mut self, count: usize) -> (Vec<Head>, Items) {
        self.heads.resize(count, Head::NONE);
        (self.heads, self.items)
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.heads.capacity() * size_of::<Head>() + self.items.bytes()
    }
}

/// A number for an index into a list of rules, atoms or words, of which there are never 2³¹.
pub(super) fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order_without_doubles_and_some_are_empty() {
        let lists = Lists::of(vec![(3, 7), (0, 2), (3, 1), (0, 2), (0, 1), (5, 0)]);
        let expected = [vec![1, 2], vec![], vec![], vec![1, 7], vec![], vec![0], vec![], vec![]];
        assert_eq!([0, 1, 2, 3, 4, 5, 6, u32::MAX].map(|list| lists.get(list).to_vec()), expected);
        let (heads, items) = lists.into_parts(7);
        assert_eq!(heads.iter().map(|head| items.get(head).to_vec()).collect::<Vec<_>>(), expected[..7]);
        assert!(Lists::of(Vec::new()).get(0).is_empty());
    }
}
