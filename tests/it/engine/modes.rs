//! What the engine wants done with a firing: what is armed is sent, what is on paper is all but sent, what is off is not.

use birdcall::engine::Effect;
use birdcall::model::delivery::{Outcome, Suppression};
use birdcall::model::message::Body;
use birdcall::model::mode::Mode;

use super::ORBL;
use crate::kit::story::{Story, content};

const ACTIONS: &str = "[actions.bot]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\ntrading = true\nmax_age = \"1h\"\njson = { text = \"{{ tweet.text }}\" }\n\
    [actions.desk]\ntype = \"console\"\n";

/// What is to be done, in order: a word and the action.
fn done(effects: &[Effect]) -> Vec<(&'static str, usize)> {
    let of = |effect: &Effect| match effect {
        Effect::Fired(_) => ("fired", 0),
        Effect::Deliver(delivery) => ("send", delivery.action),
        Effect::Paper(delivery) => ("paper", delivery.action),
        Effect::Ended(report) => match &report.outcome {
            Outcome::Suppressed { reason: Suppression::Off } => ("off", report.action),
            Outcome::Expired => ("expired", report.action),
            outcome => panic!("{outcome:?}"),
        },
        Effect::Revise(revision) => ("revise", revision.action),
        Effect::Trace(trace) => panic!("{trace:?}"),
        Effect::Identity(identity) => panic!("{identity:?}"),
    };
    effects.iter().map(of).collect()
}

fn story(mode: &str, send: &str) -> Story {
    Story::new(&format!("{ACTIONS}[[rule]]\nname = \"buy\"\n{mode}send = [{send}]\nwhen = {{ contract = true }}\n"))
}

#[test]
fn armed_orders_leave_before_armed_chat_and_nothing_else_stands_in_front_of_them() {
    let sends = [
        ("\"out\", \"bot\"", vec![("send", 1), ("send", 0)]),
        ("{ to = \"bot\", mode = \"paper\" }, \"out\"", vec![("send", 0), ("paper", 1)]),
        ("{ to = \"out\", mode = \"off\" }, \"desk\", \"bot\"", vec![("send", 1), ("send", 2), ("off", 0)]),
        ("{ to = \"bot\", mode = \"off\" }, { to = \"out\", mode = \"paper\" }", vec![("off", 1), ("paper", 0)]),
    ];
    for (send, then) in sends {
        let mut expected = vec![("fired", 0)];
        expected.extend(then);
        assert_eq!(done(&story("", send).all(0, &content("1", "x", ORBL))), expected, "{send}");
    }
}

#[test]
fn orders_are_there_before_any_other_message_is_made() {
    let mut two = Story::new(&format!(
        "{ACTIONS}[[rule]]\nname = \"say\"\nsend = [\"out\"]\nwhen = {{ contract = true }}\n\
         [[rule]]\nname = \"buy\"\nsend = [\"desk\", \"bot\"]\nwhen = {{ contract = true }}\n"
    ));
    let [first, rest] = two.in_two(0, &content("1", "x", ORBL));
    assert_eq!(done(&first), [("fired", 0), ("fired", 0), ("send", 1)]);
    assert_eq!(done(&rest), [("send", 0), ("send", 2)]);
}

#[test]
fn a_rule_that_is_off_is_not_evaluated_and_one_on_paper_fires_as_ever() {
    let tweet = content("1", "x", ORBL);
    assert_eq!(done(&story("mode = \"off\"\n", "\"out\"").all(0, &tweet)), []);
    let mut paper = story("mode = \"paper\"\n", "\"out\"");
    assert_eq!(done(&paper.all(0, &tweet)), [("fired", 0), ("paper", 0)]);
    assert_eq!(done(&paper.all(1, &tweet)), [], "once, on paper too");
}

#[test]
fn what_is_on_paper_is_the_very_message_that_would_have_been_sent() {
    let message = |mode: Mode| -> Option<(Body, i64)> {
        let send = format!("{{ to = \"bot\", mode = \"{}\" }}", mode.name());
        story("", &send).all(0, &content("1", "x", ORBL)).into_iter().find_map(|effect| match effect {
            Effect::Deliver(delivery) | Effect::Paper(delivery) => {
                Some((Body::clone(&delivery.body), delivery.expires_at.as_millis()))
            }
            Effect::Fired(_) | Effect::Ended(_) | Effect::Revise(_) | Effect::Trace(_) | Effect::Identity(_) => None,
        })
    };
    let (armed, paper) = (message(Mode::Armed), message(Mode::Paper));
    assert!(armed.is_some());
    assert_eq!(armed, paper);
    assert_eq!(message(Mode::Off), None);
}

#[test]
fn what_is_too_late_is_expired_on_paper_too_and_what_is_off_is_off_however_old() {
    let hours = 2 * 3_600_000;
    for (mode, word) in [("armed", "expired"), ("paper", "expired"), ("off", "off")] {
        let mut story = story("", &format!("{{ to = \"bot\", mode = \"{mode}\" }}"));
        assert_eq!(done(&story.all(hours, &content("1", "x", ORBL))), [("fired", 0), (word, 1)], "{mode}");
    }
}

#[test]
fn only_what_may_go_into_a_digest_carries_a_line_for_one() {
    let actions = "[actions.desk]\ntype = \"discord\"\nurl = \"env:DESK\"\noverflow = \"digest\"\n";
    let rule = "[[rule]]\nname = \"gm\"\nsend = [\"desk\", \"out\"]\nwhen = { keyword = \"gm\" }\n";
    let effects = Story::new(&format!("{actions}{rule}")).all(0, &content("1", "kol", "gm\nall"));
    let lines: Vec<_> = effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Deliver(delivery) => Some(delivery.line),
            _ => None,
        })
        .collect();
    let [Some(line), None] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((line.rule.as_str(), line.text.contains('\n')), ("gm", false), "{line:?}");
}
