//! A connection, read ahead: where more waits than was asked for, the next read takes as much as there is, and what was not asked for waits here.
//!
//! What comes alone is read straight into its place. But of a flood the system is asked once for fifty envelopes, and not for each.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read at once where much waits.
const AHEAD: usize = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Ahead<S> {
    wire: S,
    /// What was read and not asked for yet lies from `from` to `to`. Without room until it is needed.
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    /// The last read was given as much as it had asked for: there may be more.
    is_behind: bool,
}

impl<S> Ahead<S> {
    /// Of a connection of which so much was read already.
    pub(super) fn new(wire: S, read: Vec<u8>) -> Self {
        Self { wire, from: 0, to: read.len(), buffer: read, is_behind: false }
    }

    /// Hands out what waits here, as far as there is room.
    fn hand_out(&mut self, into: &mut ReadBuf<'_>) {
        let end = self.to.min(self.from + into.remaining());
        into.put_slice(self.buffer.get(self.from..end).unwrap_or_default());
        self.from = end;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Ahead<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.from == this.to && this.is_behind {
            this.is_behind = false;
            this.buffer.resize(AHEAD, 0);
            let mut read = ReadBuf::new(&mut this.buffer);
            ready!(Pin::new(&mut this.wire).poll_read(cx, &mut read))?;
            this.is_behind = read.remaining() == 0;
            (this.from, this.to) = (0, read.filled().len());
        } else if this.from == this.to {
            let room = into.remaining();
            ready!(Pin::new(&mut this.wire).poll_read(cx, into))?;
            this.is_behind = room > 0 && into.remaining() == 0;
            return Poll::Ready(Ok(()));
        }
        this.hand_out(into);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ahead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::task::Waker;

    /// Gives at most so many bytes at each read, and nothing where that is zero; counts how often it was asked.
    struct Wire {
        bytes: Vec<u8>,
        at: usize,
        gives: Vec<usize>,
        asked: usize,
    }

    impl AsyncRead for Wire {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let gives = self.gives[self.asked % self.gives.len()];
            self.asked += 1;
            let end = self.bytes.len().min(self.at + gives.min(into.remaining()));
            if gives == 0 {
                return Poll::Pending;
            }
            into.put_slice(&self.bytes[self.at..end]);
            self.at = end;
            Poll::Ready(Ok(()))
        }
    }

    /// All that comes of it when it is asked for so many bytes again and again; with how often its wire was.
    fn read(bytes: &[u8], first: usize, gives: Vec<usize>, asks: &[usize]) -> (Vec<u8>, usize) {
        let wire = Wire { bytes: bytes[first..].to_vec(), at: 0, gives, asked: 0 };
        let mut ahead = Ahead::new(wire, bytes[..first].to_vec());
        let (mut all, mut context) = (Vec::new(), Context::from_waker(Waker::noop()));
        for ask in asks.iter().cycle() {
            let mut room = vec![0; *ask];
            let mut into = ReadBuf::new(&mut room);
            match Pin::new(&mut ahead).poll_read(&mut context, &mut into) {
                Poll::Ready(Ok(())) if into.filled().is_empty() => break,
                Poll::Ready(Ok(())) => all.extend_from_slice(into.filled()),
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => {}
            }
        }
        (all, ahead.wire.asked)
    }

    proptest! {
        #[test]
        fn what_comes_is_what_was_sent_however_it_is_asked_for(
            length in 0_usize..300_000,
            first in 0_usize..3_000,
            gives in proptest::collection::vec(prop_oneof![Just(0_usize), 1_usize..20_000, Just(1 << 20)], 1..6),
            asks in proptest::collection::vec(1_usize..10_000, 1..6),
        ) {
            prop_assume!(gives.iter().any(|gives| *gives > 0));
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let (all, _) = read(&bytes, first.min(length), gives, &asks);
            prop_assert!(all == bytes);
        }
    }

    #[test]
    fn of_a_flood_much_is_read_at_once_and_of_what_comes_alone_no_more_than_that() {
        let flood = vec![7; 1 << 20];
        let (all, asked) = read(&flood, 0, vec![usize::MAX], &[1_400]);
        assert_eq!((all.len(), asked), (1 << 20, 1 + ((1 << 20) - 1_400_usize).div_ceil(AHEAD) + 1));
        // Every second time that it is asked nothing has come.
        let (all, asked) = read(&flood[..14_000], 0, vec![1_400, 0], &[8_192]);
        assert_eq!((all.len(), asked), (14_000, 21));
    }
}
