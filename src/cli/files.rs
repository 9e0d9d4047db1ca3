//! A path given on the command line → the texts of the rules files behind it, and of the lists that they take from elsewhere.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::state::State;
use super::tracked;
use crate::model::limits::{LIST_FILE_BYTES, RULES_FILE_BYTES};
use crate::rules::{self, Elsewhere, Source};

/// Where rules are looked for when no path is given.
const USUAL: [&str; 2] = ["rules.toml", "rules"];

/// Why rules could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// Nothing is there.
    #[error("{}: there is no such file or folder", .0.display())]
    Missing(PathBuf),
    /// The file of a list is not there.
    #[error("{}: there is no such file", .0.display())]
    NoList(PathBuf),
    /// No path was given and none of the usual ones is there.
    #[error("no rules: there is no rules.toml and no folder rules here. Name a path, or begin with: birdcall demo")]
    NoneGiven,
    /// A folder without rules.
    #[error("{}: the folder holds no *.toml file (*.test.toml files do not count)", .0.display())]
    EmptyFolder(PathBuf),
    /// A device, a pipe, a socket.
    #[error("{}: this is neither a file nor a folder", .0.display())]
    NotRegular(PathBuf),
    /// Too large to be a rules file.
    #[error(
        "{}: the file has {} MiB; {what} may have {} MiB. Is it the right file?",
        .path.display(), .bytes.div_ceil(1024 * 1024), .most / 1024 / 1024
    )]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// What it is meant to be.
        what: &'static str,
        /// How large such a file may be.
        most: u64,
    },
    /// Bytes that are no text.
    #[error("{}: the file is not UTF-8 text (byte {at} cannot be read)", .path.display())]
    NotText {
        /// Which file.
        path: PathBuf,
        /// Where it stops being text.
        at: usize,
    },
    /// The system says no.
    #[error("{}: {error}", .path.display())]
    System {
        /// Which file.
        path: PathBuf,
        /// What it says.
        error: std::io::Error,
    },
}

impl FilesError {
    /// Whether the rules themselves are at fault, and not the place where they were looked for.
    pub(crate) fn is_about_rules(&self) -> bool {
        matches!(self, Self::EmptyFolder(_) | Self::TooLarge { .. } | Self::NotText { .. })
    }

    /// Whether there is nothing at all.
    pub(crate) fn is_missing(&self) -> bool {
        let is_missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        matches!(self, Self::Missing(_)) || matches!(self, Self::System { error, .. } if is_missing(error))
    }
}

/// Reads one file, or every `*.toml` of a folder but `*.test.toml`, in the order of their names; and behind them the lists that they take
/// from elsewhere. A list that cannot be read is one of the mistakes in the rules.
///
/// # Errors
/// When nothing is there, or what is there cannot be rules.
pub(crate) fn read(path: Option<&Path>, state: &State) -> Result<Vec<Source>, FilesError> {
    let mut sources = list(path)?.iter().map(|file| read_file(file)).collect::<Result<Vec<_>, _>>()?;
    let Elsewhere { files, tracked } = rules::elsewhere(&sources);
    sources.extend(files.iter().map(|file| {
        let name = file.display().to_string();
        match read_list(file) {
            Ok(text) => Source::list(name, text),
            Err(error) if error.is_missing() => Source::unread(name, FilesError::NoList(file.clone()).to_string()),
            Err(error) => Source::unread(name, error.to_string()),
        }
    }));
    sources.extend(tracked.then(|| tracked::kept(state.place().as_deref())));
    Ok(sources)
}

/// The files that [`read`] would read.
///
/// # Errors
/// When there are none.
pub(crate) fn list(path: Option<&Path>) -> Result<Vec<PathBuf>, FilesError> {
    let path = match path {
        Some(path) => path,
        None => USUAL.iter().map(Path::new).find(|path| path.exists()).ok_or(FilesError::NoneGiven)?,
    };
    let system = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => FilesError::Missing(path.to_owned()),
        _ => FilesError::System { path: path.to_owned(), error },
    };
    if !std::fs::metadata(path).map_err(system)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(system)?;
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(system)?;
    files.retain(|file| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".toml") && !name.ends_with(".test.toml") && !name.starts_with('.')
    });
    files.sort();
    if files.is_empty() {
        return Err(FilesError::EmptyFolder(path.to_owned()));
    }
    Ok(files)
}

/// Reads one file of rules, or of tests of them.
pub(crate) fn read_file(path: &Path) -> Result<Source, FilesError> {
    let text = read_text(path, "a rules file", RULES_FILE_BYTES)?;
    Ok(Source::rules(path.display().to_string(), text))
}

/// Reads one file of values.
pub(crate) fn read_list(path: &Path) -> Result<String, FilesError> {
    read_text(path, "a list", LIST_FILE_BYTES)
}

fn read_text(path: &Path, what: &'static str, most: u64) -> Result<String, FilesError> {
    let system = |error| FilesError::System { path: path.to_owned(), error };
    // Asked before opening: a pipe would wait for somebody to write.
    let about = std::fs::metadata(path).map_err(system)?;
    if !about.is_file() {
        return Err(FilesError::NotRegular(path.to_owned()));
    }
    let too_large = |bytes| FilesError::TooLarge { path: path.to_owned(), bytes, what, most };
    if about.len() > most {
        return Err(too_large(about.len()));
    }
    let mut bytes = Vec::new();
    // It may have grown since it was asked.
    let file = File::open(path).map_err(system)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(system)?;
    if bytes.len() as u64 > most {
        return Err(too_large(bytes.len() as u64));
    }
    String::from_utf8(bytes).map_err(|error| FilesError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_toml_files_in_order_without_tests_and_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.toml", "a.test.toml", ".hidden.toml", "notes.md"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let texts: Vec<_> = read(Some(folder.path()), &State::default()).unwrap().into_iter().map(|source| source.text).collect();
        assert_eq!(texts, ["a.toml", "b.toml"]);
    }

    #[test]
    fn what_cannot_be_rules_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        File::create(place("large.toml")).unwrap().set_len(100 * 1024 * 1024).unwrap();
        std::fs::write(place("latin.toml"), b"name = \"caf\xe9\"").unwrap();
        std::fs::create_dir(place("empty")).unwrap();
        for (name, words, about_rules) in [
            ("large.toml", "the file has 100 MiB; a rules file may have 16 MiB", true),
            ("latin.toml", "not UTF-8 text (byte 11", true),
            ("empty", "holds no *.toml file", true),
            ("none", "no such file or folder", false),
        ] {
            let error = read(Some(&place(name)), &State::default()).unwrap_err();
            assert!(error.to_string().contains(words), "{name}: {error}");
            assert_eq!(error.is_about_rules(), about_rules, "{name}");
        }
        for (name, words) in [
            ("large.toml", "large.toml: the file has 100 MiB; a list may have 1 MiB"),
            ("latin.toml", "latin.toml: the file is not UTF-8 text (byte 11"),
            ("empty", "empty: this is neither a file nor a folder"),
            ("none", "none: there is no such file"),
        ] {
            let rules = format!("[lists]\nl = {{ file = \"{name}\" }}\n");
            std::fs::write(place("rules.toml"), rules).unwrap();
            let sources = read(Some(&place("rules.toml")), &State::default()).unwrap();
            let [_, list] = sources.as_slice() else { panic!("{sources:?}") };
            assert!(matches!(&list.kind, rules::Kind::Unread(why) if why.contains(words)), "{name}: {:?}", list.kind);
        }
        assert!(matches!(read(Some(Path::new("/dev/null")), &State::default()), Err(FilesError::NotRegular(_))));
    }
}
