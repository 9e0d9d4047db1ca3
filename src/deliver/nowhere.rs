//! The other end of a rehearsal: a connection to nobody, who has taken every request as soon as it is written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Answers what was written since the last answer: the requests of a rehearsal are small and leave in one write.
#[derive(Debug, Default)]
pub(crate) struct Nowhere {
    /// Of the answer, what is still to be said.
    left: &'static [u8],
    reader: Option<Waker>,
}

impl Nowhere {
    fn take(&mut self, length: usize) -> Poll<io::Result<usize>> {
        if length > 0 {
            self.left = TAKEN;
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncRead for Nowhere {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (now, later) = self.left.split_at(self.left.len().min(buf.remaining()));
        buf.put_slice(now);
        self.left = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Nowhere {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.take(buf.len())
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, _: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.take(bufs.iter().map(|buf| buf.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_request_is_answered_once_in_pieces_of_any_size() {
        let mut nowhere = Nowhere::default();
        for _ in 0..3 {
            nowhere.write_all(b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\n").await.unwrap();
            nowhere.write_all(b"x").await.unwrap();
            let mut said = Vec::new();
            let mut piece = [0; 7];
            while said.len() < TAKEN.len() {
                let read = nowhere.read(&mut piece).await.unwrap();
                said.extend_from_slice(&piece[..read]);
            }
            assert_eq!(said, TAKEN);
            let mut more = ReadBuf::new(&mut piece);
            let waits = Pin::new(&mut nowhere).poll_read(&mut Context::from_waker(Waker::noop()), &mut more);
            assert!(waits.is_pending());
        }
    }
}
