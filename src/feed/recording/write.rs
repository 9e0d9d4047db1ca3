//! Entries → a recording.

use std::io::{self, BufWriter, Write};

use crate::model::firing::Origin;
use crate::model::limits::RECORDING_BUFFER;
use crate::model::time::Timestamp;

/// How hard zstd tries: its own default, which takes a core for some hundred MB a second.
const LEVEL: i32 = 3;

/// Writes a recording. What has been written is in the file's hands after [`Writer::flush`], and can be read from there on.
pub struct Writer<W: Write> {
    to: To<W>,
    line: Vec<u8>,
    entries: u64,
}

enum To<W: Write> {
    Plain(BufWriter<Counted<W>>),
    Zstd(Box<zstd::Encoder<'static, Counted<W>>>),
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("entries", &self.entries).field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// One that does not compress.
    pub fn plain(to: W) -> Self {
        Self::new(To::Plain(BufWriter::with_capacity(RECORDING_BUFFER, Counted { to, bytes: 0 })))
    }

    /// One that compresses.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn zstd(to: W) -> io::Result<Self> {
        let mut encoder = zstd::Encoder::new(Counted { to, bytes: 0 }, LEVEL)?;
        // So that damage is noticed.
        encoder.include_checksum(true)?;
        Ok(Self::new(To::Zstd(Box::new(encoder))))
    }

    fn new(to: To<W>) -> Self {
        Self { to, line: Vec::new(), entries: 0 }
    }

    /// Writes one entry.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, at: Timestamp, origin: Origin, envelope: &str) -> io::Result<()> {
        self.line.clear();
        let (ms, origin) = (at.as_millis(), origin.name());
        write!(self.line, r#"{{"at":{ms},"origin":"{origin}","envelope":"#)?;
        self.put(envelope);
        self.line.extend_from_slice(b"}\n");
        self.leave()
    }

    /// Writes an envelope by itself.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_bare(&mut self, envelope: &str) -> io::Result<()> {
        self.line.clear();
        self.put(envelope);
        self.line.push(b'\n');
        self.leave()
    }

    fn put(&mut self, envelope: &str) {
        let start = self.line.len();
        self.line.extend_from_slice(envelope.as_bytes());
        // Between the tokens of JSON a line break is a space; within them there is none.
        self.line.iter_mut().skip(start).filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }

    fn leave(&mut self) -> io::Result<()> {
        self.entries += 1;
        match &mut self.to {
            To::Plain(to) => to.write_all(&self.line),
            To::Zstd(to) => to.write_all(&self.line),
        }
    }

    /// Entries so far.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes that have left so far, compressed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match &self.to {
            To::Plain(to) => to.get_ref().bytes + u64::try_from(to.buffer().len()).unwrap_or(u64::MAX),
            To::Zstd(to) => to.get_ref().bytes,
        }
    }

    /// Brings all that was written out.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Plain(to) => to.flush(),
            To::Zstd(to) => to.flush(),
        }
    }

    /// Brings all out and ends the recording.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> io::Result<W> {
        let mut counted = match self.to {
            To::Plain(to) => to.into_inner().map_err(io::IntoInnerError::into_error)?,
            To::Zstd(to) => to.finish()?,
        };
        counted.flush()?;
        Ok(counted.to)
    }
}

/// Counts what is written.
struct Counted<W> {
    to: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
