//! A file, or anything that is read → its lines: decompressed, numbered, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::line::{Fault, Faulty};
use crate::model::limits::{RECORDED_LINE_BYTES, RECORDING_BUFFER};

/// What a zstd frame begins with, and one that carries no data.
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
const SKIPPABLE: [u8; 3] = [0x2A, 0x4D, 0x18];
const GZIP: [u8; 2] = [0x1F, 0x8B];
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Why nothing more of a recording can be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The system, or the decompression, says no.
    #[error("{name}: {}{error}", after(*.lines))]
    Unreadable {
        /// The file.
        name: String,
        /// Lines that were read before.
        lines: u64,
        /// What it says.
        error: io::Error,
    },
    /// It is compressed in another way.
    #[error("{0}: this is gzip, and birdcall reads recordings that are plain or compressed with zstd: gunzip it first")]
    Gzip(String),
}

fn after(lines: u64) -> String {
    if lines == 0 { String::new() } else { format!("after line {lines}: ") }
}

/// The lines of a recording, one after another.
pub struct Lines {
    name: String,
    from: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
    has_ended: bool,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("name", &self.name).field("number", &self.number).finish_non_exhaustive()
    }
}

/// One line, or why it cannot be had.
#[derive(Debug)]
pub struct RawLine<'a> {
    /// Which one, from 1.
    pub number: u64,
    /// Without its break; never empty.
    pub text: &'a str,
}

/// How the reading of a line ended.
enum Ended {
    WithBreak,
    WithFile,
    TooLong,
    CutOff,
}

impl Lines {
    /// Those of a file.
    ///
    /// # Errors
    /// When it cannot be opened or is compressed in a way that we do not know.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::of(name, file),
            Err(error) => Err(RecordingError::Unreadable { name, lines: 0, error }),
        }
    }

    /// Those of whatever is read. Whether it is compressed shows in its first bytes.
    ///
    /// # Errors
    /// When nothing can be read or it is compressed in a way that we do not know.
    pub fn of(name: String, mut from: impl Read + Send + 'static) -> Result<Self, RecordingError> {
        let unreadable = |error| RecordingError::Unreadable { name: name.clone(), lines: 0, error };
        let mut head = Vec::with_capacity(4);
        (&mut from).take(4).read_to_end(&mut head).map_err(unreadable)?;
        if head.starts_with(&GZIP) {
            return Err(RecordingError::Gzip(name));
        }
        let is_zstd = head == ZSTD || head.get(1..) == Some(&SKIPPABLE);
        let whole = BufReader::with_capacity(RECORDING_BUFFER, io::Cursor::new(head).chain(from));
        let from: Box<dyn BufRead + Send> = if is_zstd {
            let plain = zstd::Decoder::with_buffer(whole).map_err(unreadable)?;
            Box::new(BufReader::with_capacity(RECORDING_BUFFER, plain))
        } else {
            Box::new(whole)
        };
        Ok(Self { name, from, line: Vec::new(), number: 0, has_ended: false })
    }

    /// The next line that is not empty; one that is no text or too long is told instead.
    ///
    /// # Errors
    /// When nothing more can be read. That a file ends too early is none: it is told as of its last line.
    pub fn next_line(&mut self) -> Result<Option<Result<RawLine<'_>, Faulty>>, RecordingError> {
        while !self.has_ended {
            let ended = self.read()?;
            self.has_ended = matches!(ended, Ended::WithFile | Ended::CutOff);
            let blank = self.line.trim_ascii().is_empty();
            let fault = match ended {
                Ended::TooLong => Fault::TooLong,
                // What is being written, or was when its program was killed, ends where it was last brought out.
                Ended::CutOff if blank && self.name.ends_with(".part") => continue,
                Ended::CutOff => Fault::CutOff,
                Ended::WithBreak | Ended::WithFile if blank => continue,
                Ended::WithBreak | Ended::WithFile => {
                    let number = self.number;
                    let text = str::from_utf8(trimmed(&self.line, number));
                    return Ok(Some(match text {
                        Ok(text) => Ok(RawLine { number, text }),
                        Err(_) => Err(Faulty { number, fault: Fault::NotUtf8 }),
                    }));
                }
            };
            return Ok(Some(Err(Faulty { number: self.number, fault })));
        }
        Ok(None)
    }

    /// Reads one line, with its break.
    fn read(&mut self) -> Result<Ended, RecordingError> {
        self.line.clear();
        self.number += 1;
        let room = u64::try_from(RECORDED_LINE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let read = (&mut self.from).take(room).read_until(b'\n', &mut self.line);
        let ended = match read {
            Ok(_) if self.line.ends_with(b"\n") => Ok(Ended::WithBreak),
            Ok(_) if self.line.len() <= RECORDED_LINE_BYTES => Ok(Ended::WithFile),
            Ok(_) => self.pass_over(),
            Err(error) => Err(error),
        };
        match ended {
            // So a compressed file says that there is less of it than there was to be.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Ended::CutOff),
            other => other.map_err(|error| {
                self.has_ended = true;
                RecordingError::Unreadable { name: self.name.clone(), lines: self.number - 1, error }
            }),
        }
    }

    /// Leaves out the rest of a line.
    fn pass_over(&mut self) -> io::Result<Ended> {
        loop {
            let here = self.from.fill_buf()?;
            let (length, ended) = match here.iter().position(|byte| *byte == b'\n') {
                Some(place) => (place + 1, true),
                None => (here.len(), here.is_empty()),
            };
            self.from.consume(length);
            if ended {
                self.line.clear();
                return Ok(Ended::TooLong);
            }
        }
    }
}

/// Without the break, spaces around, and the mark that some editors put at the beginning of a file.
fn trimmed(line: &[u8], number: u64) -> &[u8] {
    let line = if number == 1 { line.strip_prefix(BOM).unwrap_or(line) } else { line };
    line.trim_ascii()
}
