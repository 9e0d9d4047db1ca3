//! Bytes as they come → an answer of HTTP/1.1: its head, then its body (RFC 9112). Pure: what was read goes in, in pieces of any size.

use std::mem::MaybeUninit;

use bytes::{Buf as _, BytesMut};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

use crate::model::limits::ANSWER_BYTES;

/// Lines of a head.
const LINES: usize = 100;
/// Digits of a chunk's length, zeros in front of it aside: more are no length.
const DIGITS: usize = 16;
/// Bytes of a line in a body of chunks.
const LINE: usize = 4 * 1024;
/// A head up to here is looked at whenever more of it comes, a longer one when it may be over.
const SHORT: usize = 4 * 1024;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("invalid HTTP version parsed")]
    Version,
    #[error("invalid HTTP status-code parsed")]
    Status,
    #[error("invalid HTTP header parsed")]
    Header,
    #[error("invalid content-length parsed")]
    Length,
    #[error("invalid chunk of the body parsed")]
    Chunk,
    #[error("unexpected transfer-encoding parsed")]
    Encoding,
    #[error("message head is too large")]
    TooLarge,
    #[error("connection closed before message completed")]
    Incomplete,
}

/// An answer's first part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
}

/// How the rest of an answer is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    framing: Framing,
    /// Another request may follow.
    pub(crate) keeps: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Framing {
    /// So much is still to come.
    Length(u64),
    Chunked(Part),
    /// All that comes.
    UntilEnd,
}

/// What comes next of a body in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Size,
    /// So much of this chunk.
    Data(u64),
    EndOfData,
    /// So many bytes of them have come.
    Trailers(usize),
    Over,
}

/// How far a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Whole,
    /// It is longer than what is read of one.
    Cut,
}

/// Whether it is time to look for a head, now that so many bytes have come behind the others: however they come, few of them are looked at twice.
pub(crate) fn may_have_head(read: &[u8], new: usize) -> bool {
    let tail = read.get(read.len().saturating_sub(new + 3)..).unwrap_or_default();
    let is_over = || tail.windows(2).any(|two| two == b"\n\n") || tail.windows(3).any(|three| three == b"\n\r\n");
    read.len() <= SHORT || read.len() >= ANSWER_BYTES || is_over()
}

/// The head at the beginning of `read`, once it is whole; it is taken out. What comes before it, as a word in between, is passed over.
pub(crate) fn head(read: &mut BytesMut) -> Result<Option<(Head, Rest)>, Flaw> {
    loop {
        let (mut lines, mut parsed) = ([const { MaybeUninit::uninit() }; LINES], httparse::Response::new(&mut []));
        let length = match httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, read, &mut lines) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if read.len() >= ANSWER_BYTES => return Err(Flaw::TooLarge),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::Version) => return Err(Flaw::Version),
            Err(httparse::Error::Status) => return Err(Flaw::Status),
            Err(httparse::Error::TooManyHeaders) => return Err(Flaw::TooLarge),
            Err(_) => return Err(Flaw::Header),
        };
        let status = parsed.code.filter(|code| *code >= 100).ok_or(Flaw::Status)?;
        if matches!(status, 100..=199) && status != 101 {
            read.advance(length);
            continue;
        }
        let mut headers = HeaderMap::with_capacity(parsed.headers.len());
        for line in parsed.headers.iter() {
            let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| Flaw::Header)?;
            headers.append(name, HeaderValue::from_bytes(line.value).map_err(|_| Flaw::Header)?);
        }
        let rest = Rest::of(status, parsed.version == Some(1), &headers)?;
        read.advance(length);
        return Ok(Some((Head { status, headers }, rest)));
    }
}

/// Whether a name stands in a header that is a list.
fn says(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
}

impl Rest {
    /// RFC 9112 6.3 and 9.3.
    fn of(status: u16, is_new: bool, headers: &HeaderMap) -> Result<Self, Flaw> {
        let closes = says(headers, CONNECTION, "close");
        let keeps = !closes && status != 101 && (is_new || says(headers, CONNECTION, "keep-alive"));
        let framing = if matches!(status, 101 | 204 | 304) { Framing::Length(0) } else { Framing::of(is_new, headers)? };
        Ok(Self { keeps: keeps && framing != Framing::UntilEnd, framing })
    }

