//! What lanes have to tell → ledger, journal, log, and the people who must know.

use tracing::{debug, error, info, warn};

use super::Dispatch;
use crate::app::notices::Notice;
use crate::deliver::LaneEvent;
use crate::deliver::console::CLOSED;
use crate::journal::{AttemptRow, EndRow};
use crate::model::delivery::{Outcome, Report, Suppression};

impl Dispatch {
    /// What a lane has to tell.
    pub(in crate::app) fn event(&mut self, event: &LaneEvent) {
        match event {
            LaneEvent::Attempted(attempt) => {
                if let Some(count) = self.attempts.get_mut(attempt.action) {
                    *count += 1;
                }
                let now = self.clock.now();
                if let Some(journal) = &self.journal {
                    journal.attempted(AttemptRow {
                        firing: attempt.firing,
                        action: self.name(attempt.action),
                        number: attempt.number,
                        at: attempt.at,
                        verdict: attempt.verdict,
                        answer: attempt.answer.clone(),
                        took: attempt.took,
                        not_before: self.lanes.patience(attempt.action).map(|patience| now.plus(patience)),
                    });
                }
            }
            LaneEvent::Ended(report) => self.note(report),
            LaneEvent::Disabled { action, reason } => self.tell(&Notice {
                key: format!("disabled:{}", self.name(*action)),
                about: Some(*action),
                title: format!("{} takes nothing any more", self.name(*action)),
                text: format!("{reason}. Nothing more is sent there until that is set right and birdcall is started anew; see birdcall deliveries --failed."),
            }),
            LaneEvent::Circuit { action, open: Some(why) } => {
                warn!(action = %self.name(*action), "the destination fails again and again ({why}): it is only probed until it works");
                self.tell(&Notice {
                    key: format!("circuit:{}", self.name(*action)),
                    about: Some(*action),
                    title: format!("{} does not work", self.name(*action)),
                    text: format!("It has failed several times in a row ({why}). birdcall tries one delivery at a time until it works again; what waits meanwhile expires as its max_age says."),
                });
            }
            LaneEvent::Circuit { action, open: None } => info!(action = %self.name(*action), "the destination works again"),
        }
    }

    /// Counts and records the end of a delivery, and sees what follows from it.
    pub(in crate::app) fn note(&mut self, report: &Report) {
        self.totals.note(report);
        self.ledger.note(&report.firing.rule, report.action, &report.outcome);
        // An order that is abandoned has not left (or it would be unknown), unless its receiver is idempotent; the journal may have its intent.
        let is_kept = report.outcome != Outcome::Abandoned || self.is_never_repeated(report.action);
        if let Some(journal) = self.journal.as_ref().filter(|_| is_kept) {
            journal.ended(EndRow {
                firing: report.firing.id,
                action: self.name(report.action),
                outcome: report.outcome.clone(),
                attempts: report.attempts,
                at: self.clock.now(),
            });
        }
        self.say(report);
        if !self.sent_again.is_empty() && !matches!(report.outcome, Outcome::Delivered { .. }) {
            self.sent_again.remove(&(report.firing.id, report.action));
        }
        if self.is_trading(report.action) {
            if let Outcome::Unknown { reason } = &report.outcome {
                self.tell(&Notice {
                    key: format!("unknown:{}:{}", report.firing.id, report.action),
                    about: Some(report.action),
                    title: format!("It is unknown whether an order arrived: {}", report.firing.rule),
                    text: format!(
                        "Action {}, order {}, {}: {reason}. It is not sent again by itself: look at the receiver. To send it again, find its number with birdcall deliveries --failed, then birdcall redeliver NUMBER --orders.",
                        self.name(report.action),
                        report.firing.id,
                        report.firing.subject
                    ),
                });
            }
            if let Some(why) = self.safety.order(report) {
                self.disarm_by_itself(&why);
            }
        }
    }

    fn say(&mut self, report: &Report) {
        let name = self.name(report.action);
        let action = &*name;
        let (rule, id) = (&report.firing.rule, report.firing.id);
        match &report.outcome {
            Outcome::Delivered { form, .. } => {
                let took_ms = report.took.as_millis();
                debug!(action, %rule, %id, attempts = report.attempts, took_ms, ?form, "delivered");
            }
            Outcome::Unknown { reason } => {
                error!(action, %rule, %id, "it is unknown whether {} arrived: {reason}", if self.is_trading(report.action) { "an order" } else { "a message" })
            }
            Outcome::Dead { reason } if reason == CLOSED => {
                if !std::mem::replace(&mut self.console_is_closed, true) {
                    warn!(action, "{reason}: what console actions print is dead from now on, without a line each");
                }
            }
            Outcome::Dead { reason } => warn!(action, %rule, %id, "not delivered: {reason}"),
            Outcome::Expired => warn!(action, %rule, %id, "expired before it could be sent"),
            Outcome::Suppressed { reason: reason @ (Suppression::Paper | Suppression::Off) } => {
                debug!(action, %rule, %id, reason = reason.name(), "suppressed");
            }
            Outcome::Suppressed { reason } => warn!(action, %rule, %id, reason = reason.name(), "suppressed"),
            Outcome::Abandoned if self.journal.is_some() => info!(action, %rule, %id, "pending: the next run takes it up"),
            Outcome::Abandoned => warn!(action, %rule, %id, "abandoned: the program stops"),
        }
    }
}
