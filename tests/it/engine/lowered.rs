//! Rules that are replaced by others for which less is enough: what was not told is told by the next match, once.

use birdcall::engine::{Engine, Prepared};
use serde_json::json;

use super::over_time::{Told, at, load};
use crate::kit::story::{START, content};

/// What happens, one a minute.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// Whoever it is says it.
    Says(&'static str),
    /// The same, so many minutes ago.
    Said(&'static str, i64),
    /// So many minutes pass.
    Passes(i64),
    /// From now on so many are enough, of so many minutes; and more of the window.
    Enough(u32, i64, &'static str),
}

use Happens::{Enough, Passes, Said, Says};

/// In which minutes the rule tells, and how many it tells of.
fn tells(kind: &str, (at_least, minutes): (u32, i64), story: &[Happens]) -> Vec<(i64, u32)> {
    let rules = |at_least: u32, minutes: i64, more: &str| {
        load(&format!(
            "[actions.out]\ntype = \"console\"\nmax_age = \"1d\"\n[[rule]]\nname = \"r\"\nsend = [\"out\"]\nwhen = {{ keyword = \"gm\" }}\n\
             window = {{ {kind}, within = \"{minutes}m\", at_least = {at_least}{more} }}\n"
        ))
    };
    let mut now = rules(at_least, minutes, "");
    let (mut engine, mut minute, mut all) = (Engine::new(now.clone()), 0, Vec::new());
    for (number, happens) in story.iter().enumerate() {
        let (who, ago) = match *happens {
            Says(who) => (who, 0),
            Said(who, ago) => (who, ago),
            Passes(minutes) => {
                minute += minutes;
                continue;
            }
            Enough(at_least, minutes, more) => {
                let next = rules(at_least, minutes, more);
                drop(engine.replace_rules(Prepared::new(next.clone(), &now)));
                now = next;
                continue;
            }
        };
        minute += 1;
        let mut tweet = content(&number.to_string(), who, "gm");
        tweet["d"]["createdAt"] = json!(START + (minute - ago) * 60_000);
        let fired = at(&mut engine, minute * 60_000, &tweet).into_iter();
        all.extend(
            fired.filter_map(|of| if let Told::Fired(.., Some((count, _)), _) = of { Some((minute, count)) } else { None }),
        );
    }
    all
}

#[test]
fn of_a_count_that_was_not_enough_and_is_now_the_next_match_tells_once() {
    let a = Says("a");
    for (why, story, expected) in [
        ("two of three, and then two are enough", &[a, a, Enough(2, 60, ""), a, a, a][..], &[(3, 3)][..]),
        ("it had told of three", &[a, a, a, Enough(2, 60, ""), a, a], &[(3, 3)]),
        ("it had told of three, of which one has passed", &[a, Passes(30), a, a, Passes(30), Enough(2, 60, ""), a], &[(33, 3)]),
        ("one of three is not enough yet", &[a, Enough(2, 60, ""), a, a], &[(2, 2)]),
        ("what was enough has passed", &[a, a, Enough(2, 60, ""), Passes(90), a, a, a], &[(94, 2)]),
        ("it has passed when less becomes enough", &[a, a, Passes(90), Enough(2, 60, ""), a, a, a], &[(94, 2)]),
        ("what comes late is among it too", &[a, a, Enough(2, 60, ""), Said("a", 2), a], &[(3, 2)]),
        ("less again", &[a, a, Enough(2, 60, ""), Enough(1, 60, ""), a, a], &[(3, 3)]),
        ("more is asked for", &[a, a, a, Enough(5, 60, ""), a, a, a], &[(3, 3), (5, 5)]),
        ("more is asked for again before anything comes", &[a, a, Enough(2, 60, ""), Enough(3, 60, ""), a, a], &[(3, 3)]),
        ("the same, of a longer time", &[a, Passes(30), a, Passes(45), a, Enough(3, 90, ""), a, a], &[(79, 4)]),
        ("the same, of a shorter time", &[a, a, a, Enough(3, 30, ""), a, a], &[(3, 3)]),
        ("it is told again after a while", &[a, a, Enough(2, 60, ", rearm = \"5m\""), a, a, a], &[(3, 3)]),
    ] {
        assert_eq!(tells("type = \"count\"", (3, 60), story), expected, "{why}");
    }
}

#[test]
fn of_authors_who_were_too_few_and_are_enough_now_the_next_match_tells_once_whoever_it_is_of() {
    let [a, b, c, d, e, f] = ["a", "b", "c", "d", "e", "f"].map(Says);
    let now = Enough(3, 60, "");
    for (why, story, expected) in [
        ("a fifth author", &[a, b, c, d, now, e, f, a][..], &[(5, 5)][..]),
        ("one of the four", &[a, b, c, d, now, a, e, f], &[(5, 4)]),
        ("two are too few still", &[a, a, a, a, b, now, b, c, d], &[(7, 3)]),
        ("it had told of five", &[a, b, c, d, e, now, f, a], &[(5, 5)]),
        ("it had told of five, of which one has passed", &[a, Passes(30), b, c, d, e, Passes(30), now, b, f], &[(35, 5)]),
    ] {
        assert_eq!(tells("type = \"distinct\", of = \"author\"", (5, 60), story), expected, "{why}");
    }
}

#[test]
fn each_key_tells_that_had_not_told_and_no_other() {
    let [a, b, c] = ["a", "b", "c"].map(Says);
    let story = [a, a, a, b, b, c, Enough(2, 60, ""), a, b, c, a, b, c];
    assert_eq!(tells("type = \"count\", per = \"author\"", (3, 60), &story), [(3, 3), (8, 3), (9, 2)]);
}
