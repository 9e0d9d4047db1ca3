//! The rules files of a run, read again while it goes on.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::moments::Moments;
use super::state::State;
use super::tracked::Kept;
use super::{files, load, tracked};
use crate::app::{Look, Mistakes, RulesFiles, Way};
use crate::feed::{HistorySettings, history};
use crate::rules::ruleset::RuleSet;
use crate::rules::{self, Diagnostic, Elsewhere, Places, Source, Style};

/// Where the rules of a run are, and what they take from elsewhere.
pub(super) struct Files {
    /// A path given on the command line, or none.
    path: Option<PathBuf>,
    state: State,
    /// Who is asked which accounts the key tracks.
    account: Option<HistorySettings>,
    /// As it was read the last time.
    elsewhere: Mutex<Elsewhere>,
    /// What people are to be told of the feed's word.
    to_tell: Mutex<Option<String>>,
}

impl Files {
    pub(super) fn new(path: Option<PathBuf>, state: State) -> Self {
        let files = Self { path, state, account: None, elsewhere: Mutex::default(), to_tell: Mutex::default() };
        // Whatever is wrong with them is told by who loads them; here it is learned which lists there are to look at.
        let _ = files.read();
        files
    }

    /// The feed can be asked which accounts the key tracks.
    pub(super) fn asking(self, account: Option<HistorySettings>) -> Self {
        Self { account, ..self }
    }

    fn elsewhere(&self) -> MutexGuard<'_, Elsewhere> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RulesFiles for Files {
    fn look(&self) -> Look {
        let rules = files::list(self.path.as_deref()).into_iter().flatten();
        let elsewhere = self.elsewhere();
        let tracked = self.state.place().filter(|_| elsewhere.tracked).map(|state| tracked::path(&state));
        rules.chain(elsewhere.files.iter().cloned()).chain(tracked).map(seen).collect()
    }

    fn fetch(&self) {
        let is_wanted = self.elsewhere().tracked;
        let Some((account, state)) = self.account.as_ref().filter(|_| is_wanted).zip(self.state.place()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let why = match runtime.block_on(Box::pin(history::account(account.clone()))).map(|account| account.handles) {
            Ok(Some(handles)) => match tracked::keep(&state, &handles) {
                Ok(Kept::NotEmptied) => {
                    let why = tracked::not_emptied(&state);
                    tracing::warn!("{why}");
                    *self.to_tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                    return;
                }
                Ok(kept) => {
                    let is_news = kept == Kept::News;
                    return tracing::info!(accounts = handles.len(), is_news, "the feed said which accounts the key tracks");
                }
                Err(error) => format!("it cannot be kept in {}: {error}", state.display()),
            },
            Ok(None) => "the feed does not say so, or not of all".to_owned(),
            Err(error) => error.to_string(),
        };
        let moments = Moments::here(account.clock.wall());
        let kept =
            tracked::since(&state).map_or("no list is kept".to_owned(), |at| format!("the list of {} goes on", moments.both(at)));
        tracing::warn!("which accounts the key tracks is not known: {why}; {kept}");
    }

    fn to_tell(&self) -> Option<String> {
        self.to_tell.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn read(&self) -> Result<Vec<Source>, String> {
        let sources = files::read(self.path.as_deref(), &self.state).map_err(|error| error.to_string())?;
        *self.elsewhere() = rules::elsewhere(&sources);
        Ok(sources)
    }

    fn load(&self, sources: &[Source]) -> Result<(RuleSet, Vec<Way>), Mistakes> {
        let loaded = rules::load(sources);
        let Some(set) = loaded.ruleset else { return Err(mistakes(&loaded.diagnostics, sources)) };
        if !loaded.diagnostics.is_empty() {
            // By way of the log: whoever holds standard error must not hold this.
            tracing::warn!("{}", rules::render(&loaded.diagnostics, sources, Style::Plain).trim_end());
        }
        let ways = load::ways(&set);
        ways.map(|ways| (set, ways)).map_err(|wrong| {
            // With the others: what secrets stand in the files in clear, and must not be shown, is known by the warnings of them.
            let all: Vec<_> = loaded.diagnostics.into_iter().chain(wrong).collect();
            mistakes(&all, sources)
        })
    }
}

/// A file as it is seen from outside, behind symbolic links. One that is not there is seen as that.
fn seen(path: PathBuf) -> (PathBuf, [u64; 4]) {
    let about = std::fs::metadata(&path).map(|about| {
        let moment = |seconds: i64, ns: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(ns).cast_unsigned();
        [about.len(), about.ino(), moment(about.mtime(), about.mtime_nsec()), moment(about.ctime(), about.ctime_nsec())]
    });
    (path, about.unwrap_or_default())
}

fn mistakes(diagnostics: &[Diagnostic], sources: &[Source]) -> Mistakes {
    let errors: Vec<_> = diagnostics.iter().filter(|of| of.severity == rules::Severity::Error).collect();
    let places = Places::of(sources);
    let first = errors.first().map(|first| {
        let place = first.span.and_then(|span| {
            let (start, _) = places.locate(span)?;
            Some(format!("{}:{}:{}", places.name(span.file)?, start.line, start.column))
        });
        place.map_or_else(|| first.message.clone(), |place| format!("{place}: {}", first.message))
    });
    let first = first.unwrap_or_default();
    let brief = if errors.len() == 1 { first } else { format!("{} mistakes, the first: {first}", errors.len()) };
    Mistakes { brief, text: rules::render(diagnostics, sources, Style::Plain) }
}
