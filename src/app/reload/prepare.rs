//! Files → rules that are ready to take the place of those of now, or the reason why they must not. Beside the loop: it reads, parses, resolves
//! secrets and builds an index.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::files::{Active, Mistakes, RulesFiles};
use super::lists;
use super::seed::Seed;
use crate::app::Way;
use crate::app::dispatch::Change;
use crate::app::meantime::Came;
use crate::deliver::Target;
use crate::engine::Prepared;
use crate::model::action::{Action, Destination};
use crate::model::mode::Mode;
use crate::model::mute::Mute;
use crate::model::subject::Str;
use crate::model::time::Timestamp;
use crate::rules::ruleset::{Rule, RuleSet};
use crate::rules::{Kind, Source};

/// Who saves a file may write it piece by piece: it is not read before it has been the same for so long.
pub(super) const REST: Duration = Duration::from_millis(250);
/// What looks half written is looked at once more after so many of it.
const SLOW: u32 = 8;
/// How often files are waited for that change all the time.
const TRIES: usize = 40;

/// What is to be read, and how much is let through.
pub(super) struct Task {
    pub(super) files: Arc<dyn RulesFiles>,
    pub(super) active: Arc<Active>,
    /// The folder of the journal, and what time it is.
    pub(super) past: Option<(PathBuf, Timestamp)>,
    /// Somebody asked for it by name: what looks half written is meant.
    pub(super) asked: bool,
    /// Though more than half of the rules are lost.
    pub(super) force: bool,
    /// What the feed knows of them is asked anew.
    pub(super) fetch: bool,
    /// [`REST`].
    pub(super) rest: Duration,
}

/// What came of it.
pub(in crate::app) enum Outcome {
    /// The files say what they said before.
    Same,
    /// They can take their place.
    Ready(Box<Ready>),
    /// They must not.
    Refused(Mistakes),
}

/// Rules that can take the place of those of now.
pub(in crate::app) struct Ready {
    pub(super) prepared: Prepared,
    pub(super) change: Change,
    pub(super) active: Active,
    /// What their new windows know.
    pub(super) seed: Option<Seed>,
    /// Settings that were changed and count only after a restart, as `[feed] url`.
    pub(super) after_restart: Vec<&'static str>,
    /// In words: how many rules, how many of them new and gone.
    pub(super) summary: String,
    /// Somebody asked for it by name.
    pub(super) asked: bool,
}

impl Ready {
    /// New windows know this, too.
    pub(super) fn knowing(mut self: Box<Self>, came: Vec<Came>, mutes: Vec<Mute>) -> Box<Self> {
        if let Some(seed) = &mut self.seed {
            seed.add(came, mutes);
        }
        self
    }
}

impl Task {
    /// Does it.
    pub(super) fn run(self) -> Outcome {
        let half = |sources: &Vec<Source>| half_written(&self.active.sources, sources).filter(|_| !self.asked);
        let read = self.read_and_fetch().and_then(|sources| {
            if half(&sources).is_none() {
                return Ok(sources);
            }
            // Who writes it may be slow.
            std::thread::sleep(self.rest * SLOW);
            self.read()
        });
        let sources = match read {
            Ok(sources) => sources,
            Err(why) => return refused(why),
        };
        let same = |(one, other): (&Source, &Source)| one.name == other.name && one.text == other.text && one.kind == other.kind;
        let is_same = sources.len() == self.active.sources.len() && sources.iter().zip(&self.active.sources).all(same);
        // Secrets in files may be others all the same.
        if is_same && !self.asked {
            return Outcome::Same;
        }
        if let Some(why) = half(&sources) {
            return refused(why);
        }
        let (rules, ways) = match self.files.load(&sources) {
            Ok(loaded) => loaded,
            Err(mistakes) => return Outcome::Refused(mistakes),
        };
        let compared = Compared::new(&self.active.rules, &rules);
        if let Some(why) = compared.too_few().filter(|_| !self.force) {
            return refused(why);
        }
        Outcome::Ready(Box::new(self.ready(rules, ways, sources, &compared)))
    }

    /// What the feed knows is known to be wanted when the files are read: of those of before it may not have been.
    fn read_and_fetch(&self) -> Result<Vec<Source>, String> {
        let sources = self.read()?;
        let is_new = !self.active.sources.iter().any(Source::is_tracked);
        if !(self.fetch || is_new) || !sources.iter().any(Source::is_tracked) {
            return Ok(sources);
        }
        self.files.fetch();
        self.read()
    }

