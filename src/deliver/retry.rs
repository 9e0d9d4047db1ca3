//! What to do after an attempt: the verdict and what went before in, the next step out. Pure.

use std::time::Duration;

use crate::model::delivery::{Form, Outcome, Suppression};

use super::backoff::Jitter;
use super::verdict::{Pause, Verdict};

/// What kind of promise the action makes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Policy {
    /// A message for people: a repeated one is a nuisance, and no platform can tell.
    pub(crate) chat: bool,
    /// An order.
    pub(crate) trading: bool,
    /// An order that its receiver would carry out twice: never sent again once it may have arrived.
    pub(crate) once: bool,
}

/// What one delivery has been through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Failures in a row, for the back-off.
    failures: u32,
    /// Attempts that may have arrived.
    pub(crate) ambiguous: u32,
    /// The fallback has taken the message's place.
    pub(crate) fallback: bool,
    /// The chat's new id has been used.
    moved: bool,
    /// Of an order that may have arrived: the latest answer that leaves it open.
    doubt: Option<String>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is over.
    End(Outcome),
    /// Once more, after so long and when the pace allows.
    Again(Duration),
}

/// Decides. `has_fallback`: the delivery came with another message that may be tried.
pub(crate) fn next(policy: Policy, progress: &mut Progress, verdict: Verdict, has_fallback: bool, jitter: &mut Jitter) -> Step {
    match verdict {
        Verdict::Delivered { receipt } => {
            let form = if progress.fallback { Form::Fallback } else { Form::Message };
            Step::End(Outcome::Delivered { receipt, form })
        }
        Verdict::Late => Step::End(Outcome::Expired),
        Verdict::Held => Step::End(Outcome::Suppressed { reason: Suppression::Disarmed }),
        // The lane's pace makes it wait. An order is not worth a guess of how long.
        Verdict::Throttled { pause: Pause::Untold { .. }, reason } if policy.once => Step::End(Outcome::Dead { reason }),
        Verdict::Blocked { reason } if policy.once => Step::End(Outcome::Dead { reason }),
        Verdict::Throttled { .. } | Verdict::Blocked { .. } => Step::Again(Duration::ZERO),
        Verdict::NotSent { .. } => progress.back_off(jitter),
        Verdict::Retry { reason, .. } if policy.once => {
            Step::End(Outcome::Unknown { reason: format!("{reason}; an order is not repeated") })
        }
        Verdict::Retry { reason, .. } => {
            progress.leave_open(policy, reason);
            progress.back_off(jitter)
        }
        Verdict::Ambiguous { reason } => {
            progress.ambiguous += 1;
            progress.leave_open(policy, reason.clone());
            match (policy.once, policy.chat && progress.ambiguous > 1) {
                (true, _) => Step::End(Outcome::Unknown { reason: format!("{reason}; an order is not repeated") }),
                (_, true) => Step::End(Outcome::Unknown { reason: format!("{reason}, twice") }),
                _ => progress.back_off(jitter),
            }
        }
        Verdict::Moved { chat } => {
            if std::mem::replace(&mut progress.moved, true) {
                let reason = format!("the chat has moved to {chat}, and from there again");
                return Step::End(Outcome::Dead { reason });
            }
            Step::Again(Duration::ZERO)
        }
        Verdict::Refused { .. } if has_fallback && !progress.fallback => {
            progress.fallback = true;
            Step::Again(Duration::ZERO)
        }
        Verdict::Refused { reason } | Verdict::Dead { reason } | Verdict::Disabled { reason } => {
            Step::End(Outcome::Dead { reason })
        }
    }
}

impl Progress {
    /// Of a delivery that may have arrived before, for this reason.
    pub(crate) fn doubting(doubt: Option<&str>) -> Self {
        Self { doubt: doubt.map(ToOwned::to_owned), ..Self::default() }
    }

    fn leave_open(&mut self, policy: Policy, reason: String) {
        if policy.trading {
            self.doubt = Some(reason);
        }
    }

    /// How it ends, by what became of its latest attempt: an order that an earlier attempt may have brought there is not known to have failed.
    pub(crate) fn ending(&self, outcome: Outcome) -> Outcome {
        let Some(doubt) = &self.doubt else { return outcome };
        let then = match outcome {
            Outcome::Delivered { .. } | Outcome::Unknown { .. } | Outcome::Abandoned => return outcome,
            Outcome::Expired => "it became too old to be sent again".to_owned(),
            Outcome::Suppressed { reason: Suppression::Disarmed } => {
                "orders were stopped before it could be sent again".to_owned()
            }
            Outcome::Suppressed { reason } => format!("it was held back ({})", reason.name()),
            Outcome::Dead { reason } => reason,
        };
        Outcome::Unknown { reason: format!("{doubt}: it may have arrived; then {then}") }
    }

    fn back_off(&mut self, jitter: &mut Jitter) -> Step {
        self.failures = self.failures.saturating_add(1);
        Step::Again(jitter.pause(self.failures))
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
