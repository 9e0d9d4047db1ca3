//! The accounts that the feed's key tracks, as it last said: kept in the state folder, for lists with `tracked = true`.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::files;
use crate::journal;
use crate::model::limits::LIST_FILE_VALUES;
use crate::model::time::Timestamp;
use crate::rules::{Kind, Source};

const HEAD: &str = "# The accounts that the feed's key tracks, as it said when this file was last changed. birdcall keeps this list for rules with\n\
    # `tracked = true`, and writes it anew when it has asked again.\n";

/// Where it is kept.
pub(super) fn path(state: &Path) -> PathBuf {
    state.join("tracked.txt")
}

/// What is kept; empty when there is nothing.
pub(super) fn kept(state: Option<&Path>) -> Source {
    let Some(path) = state.map(path) else { return Source::tracked("the accounts that the key tracks", "") };
    let text = match files::read_list(&path) {
        Ok(text) => text,
        Err(error) if error.is_missing() => String::new(),
        Err(error) => {
            let unread = Source::tracked(path.display().to_string(), "");
            return Source { kind: Kind::TrackedUnread(error.to_string()), ..unread };
        }
    };
    Source::tracked(path.display().to_string(), text)
}

/// When the feed said so.
pub(super) fn since(state: &Path) -> Option<Timestamp> {
    let changed = fs::metadata(path(state)).and_then(|about| about.modified()).ok()?;
    let since_1970 = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since_1970.as_millis()).ok().map(Timestamp::from_millis)
}

/// What has become of the feed's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is what was known.
    Same,
    /// It is something else.
    News,
    /// That the key tracks nobody is not believed of one that tracked somebody: that list goes on.
    NotEmptied,
}

/// What is said of [`Kept::NotEmptied`].
pub(super) fn not_emptied(state: &Path) -> String {
    let place = path(state);
    format!(
        "the feed says that the key tracks nobody, and the list of before goes on; if that is true, remove {}",
        place.display()
    )
}

/// Keeps what the feed says now.
pub(super) fn keep(state: &Path, handles: &HashSet<String>) -> io::Result<Kept> {
    let text = written(handles);
    let place = path(state);
    let known = files::read_list(&place);
    if text == HEAD && known.as_ref().is_ok_and(|known| known.lines().any(|line| !line.is_empty() && !line.starts_with('#'))) {
        return Ok(Kept::NotEmptied);
    }
    // The same is written once more: by its time it is known when that was said.
    let kept = if known.is_ok_and(|known| known == text) { Kept::Same } else { Kept::News };
    journal::create_folder(state).map_err(io::Error::other)?;
    // Whole or not at all, and a name of its own for each process.
    let beside = state.join(format!("tracked.txt.{}", std::process::id()));
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &place)
    };
    let done = write();
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done.map(|()| kept)
}

/// In an order, so that the same accounts are the same text. What is no handle the feed has said by mistake.
fn written(handles: &HashSet<String>) -> String {
    let is_handle =
        |handle: &&String| (1..=30).contains(&handle.len()) && handle.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let mut handles: Vec<_> = handles.iter().filter(is_handle).map(String::as_str).collect();
    handles.sort_unstable();
    handles.truncate(LIST_FILE_VALUES / 4);
    let mut text = HEAD.to_owned();
    for handle in handles {
        text.push_str(handle);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_the_same_is_no_news() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let handles = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<HashSet<_>>();
        assert_eq!(kept(Some(&state)).text, "");
        assert_eq!(since(&state), None);
        assert_eq!(keep(&state, &handles(&["\u{1b}[31m"])).unwrap(), Kept::News);
        assert_eq!(kept(Some(&state)).text, HEAD);
        assert_eq!(keep(&state, &handles(&["b", "a", "\u{1b}[31m", ""])).unwrap(), Kept::News);
        assert_eq!(kept(Some(&state)).text, format!("{HEAD}a\nb\n"));
        assert!(since(&state).is_some());
        assert_eq!(keep(&state, &handles(&["a", "b"])).unwrap(), Kept::Same);
        assert_eq!(keep(&state, &handles(&[])).unwrap(), Kept::NotEmptied);
        assert_eq!(kept(Some(&state)).text, format!("{HEAD}a\nb\n"));
        let left: Vec<_> = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["tracked.txt"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_as_such() {
        let is_unread = |state: &Path| matches!(kept(Some(state)).kind, Kind::TrackedUnread(_));
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(path(folder.path())).unwrap();
        assert!(is_unread(folder.path()));
        fs::remove_dir(path(folder.path())).unwrap();
        fs::write(path(folder.path()), b"a\n\xff\n").unwrap();
        assert!(is_unread(folder.path()));
        assert_eq!(kept(None).text, "");
    }
}
