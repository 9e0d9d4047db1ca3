//! The rules files of a run, read again while it goes on.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{files, load};
use crate::app::{Look, Mistakes, RulesFiles, Way};
use crate::rules::ruleset::RuleSet;
use crate::rules::{self, Diagnostic, Places, Source, Style};

/// A path given on the command line, or none.
pub(super) struct Files(pub(super) Option<PathBuf>);

impl RulesFiles for Files {
    fn look(&self) -> Look {
        files::list(self.0.as_deref()).into_iter().flatten().map(seen).collect()
    }

    fn read(&self) -> Result<Vec<Source>, String> {
        files::read(self.0.as_deref()).map_err(|error| error.to_string())
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

/// What is seen of a path, for the rules that are read next.
pub(super) fn look(path: Option<&Path>) -> Look {
    Files(path.map(Path::to_owned)).look()
}
