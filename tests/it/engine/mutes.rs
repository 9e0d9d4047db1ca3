//! Mutes in the engine: what they hold, by the log's time, and that they take nothing of anything else.

use birdcall::engine::Effect;
use birdcall::model::delivery::Outcome;
use birdcall::model::mute::{Mute, MuteOf, Muted};
use birdcall::model::time::Timestamp;
use serde_json::{Value, json};

use super::{ORBL, OTHER};
use crate::kit::story::{START, Story, content, meta, token};

const OTHER_ACTION: &str = "[actions.other]\ntype = \"console\"\nmax_age = \"1d\"\n";

/// Number 1, from the start on, for so many milliseconds.
fn mute(what: Muted, name: &str, (token, handle): (Option<&str>, Option<&str>), ms: i64) -> Mute {
    let of = MuteOf { what, name: name.to_owned(), token: token.map(str::to_owned), handle: handle.map(str::to_owned) };
    let at = |ms| Timestamp::from_millis(START + ms);
    Mute { number: 1, of, from: at(0), until: at(ms), ended: None, because: None }
}

fn all_of(what: Muted, name: &str) -> Mute {
    mute(what, name, (None, None), 60_000)
}

/// What became of the sends of what fired: `sent`, or why not; each with how many were held back before.
fn ways(effects: &[Effect]) -> Vec<&'static str> {
    let way = |effect: &Effect| match effect {
        Effect::Deliver(_) | Effect::Paper(_) => Some("sent"),
        Effect::Ended(report) => match &report.outcome {
            Outcome::Suppressed { reason } => Some(reason.name()),
            _ => Some("other"),
        },
        Effect::Fired(_) | Effect::Revise(_) | Effect::Trace(_) | Effect::Identity(_) => None,
    };
    effects.iter().filter_map(way).collect()
}

fn fired(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Fired(_))).count()
}

fn gm(more: &str) -> Story {
    Story::new(&format!(
        "{OTHER_ACTION}[[rule]]\nname = \"gm\"\nsend = [\"out\", \"other\"]\n{more}\nwhen = {{ keyword = \"gm\" }}\n"
    ))
}

#[test]
fn a_muted_rule_fires_and_all_its_sends_end_as_muted() {
    let mut story = gm("");
    story.mute(&[all_of(Muted::Rule, "gm")]);
    let effects = story.all(10, &content("1", "kol", "gm"));
    assert_eq!((fired(&effects), ways(&effects)), (1, vec!["muted", "muted"]));
    assert_eq!(story.held(1), 1, "a firing, not its sends");
}

#[test]
fn a_muted_action_holds_its_own_send_alone() {
    let mut story = gm("");
    story.mute(&[all_of(Muted::Action, "other")]);
    let effects = story.all(10, &content("1", "kol", "gm"));
    assert_eq!((fired(&effects), ways(&effects)), (1, vec!["sent", "muted"]));
    assert_eq!(story.held(1), 1);
    story.mute(&[]);
    assert_eq!(ways(&story.all(20, &content("2", "kol", "gm"))), ["sent", "sent"]);
}

#[test]
fn a_mute_holds_from_its_first_moment_to_before_its_last_and_one_that_was_ended_no_longer() {
    let ended = Mute { ended: Some(Timestamp::from_millis(START + 50)), ..mute(Muted::Rule, "gm", (None, None), 100) };
    for (of, until) in [(mute(Muted::Rule, "gm", (None, None), 100), 100), (ended, 50)] {
        let mut story = gm("");
        story.mute(&[of]);
        for (number, (ms, way)) in [(-1, "sent"), (0, "muted"), (until - 1, "muted"), (until, "sent")].into_iter().enumerate() {
            let effects = story.all(ms, &content(&number.to_string(), "kol", "gm"));
            assert_eq!(ways(&effects), [way, way], "{ms} of {until}");
        }
        assert_eq!(story.held(1), 2);
    }
}

