//! Mutes of rules and actions that the rules have no more: they hold nothing, and under another name everything goes out.

use tracing::warn;

use super::Book;
use crate::app::notices::Notice;
use crate::app::running::Running;
use crate::model::mute::{Mute, MuteOf, Muted};
use crate::model::time::Timestamp;
use crate::rules::ruleset::RuleSet;

/// Mutes that are named one by one.
const SHOWN: usize = 5;

/// Whether the rules have nothing of that name.
#[must_use]
pub fn is_gone(rules: &RuleSet, of: &MuteOf) -> bool {
    match of.what {
        Muted::Rule => !rules.rules.iter().any(|rule| *rule.name == *of.name),
        Muted::Action => rules.action(&of.name).is_none(),
    }
}

impl Book {
    /// In words, the mutes that hold by now and of which these rules have nothing, though those of before had. `None`: there is none.
    pub(in crate::app) fn gone(&self, before: Option<&RuleSet>, rules: &RuleSet, now: Timestamp) -> Option<String> {
        let was_there = |mute: &Mute| before.is_none_or(|before| !is_gone(before, &mute.of));
        let gone = self.holding(now).filter(|mute| is_gone(rules, &mute.of) && was_there(mute));
        let gone: Vec<_> = gone.map(|mute| format!("{} (mute {})", mute.of, mute.number)).collect();
        let more = gone.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = gone.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
        (!gone.is_empty())
            .then(|| format!("{named}{more}: the rules have nothing of that name any more, so nothing of it is muted"))
    }
}

impl Running {
    /// Says which mutes hold nothing any more by the rules of now. In words, for whoever has asked for these.
    pub(in crate::app) fn tell_of_gone_mutes(&mut self, before: &RuleSet) -> Option<String> {
        let gone = self.dispatch.mutes.gone(Some(before), &self.dispatch.rules, self.clock.now())?;
        warn!("{gone}");
        self.dispatch.tell(&Notice {
            key: format!("muted:gone:{gone}"),
            about: None,
            title: "What was muted is not in the rules any more".to_owned(),
            text: format!(
                "{gone}. If it has another name now, mute it under that; birdcall unmute NUMBER ends what is of no use."
            ),
        });
        Some(gone)
    }
}
