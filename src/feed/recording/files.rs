//! Entries → files of a recording: a new one begins when one has grown large or old, and what has a recording's name is whole.
//!
//! A file that is being written ends in `.part`, and can be read as far as it was flushed; when it is finished it gets its name. None is ever
//! written over or gone on with.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::write::Writer;
use crate::model::firing::Origin;
use crate::model::limits::RECORDING_FLUSH;
use crate::model::time::Timestamp;

/// Files of one second that are told apart by a number.
const SAME_SECOND: u32 = 10_000;

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One file, however large.
    File(PathBuf),
    /// A folder of files, each of at most so many bytes and so long.
    Folder {
        /// Which; it is made when it is not there.
        path: PathBuf,
        /// Bytes of one file, roughly: what is compressed leaves in blocks.
        bytes: u64,
        /// From the first entry of a file to its last.
        age: Duration,
        /// Whether they are compressed. A file by itself is so by its name.
        compressed: bool,
    },
}

/// A recording that is being written.
#[derive(Debug)]
pub struct Files {
    place: Place,
    open: Option<Open>,
    entries: u64,
    /// Of files that are finished.
    bytes: u64,
    finished: Vec<PathBuf>,
}

#[derive(Debug)]
struct Open {
    part: PathBuf,
    path: PathBuf,
    writer: Writer<File>,
    since: Timestamp,
    flushed: Timestamp,
    is_flushed: bool,
}

impl Files {
    /// Begins; a file is made when the first entry comes.
    ///
    /// # Errors
    /// When the folder cannot be made, or the file is there already.
    pub fn new(place: Place) -> io::Result<Self> {
        match &place {
            Place::Folder { path, .. } => fs::create_dir_all(path)?,
            Place::File(path) if path.exists() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "it is there already, and a recording is not written over",
                ));
            }
            Place::File(_) => {}
        }
        Ok(Self { place, open: None, entries: 0, bytes: 0, finished: Vec::new() })
    }

    /// Writes an entry that is received `now`, which is also when the file was made that it is the first of.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub fn write(&mut self, at: Timestamp, origin: Origin, envelope: &str, now: Timestamp) -> io::Result<()> {
        self.open(now)?.writer.write(at, origin, envelope)?;
        self.written(now)
    }

    /// Writes a bare envelope.
    ///
    /// # Errors
    /// As [`Files::write`].
    pub fn write_bare(&mut self, envelope: &str, now: Timestamp) -> io::Result<()> {
        self.open(now)?.writer.write_bare(envelope)?;
        self.written(now)
    }

    fn written(&mut self, now: Timestamp) -> io::Result<()> {
        self.entries += 1;
        if let Some(open) = &mut self.open {
            open.is_flushed = false;
        }
        self.pass(now)
    }

    /// Time has passed: what was written is brought out now and then, and a file ends that is old or large.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pass(&mut self, now: Timestamp) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if let Place::Folder { bytes, age, .. } = &self.place
            && (open.writer.bytes() >= *bytes || now.since(open.since) >= *age)
        {
            return self.end();
        }
        if !open.is_flushed && now.since(open.flushed) >= RECORDING_FLUSH {
            open.writer.flush()?;
            (open.flushed, open.is_flushed) = (now, true);
        }
        Ok(())
    }

    /// Ends the file at hand: it is whole, on disk, and gets its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let file = open.writer.finish()?;
        file.sync_all()?;
        self.bytes += file.metadata()?.len();
        fs::rename(&open.part, &open.path)?;
        self.finished.push(open.path);
        Ok(())
    }

    /// Entries so far.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes so far, as they are on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes + self.open.as_ref().map_or(0, |open| open.writer.bytes())
    }

    /// The files that are whole.
    #[must_use]
    pub fn finished(&self) -> &[PathBuf] {
        &self.finished
    }

    fn open(&mut self, now: Timestamp) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.begin(now)?,
        };
        Ok(self.open.insert(open))
    }

    fn begin(&self, now: Timestamp) -> io::Result<Open> {
        let (path, part, compressed) = match &self.place {
            Place::File(path) => (path.clone(), part(path), path.extension().is_some_and(|end| end == "zst")),
            Place::Folder { path, compressed, .. } => {
                let (path, part) = free(path, now, *compressed)?;
                (path, part, *compressed)
            }
        };
        let file = OpenOptions::new().write(true).create_new(true).open(&part);
        let file = file.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", part.display())))?;
        let writer = if compressed { Writer::zstd(file)? } else { Writer::plain(file) };
        Ok(Open { part, path, writer, since: now, flushed: now, is_flushed: true })
    }
}

/// What a file is called before it is whole.
fn part(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

/// A name that neither a whole file has nor one that is not.
fn free(folder: &Path, now: Timestamp, compressed: bool) -> io::Result<(PathBuf, PathBuf)> {
    let at = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    let (at, end) = (at.strftime("%Y%m%dT%H%M%SZ"), if compressed { "jsonl.zst" } else { "jsonl" });
    for number in 1..SAME_SECOND {
        let path = folder.join(if number == 1 { format!("feed-{at}.{end}") } else { format!("feed-{at}-{number}.{end}") });
        let part = part(&path);
        if !path.exists() && !part.exists() {
            return Ok((path, part));
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{}: no name is free for feed-{at}.{end}", folder.display())))
}
