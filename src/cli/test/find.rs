//! Paths → files of tests and the rules that they are about.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::files::{self, FilesError};
use crate::cli::state::State;
use crate::cli::{End, complain, load};
use crate::feed::recording::{Read, Reader};
use crate::rule_test::{Recorded, Recording};
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
    /// Where they stand: a file, or a whole folder.
    pub(crate) of: PathBuf,
}

/// Envelopes of one file that a test names.
const ENVELOPES: usize = 1_000_000;

impl Suite {
    /// Reads a file that a test names: beside the file of tests.
    pub(crate) fn recorded(&self, name: &str) -> Result<Recording, String> {
        let folder = Path::new(&self.source.name).parent().unwrap_or(Path::new(""));
        let mut reader = Reader::open(&folder.join(name)).map_err(|error| error.to_string())?;
        let mut entries = Vec::new();
        while let Some(read) = reader.next_entry().map_err(|error| error.to_string())? {
            match read {
                Read::Faulty(faulty) => return Err(faulty.to_string()),
                Read::Entry(_) if entries.len() == ENVELOPES => {
                    return Err(format!("it has more than {ENVELOPES} envelopes; birdcall replay is for so many"));
                }
                Read::Entry(of) => entries.push(Recorded { at: of.at, origin: of.origin, text: of.text.to_owned() }),
            }
        }
        Ok(Recording { entries, counted_from: reader.counted_from() })
    }

    /// Whether it is one of several about the rules of a folder.
    pub(crate) fn is_of_folder(&self) -> bool {
        self.of.is_dir()
    }
}

/// What is behind the paths.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) suites: Vec<Suite>,
    /// Rules files without tests, by their paths, with so many rules.
    pub(crate) untested: Vec<(String, usize)>,
    /// What could not be read, which has been told.
    pub(crate) broken: Vec<Broken>,
}

/// A file of tests that cannot be run.
pub(crate) struct Broken {
    pub(crate) file: String,
    pub(crate) why: String,
}

/// Rules, loaded, with their texts and where they stand.
type Loaded = (Arc<RuleSet>, Vec<Source>, PathBuf);

/// Why there is no suite: the file is broken, or nothing can be done.
enum NoSuite {
    Broken(String),
    End(End),
}

pub(crate) fn find(paths: &[PathBuf], rules: Option<&Path>, state: &State) -> Result<Found, End> {
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
    let mut known = Vec::new();
    for path in &paths {
        let mut files = Vec::new();
        // What `birdcall run` would load is what is tested, if it can be loaded.
        let whole = if rules.is_none() && path.is_dir() { quietly(path, state) } else { None };
        tests_of(path, state, whole.is_some(), &mut files, &mut found)?;
        for file in files {
            if known.contains(&file) {
                continue;
            }
            match suite(&file, rules, whole.as_ref(), state) {
                Ok(suite) => found.suites.push(suite),
                Err(NoSuite::Broken(why)) => found.broken.push(Broken { file: file.display().to_string(), why }),
                Err(NoSuite::End(end)) => return Err(end),
            }
            known.push(file);
        }
    }
    Ok(found)
}

/// The rules of a path, if nothing is wrong with them.
fn quietly(path: &Path, state: &State) -> Option<Loaded> {
    let sources = files::read(Some(path), state).ok()?;
    Some((Arc::new(rules::load(&sources).ruleset?), sources, path.to_owned()))
}

/// The files of tests of a path: it itself, the one beside a rules file, or all of a folder.
fn tests_of(path: &Path, state: &State, is_whole: bool, files: &mut Vec<PathBuf>, found: &mut Found) -> Result<(), End> {
    if path.is_dir() {
        let all = in_folder(path).map_err(|error| {
            complain(format_args!("{}: {error}", path.display()));
            End::CannotStart
        })?;
        let (tests, rules): (Vec<_>, Vec<_>) = all.into_iter().partition(|file| is_tests(file));
        let whole_folder = is_whole && !tests.is_empty() || tests.iter().any(|file| rules_of(file).is_none());
        let untested = rules.iter().filter(|rules| !whole_folder && !tests.contains(&beside_file(rules)));
        found.untested.extend(untested.filter_map(|file| Some((file.display().to_string(), rules_in(file, state)?))));
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
        found.untested.extend(rules_in(path, state).map(|rules| (path.display().to_string(), rules)));
    }
    Ok(())
}

fn rules_in(path: &Path, state: &State) -> Option<usize> {
    let sources = files::read(Some(path), state).ok()?;
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

fn suite(file: &Path, rules: Option<&Path>, whole: Option<&Loaded>, state: &State) -> Result<Suite, NoSuite> {
    let tell = |error: FilesError| {
        complain(&error);
        if error.is_about_rules() { NoSuite::Broken(error.to_string()) } else { NoSuite::End(End::CannotStart) }
    };
    let source = files::read_file(file).map_err(tell)?;
    let (rules, sources, of) = match whole {
        Some(whole) => whole.clone(),
        None => rules_for(file, rules, state)?,
    };
    let read = test_file::read(&source, &rules);
    let of_file = std::slice::from_ref(&source);
    load::tell(&read.diagnostics, of_file);
    if read.tests.is_empty() {
        return Err(NoSuite::Broken(rules::render(&read.diagnostics, of_file, rules::Style::Plain)));
    }
    Ok(Suite { source, tests: read.tests, rules, sources, of })
}

/// The rules that a file of tests is about. A file that is whole by itself is tested by itself; else it is a part of its folder.
fn rules_for(file: &Path, rules: Option<&Path>, state: &State) -> Result<Loaded, NoSuite> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let path = match (rules, rules_of(file)) {
        (Some(rules), _) => rules.to_owned(),
        (None, Some(own)) => match quietly(&own, state).or_else(|| quietly(&folder, state)) {
            Some(loaded) => return Ok(loaded),
            // Where the folder is no better, what is wrong with the file itself is what helps.
            None => own,
        },
        (None, None) => folder,
    };
    match load::load_quietly(&path, state) {
        Ok(loaded) => Ok((Arc::new(loaded.set), loaded.sources, path)),
        Err(End::RulesWrong) => {
            let why = format!("the rules that it tests, {}, are wrong: birdcall check says how", path.display());
            Err(NoSuite::Broken(why))
        }
        Err(end) => Err(NoSuite::End(end)),
    }
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
        (!read.tests.is_empty()).then(|| Suite {
            source,
            tests: read.tests,
            rules: Arc::clone(rules),
            sources: Vec::new(),
            of: path.clone(),
        })
    };
    let suites: Vec<_> = files.into_iter().map(suite).collect::<Option<_>>()?;
    (!suites.is_empty()).then_some(suites)
}
