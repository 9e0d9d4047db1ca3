//! Files → rules that are ready to take the place of those of now, or the reason why they must not. Beside the loop: it reads, parses, resolves
//! secrets and builds an index.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::files::{Active, Mistakes, RulesFiles};
use crate::app::Way;
use crate::app::dispatch::Change;
use crate::app::paces;
use crate::deliver::Target;
use crate::engine::Prepared;
use crate::journal::Reader;
use crate::model::action::{Action, Destination};
use crate::model::time::{Timestamp, Uptime};
use crate::rules::Source;
use crate::rules::ruleset::RuleSet;

/// What is to be read, and how much is let through.
pub(super) struct Task {
    pub(super) files: Arc<dyn RulesFiles>,
    pub(super) active: Arc<Active>,
    /// Somebody asked for it by name: what looks half written is meant.
    pub(super) asked: bool,
    /// Though more than half of the rules are lost.
    pub(super) force: bool,
    /// The state folder, and now.
    pub(super) folder: Option<PathBuf>,
    pub(super) now: (Timestamp, Option<Uptime>),
}

/// What came of it.
pub(in crate::app) enum Outcome {
    /// The files say what they said before.
    Same,
    /// They can take their place.
    Ready(Box<Ready>),
    /// They must not.
    Refused(Mistakes),
    /// They were being written.
    Unsettled,
}

/// Rules that can take the place of those of now.
pub(in crate::app) struct Ready {
    pub(super) prepared: Prepared,
    pub(super) change: Change,
    pub(super) active: Active,
    /// Settings that were changed and count only after a restart, as `[feed] url`.
    pub(super) after_restart: Vec<&'static str>,
    /// In words: how many rules, how many of them new and gone.
    pub(super) summary: String,
}

impl Task {
    /// Does it.
    pub(super) fn run(self) -> Outcome {
        let before = self.files.look();
        let sources = match self.files.read() {
            Ok(sources) => sources,
            Err(why) => return Outcome::Refused(Mistakes { brief: why.clone(), text: why }),
        };
        if self.files.look() != before {
            return Outcome::Unsettled;
        }
        let same = |(one, other): (&Source, &Source)| one.name == other.name && one.text == other.text;
        let is_same = sources.len() == self.active.sources.len() && sources.iter().zip(&self.active.sources).all(same);
        // Secrets in files may be others all the same.
        if is_same && !self.asked {
            return Outcome::Same;
        }
        if let Some(why) = half_written(&self.active.sources, &sources).filter(|_| !self.asked) {
            return Outcome::Refused(Mistakes { brief: why.clone(), text: why });
        }
        let (rules, ways) = match self.files.load(&sources) {
            Ok(loaded) => loaded,
            Err(mistakes) => return Outcome::Refused(mistakes),
        };
        let compared = Compared::new(&self.active.rules, &rules);
        if let Some(why) = compared.too_few().filter(|_| !self.force) {
            return Outcome::Refused(Mistakes { brief: why.clone(), text: why });
        }
        Outcome::Ready(Box::new(self.ready(rules, ways, sources, &compared)))
    }

    fn ready(self, mut rules: RuleSet, ways: Vec<Way>, sources: Vec<Source>, compared: &Compared) -> Ready {
        let after_restart = keep_settings(&mut rules, &self.active.rules);
        let (mut rules, mut change, targets) = plan(&self.active, rules, ways);
        let summary = compared.summary(&rules, &change);
        rules.feed.notices.retain(|action| rules.actions.get(*action).is_some_and(|action| !action.retired));
        change.sent = self.sent(&rules, &change);
        let rules = Arc::new(rules);
        let prepared = Prepared::new(Arc::clone(&rules), &self.active.rules);
        Ready { prepared, change, active: Active { rules, sources, targets }, after_restart, summary }
    }

    /// What was sent lately by the actions that get new lanes: their rate limits hold over it.
    fn sent(&self, rules: &RuleSet, change: &Change) -> Vec<paces::Sent> {
        let (Some(folder), false) = (&self.folder, change.opened.is_empty()) else { return Vec::new() };
        let read = || {
            let mut reader = Reader::open(folder)?;
            reader.put_right(self.now.0)?;
            paces::read(&mut reader, rules, &[], self.now)
        };
        let sent = read().unwrap_or_else(|error| {
            tracing::warn!("what was sent lately could not be read, so rate limits begin anew where a lane does: {error}");
            Vec::new()
        });
        sent.into_iter().filter(|sent| change.opened.iter().any(|(opened, _)| *opened == sent.action)).collect()
    }
}

/// Whether a file looks as if it was being written, or its writer had died: it is the beginning of what it was.
fn half_written(before: &[Source], now: &[Source]) -> Option<String> {
    let cut = |now: &&Source| {
        let before = before.iter().find(|before| before.name == now.name);
        before.is_some_and(|before| now.text.len() < before.text.trim_end().len() && before.text.starts_with(&now.text))
    };
    let name = &now.iter().find(cut)?.name;
    Some(format!(
        "{name} is the beginning of what it was, without the rest, as if it were half written. If that is what you want: birdcall reload"
    ))
}