    /// Reads the files as soon as they are at rest: whoever asks for it may still be writing them.
    fn read(&self) -> Result<Vec<Source>, String> {
        let mut before = self.files.look();
        for _ in 0..TRIES {
            std::thread::sleep(self.rest);
            let now = self.files.look();
            if std::mem::replace(&mut before, now) != before {
                continue;
            }
            let sources = self.files.read()?;
            if self.files.look() == before {
                return Ok(sources);
            }
        }
        Err("the rules files change all the time; try again when they are written".to_owned())
    }

    fn ready(self, mut rules: RuleSet, ways: Vec<Way>, sources: Vec<Source>, compared: &Compared) -> Ready {
        let after_restart = keep_settings(&mut rules, &self.active.rules);
        let (rules, mut change, targets) = plan(&self.active, rules, ways);
        let summary = compared.summary(&rules, &change);
        change.unwanted = unwanted(&self.active.rules, &rules);
        let rules = Arc::new(rules);
        let prepared = Prepared::new(Arc::clone(&rules), &self.active.rules);
        let seed = self.past.and_then(|(folder, now)| Seed::read(&folder, &self.active.rules, &rules, now));
        Ready { prepared, change, active: Active { rules, sources, targets }, seed, after_restart, summary, asked: self.asked }
    }
}

/// Whether a file looks as if it was being written, or its writer had died: it is the beginning of what it was.
fn half_written(before: &[Source], now: &[Source]) -> Option<String> {
    let cut = |now: &&Source| {
        let Some(before) = before.iter().find(|before| before.name == now.name) else { return false };
        let may_be = || match now.kind {
            Kind::Rules => true,
            // One that loses its last lines is most likely meant to, unless they are most of it.
            Kind::List => !now.text.ends_with('\n') || lists::is_less_than_half(before, now),
            Kind::Unread(_) | Kind::Tracked | Kind::TrackedUnread(_) => false,
        };
        now.text.len() < before.text.trim_end().len() && before.text.starts_with(&now.text) && may_be()
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
        // With its secrets.
        targets[*at] = None;
    }
    let change = Change { opened, retired, unwanted: Vec::new() };
    (rules.renumbered(actions, &places), change, targets)
}

/// Of the actions that stay, those rules that do not have sent there any more what they had: so that what waits is not sent either. A message that a
/// rule had sent which is gone is sent, as it was news then; an order is not.
fn unwanted(before: &RuleSet, now: &RuleSet) -> Vec<(usize, Vec<Str>)> {
    let rules: HashMap<&str, &Rule> = now.rules.iter().map(|rule| (&*rule.name, rule)).collect();
    let mut unwanted: BTreeMap<usize, Vec<Str>> = BTreeMap::new();
    for rule in &before.rules {
        for send in rule.send.iter().filter(|send| send.mode == Mode::Armed) {
            let Some(action) = now.actions.get(send.action).filter(|action| !action.retired) else { continue };
            let goes_on =
                match rules.get(&*rule.name).map(|rule| (rule.mode, rule.send.iter().find(|of| of.action == send.action))) {
                    Some((_, Some(send))) => send.mode == Mode::Armed,
                    Some((mode, None)) => mode == Mode::Armed && !action.trading,
                    None => !action.trading,
                };
            if !goes_on {
                unwanted.entry(send.action).or_default().push(Arc::clone(&rule.name));
            }
        }
    }
    // What was unwanted before and is wanted again is not taken back any more.
    let stay = now.actions.iter().enumerate().filter(|(_, action)| !action.retired).map(|(at, _)| at);
    stay.map(|at| (at, unwanted.remove(&at).unwrap_or_default())).collect()
}

fn refused(why: String) -> Outcome {
    Outcome::Refused(Mistakes { brief: why.clone(), text: why })
}

/// Whether one lane does for both, if they send to the same target.
fn is_same_lane(one: &Action, other: &Action) -> bool {
    let prints = |action: &Action| matches!(action.destination, Destination::Console);
    let same = one.rate_limits == other.rate_limits
        && one.overflow == other.overflow
        && one.digest == other.digest
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
        let count = rules.rules.len();
        let mut words = format!("{count} rule{}", if count == 1 { "" } else { "s" });
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
