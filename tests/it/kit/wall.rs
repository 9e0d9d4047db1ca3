//! The wall clock of the programs that a test starts, which the test moves while they run: by libfaketime, which stands between a program and
//! its C library. The steady clock stays as it is, as it does when somebody sets the time.

use std::path::PathBuf;

use tempfile::TempDir;

use super::binary::Home;

/// A wall clock.
pub(crate) struct Wall {
    folder: TempDir,
}

impl Wall {
    /// It is right at first.
    pub(crate) fn new() -> Self {
        let wall = Self { folder: tempfile::tempdir().unwrap() };
        wall.ahead(0);
        wall
    }

    /// Hangs it up in a home, for everything that runs there.
    pub(crate) fn of(&self, home: Home) -> Home {
        home.env("LD_PRELOAD", library().to_str().unwrap())
            .env("FAKETIME_TIMESTAMP_FILE", self.folder.path().join("now").to_str().unwrap())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
    }

    /// Puts it so many seconds ahead of what is right.
    pub(crate) fn ahead(&self, seconds: i64) {
        let (now, next) = (self.folder.path().join("now"), self.folder.path().join("next"));
        // In one step, as a program may look at any moment.
        std::fs::write(&next, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(next, now).unwrap();
    }
}

fn library() -> PathBuf {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];
    let found = folders.iter().map(|folder| PathBuf::from(folder).join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    found.expect("libfaketime is needed to move a program's clock: scripts/test installs it")
}
