//! Entries → files of a recording: a new one begins when one has grown large or old, and what has a recording's name is whole.
//!
//! A file that is being written ends in `.part`, and can be read as far as it was flushed; when it is finished it gets its name. None is ever
//! written over or gone on with. The names of a folder's files are in the order in which they were begun.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::write::Writer;
use crate::model::firing::Origin;
use crate::model::limits::RECORDING_FLUSH;
use crate::model::time::Timestamp;

/// Files that are told apart by a number: they have four digits.
const NUMBERS: u32 = 10_000;

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
    moved: Option<PathBuf>,
    unfinished: Option<PathBuf>,
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
    /// When the folder cannot be made, or the file is there already, or somebody else is writing it.
    pub fn new(place: Place) -> io::Result<Self> {
        let moved = match &place {
            Place::Folder { path, .. } => {
                fs::create_dir_all(path)?;
                None
            }
            Place::File(path) if path.exists() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "it is there already, and a recording is not written over",
                ));
            }
            Place::File(path) if !folder(path).is_dir() => {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the folder that it is to be in is not there"));
            }
            Place::File(path) => make_way(path)?,
        };
        Ok(Self { place, open: None, entries: 0, bytes: 0, finished: Vec::new(), moved, unfinished: None })
    }

    /// Where that is now which an earlier recording to this file had left when it was killed.
    #[must_use]
    pub fn moved(&self) -> Option<&Path> {
        self.moved.as_deref()
    }

    /// What could not be ended, and can be read as far as it was written.
    #[must_use]
    pub fn unfinished(&self) -> Option<&Path> {
        self.unfinished.as_deref()
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
    /// When it cannot be written, or a file of its name has appeared meanwhile: then it keeps the name that it has.
    pub fn end(&mut self) -> io::Result<()> {
        let Some(Open { part, path, writer, .. }) = self.open.take() else { return Ok(()) };
        self.unfinished = Some(part.clone());
        let file = writer.finish()?;
        file.sync_all()?;
        self.bytes += file.metadata()?.len();
        name(&part, &path)?;
        // A name is on disk when its folder is.
        if cfg!(unix) {
            File::open(folder(&path))?.sync_all()?;
        }
        self.unfinished = None;
        self.finished.push(path);
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
        // For those who come to the same place meanwhile; where files cannot be locked, they are told by their names alone.
        let _ = file.try_lock();
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

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Gives a whole file its name, unless one has it.
fn name(part: &Path, path: &Path) -> io::Result<()> {
    let appeared = || {
        let why = format!("{} has appeared meanwhile and is not written over", path.display());
        io::Error::new(io::ErrorKind::AlreadyExists, why)
    };
    match fs::hard_link(part, path) {
        Ok(()) => fs::remove_file(part),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(appeared()),
        // Not every file system has links.
        Err(_) if path.exists() => Err(appeared()),
        Err(_) => fs::rename(part, path),
    }
}

/// Gives what a killed recording to this file has left another name, under which it can be read, too. Says which.
fn make_way(path: &Path) -> io::Result<Option<PathBuf>> {
    let part = part(path);
    let left = match File::open(&part) {
        Ok(left) => left,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", part.display()))),
    };
    if matches!(left.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        let why = format!("{} is being written by another birdcall: choose another name", part.display());
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
    }
    let (stem, end) = file_name(path);
    for number in 1..NUMBERS {
        let free = path.with_file_name(format!("{stem}.left-{number:04}{end}.part"));
        if !free.exists() {
            fs::rename(&part, &free)?;
            return Ok(Some(free));
        }
    }
    let why = format!("{} is left of an earlier recording: move it away first", part.display());
    Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
}

/// `week` and `.jsonl.zst`.
fn file_name(path: &Path) -> (String, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let end = [".jsonl.zst", ".jsonl"].into_iter().find(|end| name.ends_with(end)).unwrap_or_default();
    (name.strip_suffix(end).unwrap_or(&name).to_owned(), end.to_owned())
}

/// A name that neither a whole file has nor one that is not. Files of one second are numbered so that they stand in their order.
fn free(folder: &Path, now: Timestamp, compressed: bool) -> io::Result<(PathBuf, PathBuf)> {
    let at = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
    let (at, end) = (at.strftime("%Y%m%dT%H%M%SZ"), if compressed { "jsonl.zst" } else { "jsonl" });
    for number in 1..NUMBERS {
        let path = folder.join(format!("feed-{at}-{number:04}.{end}"));
        let part = part(&path);
        if !path.exists() && !part.exists() {
            return Ok((path, part));
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{}: no name is free for feed-{at}.{end}", folder.display())))
}
