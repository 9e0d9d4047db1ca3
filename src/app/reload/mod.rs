//! Rules files that change while birdcall runs → other rules in their place, or the old ones and every mistake of the new.
//!
//! ```text
//!  saved, and at rest ──> read, checked, secrets resolved, indexed (beside the loop) ──> put in place, whole, between two envelopes
//!  SIGHUP, birdcall reload ──┘         └── a mistake: the old ones go on; told in the log, in `status` and to people, once
//! ```

mod files;
mod lists;
mod prepare;
#[cfg(test)]
mod prepare_tests;
mod seed;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use super::Way;
use super::beside::Beside;
use super::notices::{Notice, nobody_is_told};
use super::running::Running;
use crate::clock::Clock;
use crate::control::{Answer, Answerer};
use crate::model::limits::{MEANTIME_AT_ONCE, REFUSED_RULES_BYTES};
use crate::model::status::{RefusedRules, RulesStatus};
use crate::model::time::Timestamp;
use crate::rules::Source;
use crate::rules::ruleset::RuleSet;

use files::Active;
pub use files::{Look, Mistakes, RulesFiles};
use prepare::{Outcome, REST, Ready, Task};
use watch::{Watch, Why};

/// The rules files of a run.
#[derive(Debug)]
pub struct Reload {
    /// Reads them.
    pub files: Arc<dyn RulesFiles>,
    /// What was seen of them before they were read for this run.
    pub look: Look,
    /// What was read.
    pub sources: Vec<Source>,
    /// Where the journal is, if there is one.
    pub journal: Option<PathBuf>,
    /// They are read again by themselves when they were saved; else when somebody asks for it.
    pub watch: bool,
}

/// The rules of a run while they may change.
pub(super) struct Reloading {
    files: Arc<dyn RulesFiles>,
    journal: Option<PathBuf>,
    watch: Watch,
    active: Arc<Active>,
    preparing: Beside<Outcome>,
    is_busy: bool,
    /// What is to be done when that is over.
    next: Option<Wish>,
    /// Who waits for what is being done, and for what is done next.
    waiting: Vec<Answerer>,
    waiting_for_next: Vec<Answerer>,
    clock: Clock,
    since: Timestamp,
    refused: Option<RefusedRules>,
    after_restart: Vec<&'static str>,
}

/// How it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wish {
    asked: bool,
    force: bool,
    fetch: bool,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing.
    GoOn,
    /// There are orders now and were none, or the other way round.
    OtherAlerts,
    /// The run is to end: nobody sees any more what it says.
    Stop,
}

/// What has come.
pub(super) enum News {
    Why(Why),
    Outcome(Outcome),
}

impl Reloading {
    /// Within a runtime. `ways`: those of the rules' actions.
    pub(super) fn begin(reload: Reload, rules: &Arc<RuleSet>, ways: &[Way], clock: &Clock) -> Self {
        let Reload { files, look, sources, journal, watch } = reload;
        let target = |way: &Way| match way {
            Way::Console => None,
            Way::Send(target) => Some((**target).clone()),
        };
        // The run begins with what was kept, and does not wait for the feed's word.
        let fetch = sources.iter().any(Source::is_tracked);
        let active = Active { rules: Arc::clone(rules), sources, targets: ways.iter().map(target).collect() };
        let mut reloading = Self {
            watch: Watch::begin(Arc::clone(&files), look, watch),
            files,
            journal,
            active: Arc::new(active),
            preparing: Beside::new(),
            is_busy: false,
            next: None,
            waiting: Vec::new(),
            waiting_for_next: Vec::new(),
            clock: clock.clone(),
            since: clock.now(),
            refused: None,
            after_restart: Vec::new(),
        };
        if fetch {
            reloading.wish(Wish { fetch, ..Wish::default() });
        }
        reloading
    }

    /// What comes next. Cancel-safe.
    pub(super) async fn next(&mut self) -> News {
        tokio::select! {
            why = self.watch.next() => News::Why(why),
            outcome = self.preparing.next(), if self.is_busy => News::Outcome(outcome.unwrap_or_else(|| {
                let why = "reading the rules ended unexpectedly, which is a bug in birdcall; please report it".to_owned();
                Outcome::Refused(Mistakes { brief: why.clone(), text: why })
            })),
        }
    }

    /// A person asks for it; answered when it is done. `force`: though more than half of the rules are lost.
    pub(super) fn ask(&mut self, force: bool, answer: Answerer) {
        self.waiting_for_next.push(answer);
        self.wish(Wish { asked: true, force, fetch: true });
    }

    fn wish(&mut self, wish: Wish) {
        let wished = self.next.unwrap_or_default();
        self.next = Some(Wish {
            asked: wish.asked || wished.asked,
            force: wish.force || wished.force,
            fetch: wish.fetch || wished.fetch,
        });
        self.go_on();
    }

    fn go_on(&mut self) {
        if self.is_busy {
            return;
        }
        let Some(Wish { asked, force, fetch }) = self.next.take() else { return };
        self.waiting.append(&mut self.waiting_for_next);
        let (files, active) = (Arc::clone(&self.files), Arc::clone(&self.active));
        let past = self.journal.clone().map(|folder| (folder, self.clock.now()));
        let task = Task { files, active, past, asked, force, fetch, rest: REST };
        self.is_busy = true;
        self.preparing.begin(move || task.run());
    }

    fn answer(&mut self, answer: &Answer) {
        self.waiting.drain(..).for_each(|waiting| waiting.answer(answer.clone()));
    }