    /// Takes what is there of the body out of `read`, as far as there is room for it in `body`.
    pub(crate) fn take(&mut self, read: &mut BytesMut, body: &mut Vec<u8>) -> Result<Progress, Flaw> {
        match &mut self.framing {
            Framing::Length(left) => {
                let is_cut = piece(read, left, body);
                Ok(if is_cut { Progress::Cut } else { progress(*left == 0) })
            }
            Framing::UntilEnd => {
                let mut left = u64::MAX;
                let is_cut = piece(read, &mut left, body);
                Ok(if is_cut { Progress::Cut } else { Progress::More })
            }
            Framing::Chunked(part) => chunks(part, read, body),
        }
    }

    /// The connection has ended: whether the body is whole by that.
    pub(crate) fn is_whole_at_end(&self) -> bool {
        self.framing == Framing::UntilEnd
    }
}

fn progress(is_whole: bool) -> Progress {
    if is_whole { Progress::Whole } else { Progress::More }
}

/// Moves what is there of a piece with so much `left`. Says whether there was not room for it.
fn piece(read: &mut BytesMut, left: &mut u64, body: &mut Vec<u8>) -> bool {
    let there = read.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    let taken = there.min(ANSWER_BYTES.saturating_sub(body.len()));
    body.extend_from_slice(read.get(..taken).unwrap_or_default());
    read.advance(taken);
    *left -= taken as u64;
    taken < there
}

fn chunks(part: &mut Part, read: &mut BytesMut, body: &mut Vec<u8>) -> Result<Progress, Flaw> {
    loop {
        *part = match part {
            Part::Size => match line(read)? {
                Some(line) => match size(&line)? {
                    0 => Part::Trailers(0),
                    size => Part::Data(size),
                },
                None => return Ok(Progress::More),
            },
            Part::Data(left) => {
                if piece(read, left, body) {
                    return Ok(Progress::Cut);
                }
                match left {
                    0 => Part::EndOfData,
                    _ => return Ok(Progress::More),
                }
            }
            Part::EndOfData => match line(read)? {
                Some(line) if line.is_empty() => Part::Size,
                Some(_) => return Err(Flaw::Chunk),
                None => return Ok(Progress::More),
            },
            // They say nothing to us.
            Part::Trailers(so_far) => match line(read)? {
                Some(line) if line.is_empty() => Part::Over,
                Some(line) if *so_far + line.len() < ANSWER_BYTES => Part::Trailers(*so_far + line.len() + 2),
                Some(_) => return Err(Flaw::TooLarge),
                None => return Ok(Progress::More),
            },
            Part::Over => return Ok(Progress::Whole),
        };
    }
}

/// The next line, without its end, once it is whole.
fn line(read: &mut BytesMut) -> Result<Option<BytesMut>, Flaw> {
    let Some(end) = read.iter().position(|byte| *byte == b'\n') else {
        return if read.len() < LINE { Ok(None) } else { Err(Flaw::TooLarge) };
    };
    let mut line = read.split_to(end + 1);
    line.truncate(end);
    if line.last() != Some(&b'\r') {
        return Err(Flaw::Chunk);
    }
    line.truncate(end - 1);
    Ok(Some(line))
}

/// A chunk's length: digits, and after a semicolon what says nothing to us.
fn size(line: &[u8]) -> Result<u64, Flaw> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let text = text.filter(|text| !text.is_empty()).map(|text| text.trim_start_matches('0'));
    let size = match text.filter(|text| text.len() <= DIGITS).ok_or(Flaw::Chunk)? {
        "" => Ok(0),
        text => u64::from_str_radix(text, 16),
    };
    size.map_err(|_| Flaw::Chunk)
}

impl Framing {
    fn of(is_new: bool, headers: &HeaderMap) -> Result<Self, Flaw> {
        if let Some(last) = headers.get_all(TRANSFER_ENCODING).into_iter().next_back() {
            if !is_new {
                return Err(Flaw::Encoding);
            }
            let last = last.to_str().map_err(|_| Flaw::Header)?.rsplit(',').next().unwrap_or_default();
            let is_chunked = last.trim().eq_ignore_ascii_case("chunked");
            return Ok(if is_chunked { Self::Chunked(Part::Size) } else { Self::UntilEnd });
        }
        let mut length = None;
        for value in headers.get_all(CONTENT_LENGTH) {
            for one in value.to_str().map_err(|_| Flaw::Length)?.split(',').map(str::trim) {
                let is_digits = !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_digit());
                let said: u64 = one.parse().ok().filter(|_| is_digits).ok_or(Flaw::Length)?;
                if length.is_some_and(|length| length != said) {
                    return Err(Flaw::Length);
                }
                length = Some(said);
            }
        }
        Ok(length.map_or(Self::UntilEnd, Self::Length))
    }
}

#[cfg(test)]
#[path = "http1_answer_tests.rs"]
mod tests;
