//! The state folder: made, this user's alone, and locked so that one instance has it.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::error::JournalError;
use super::reader::Reader;
use super::rescue::open_or_rescue;
use super::rows::MuteRow;
use super::store::Store;
use super::{Settings, Sync, connect};
use crate::model::limits::JOURNAL_LOCK;
use crate::model::time::Timestamp;

/// Makes the folder if there is none, for this user alone. One that others may read is made private if it is ours and holds nothing but a
/// journal; else that is said in the log.
///
/// # Errors
/// [`JournalError::Folder`]; [`JournalError::NotOurs`] when others may put files there.
pub fn create(folder: &Path) -> Result<(), JournalError> {
    let failed = |source| JournalError::Folder { path: folder.to_owned(), what: "make the state folder", source };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => shut(folder, &found),
        Ok(_) => Err(failed(io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(failed(error)),
    }
}

/// Files that these options make are for this user alone.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// What belongs in a state folder.
fn is_of_journal(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("journal") || matches!(name, "lock" | "control.sock" | "tracked.txt"))
}

/// Sees to it that nobody else has a say in the folder.
#[cfg(unix)]
fn shut(folder: &Path, found: &Metadata) -> Result<(), JournalError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let (mode, owner, me) = (found.mode(), found.uid(), rustix::process::geteuid().as_raw());
    let not_ours = |why: String| JournalError::NotOurs { path: folder.to_owned(), why };
    // Root may use anybody's, as in a container with a folder of its host.
    if owner != me && me != 0 {
        return Err(not_ours(format!("it belongs to another user (uid {owner})")));
    }
    if owner != me {
        tracing::warn!(
            "{}: the state folder belongs to another user (uid {owner}), who can change the journal",
            folder.display()
        );
    }
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let failed = |source| JournalError::Folder { path: folder.to_owned(), what: "read the state folder", source };
    let mut names = fs::read_dir(folder).map_err(failed)?.map(|entry| entry.map(|entry| entry.file_name()));
    // Somebody's home, or a folder that the system shares, is not ours to shut.
    let is_ours_alone = mode & 0o1000 == 0 && names.all(|name| name.is_ok_and(|name| is_of_journal(&name)));
    if is_ours_alone && fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).is_ok() {
        tracing::warn!("{}: other users could look into the state folder; now only its owner can (0700)", folder.display());
        return Ok(());
    }
    if mode & 0o022 != 0 {
        return Err(not_ours("others may write there, and could put a journal of theirs in the place of this one".to_owned()));
    }
    tracing::warn!(
        "{}: others may look into the state folder, and it holds more than the journal; better give birdcall its own with --state",
        folder.display()
    );
    Ok(())
}

#[cfg(not(unix))]
fn shut(_: &Path, _: &Metadata) -> Result<(), JournalError> {
    Ok(())
}

/// Makes the journal's files private that were not, and refuses those that stand for a file somewhere else. Only under the lock.
///
/// # Errors
/// [`JournalError::NotOurs`].
#[cfg(unix)]
pub(super) fn tighten(folder: &Path) -> Result<(), JournalError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let failed = |source| JournalError::Folder { path: folder.to_owned(), what: "read the state folder", source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !path.file_name().is_some_and(is_of_journal) {
            continue;
        }
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        let not_ours = |why: String| JournalError::NotOurs { path: path.clone(), why };
        if found.is_symlink() {
            // The journal's parts find one another by their names.
            return Err(not_ours("it is a symbolic link; put the file itself here".to_owned()));
        }
        let (mode, owner, me) = (found.mode(), found.uid(), rustix::process::geteuid().as_raw());
        if found.is_file() && owner != me && me != 0 {
            return Err(not_ours(format!("it belongs to another user (uid {owner})")));
        }
        if found.is_file() && mode & 0o077 != 0 {
            let shut = fs::set_permissions(&path, fs::Permissions::from_mode(0o600));
            shut.map_err(|error| not_ours(format!("other users may read or write it, and that cannot be changed: {error}")))?;
            tracing::warn!("{}: other users could open it; now only its owner can (0600)", path.display());
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn tighten(_: &Path) -> Result<(), JournalError> {
    Ok(())
}

/// Has the folder until it is dropped, or the process ends, however it does.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join("lock");
        let failed = |source| JournalError::Folder { path: path.clone(), what: "lock the state folder", source };
        let file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(&path).map_err(failed)?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                // An instance that is just ending, or a child of a process that is between its fork and its exec.
                Err(TryLockError::WouldBlock) => std::thread::sleep(JOURNAL_LOCK / LOCK_TRIES),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Err(JournalError::InUse { folder: folder.to_owned() })
    }
}

/// How often it is tried.
const LOCK_TRIES: u32 = 5;

/// Changes mutes while no instance is running: `change` is given those that the journal has, also ended ones of lately, and returns the rows that
/// are to be written.
///
/// # Errors
/// As [`set_switch`].
pub fn change_mutes<E>(
    folder: &Path,
    at: Timestamp,
    change: impl FnOnce(Vec<MuteRow>) -> Result<Vec<MuteRow>, E>,
) -> Result<Result<(), E>, JournalError> {
    let mut changed = Ok(());
    let known = Reader::open(folder)?.mutes(at)?;
    at_rest(folder, at, |store| {
        match change(known) {
            Ok(rows) => store.say_mutes(rows)?,
            Err(why) => changed = Err(why),
        }
        Ok(())
    })?;
    Ok(changed)
}

/// Says, while no instance is running, whether orders may go when the next one starts.
///
/// # Errors
/// [`JournalError::InUse`] while one is: it has to be asked instead; others when the journal cannot be written.
pub fn set_switch(folder: &Path, armed: bool, why: &str, at: Timestamp) -> Result<(), JournalError> {
    at_rest(folder, at, |store| store.say_switch(armed, why, at))
}

/// Writes as the only one.
fn at_rest(folder: &Path, at: Timestamp, write: impl FnOnce(&mut Store) -> rusqlite::Result<()>) -> Result<(), JournalError> {
    create(folder)?;
    let _lock = Lock::take(folder)?;
    tighten(folder)?;
    let path = connect::file(folder);
    let settings = Settings { sync: Sync::Power, ..Settings::default() };
    let (mut store, _) = open_or_rescue(&path, &settings, at, true)?;
    write(&mut store).map_err(super::error::trouble(&path, "write the journal"))?;
    store.finish();
    Ok(())
}
