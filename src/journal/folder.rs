//! The state folder: made, and locked so that one instance has it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::error::JournalError;
use super::store::Store;
use super::{Settings, Sync, connect, writer};
use crate::model::limits::JOURNAL_LOCK;
use crate::model::time::Timestamp;

/// Makes the folder if there is none, for this user alone. For whoever needs it before the journal does.
///
/// # Errors
/// [`JournalError::Folder`].
pub fn create(folder: &Path) -> Result<(), JournalError> {
    let failed = |source| JournalError::Folder { path: folder.to_owned(), what: "make the state folder", source };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
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

/// Says, while no instance is running, whether orders may go when the next one starts.
///
/// # Errors
/// [`JournalError::InUse`] while one is: it has to be asked instead; others when the journal cannot be written.
pub fn set_switch(folder: &Path, armed: bool, why: &str, at: Timestamp) -> Result<(), JournalError> {
    create(folder)?;
    let _lock = Lock::take(folder)?;
    let path = connect::file(folder);
    let settings = Settings { sync: Sync::Power, ..Settings::default() };
    let (mut store, _) = writer::open_or_rescue(&path, &settings, at, 1)?;
    Store::say_switch(&mut store, armed, why, at).map_err(super::error::trouble(&path, "write the journal"))?;
    store.finish();
    Ok(())
}
