//! What can go wrong with the journal, in words for people: where, what, and what to do. SQLite's own errors end here.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// SQLite's extended codes: <https://sqlite.org/rescode.html>.
const WRITE: i32 = 778;
const FSYNC: i32 = 1034;
const DIR_FSYNC: i32 = 1290;

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder, or a file in it, cannot be created or opened.
    #[error("{}: cannot {what}: {source}; check that this user may write there, or choose another folder with --state", path.display())]
    Folder {
        /// What of.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's words.
        source: io::Error,
    },
    /// Somebody else has a say in it.
    #[error("{}: {why}; see to its owner and permissions (chmod go-rwx), or choose another folder with --state", path.display())]
    NotOurs {
        /// The folder, or a file in it.
        path: PathBuf,
        /// Who or how.
        why: String,
    },
    /// Another process has it.
    #[error("{}: another birdcall is running on this state folder; stop it first, or give this one its own folder with --state", folder.display())]
    InUse {
        /// The state folder.
        folder: PathBuf,
    },
    /// It is of a later version. Nothing was touched.
    #[error(
        "{}: this journal was written by a newer birdcall (its format is {found}, this one knows {known}); install that version again, or move \
         the file away to start with an empty journal", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// It is a database of something else. Nothing was touched.
    #[error("{}: this is not a birdcall journal; move the file away, or choose another folder with --state", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There is none.
    #[error("{}: there is no journal here yet; `birdcall run` makes it (another folder? --state)", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It was damaged, and what could be read of it is not yet in a new one.
    #[error(
        "{}: this journal was found damaged and could not be mended yet, for want of room or by a fault of the disk; `birdcall run` goes on \
         with it", path.display()
    )]
    Unmended {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{}: cannot {what}: {why}", path.display())]
    Trouble {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why not, and what to do.
        why: Why,
    },
}

/// Why SQLite could not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No space.
    #[error("the disk is full; free some space")]
    Full,
    /// No permission.
    #[error("the file or its folder may not be written; check its owner, its permissions and how the disk is mounted")]
    ReadOnly,
    /// No file.
    #[error("the file cannot be opened; check its owner and its permissions, and that the disk is not full")]
    CannotOpen,
    /// The disk's fault.
    #[error("the disk reports an error (SQLite's code {0}); look at the system's log")]
    Io(i32),
    /// Somebody else writes.
    #[error("another program holds the journal; end its transaction (an open `sqlite3`?)")]
    Busy,
    /// Not what was written.
    #[error("the file is damaged")]
    Damaged,
    /// No memory.
    #[error("there is no memory left")]
    Memory,
    /// The disk has failed again and again.
    #[error("{0}. The journal was made anew several times already and is left alone now: see to the disk, then restart birdcall")]
    GivenUp(Box<Self>),
    /// What should not happen.
    #[error("SQLite says: {0}")]
    Other(String),
}

impl Why {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        let extended = error.sqlite_extended_error_code().unwrap_or_default();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                Self::ReadOnly
            }
            Some(ErrorCode::CannotOpen) => Self::CannotOpen,
            Some(ErrorCode::SystemIoFailure) => Self::Io(extended),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => Self::Busy,
            // The writer's numbers are always new: a row in the way is one that its table did not show.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => Self::Damaged,
            Some(ErrorCode::OutOfMemory) => Self::Memory,
            _ => Self::other(error),
        }
    }

    fn other(error: &rusqlite::Error) -> Self {
        match error {
            // A value of a type that was never written there.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::Damaged,
            // Neither says anything of the values: they are bound.
            other => Self::Other(other.to_string()),
        }
    }

    /// Whether what the disk has cannot be known after this: the file must be read with its check sums and written anew.
    ///
    /// A system that could not write what it held in memory may drop it and say of the next try that all is well, so a failed fsync must
    /// not be repeated on the same file. A write that fails is told at once and has lost nothing, unless it was to empty the log
    /// (`copying`): that would fail at the same place for ever, and only another place on the disk helps.
    pub(super) fn is_distrust(&self, copying: bool) -> bool {
        match self {
            Self::Damaged => true,
            Self::Io(FSYNC | DIR_FSYNC) => true,
            Self::Io(WRITE) => copying,
            _ => false,
        }
    }

    /// It may pass by itself: worth another try later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Full | Self::Io(_) | Self::Busy | Self::Memory)
    }
}

/// Gives an error of SQLite its words.
pub(super) fn trouble(path: &Path, what: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
    move |error| JournalError::Trouble { path: path.to_owned(), what, why: Why::of(&error) }
}

/// An order's intent is not on disk, so it must not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unrecorded(
    /// Why, in words.
    pub String,
);

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// The extended code; what it is called; whether the file is distrusted when a commit, and when emptying the log, meets it.
    #[test]
    fn only_what_leaves_the_disk_unknown_makes_the_file_distrusted() {
        for (code, why, committing, copying) in [
            (ffi::SQLITE_IOERR_FSYNC, Why::Io(1034), true, true),
            (ffi::SQLITE_IOERR_DIR_FSYNC, Why::Io(1290), true, true),
            (ffi::SQLITE_IOERR_WRITE, Why::Io(778), false, true),
            (ffi::SQLITE_IOERR_READ, Why::Io(266), false, false),
            (ffi::SQLITE_IOERR_LOCK, Why::Io(3850), false, false),
            (ffi::SQLITE_IOERR, Why::Io(10), false, false),
            (ffi::SQLITE_FULL, Why::Full, false, false),
            (ffi::SQLITE_BUSY_SNAPSHOT, Why::Busy, false, false),
            (ffi::SQLITE_READONLY_DBMOVED, Why::ReadOnly, false, false),
            (ffi::SQLITE_CANTOPEN, Why::CannotOpen, false, false),
            (ffi::SQLITE_CORRUPT_INDEX, Why::Damaged, true, true),
            (ffi::SQLITE_NOTADB, Why::Damaged, true, true),
        ] {
            let found = Why::of(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
            assert_eq!((&found, found.is_distrust(false), found.is_distrust(true)), (&why, committing, copying), "{code}");
        }
    }
}
