//! What birdcall itself has to say to people, in the chats that they read: an occasion in, deliveries out.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::action::{Action, Destination};
use crate::model::delivery::Delivery;
use crate::model::firing::FiringBrief;
use crate::model::ids::FiringId;
use crate::model::limits::{NOTICE_AGAIN, NOTICE_MAX_AGE, NOTICES_KNOWN};
use crate::model::mode::Mode;
use crate::model::time::Timestamp;
use crate::render;
use crate::rules::ruleset::RuleSet;

/// The rule that notices are counted and recorded under. No rule of a file can have it: their deliveries would be taken for notices.
pub(super) const RULE: &str = crate::rules::ruleset::NOTICES;

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

/// Told are the actions of `[feed] notices`, which are armed; when there are none, every chat and console that is armed and places no orders.
fn targets(rules: &RuleSet) -> Vec<usize> {
    let is_for_people =
        |action: &Action| !matches!(action.destination, Destination::Webhook(_)) && !action.trading && action.mode == Mode::Armed;
    let all = || rules.actions.iter().enumerate().filter(|(_, action)| is_for_people(action)).map(|(at, _)| at).collect();
    if rules.feed.notices.is_empty() { all() } else { rules.feed.notices.clone() }
}

/// That nobody would hear what birdcall itself has to say, and what to do about it, in words. `None` when somebody is told, or when nothing
/// is sent anyway.
#[must_use]
pub fn nobody_is_told(rules: &RuleSet) -> Option<String> {
    let armed = || rules.actions.iter().filter(|action| action.mode == Mode::Armed);
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
    said: HashMap<String, Timestamp>,
}

impl Notices {
    pub(super) fn new(rules: &RuleSet) -> Self {
        Self { targets: targets(rules), said: HashMap::new() }
    }

    /// The deliveries that say it; none when it was said a moment ago.
    pub(super) fn deliveries(&mut self, rules: &RuleSet, notice: &Notice, now: Timestamp) -> Vec<Delivery> {
        if self.said.get(&notice.key).is_some_and(|said| now.since(*said) < NOTICE_AGAIN) {
            return Vec::new();
        }
        if self.said.len() >= NOTICES_KNOWN {
            self.said.retain(|_, said| now.since(*said) < NOTICE_AGAIN);
        }
        if self.said.len() < NOTICES_KNOWN {
            self.said.insert(notice.key.clone(), now);
        }
        let id = FiringId::of(RULE, &notice.key, &now.as_millis().to_string());
        let firing =
            Arc::new(FiringBrief { id, rule: RULE.into(), subject: format!("notice:{}", notice.key), at: now, late: false });
        let told = self.targets.iter().filter(|at| notice.about != Some(**at));
        let delivery = |&at: &usize| {
            let body = render::notice(rules.actions.get(at)?, &notice.title, &notice.text, now);
            let (firing, expires_at) = (Arc::clone(&firing), now.plus(NOTICE_MAX_AGE));
            Some(Delivery { firing, action: at, expires_at, body: Arc::new(body), fallback: None, line: None })
        };
        told.filter_map(delivery).collect()
    }
}
