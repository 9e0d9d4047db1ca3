//! Whether birdcall and the reference find the same: a figure of something that finds other things is worth nothing.

use std::collections::HashSet;
use std::sync::Arc;

use birdcall::rules::ruleset::RuleSet;

use crate::asked::name;
use crate::reference::{self, Naive};
use crate::stages::{decoded, evaluate_all, fired, subjects};

/// Checks of one rule on one envelope that are worth their time.
const CHECKS: usize = 4_000_000;

/// The pairs of tweet and rule that hold, on as many of the envelopes as are worth it; `Err` with the first that one sees and another not.
pub(crate) fn agreed(naive: &Naive, rules: &Arc<RuleSet>, frames: &[String]) -> Result<usize, String> {
    let frames = &frames[..frames.len().min(CHECKS / rules.rules.len().max(1))];
    let mut expected = HashSet::new();
    for frame in frames {
        let envelope = reference::decode(frame).ok_or_else(|| format!("the reference cannot read {frame}"))?;
        let tweet = envelope.tweet().unwrap_or_default().to_owned();
        naive.find(&envelope, |number| {
            expected.insert((tweet.clone(), name(number)));
        });
    }
    let envelopes: Vec<_> = frames.iter().map(|frame| decoded(frame)).collect();
    let mut evaluated = HashSet::new();
    for tweet in subjects(&envelopes).iter().flatten() {
        let id = tweet.id.as_str().to_owned();
        evaluate_all(&rules.rules, &tweet.borrowed(), |number| {
            evaluated.insert((id.clone(), name(number)));
        });
    }
    same(&expected, &evaluated, "evaluate", frames)?;
    same(&expected, &fired(rules, frames), "the engine", frames)?;
    Ok(expected.len())
}

fn same(
    expected: &HashSet<(String, String)>,
    found: &HashSet<(String, String)>,
    who: &str,
    frames: &[String],
) -> Result<(), String> {
    let Some((tweet, rule)) = expected.symmetric_difference(found).min() else { return Ok(()) };
    let whose = if found.contains(&(tweet.clone(), rule.clone())) { who } else { "the reference" };
    let (missed, more) = (expected.difference(found).count(), found.difference(expected).count());
    let about: Vec<_> = frames.iter().filter(|frame| frame.contains(tweet.as_str())).map(String::as_str).collect();
    Err(format!(
        "{who} misses {missed} of {} and finds {more} too many; only {whose} finds {rule} in\n{}",
        expected.len(),
        about.join("\n")
    ))
}
