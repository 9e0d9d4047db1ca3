//! `sequence`: matches of all steps, in their order, within a time.

use birdcall::model::subject::Event;
use birdcall::rules::condition::Condition;
use birdcall::rules::ruleset::{Step, Window, WindowKind};
use birdcall::window::Verdict;

use super::kit::{Seen, at, late, tells, window};
use super::law::{Few, Naive, each, fires, history, holds};

fn sequence(steps: usize, within: u64, rearm: Option<u64>) -> Window {
    let step = || Step { on: vec![Event::Tweet], when: Condition::All(Vec::new()) };
    window(WindowKind::Sequence { steps: std::iter::repeat_with(step).take(steps).collect() }, within, rearm)
}

#[test]
fn it_fires_when_all_steps_have_been_gone_in_their_order() {
    let seen = [(at(1).step(1), "0 of 3"), (at(2), "1 of 3"), (at(3).step(1), "2 of 3"), (at(4).step(2), "fires 3: 2 3 4")];
    tells(&sequence(3, 10, None), &seen);
}

#[test]
fn the_last_must_be_less_than_within_after_the_first() {
    tells(&sequence(2, 10, None), &[(at(1), "1 of 2"), (at(11).step(1), "0 of 2")]);
    tells(&sequence(2, 10, None), &[(at(1), "1 of 2"), (at(10).step(1), "fires 2: 1 2")]);
}

#[test]
fn the_oldest_that_is_still_possible_is_taken_and_used_up() {
    let seen = [
        (at(1), "1 of 2"),
        (at(2), "1 of 2"),
        (at(3).step(1), "fires 2: 1 3"),
        (at(4).step(1), "fires 2: 2 4"),
        (at(5).step(1), "0 of 2"),
    ];
    tells(&sequence(2, 10, None), &seen);
}

#[test]
fn one_that_comes_late_is_put_where_it_belongs() {
    let seen = [(at(1), "1 of 3"), (at(5).step(2), "0 of 3"), (late(6, 3).step(1), "fires 3: 1 3 2")];
    tells(&sequence(3, 10, None), &seen);
}

#[test]
fn of_equal_times_the_order_in_which_they_came_counts() {
    tells(&sequence(2, 10, None), &[(at(1), "1 of 2"), (at(1).step(1), "fires 2: 1 2")]);
    tells(&sequence(2, 10, None), &[(at(1).step(1), "0 of 2"), (at(1), "1 of 2")]);
}

#[test]
fn one_tweet_is_not_two_steps_at_one_moment_but_at_two() {
    let same = |moment, step| at(moment).step(step).tweet(7);
    tells(&sequence(2, 10, None), &[(same(1, 0), "1 of 2"), (same(1, 1), "0 of 2"), (same(2, 1), "fires 2: 7 7")]);
}

#[test]
fn of_several_at_one_moment_one_is_taken_that_leaves_the_other_for_its_own_step() {
    let seen = [
        (at(1).tweet(1), "1 of 3"),
        (at(2).step(1).tweet(7), "2 of 3"),
        (at(2).step(1).tweet(8), "2 of 3"),
        (at(2).step(2).tweet(7), "fires 3: 1 8 7"),
    ];
    tells(&sequence(3, 10, None), &seen);
}

#[test]
fn keys_are_apart() {
    tells(&sequence(2, 10, None), &[(at(1).of(1, 0), "1 of 2"), (at(2).of(2, 0).step(1), "0 of 2")]);
}

#[test]
fn with_rearm_a_chain_that_comes_too_soon_is_used_up_untold() {
    let seen = [
        (at(1), "1 of 2"),
        (at(2).step(1), "fires 2: 1 2"),
        (at(3), "1 of 2"),
        (at(4).step(1), "fired"),
        (at(7).step(1), "0 of 2"),
        (at(7), "1 of 2"),
        (at(8).step(1), "fires 2: 6 7"),
    ];
    tells(&sequence(2, 10, Some(5)), &seen);
}

/// Tries all ways to choose one match for each step.
#[derive(Default)]
struct Reference {
    /// In the order of the history.
    used: Vec<usize>,
    firings: Vec<(u8, i64)>,
}

type Chain<'a> = Vec<(usize, &'a Seen)>;

impl Reference {
    fn chains<'a>(&self, history: &'a [Seen], length: usize, within: i64) -> Vec<Chain<'a>> {
        let (last, new) = history.iter().enumerate().next_back().unwrap();
        let is_possible = |place: &usize| !self.used.contains(place);
        let mut chains: Vec<Chain<'a>> = vec![Vec::new()];
        for step in 0..length {
            let of_step = |(place, seen): &(usize, &Seen)| seen.key == new.key && seen.step == step && is_possible(place);
            let next: Vec<_> = history.iter().enumerate().filter(of_step).collect();
            chains = chains
                .iter()
                .flat_map(|chain| {
                    let follows = |next: &&(usize, &'a Seen)| {
                        chain.iter().all(|(place, seen)| {
                            (seen.at, *place) < (next.1.at, next.0)
                                && next.1.at - seen.at < within
                                && (seen.tweet, seen.at) != (next.1.tweet, next.1.at)
                        })
                    };
                    next.iter().filter(follows).map(|next| [chain.clone(), vec![*next]].concat()).collect::<Vec<_>>()
                })
                .collect();
        }
        chains.retain(|chain| chain.iter().any(|(place, _)| *place == last));
        chains
    }
}

impl Naive for Reference {
    fn judge(&mut self, window: &Window, history: &[Seen]) -> Verdict {
        let WindowKind::Sequence { steps } = &window.kind else { panic!("{window:?}") };
        let (new, within, need) = (history.last().unwrap(), window.within.as_secs() as i64, steps.len());
        let oldest = self
            .chains(history, need, within)
            .into_iter()
            .min_by_key(|chain| chain.iter().map(|(place, seen)| (seen.at, *place)).collect::<Vec<_>>());
        let Some(chain) = oldest else {
            let have = (1..need).rev().find(|length| !self.chains(history, *length, within).is_empty()).unwrap_or(0);
            return Verdict::Gathers { have: have as u32, need: need as u32 };
        };
        self.used.extend(chain.iter().map(|(place, _)| *place));
        if let Some(rearm) = window.rearm {
            if self.firings.iter().any(|(key, at)| *key == new.key && (at - new.at).abs() < rearm.as_secs() as i64) {
                return Verdict::Fired;
            }
            self.firings.push((new.key, new.at));
        }
        fires(window, &new.key(), need, chain.into_iter().map(|(_, seen)| seen).collect())
    }
}

#[test]
fn it_says_what_a_reference_says_that_keeps_everything() {
    each(|rng| {
        let steps = rng.usize(2..5);
        let window = sequence(steps, rng.u64(2..12), (rng.u8(..3) == 0).then(|| rng.u64(1..12)));
        let few = Few { keys: 2, values: 1, steps, prices: &[] };
        let story = history(rng, window.within.as_secs() as i64, few);
        holds(&window, Reference::default, story)
    });
}
