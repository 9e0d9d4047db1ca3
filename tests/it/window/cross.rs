//! `cross`: a price that was on the other side of a level the last time that it was seen.

use birdcall::rules::ruleset::{Direction, Hysteresis, Level, Window, WindowKind};
use birdcall::window::Verdict;

use super::kit::{Seen, at, late, tells, window};
use super::law::{Few, Naive, each, fires, history, holds};

fn cross(direction: Direction, hysteresis: Hysteresis, rearm: Option<u64>) -> Window {
    window(WindowKind::Cross(Level { price: 100.0, direction, hysteresis }), 10, rearm)
}

fn up() -> Window {
    cross(Direction::Up, Hysteresis::Usd(0.0), None)
}

#[test]
fn a_first_sight_never_crosses_and_the_level_itself_is_not_above_it() {
    let seen = [
        (at(1).usd(120.0), "first"),
        (at(2).usd(100.0), "known"),
        (at(3).usd(100.01), "fires 2: 2 3"),
        (at(4).usd(130.0), "known"),
        (at(5).usd(100.0), "known"),
        (at(6).usd(101.0), "fires 2: 5 6"),
    ];
    tells(&up(), &seen);
}

#[test]
fn down_is_the_mirror() {
    let window = cross(Direction::Down, Hysteresis::Usd(0.0), None);
    tells(
        &window,
        &[(at(1).usd(80.0), "first"), (at(2).usd(100.0), "known"), (at(3).usd(99.0), "fires 2: 2 3"), (at(4).usd(90.0), "known")],
    );
}

#[test]
fn after_firing_the_price_must_go_back_by_the_hysteresis() {
    let seen = [
        (at(1).usd(99.0), "first"),
        (at(2).usd(101.0), "fires 2: 1 2"),
        (at(3).usd(96.0), "known"),
        (at(4).usd(101.0), "fired"),
        (at(5).usd(95.0), "known"),
        (at(6).usd(96.0), "known"),
        (at(7).usd(101.0), "fires 2: 6 7"),
    ];
    tells(&cross(Direction::Up, Hysteresis::Usd(5.0), None), &seen);
    tells(&cross(Direction::Up, Hysteresis::Percent(5.0), None), &seen);
}

#[test]
fn with_rearm_time_must_pass_instead() {
    let seen = [
        (at(1).usd(99.0), "first"),
        (at(2).usd(101.0), "fires 2: 1 2"),
        (at(3).usd(99.0), "known"),
        (at(4).usd(101.0), "fired"),
        (at(5).usd(99.0), "known"),
        (at(7).usd(101.0), "fires 2: 5 6"),
    ];
    tells(&cross(Direction::Up, Hysteresis::Usd(50.0), Some(5)), &seen);
}

#[test]
fn a_price_that_is_too_old_is_none() {
    let seen = [
        (at(1).usd(99.0), "first"),
        (at(11).usd(101.0), "first"),
        (at(12).usd(99.0), "known"),
        (at(21).usd(101.0), "fires 2: 3 4"),
    ];
    tells(&up(), &seen);
}

#[test]
fn a_price_that_is_older_than_the_last_is_late_and_no_price_is_nothing() {
    let seen =
        [(at(5).usd(99.0), "first"), (late(6, 4).usd(150.0), "late"), (at(6), "first"), (at(7).usd(101.0), "fires 2: 1 4")];
    tells(&up(), &seen);
}

/// Looks through all prices that were seen in order.
#[derive(Default)]
struct Reference {
    fired: Vec<u32>,
}

impl Naive for Reference {
    fn judge(&mut self, window: &Window, history: &[Seen]) -> Verdict {
        let WindowKind::Cross(level) = window.kind else { panic!("{window:?}") };
        let new = history.last().unwrap();
        let Some(price) = new.price else { return Verdict::First };
        let mut all: Vec<&Seen> = Vec::new();
        for seen in history.iter().filter(|seen| seen.key == new.key && seen.price.is_some()) {
            if all.iter().all(|before| before.at <= seen.at) {
                all.push(seen);
            } else if seen == new {
                return Verdict::Late;
            }
        }
        let (within, up) = (window.within.as_secs() as i64, level.direction == Direction::Up);
        let beyond = |price: f64| if up { price > level.price } else { price < level.price };
        let Some(before) = all.iter().rev().nth(1).filter(|before| before.at > new.at - within) else { return Verdict::First };
        if beyond(before.price.unwrap()) || !beyond(price) {
            return Verdict::Known;
        }
        let fired = all.iter().rposition(|seen| self.fired.contains(&seen.tweet));
        let rests = match (fired, window.rearm) {
            (None, _) => false,
            (Some(fired), Some(rearm)) => new.at - all[fired].at < rearm.as_secs() as i64,
            (Some(fired), None) => {
                let far = match level.hysteresis {
                    Hysteresis::Usd(usd) => usd,
                    Hysteresis::Percent(percent) => percent,
                };
                let went_back = |seen: &&Seen| if up { seen.price <= Some(100.0 - far) } else { seen.price >= Some(100.0 + far) };
                let was_forgotten = all[fired..].windows(2).any(|two| two[1].at - two[0].at >= within);
                !was_forgotten && !all[fired..].iter().any(went_back)
            }
        };
        if rests {
            return Verdict::Fired;
        }
        self.fired.push(new.tweet);
        fires(window, &new.key(), 2, vec![before, new])
    }
}

#[test]
fn it_says_what_a_reference_says_that_keeps_everything() {
    each(|rng| {
        let direction = if rng.bool() { Direction::Up } else { Direction::Down };
        let hysteresis = match rng.u8(..3) {
            0 => Hysteresis::Usd(0.0),
            1 => Hysteresis::Usd(10.0),
            _ => Hysteresis::Percent(20.0),
        };
        let mut window = cross(direction, hysteresis, rng.bool().then(|| rng.u64(1..12)));
        window.within = std::time::Duration::from_secs(rng.u64(2..9));
        let few = Few { keys: 2, values: 1, steps: 1, prices: &[80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0] };
        let story = history(rng, window.within.as_secs() as i64, few);
        holds(&window, Reference::default, story)
    });
}