#[test]
fn what_is_muted_takes_nothing_of_cooldowns_and_limits_and_is_not_told_of_by_the_next() {
    let held = |effects: &[Effect]| {
        let of = |effect: &Effect| if let Effect::Fired(firing) = effect { Some(firing.held) } else { None };
        effects.iter().find_map(of).unwrap()
    };
    for brakes in ["cooldown = \"10m\"", "limit = \"1/10m\""] {
        for mutes in [vec![all_of(Muted::Rule, "gm")], vec![all_of(Muted::Action, "out"), all_of(Muted::Action, "other")]] {
            let mut story = gm(brakes);
            story.mute(&mutes);
            assert_eq!(ways(&story.all(10, &content("1", "kol", "gm"))), ["muted", "muted"], "{brakes}");
            let next = story.all(60_000, &content("2", "kol", "gm"));
            assert_eq!((ways(&next), held(&next)), (vec!["sent", "sent"], 0), "{brakes}: {mutes:?}");
        }
    }
    // Mutes come first; and a send that goes takes what its firing takes.
    let mut story = gm("cooldown = \"10m\"");
    assert_eq!(ways(&story.all(-5, &content("0", "kol", "gm"))), ["sent", "sent"]);
    story.mute(&[all_of(Muted::Rule, "gm")]);
    assert_eq!(ways(&story.all(10, &content("1", "kol", "gm"))), ["muted", "muted"]);
    let mut story = gm("cooldown = \"10m\"");
    story.mute(&[all_of(Muted::Action, "other")]);
    assert_eq!(ways(&story.all(10, &content("1", "kol", "gm"))), ["sent", "muted"]);
    assert_eq!(ways(&story.all(60_000, &content("2", "kol", "gm"))), ["cooldown", "cooldown"]);
}

/// Every firing of a rule on tokens, and one on words, for a tweet of an account: its sends.
fn of_tokens(token_of_mute: Option<&str>, handle: Option<&str>, detected: &Value) -> Vec<&'static str> {
    let rules = "[[rule]]\nname = \"each\"\nsend = [\"out\"]\neach = \"token\"\nwhen = { token = true }\n[[rule]]\nname = \"words\"\nsend = [\"out\"]\nwait = \"1s\"\nwhen = { keyword = \"gm\", none = [{ token = \"NEVER\" }] }\n";
    let mut story = Story::new(rules);
    let of = |number, name| Mute { number, ..mute(Muted::Rule, name, (token_of_mute, handle), 60_000) };
    story.mute(&[of(1, "each"), of(2, "words")]);
    let mut all = ways(&story.all(10, &content("1", "Kol", "gm")));
    all.extend(ways(&story.all(20, &meta("1", detected))));
    all.extend(ways(&story.all_at(5_000)));
    all
}

#[test]
fn a_mute_of_a_token_or_an_account_holds_only_what_is_about_it() {
    let tokens = json!({ "tokens": [token("DOGE", ORBL, 1.0), token("PEPE", OTHER, 1.0)] });
    let doge = json!({ "tokens": [token("doge", ORBL, 1.0)] });
    for (token, handle, detected, expected) in [
        (None, None, &tokens, vec!["muted", "muted", "muted"]),
        (Some("DOGE"), None, &tokens, vec!["muted", "sent", "muted"]),
        (Some(OTHER), None, &tokens, vec!["sent", "muted", "muted"]),
        (Some("WIF"), None, &tokens, vec!["sent", "sent", "sent"]),
        (Some(OTHER), None, &doge, vec!["sent", "sent"]),
        (Some("DOGE"), Some("kol"), &doge, vec!["muted", "muted"]),
        (Some("DOGE"), Some("other"), &doge, vec!["sent", "sent"]),
        (None, Some("kol"), &doge, vec!["muted", "muted"]),
        (None, Some("kol#7"), &doge, vec!["muted", "muted"]),
    ] {
        let mut ways = of_tokens(token, handle, detected);
        ways.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(ways, expected, "{token:?} {handle:?} {detected}");
    }
}

#[test]
fn a_token_that_stands_in_the_text_alone_is_one() {
    for (text, way) in [("gm $DOGE", "muted"), ("gm $PEPE", "sent"), ("gm doge", "sent")] {
        let mut story = gm("");
        story.mute(&[mute(Muted::Rule, "gm", (Some("DOGE"), None), 60_000)]);
        assert_eq!(ways(&story.all(10, &content("1", "kol", text))), [way, way], "{text}");
    }
}

#[test]
fn a_replay_of_the_same_entries_decides_the_same_whenever_it_is_told_of_the_mutes() {
    let mutes = [mute(Muted::Rule, "gm", (None, None), 25), Mute { number: 2, ..mute(Muted::Action, "other", (None, None), 65) }];
    let story = |mute_at: i64| {
        let mut story = gm("limit = \"3/1h\"");
        let mut all = Vec::new();
        for ms in (-10..100).step_by(10) {
            if ms == mute_at {
                story.mute(&mutes);
            }
            all.push(ways(&story.all(ms, &content(&ms.to_string(), "kol", "gm"))));
        }
        (all, story.held(1), story.held(2))
    };
    let live = story(0);
    assert_eq!(live, story(-10));
    // -10; 0, 10, 20 are held as a whole; 30 and 40 in part, and then the limit is reached.
    assert_eq!(
        (live.0[0].as_slice(), live.0[2].as_slice(), live.0[4].as_slice()),
        (&["sent"; 2][..], &["muted"; 2][..], &["sent", "muted"][..])
    );
    assert_eq!((live.0[6].as_slice(), live.1, live.2), (&["limit"; 2][..], 3, 2));
}
