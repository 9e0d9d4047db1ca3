//! A connection in the hands of one request, whichever protocol it speaks.

use hyper::body::Incoming;

use super::connection_http1::Sent;
use super::connection_http2::{self, Many};
use super::gate::Gated;
use super::pool_berth::Lease;
use crate::model::limits;

/// A connection to send one request on.
pub(crate) enum Hold {
    Single(Lease),
    Many(Many),
}

impl Hold {
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Many(_))
    }

    /// Sends, and waits for the answer's head.
    pub(crate) async fn exchange(&mut self, request: hyper::Request<Gated>) -> Sent {
        match self {
            Self::Single(lease) => lease.for_request().exchange(request).await,
            Self::Many(many) => many.exchange(request).await,
        }
    }

    /// Reads an answer's body, at most [`ANSWER_BYTES`](limits::ANSWER_BYTES) of it. Says whether that was all.
    pub(crate) async fn read(&mut self, body: &mut Incoming, into: &mut Vec<u8>) -> bool {
        loop {
            let chunk = match self {
                Self::Single(lease) => lease.single().chunk(body).await,
                Self::Many(_) => connection_http2::chunk(body).await,
            };
            let chunk = match chunk {
                None => return true,
                Some(Ok(chunk)) => chunk,
                Some(Err(_)) => return false,
            };
            let room = limits::ANSWER_BYTES.saturating_sub(into.len());
            into.extend(chunk.iter().take(room));
            if chunk.len() > room {
                return false;
            }
        }
    }

    /// After an answer was read to its end: whether another request can follow.
    pub(crate) async fn is_free(&mut self) -> bool {
        match self {
            Self::Single(lease) => lease.single().is_free().await,
            Self::Many(_) => true,
        }
    }

    /// For the next request. One that is not given back is closed, unless others share it.
    pub(crate) fn give_back(self) {
        match self {
            Self::Single(lease) => lease.give_back(),
            Self::Many(_) => {}
        }
    }
}
