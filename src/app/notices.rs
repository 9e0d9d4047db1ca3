//! What birdcall itself has to say to people, in the chats that they read: an occasion in, deliveries out.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::action::{Action, Destination};
use crate::model::delivery::{Delivery, DigestLine, Outcome, Report};
use crate::model::firing::FiringBrief;
use crate::model::ids::FiringId;
use crate::model::limits::{NOTICE_AGAIN, NOTICE_MAX_AGE, NOTICES_KNOWN};
use crate::model::mode::Mode;
use crate::model::time::Timestamp;
use crate::render;
use crate::rules::ruleset::RuleSet;

/// The rule that notices are counted and recorded under. No rule of a file can have it: their deliveries would be taken for notices.
pub(super) const RULE: &str = crate::rules::ruleset::NOTICES;

/// Before the key of the occasion, in the subject of its deliveries.
pub(super) const SUBJECT: &str = "notice:";

/// One occasion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// Occasions with the same key are one as long as [`NOTICE_AGAIN`].
    pub(super) key: String,
    /// The action that it is about, which is not told: it may be the one that does not work.
    pub(super) about: Option<usize>,
    /// In a few words.
    pub(super) title: String,
    /// What happened, and what to do.
    pub(super) text: String,
}

/// Who is told what birdcall itself has to say: the actions of `[feed] notices`, which are armed; when there are none, every chat and console that is armed and places no orders.
#[must_use]
pub fn targets(rules: &RuleSet) -> Vec<usize> {
    let is_for_people = |action: &Action| {
        !matches!(action.destination, Destination::Webhook(_)) && !action.trading && action.mode == Mode::Armed && !action.retired
    };
    let all = || rules.actions.iter().enumerate().filter(|(_, action)| is_for_people(action)).map(|(at, _)| at).collect();
    if rules.feed.notices.is_empty() { all() } else { rules.feed.notices.clone() }
}

/// That nobody would hear what birdcall itself has to say, and what to do about it, in words. `None` when somebody is told, or when nothing
/// is sent anyway.
#[must_use]
pub fn nobody_is_told(rules: &RuleSet) -> Option<String> {
    let armed = || rules.actions.iter().filter(|action| action.mode == Mode::Armed && !action.retired);
    if armed().next().is_none() || !targets(rules).is_empty() {
        return None;
    }
    let orders = if armed().any(|action| action.trading) { ", that orders were stopped, or that one may be lost" } else { "" };
    let hook = armed().find(|action| !action.trading);
    let or = hook.map(|hook| format!(", or let {} have it as JSON: notices = [\"{0}\"]", hook.name)).unwrap_or_default();
    Some(format!(
        "nobody is told of a gap in the feed or a dead destination{orders}, as no action that is armed is a chat. Add one, say [actions.desk], and write \
         notices = [\"desk\"] under [feed]{or}"
    ))
}

/// Who is told, and what was said lately.
#[derive(Debug)]
pub(super) struct Notices {
    targets: Vec<usize>,
    said: HashMap<String, Said>,
}

/// When an occasion was told, and how.
#[derive(Clone, Copy, Debug)]
struct Said {
    id: FiringId,
    at: Timestamp,
    /// Deliveries that have arrived or still may.
    left: usize,
    /// One has.
    arrived: bool,
}

impl Notices {
    pub(super) fn new(rules: &RuleSet) -> Self {
        Self { targets: targets(rules), said: HashMap::new() }
    }

    /// From now on those are told that `rules` say.
    pub(super) fn retarget(&mut self, rules: &RuleSet) {
        self.targets = targets(rules);
    }

    /// The deliveries that say it; none when it was said a moment ago.
    pub(super) fn deliveries(&mut self, rules: &RuleSet, notice: &Notice, now: Timestamp) -> Vec<Delivery> {
        self.deliveries_of(rules, (notice, &now.as_millis().to_string()), now)
    }

    /// The same of an occasion that is told of once, over all runs: `time` says the how manieth try it is, and no moment.
    pub(super) fn deliveries_of(&mut self, rules: &RuleSet, (notice, time): (&Notice, &str), now: Timestamp) -> Vec<Delivery> {
        let is_fresh = |said: &Said| now.since(said.at) < NOTICE_AGAIN;
        if self.said.get(&notice.key).is_some_and(is_fresh) {
            return Vec::new();
        }
        let id = FiringId::of(RULE, &notice.key, time);
        let subject = format!("{SUBJECT}{}", notice.key);
        let firing = Arc::new(FiringBrief { id, rule: RULE.into(), subject, at: now, late: false });
        let told = self.targets.iter().filter(|at| notice.about != Some(**at));
        let delivery = |&at: &usize| {
            let action = rules.actions.get(at)?;
            let body = Arc::new(render::notice(action, &notice.title, &notice.text, now));
            let line = action.tells_together().then(|| Box::new(line(notice)));
            let (firing, expires_at) = (Arc::clone(&firing), now.plus(NOTICE_MAX_AGE));
            Some(Delivery { firing, action: at, expires_at, body, fallback: None, line, edits: false })
        };
        let deliveries: Vec<Delivery> = told.filter_map(delivery).collect();
        if self.said.len() >= NOTICES_KNOWN {
            self.said.retain(|_, said| is_fresh(said));
        }
        if self.said.len() < NOTICES_KNOWN && !deliveries.is_empty() {
            self.said.insert(notice.key.clone(), Said { id, at: now, left: deliveries.len(), arrived: false });
        }
        deliveries
    }

