//! What follows on what.

use super::*;
use crate::deliver::verdict::tests::delivered;
use crate::model::delivery::Receipt;

const CHAT: Policy = Policy { chat: true, trading: false, once: false };
const HOOK: Policy = Policy { chat: false, trading: false, once: false };
const ORDER: Policy = Policy { chat: false, trading: true, once: true };

fn reason() -> String {
    "why".to_owned()
}

/// Feeds `verdicts` in turn; the names of the steps.
fn steps(policy: Policy, has_fallback: bool, verdicts: &[Verdict]) -> Vec<String> {
    let (mut progress, mut jitter) = (Progress::default(), Jitter::always(1.0));
    let step = |verdict: &Verdict| match next(policy, &mut progress, verdict.clone(), has_fallback, &mut jitter) {
        Step::End(outcome) => outcome.name().to_owned(),
        Step::Again(pause) => format!("{}ms", pause.as_millis()),
    };
    verdicts.iter().map(step).collect()
}

#[test]
fn failures_back_off_exponentially_until_delivered() {
    let failed = Verdict::Retry { wait: None, reason: reason() };
    let delivered = || delivered(None);
    for policy in [CHAT, HOOK] {
        let verdicts = [failed.clone(), failed.clone(), Verdict::NotSent { reason: reason() }, delivered()];
        assert_eq!(steps(policy, false, &verdicts), ["500ms", "1000ms", "2000ms", "delivered"]);
    }
}

#[test]
fn an_ambiguous_chat_message_is_repeated_once_a_webhook_always_and_an_order_never() {
    let ambiguous = Verdict::Ambiguous { reason: reason() };
    let three = [ambiguous.clone(), ambiguous.clone(), ambiguous];
    assert_eq!(steps(CHAT, false, &three)[..2], ["500ms", "unknown"]);
    assert_eq!(steps(HOOK, false, &three), ["500ms", "1000ms", "2000ms"]);
    assert_eq!(steps(ORDER, false, &three)[..1], ["unknown"]);
}

#[test]
fn an_order_is_repeated_only_when_nothing_left_or_when_told_when() {
    let told = Verdict::Throttled { pause: Pause::Told(Duration::from_secs(1)), reason: reason() };
    let untold = Verdict::Throttled { pause: Pause::Untold { first: Duration::from_secs(1) }, reason: reason() };
    let failed = Verdict::Retry { wait: Some(Duration::from_secs(1)), reason: reason() };
    assert_eq!(steps(ORDER, false, &[Verdict::NotSent { reason: reason() }, told.clone(), failed]), ["500ms", "0ms", "unknown"]);
    assert_eq!(steps(ORDER, false, std::slice::from_ref(&untold)), ["dead"]);
    assert_eq!(steps(CHAT, false, &[told, untold]), ["0ms", "0ms"]);
}

#[test]
fn a_refused_message_is_replaced_by_its_fallback_once() {
    let refused = Verdict::Refused { reason: reason() };
    let twice = [refused.clone(), refused];
    assert_eq!(steps(CHAT, true, &twice), ["0ms", "dead"]);
    assert_eq!(steps(CHAT, false, &twice)[..1], ["dead"]);
    let mut progress = Progress::default();
    let mut jitter = Jitter::always(0.0);
    next(CHAT, &mut progress, twice[0].clone(), true, &mut jitter);
    let end = next(CHAT, &mut progress, delivered(None), true, &mut jitter);
    assert_eq!(end, Step::End(Outcome::Delivered { receipt: Receipt::of_answer(200, None).unwrap(), form: Form::Fallback }));
}

#[test]
fn what_is_final_ends_at_once() {
    for (verdict, outcome) in [
        (Verdict::Dead { reason: reason() }, "dead"),
        (Verdict::Disabled { reason: reason() }, "dead"),
        (Verdict::Late, "expired"),
    ] {
        assert_eq!(steps(CHAT, true, &[verdict]), [outcome]);
    }
    let moved = Verdict::Moved { chat: -1 };
    assert_eq!(steps(CHAT, false, &[moved.clone(), moved]), ["0ms", "dead"]);
}
