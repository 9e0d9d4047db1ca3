//! Numbers in the order in which they were heard of last.

/// The number of the ring's own link: where it ends and begins.
const RING: usize = 0;

/// A ring of links in both directions, for the numbers from 1 on. It lies close together, apart from what the numbers stand for, so that to
/// hear of one looks at nothing that is not near.
#[derive(Debug)]
pub(super) struct Order {
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    before: u32,
    after: u32,
}

impl Default for Order {
    fn default() -> Self {
        Self { links: vec![Link::default()] }
    }
}

impl Order {
    /// The one that was not heard of for longest.
    pub(super) fn front(&self) -> Option<u32> {
        Some(self.at(RING).after).filter(|first| *first as usize != RING)
    }

    /// A number that is in no place is heard of.
    pub(super) fn push_back(&mut self, number: u32) {
        let place = number as usize;
        if self.links.len() <= place {
            self.links.resize(place + 1, Link::default());
        }
        let last = self.at(RING).before;
        self.links[place] = Link { before: last, after: RING as u32 };
        self.links[last as usize].after = number;
        self.links[RING].before = number;
    }

    /// A number that is in no place was not heard of for longer than all others.
    pub(super) fn push_front(&mut self, number: u32) {
        let place = number as usize;
        if self.links.len() <= place {
            self.links.resize(place + 1, Link::default());
        }
        let first = self.at(RING).after;
        self.links[place] = Link { before: RING as u32, after: first };
        self.links[first as usize].before = number;
        self.links[RING].after = number;
    }

    /// One that has a place is heard of.
    pub(super) fn hear_again(&mut self, number: u32) {
        if self.at(RING).before != number {
            self.remove(number);
            self.push_back(number);
        }
    }

    /// A number that has a place has none any more.
    pub(super) fn remove(&mut self, number: u32) {
        let Link { before, after } = self.at(number as usize);
        self.links[before as usize].after = after;
        self.links[after as usize].before = before;
    }

    fn at(&self, place: usize) -> Link {
        self.links.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn it_is_the_order_of_a_list_from_which_what_is_heard_of_goes_to_the_end() {
        let (mut order, mut list) = (Order::default(), VecDeque::new());
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let number = rng.u32(1..20);
            match list.iter().position(|known| *known == number) {
                None => order.push_back(number),
                Some(place) => {
                    list.remove(place);
                    if rng.u8(..4) == 0 {
                        order.remove(number);
                        assert_eq!(order.front(), list.front().copied());
                        continue;
                    }
                    order.hear_again(number);
                }
            }
            list.push_back(number);
            assert_eq!(order.front(), list.front().copied());
        }
    }
}