    /// Rules are made ready.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// How they are.
    pub(super) fn status(&self) -> RulesStatus {
        RulesStatus {
            rules: self.active.rules.rules.len() as u64,
            actions: self.active.rules.actions.iter().filter(|action| !action.retired).count() as u64,
            since: self.since,
            refused: self.refused.clone(),
            after_restart: self.after_restart.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

/// Does what has come.
pub(super) fn take(running: &mut Running, reloading: &mut Reloading, news: News) -> Taken {
    let had_orders = running.dispatch.has_orders();
    match news {
        News::Why(Why::Gone) => return Taken::Stop,
        News::Why(why) => {
            let asked = why == Why::Asked;
            reloading.wish(Wish { asked, force: false, fetch: asked });
        }
        News::Outcome(Outcome::Ready(ready)) if ready.seed.is_some() && running.meantime.len() > MEANTIME_AT_ONCE => {
            let (came, mutes) = (running.meantime.take(), running.dispatch.mutes.all());
            reloading.preparing.begin(move || Outcome::Ready(ready.knowing(came, mutes)));
        }
        News::Outcome(outcome) => {
            reloading.is_busy = false;
            if let Some(text) = reloading.files.to_tell() {
                let (key, title) = ("tracked:nobody".to_owned(), "The feed says that the key tracks nobody".to_owned());
                running.dispatch.tell(&Notice { key, about: None, title, text });
            }
            let answer = match outcome {
                Outcome::Same => same(reloading),
                Outcome::Refused(mistakes) => refuse(running, reloading, mistakes),
                Outcome::Ready(ready) => put_in_place(running, reloading, *ready),
            };
            reloading.answer(&answer);
            reloading.go_on();
        }
    }
    if running.dispatch.has_orders() == had_orders { Taken::GoOn } else { Taken::OtherAlerts }
}

/// The files are again what is in force: nothing is wrong with them any more.
fn same(reloading: &mut Reloading) -> Answer {
    if reloading.refused.take().is_some() {
        info!("the rules files are again those that are in force");
    }
    Answer::Reloaded { said: "the rules are the same".to_owned() }
}

fn refuse(running: &mut Running, reloading: &mut Reloading, mistakes: Mistakes) -> Answer {
    let Mistakes { brief, text } = mistakes;
    error!("the rules were not reloaded, those of before go on: {brief}");
    if text != brief {
        error!("{}", text.trim_end());
    }
    running.dispatch.tell(&Notice {
        key: format!("rules:{brief}"),
        about: None,
        title: "The rules were not reloaded".to_owned(),
        text: format!("{brief}. The rules of before go on; birdcall status shows more."),
    });
    let cut = text.floor_char_boundary(REFUSED_RULES_BYTES.min(text.len()));
    let text = text.get(..cut).unwrap_or_default().to_owned();
    let answer = Answer::Refused { why: format!("the rules of before go on\n{text}") };
    reloading.refused = Some(RefusedRules { at: reloading.clock.now(), brief, text });
    answer
}

fn put_in_place(running: &mut Running, reloading: &mut Reloading, ready: Ready) -> Answer {
    let Ready { prepared, mut change, active, seed, after_restart, summary, asked } = ready;
    let begun = reloading.clock.elapsed();
    if let Err(error) = running.dispatch.open(prepared.rules(), &mut change) {
        let why = error.to_string();
        return refuse(running, reloading, Mistakes { brief: why.clone(), text: why });
    }
    let replaced = running.engine.replace_rules(prepared);
    let seed = seed.map(|mut seed| {
        if running.meantime.is_cut() {
            warn!("windows that are new do not know all of what came while the rules were made ready: it was too much");
        }
        seed.add(running.meantime.take(), running.dispatch.mutes.all());
        let seed = seed.give(&mut running.engine);
        // It may have been read before that.
        for (firing, action) in running.meantime.take_unsent() {
            running.engine.expired((&firing.rule, firing.id), action);
        }
        seed
    });
    running.dispatch.replace(&active.rules, &change);
    let pause = reloading.clock.elapsed().saturating_sub(begun);
    // What windows have left by that is recorded by itself: no order is to wait for it.
    running.tick();
    let before = std::mem::replace(&mut reloading.active, Arc::new(active));
    let gone = running.tell_of_gone_mutes(&before.rules);
    let summary = lists::with_counts(summary, &before.sources, &reloading.active.sources);
    // Of thousands of rules that takes longer than to put others in their place.
    tokio::task::spawn_blocking(move || drop((replaced, before, seed)));
    (reloading.since, reloading.refused, reloading.after_restart) = (reloading.clock.now(), None, after_restart);
    info!(pause_us = micros(pause), "the rules were reloaded: {summary}");
    if let Some(why) = nobody_is_told(&reloading.active.rules) {
        warn!("{why}");
    }
    let mut said = summary;
    said.extend(gone.into_iter().map(|gone| format!("\n{gone}")));
    // A saved file says nothing about the destinations; who asks for it may have set one right.
    let again = if asked { running.dispatch.reopen() } else { Vec::new() };
    if !again.is_empty() {
        let note = format!("tried again, though refused for good before: {}", again.join(", "));
        info!("{note}");
        said.push_str(&format!("\n{note}"));
    }
    if !reloading.after_restart.is_empty() {
        let note = format!("{} changed: that counts after a restart", reloading.after_restart.join(", "));
        warn!("{note}");
        said.push_str(&format!("\n{note}"));
    }
    Answer::Reloaded { said }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
