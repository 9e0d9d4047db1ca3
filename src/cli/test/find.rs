//! Paths → files of tests and the rules that they are about.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::files::{self, FilesError};
use crate::cli::{End, complain, load, recorded};
use crate::rule_test::Recorded;
use crate::rules::ruleset::RuleSet;
use crate::rules::test_file::{self, Test};
use crate::rules::{self, Source};

const SUFFIX: &str = ".test.toml";

/// A file of tests.
pub(crate) struct Suite {
    /// It itself.
    pub(crate) source: Source,
    pub(crate) tests: Vec<Test>,
    pub(crate) rules: Arc<RuleSet>,
    /// The texts of the rules.
    pub(crate) sources: Vec<Source>,
}

impl Suite {
    /// Reads a file that a test names: beside the file of tests.
    pub(crate) fn recorded(&self, name: &str) -> Result<Vec<Recorded>, String> {
        let folder = Path::new(&self.source.name).parent().unwrap_or(Path::new(""));
        recorded::read(&folder.join(name))
    }
}

/// What is behind the paths.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) suites: Vec<Suite>,
    /// Rules files without tests, by their paths, with so many rules.
    pub(crate) untested: Vec<(String, usize)>,
    /// Something could not be read, which has been told.
    pub(crate) is_broken: bool,
}

pub(crate) fn find(paths: &[PathBuf], rules: Option<&Path>) -> Result<Found, End> {
    let mut found = Found::default();
    let usual = || ["rules.toml", "rules"].iter().map(PathBuf::from).find(|path| path.exists());
    let paths = match (paths, usual()) {
        ([], None) => {
            complain(FilesError::NoneGiven);
            return Err(End::CannotStart);
        }
        ([], Some(usual)) => vec![usual],
        (given, _) => given.to_vec(),
    };
    let mut files = Vec::new();
    for path in &paths {
        tests_of(path, &mut files, &mut found)?;
    }
    files.dedup();
    for file in files {
        match suite(&file, rules) {
            Ok(suite) => found.suites.push(suite),
            Err(End::RulesWrong) => found.is_broken = true,
            Err(end) => return Err(end),
        }
    }
    Ok(found)
}

/// The files of tests of a path: it itself, the one beside a rules file, or all of a folder.
fn tests_of(path: &Path, files: &mut Vec<PathBuf>, found: &mut Found) -> Result<(), End> {
    if path.is_dir() {
        let all = in_folder(path).map_err(|error| {
            complain(format_args!("{}: {error}", path.display()));
            End::CannotStart
        })?;
        let (tests, rules): (Vec<_>, Vec<_>) = all.into_iter().partition(|file| is_tests(file));
        let whole_folder = tests.iter().any(|file| rules_of(file).is_none());
        let untested = rules.iter().filter(|rules| !whole_folder && !tests.contains(&beside_file(rules)));
        found.untested.extend(untested.filter_map(|file| Some((file.display().to_string(), rules_in(file)?))));
        files.extend(tests);
        return Ok(());
    }
    if is_tests(path) {
        files.push(path.to_owned());
    } else if !path.exists() {
        complain(FilesError::Missing(path.to_owned()));
        return Err(End::CannotStart);
    } else if beside_file(path).exists() {
        files.push(beside_file(path));
    } else {
        found.untested.extend(rules_in(path).map(|rules| (path.display().to_string(), rules)));
    }
    Ok(())
}

fn rules_in(path: &Path) -> Option<usize> {
    let sources = files::read(Some(path)).ok()?;
    rules::load(&sources).ruleset.map(|set| set.rules.len()).filter(|count| *count > 0)
}

fn in_folder(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|file| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".toml") && !name.starts_with('.')
    });
    files.sort();
    Ok(files)
}

fn is_tests(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with(SUFFIX))
}

/// `x.toml` → `x.test.toml`.
pub(crate) fn beside_file(rules: &Path) -> PathBuf {
    rules.with_extension("test.toml")
}

/// `x.test.toml` → `x.toml`, if it is there.
fn rules_of(tests: &Path) -> Option<PathBuf> {
    let name = tests.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    Some(tests.with_file_name(format!("{name}.toml"))).filter(|path| path.is_file())
}

fn suite(file: &Path, rules: Option<&Path>) -> Result<Suite, End> {
    let tell = |error: FilesError| {
        complain(&error);
        if error.is_about_rules() { End::RulesWrong } else { End::CannotStart }
    };
    let source = files::read_file(file).map_err(tell)?;
    let (set, sources) = rules_for(file, rules)?;
    let read = test_file::read(&source, &set);
    load::tell(&read.diagnostics, std::slice::from_ref(&source));
    if read.tests.is_empty() {
        return Err(End::RulesWrong);
    }
    Ok(Suite { source, tests: read.tests, rules: set, sources })
}

/// The rules that a file of tests is about. A file that is whole by itself is tested by itself; else it is a part of its folder.
fn rules_for(file: &Path, rules: Option<&Path>) -> Result<(Arc<RuleSet>, Vec<Source>), End> {
    let folder = || match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("."),
    };
    let path = match (rules, rules_of(file)) {
        (Some(rules), _) => rules.to_owned(),
        (None, Some(own)) => {
            let alone = files::read(Some(&own)).ok().and_then(|sources| Some((rules::load(&sources).ruleset?, sources)));
            if let Some((set, sources)) = alone {
                return Ok((Arc::new(set), sources));
            }
            let whole = files::read(Some(&folder())).ok().filter(|sources| rules::load(sources).ruleset.is_some());
            // Where the folder is no better, what is wrong with the file itself is what helps.
            if whole.is_some() { folder() } else { own }
        }
        (None, None) => folder(),
    };
    let loaded = load::load_quietly(&path)?;
    Ok((Arc::new(loaded.set), loaded.sources))
}

/// The files of tests beside rules that are already loaded; `None` when there are none, or one of them is wrong.
pub(crate) fn beside(path: Option<&Path>, rules: &Arc<RuleSet>) -> Option<Vec<Suite>> {
    let path =
        path.map(Path::to_owned).or_else(|| ["rules.toml", "rules"].iter().map(PathBuf::from).find(|path| path.exists()))?;
    let files: Vec<_> = if path.is_dir() {
        in_folder(&path).ok()?.into_iter().filter(|file| is_tests(file)).collect()
    } else {
        Some(beside_file(&path)).filter(|file| file.is_file()).into_iter().collect()
    };
    let suite = |file: PathBuf| {
        let source = files::read_file(&file).ok()?;
        // The rules that are checked have all that any file of theirs has.
        let read = test_file::read(&source, rules);
        (!read.tests.is_empty()).then(|| Suite { source, tests: read.tests, rules: Arc::clone(rules), sources: Vec::new() })
    };
    let suites: Vec<_> = files.into_iter().map(suite).collect::<Option<_>>()?;
    (!suites.is_empty()).then_some(suites)
}
