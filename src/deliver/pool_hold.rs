//! A connection in the hands of one request, whichever protocol it speaks.

use std::sync::Arc;

use hyper::body::Incoming;

use super::connection_http1::Broken;
use super::connection_http2::{self, Many};
use super::http1_answer::Head;
use super::outgoing::Outgoing;
use super::pool_berth::Lease;
use super::words::in_words;
use crate::model::limits;

/// A connection to send one request on.
pub(crate) enum Hold {
    Single(Lease),
    /// With the body of its answer, once the head is there.
    Many(Many, Option<Incoming>),
}

/// Why there is no answer.
pub(crate) enum Unanswered {
    /// The gate did not let it through. The connection stands.
    Shut,
    /// The connection had ended before it was begun with, and why.
    Untouched(Box<Outgoing>, String),
    /// The receiver says that it did nothing with it.
    Unprocessed(String),
    Words(String),
}

impl Hold {
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Many(..))
    }

    /// Sends, and waits for the answer's head.
    pub(crate) async fn exchange(&mut self, mut request: Outgoing) -> Result<Head, Unanswered> {
        if !request.body.lets_through() {
            return Err(Unanswered::Shut);
        }
        match self {
            Self::Single(lease) => lease.for_request().exchange(&mut request).await.map_err(|broken| match broken {
                Broken::Shut => Unanswered::Shut,
                Broken::Ended => Unanswered::Untouched(Box::new(request), in_words(&broken)),
                broken => Unanswered::Words(in_words(&broken)),
            }),
            Self::Many(many, body) => {
                let route = Arc::clone(&request.route);
                let sent = many.exchange(request.into_http2()).await.map_err(|mut error| match error.take_message() {
                    Some(untouched) => Unanswered::Untouched(Box::new(Outgoing::back(untouched, route)), in_words(error.error())),
                    None if connection_http2::is_unprocessed(error.error()) => Unanswered::Unprocessed(in_words(error.error())),
                    None => Unanswered::Words(in_words(error.error())),
                });
                let (head, answer) = sent?.into_parts();
                *body = Some(answer);
                Ok(Head { status: head.status.as_u16(), headers: head.headers })
            }
        }
    }

    /// Reads an answer's body, at most [`ANSWER_BYTES`](limits::ANSWER_BYTES) of it. Says whether that was all.
    pub(crate) async fn read(&mut self, into: &mut Vec<u8>) -> bool {
        let body = match self {
            Self::Single(lease) => return lease.single().body(into).await,
            Self::Many(_, body) => body,
        };
        let Some(mut body) = body.take() else { return false };
        loop {
            let chunk = match connection_http2::chunk(&mut body).await {
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
            Self::Many(..) => true,
        }
    }

    /// For the next request. One that is not given back is closed, unless others share it.
    pub(crate) fn give_back(self) {
        match self {
            Self::Single(lease) => lease.give_back(),
            Self::Many(..) => {}
        }
    }
}
