//! The matches of a key in an order: what is looked at of each, apart from what is only told of it.

use std::collections::VecDeque;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::model::window::Member;

/// What is looked at lies together, of up to `N` matches in the row itself; what is told is written when a match comes, and not read before
/// something fires. So to look through the matches of a key that was not heard of for long is one way to memory, and not one for each.
#[derive(Debug)]
pub(super) struct Row<S, const N: usize> {
    /// Those before `from` have left.
    looked_at: SmallVec<[S; N]>,
    from: usize,
    members: VecDeque<Member>,
}

impl<S, const N: usize> Default for Row<S, N> {
    fn default() -> Self {
        Self { looked_at: SmallVec::new(), from: 0, members: VecDeque::new() }
    }
}

/// What is looked at, in its order.
impl<S, const N: usize> Deref for Row<S, N> {
    type Target = [S];

    fn deref(&self) -> &[S] {
        self.looked_at.get(self.from..).unwrap_or_default()
    }
}

impl<S, const N: usize> Row<S, N> {
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut S> {
        self.looked_at.get_mut(self.from + place)
    }

    pub(super) fn member(&self, place: usize) -> Option<&Member> {
        self.members.get(place)
    }

    pub(super) fn insert(&mut self, place: usize, looked_at: S, member: Member) {
        if self.members.capacity() == 0 {
            // Most keys never have more than one.
            self.members.reserve_exact(1);
        }
        self.looked_at.insert(self.from + place, looked_at);
        self.members.insert(place, member);
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<Member> {
        let member = self.members.remove(place)?;
        if place == 0 {
            self.from += 1;
        } else {
            self.looked_at.remove(self.from + place);
        }
        self.make_room();
        Some(member)
    }

    /// The first so many leave.
    pub(super) fn forget(&mut self, count: usize) {
        if count > 0 {
            self.members.drain(..count);
            self.from += count;
            self.make_room();
        }
    }

    /// Of which `stays` says so stay, in their order. How many leave.
    pub(super) fn retain(&mut self, stays: impl Fn(&S) -> bool) -> usize {
        // Nearly always all of them.
        if self.iter().all(&stays) {
            return 0;
        }
        let before = self.members.len();
        self.looked_at.drain(..self.from);
        self.from = 0;
        let mut looked_at = self.looked_at.iter();
        self.members.retain(|_| looked_at.next().is_some_and(&stays));
        self.looked_at.retain(|it| stays(it));
        self.make_room();
        before - self.members.len()
    }

    /// Of many, none is moved before as many have left as stay: so it costs no more than their coming did.
    fn make_room(&mut self) {
        if !self.looked_at.spilled() || self.from * 2 >= self.looked_at.len() {
            self.looked_at.drain(..self.from);
            self.from = 0;
            if self.looked_at.len() * 2 <= N {
                self.looked_at.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::subject::Event;
    use crate::model::time::Timestamp;

    #[test]
    fn it_is_a_list_whatever_comes_and_leaves() {
        let member = |at| {
            let at = Timestamp::from_millis(at);
            Member { who: None, platform: None, tweet: None, event: Event::Tweet, at, price: None }
        };
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut row, mut list, mut fewest) = (Row::<i64, 4>::default(), Vec::new(), 0);
        for number in 0..20_000 {
            let grows = number % 400 < 200;
            match rng.u8(..4) {
                0 if !list.is_empty() => {
                    let place = rng.usize(..list.len());
                    assert_eq!(row.remove(place).map(|member| member.at.as_millis()), Some(list.remove(place)));
                }
                1 if !grows && rng.u8(..4) == 0 => {
                    let before = list.len();
                    list.retain(|number| number % 5 != 0);
                    assert_eq!(row.retain(|number| number % 5 != 0), before - list.len());
                }
                1 if !grows => {
                    let count = rng.usize(..=list.len().min(3));
                    row.forget(count);
                    list.drain(..count);
                }
                _ if grows || list.len() < 2 => {
                    let place = if rng.bool() { list.len() } else { rng.usize(..=list.len()) };
                    row.insert(place, number, member(number));
                    list.insert(place, number);
                }
                _ => {}
            }
            let told = (0..list.len()).filter_map(|place| row.member(place)).map(|member| member.at.as_millis());
            assert_eq!((&row[..], told.collect::<Vec<_>>()), (&list[..], list.clone()));
            assert!(row.looked_at.len() <= (2 * list.len()).max(4), "what has left takes no room");
            fewest += usize::from(!list.is_empty() && !row.looked_at.spilled());
        }
        assert!(fewest > 100, "few lie in the row itself again");
    }
}