    /// A delivery of an earlier run is on its way again.
    pub(super) fn resumed(&mut self, firing: &FiringBrief) {
        let Some(key) = firing.subject.strip_prefix(SUBJECT).filter(|_| self.said.len() < NOTICES_KNOWN) else { return };
        let new = Said { id: firing.id, at: firing.at, left: 0, arrived: false };
        let said = self.said.entry(key.to_owned()).or_insert(new);
        said.left += usize::from(said.id == firing.id);
    }

    /// Whether an occasion was told to somebody: not yet, where it is on its way. `None`: to nobody.
    pub(super) fn is_told(&self, key: &str) -> Option<bool> {
        self.said.get(key).map(|said| said.arrived)
    }

    /// One of its deliveries has ended. What has reached nobody was not said.
    pub(super) fn ended(&mut self, report: &Report) {
        let Some(key) = report.firing.subject.strip_prefix(SUBJECT) else { return };
        let Some(said) = self.said.get_mut(key).filter(|said| said.id == report.firing.id) else { return };
        if matches!(report.outcome, Outcome::Delivered { .. }) {
            said.arrived = true;
        } else {
            said.left = said.left.saturating_sub(1);
        }
        if said.left == 0 {
            self.said.remove(key);
        }
    }
}

fn line(notice: &Notice) -> DigestLine {
    let (rule, text) = (render::sanitise::line(&notice.title), render::sanitise::line(&notice.text));
    DigestLine { rule, text, ..DigestLine::default() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::delivery::{Form, Receipt, Suppression};

    fn rules(actions: &str) -> RuleSet {
        let text = format!("{actions}\n[[rule]]\nname = \"gm\"\nsend = [\"a\", \"b\"]\nwhen = {{ keyword = \"gm\" }}\n");
        crate::rules::load(&[crate::rules::Source::rules("rules.toml", text)]).ruleset.unwrap()
    }

    fn notice() -> Notice {
        Notice { key: "lag".to_owned(), about: None, title: "Alerts\ncome late".to_owned(), text: "The feed lags.".to_owned() }
    }

    #[test]
    fn what_reached_nobody_is_told_again_at_the_next_occasion_and_what_reached_somebody_is_not() {
        let rules = rules("[actions.a]\ntype = \"console\"\n[actions.b]\ntype = \"console\"");
        let (mut notices, mut now) = (Notices::new(&rules), Timestamp::from_millis(1_000));
        let lost = Outcome::Suppressed { reason: Suppression::Overflow };
        let delivered = || Outcome::Delivered { receipt: Receipt::of_answer(200, None).unwrap(), form: Form::Message };
        for (ends, told) in [([lost.clone(), Outcome::Expired], 2), ([lost.clone(), delivered()], 0), ([delivered(), lost], 0)] {
            let deliveries = notices.deliveries(&rules, &notice(), now);
            assert_eq!(deliveries.len(), 2);
            now = now.plus(Duration::from_secs(1));
            assert!(notices.deliveries(&rules, &notice(), now).is_empty(), "it is on its way");
            for (delivery, outcome) in deliveries.iter().zip(ends) {
                let firing = Arc::clone(&delivery.firing);
                notices.ended(&Report { firing, action: delivery.action, outcome, attempts: 1, took: Duration::ZERO });
            }
            now = now.plus(Duration::from_secs(1));
            assert_eq!(
                Notices { targets: notices.targets.clone(), said: notices.said.clone() }.deliveries(&rules, &notice(), now).len(),
                told
            );
            now = now.plus(NOTICE_AGAIN);
        }
    }

    #[test]
    fn a_digest_says_what_a_notice_says() {
        let chat = "type = \"discord\"\nurl = \"env:DESK\"";
        let rules = rules(&format!("[actions.a]\n{chat}\noverflow = \"digest\"\n[actions.b]\n{chat}"));
        let deliveries = Notices::new(&rules).deliveries(&rules, &notice(), Timestamp::from_millis(1_000));
        let line = DigestLine { rule: "Alerts come late".to_owned(), text: "The feed lags.".to_owned(), ..DigestLine::default() };
        assert_eq!(deliveries.iter().map(|delivery| delivery.line.as_deref()).collect::<Vec<_>>(), [Some(&line), None]);
    }
}
