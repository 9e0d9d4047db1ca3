//! A stream → its first line, if that is no longer than it may be.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Why there is no line.
#[derive(Debug)]
pub(super) enum NoLine {
    /// The other side went before its end.
    Ended,
    /// It is longer than it may be.
    TooLong,
    /// The system says no.
    System(std::io::Error),
}

/// Reads up to the first line break, which is not returned; what follows it is left or lost.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin), at_most: usize) -> Result<Vec<u8>, NoLine> {
    let mut line = Vec::with_capacity(1024);
    loop {
        let searched = line.len();
        // No further than the bound and the line break behind it.
        let room = u64::try_from(at_most.saturating_add(1).saturating_sub(searched)).unwrap_or(u64::MAX);
        match (&mut *from).take(room).read_buf(&mut line).await {
            Ok(0) if room == 0 => return Err(NoLine::TooLong),
            Ok(0) => return Err(NoLine::Ended),
            Ok(_) => {}
            Err(error) => return Err(NoLine::System(error)),
        }
        if let Some(end) = line.iter().skip(searched).position(|byte| *byte == b'\n') {
            line.truncate(searched + end);
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn first(bytes: &[u8], at_most: usize) -> Result<Vec<u8>, NoLine> {
        read(&mut &*bytes, at_most).await
    }

    #[tokio::test]
    async fn a_line_ends_at_its_break_and_may_be_as_long_as_the_bound() {
        assert_eq!(first(b"status\nmore", 10).await.unwrap(), b"status");
        assert_eq!(first(b"0123456789\n", 10).await.unwrap(), b"0123456789");
        assert_eq!(first(b"\n", 10).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn what_is_no_line_is_told_apart() {
        assert!(matches!(first(b"01234567890\n", 10).await, Err(NoLine::TooLong)));
        assert!(matches!(first(&[b'x'; 100_000], 10).await, Err(NoLine::TooLong)));
        assert!(matches!(first(b"status", 10).await, Err(NoLine::Ended)));
        assert!(matches!(first(b"", 10).await, Err(NoLine::Ended)));
    }
}