/// Settings that count from a start on stay as they are. Says which were changed.
fn keep_settings(rules: &mut RuleSet, active: &RuleSet) -> Vec<&'static str> {
    let (new, old) = (&rules.feed, &active.feed);
    let source = |feed: &crate::rules::ruleset::FeedSettings| feed.key.as_ref().map(|key| key.source.clone());
    let changed = [
        ("[feed] url", new.url != old.url),
        ("[feed] key", source(new) != source(old)),
        ("[feed] auth", new.auth != old.auth),
        ("[feed] meta_timeout", new.meta_timeout != old.meta_timeout),
        ("[feed] history", new.history != old.history),
        ("[journal]", rules.journal != active.journal),
    ];
    let notices = std::mem::take(&mut rules.feed.notices);
    rules.feed = active.feed.clone();
    rules.feed.notices = notices;
    rules.journal = active.journal;
    changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}

/// Gives the actions their numbers: what has not changed keeps its own, and with it its lane.
fn plan(active: &Active, rules: RuleSet, ways: Vec<Way>) -> (RuleSet, Change, Vec<Option<Target>>) {
    let mut actions: Vec<Action> = active.rules.actions.clone();
    let mut targets = active.targets.clone();
    let (mut places, mut opened, mut kept, mut replaced) = (Vec::new(), Vec::new(), HashSet::new(), Vec::new());
    for (action, way) in rules.actions.iter().zip(ways) {
        let target = match &way {
            Way::Console => None,
            Way::Send(target) => Some((**target).clone()),
        };
        let old = active.rules.action(&action.name);
        if let Some((at, _)) = old.filter(|(at, old)| active.targets.get(*at) == Some(&target) && is_same_lane(old, action)) {
            actions[at] = action.clone();
            kept.insert(at);
            places.push(at);
        } else {
            let at = actions.len();
            replaced.extend(old.map(|(old, _)| (old, at)));
            places.push(at);
            actions.push(action.clone());
            targets.push(target);
            opened.push((at, way));
        }
    }
    let gone =
        active.rules.actions.iter().enumerate().filter(|(at, action)| !action.retired && !kept.contains(at)).map(|(at, _)| at);
    let retired: Vec<_> = gone.map(|gone| (gone, replaced.iter().find(|(old, _)| *old == gone).map(|(_, new)| *new))).collect();
    for (at, _) in &retired {
        actions[*at].retired = true;
    }
    let change = Change { opened, retired, sent: Vec::new() };
    (rules.renumbered(actions, &places), change, targets)
}

/// Whether one lane does for both, if they send to the same target.
fn is_same_lane(one: &Action, other: &Action) -> bool {
    let prints = |action: &Action| matches!(action.destination, Destination::Console);
    let same = one.rate_limits == other.rate_limits
        && one.overflow == other.overflow
        && one.timeout == other.timeout
        && one.trading == other.trading
        && one.mode == other.mode
        && one.is_idempotent() == other.is_idempotent();
    prints(one) && prints(other) || same
}

/// Which rules are new and which are gone, by their names.
struct Compared {
    before: usize,
    new: usize,
    gone: Vec<String>,
}

impl Compared {
    fn new(before: &RuleSet, now: &RuleSet) -> Self {
        let names = |set: &RuleSet| set.rules.iter().map(|rule| Arc::clone(&rule.name)).collect::<HashSet<_>>();
        let (old, new) = (names(before), names(now));
        let gone = before.rules.iter().filter(|rule| !new.contains(&rule.name)).map(|rule| rule.name.to_string()).collect();
        Self { before: old.len(), new: new.difference(&old).count(), gone }
    }

    fn too_few(&self) -> Option<String> {
        let (gone, before) = (self.gone.len(), self.before);
        (gone * 2 > before && before > 1).then(|| {
            format!(
                "{gone} of {before} rules would be lost ({}). If that is what you want: birdcall reload --force-reload",
                names(&self.gone)
            )
        })
    }

    fn summary(&self, rules: &RuleSet, change: &Change) -> String {
        let mut words = format!("{} rules", rules.rules.len());
        let mut parts = Vec::new();
        if self.new > 0 {
            parts.push(format!("{} new", self.new));
        }
        if !self.gone.is_empty() {
            parts.push(format!("{} gone: {}", self.gone.len(), names(&self.gone)));
        }
        if !parts.is_empty() {
            words.push_str(&format!(" ({})", parts.join(", ")));
        }
        let name = |at: &usize| rules.actions.get(*at).map_or("?", |action| action.name.as_str()).to_owned();
        let opened: Vec<_> = change.opened.iter().map(|(at, _)| name(at)).collect();
        let closed: Vec<_> = change.retired.iter().filter(|(_, to)| to.is_none()).map(|(at, _)| name(at)).collect();
        if !opened.is_empty() {
            words.push_str(&format!("; lanes opened: {}", names(&opened)));
        }
        if !closed.is_empty() {
            words.push_str(&format!("; lanes closed: {}", names(&closed)));
        }
        words
    }
}

/// The first few of them.
fn names(all: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = all.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN { format!("{shown}, and {} more", all.len() - SHOWN) } else { shown }
}
