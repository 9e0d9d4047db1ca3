//! What lanes have to tell → ledger, journal, log, and the people who must know.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::Dispatch;
use crate::app::notices::{Notice, RULE};
use crate::app::safety::written;
use crate::deliver::LaneEvent;
use crate::deliver::console::CLOSED;
use crate::journal::{AttemptRow, EditRow, EndRow};
use crate::model::delivery::{Outcome, Report, Suppression};
use crate::model::ids::FiringId;
use crate::model::message::Body;

impl Dispatch {
    /// What a lane has to tell.
    pub(in crate::app) fn event(&mut self, event: &LaneEvent) {
        if self.is_of_the_past(event) {
            return;
        }
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
            LaneEvent::Ended(report) => self.note_of_lane(report),
            LaneEvent::Edited { firing, action, body, end } => self.edited((*firing, *action), body, end),
            LaneEvent::Returned(returned) => self.go_on((**returned).clone()),
            LaneEvent::Disabled { action, reason } => self.tell(&Notice {
                key: format!("disabled:{}:{action}", self.name(*action)),
                about: Some(*action),
                title: format!("{} takes nothing any more", self.name(*action)),
                text: format!("{reason}. Nothing more is sent there until its action is changed in the rules, or it is set right and you say birdcall reload; see birdcall deliveries --failed."),
            }),
            LaneEvent::Circuit { action, open: Some(why) } => {
                warn!(action = %self.name(*action), "the destination fails again and again ({why}): it is only probed until it works");
                self.tell(&Notice {
                    key: format!("circuit:{}:{action}", self.name(*action)),
                    about: Some(*action),
                    title: format!("{} does not work", self.name(*action)),
                    text: format!("It has failed several times in a row ({why}). birdcall tries one delivery at a time until it works again; what waits meanwhile expires as its max_age says."),
                });
            }
            LaneEvent::Patience { action, pause, reason } => self.tell(&Notice {
                key: format!("patience:{}:{action}", self.name(*action)),
                about: Some(*action),
                title: format!("{} takes no orders for {}", self.name(*action), written(*pause)),
                text: format!("It asks for patience ({reason}). Orders that grow older than their max_age meanwhile expire and are not sent."),
            }),
            LaneEvent::Circuit { action, open: None } => info!(action = %self.name(*action), "the destination works again"),
        }
    }

    /// A message says something else now, or cannot.
    fn edited(&mut self, (id, action): (FiringId, usize), body: &Arc<Body>, end: &Result<(), String>) {
        let name = self.name(action);
        let action_name = &*name;
        if let Some(journal) = &self.journal {
            let says = end.clone().map(|()| Arc::clone(body));
            journal.edited(EditRow { firing: id, action: Arc::clone(&name), at: self.clock.now(), says });
        }
        if let Some(edits) = self.edits.get_mut(action) {
            *if end.is_ok() { &mut edits.made } else { &mut edits.failed } += 1;
        }
        match end {
            Ok(()) => {
                self.totals.edited += 1;
                debug!(action = action_name, %id, "edited");
            }
            Err(reason) => {
                self.totals.not_edited += 1;
                self.messages.failed(id, action);
                warn!(action = action_name, %id, "a message could not be edited and stays as it is: {reason}");
            }
        }
    }

    /// What a lane tells of its destination while another has taken its place: people would take it for a word on that one.
    fn is_of_the_past(&self, event: &LaneEvent) -> bool {
        let (LaneEvent::Disabled { action, .. } | LaneEvent::Circuit { action, .. } | LaneEvent::Patience { action, .. }) = event
        else {
            return false;
        };
        self.rules.actions.get(*action).is_some_and(|action| action.retired)
    }

    /// As [`Dispatch::note`], of a delivery that its lane had: what came to nothing there has no part of the day's number, and was perhaps held by a mute.
    pub(in crate::app) fn note_of_lane(&mut self, report: &Report) {
        let (name, now) = (self.name(report.action), self.clock.now());
        let is_withheld = matches!(report.outcome, Outcome::Suppressed { reason: Suppression::Paper | Suppression::Off });
        if *report.firing.rule != *RULE && (report.came_to_nothing() || is_withheld) {
            // What was sent again by hand counted for the day on which it was.
            let is_again = self.sent_again.contains(&(report.firing.id, report.action));
            self.safety.not_sent(&name, if is_again { now } else { report.firing.at }, now);
        }
        if matches!(report.outcome, Outcome::Suppressed { reason: Suppression::Muted }) {
            self.mutes.held_in_lane(&report.firing, &name, now);
        }
        self.note(report);
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
        if self.tail.is_watched() {
            self.tail.ended(report, self.name(report.action), self.is_trading(report.action), self.clock.now());
        }
        self.say(report);
        if let Some(edit) = self.messages.ended(report) {
            self.lanes.edit(report.action, edit);
        }
        if self.is_trading(report.action) {
            self.ended_orders.push(report.clone());
        }
        if report.came_to_nothing() {
            self.unsent.push((Arc::clone(&report.firing), report.action));
        }
        if &*report.firing.rule == RULE {
            self.notices.ended(report);
        }
        if !self.sent_again.is_empty() && !matches!(report.outcome, Outcome::Delivered { .. }) {
            self.sent_again.remove(&(report.firing.id, report.action));
        }
        if self.is_trading(report.action) {
            if let Outcome::Unknown { reason } = &report.outcome {
                self.tell(&Notice {
                    // A person may have sent it again.
                    key: format!("unknown:{}:{}:{}", report.firing.id, report.action, self.clock.now().as_millis()),
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
            if report.outcome == Outcome::Expired {
                self.expired_at_once(report);
            }
            if let Some(why) = self.safety.order(report) {
                self.disarm_by_itself(&why);
            }
        }
    }

    /// An order has expired. People are told if most of its time was gone before it was here: nobody sees by an expired order alone that a clock
    /// is to blame.
    fn expired_at_once(&mut self, report: &Report) {
        let Some(max_age) = self.max_age(&report.firing.rule, report.action) else { return };
        let Some(lag) = self.safety.was_gone(report, max_age) else { return };
        self.tell(&Notice {
            key: "order-age".to_owned(),
            about: None,
            title: "Orders expire when their tweets come".to_owned(),
            text: format!(
                "An order of {} to {} has expired {} after its tweet came, and may be {} old: the time that the feed dates its envelopes by and this machine's clock are {} apart. Either the feed is late, or the clock is ahead: see that it is set right by NTP. As long as it is so, orders that are so short-lived expire.",
                report.firing.rule,
                self.name(report.action),
                written(report.took),
                written(max_age),
                written(lag)
            ),
        });
    }

    /// How old a rule lets become what it sends to an action.
    fn max_age(&self, rule: &str, action: usize) -> Option<Duration> {
        let rule = self.rules.rules.iter().find(|known| *known.name == *rule)?;
        let name = &self.rules.actions.get(action)?.name;
        let (action, to) = self.rules.action(name)?;
        rule.send.iter().filter(|send| send.action == action).map(|send| rule.max_age_of(send, to)).min()
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
            Outcome::Suppressed {
                reason:
                    reason @ (Suppression::Paper
                    | Suppression::Off
                    | Suppression::Muted
                    | Suppression::Cooldown
                    | Suppression::Limit
                    | Suppression::Hours),
            } => {
                debug!(action, %rule, %id, reason = reason.name(), "suppressed");
            }
            Outcome::Suppressed { reason } => warn!(action, %rule, %id, reason = reason.name(), "suppressed"),
            Outcome::Abandoned if self.journal.is_some() => info!(action, %rule, %id, "pending: the next run takes it up"),
            Outcome::Abandoned => warn!(action, %rule, %id, "abandoned: the program stops"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Way;
    use crate::app::lanes::{Ends, Lanes};
    use crate::clock::Clock;
    use crate::deliver::{Common, Granted, Switch};
    use crate::model::firing::FiringBrief;
    use crate::model::ids::FiringId;
    use crate::model::time::Timestamp;

    const RULES: &str = r#"
[actions.out]
type = "console"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "10s"
json = { tweet = "{{ tweet.id }}", at = "{{ firing.at_ms }}" }
[[rule]]
name = "gm"
send = ["out", "bot"]
when = { handle = "kol", keyword = "gm" }
"#;

    /// Of which nothing is sent anywhere. The place of the bot.
    fn dispatch() -> (Dispatch, usize) {
        let source = crate::rules::Source::rules("rules.toml", RULES);
        let rules = Arc::new(crate::rules::load(&[source]).ruleset.expect("rules without a mistake"));
        let bot = rules.actions.iter().position(|action| action.trading).unwrap();
        let tls = crate::tls::client_config_trusting(Arc::new(rustls::RootCertStore::empty()), &[]).unwrap();
        let events = tokio::sync::mpsc::channel(64).0;
        let (clock, switch) = (Clock::starting_at(Timestamp::from_millis(0)), Switch::new(true));
        let common = Common { tls, clock: clock.clone(), events, switch: switch.clone(), intents: Arc::new(Granted) };
        let lanes =
            Lanes::open(&rules, vec![Way::Console, Way::Console], Ends::World, Box::new(std::io::sink()), &common).unwrap();
        let names = rules.actions.iter().map(|action| action.name.as_str().into()).collect();
        (Dispatch::new(rules, lanes, None, clock, switch, names), bot)
    }

    #[tokio::test(start_paused = true)]
    async fn each_time_that_it_is_unknown_whether_an_order_arrived_is_told() {
        let (mut dispatch, action) = dispatch();
        let (id, at) = (FiringId::of("gm", "1", ""), Timestamp::from_millis(0));
        let firing = Arc::new(FiringBrief { id, rule: "gm".into(), subject: "tweet:1".to_owned(), at, late: false });
        let outcome = Outcome::Unknown { reason: "no answer".to_owned() };
        let report = Report { firing, action, outcome, attempts: 1, took: Duration::ZERO };
        for told in 1..=3 {
            dispatch.note(&report);
            assert_eq!(dispatch.totals.deliveries, told);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_notice_that_had_no_room_does_not_keep_the_next_one_from_being_told() {
        let (mut dispatch, _) = dispatch();
        let lag = Notice { key: "lag".to_owned(), about: None, title: "Alerts come late".to_owned(), text: String::new() };
        dispatch.tell(&lag);
        dispatch.tell(&lag);
        assert_eq!(dispatch.totals.deliveries, 1);
        tokio::time::advance(crate::model::limits::NOTICE_AGAIN).await;
        dispatch.lanes.close();
        dispatch.tell(&lag);
        dispatch.tell(&lag);
        assert_eq!(dispatch.totals.deliveries, 3);
    }
}
