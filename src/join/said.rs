//! What one envelope says of a tweet, and what all of them together do: made once, and looked at where it is.

use std::ops::Deref;

use super::part::{self, Rank};
use crate::model::envelope::{Body, Envelope};
use crate::model::subject::Tweet;
use crate::model::time::Timestamp;

/// What one envelope says of a tweet that it is about.
#[derive(Debug)]
pub struct Said<'e> {
    pub(super) rank: Rank,
    pub(super) ts: Option<Timestamp>,
    pub(super) tweet: Tweet<&'e str>,
}

impl<'e> Said<'e> {
    /// Of a content, an update or a meta; of all else `None`.
    #[inline]
    #[must_use]
    pub fn of(envelope: &'e Envelope<'_>) -> Option<Self> {
        let (rank, tweet) = match &envelope.body {
            Body::Content(part) => (Rank::Content, part::of_tweet(part, Rank::Content)),
            Body::Update(part) => (Rank::Update, part::of_tweet(part, Rank::Update)),
            Body::Meta(meta) => (Rank::Meta, part::of_meta(meta)),
            _ => return None,
        };
        Some(Self { rank, ts: envelope.ts, tweet })
    }

    /// That alone, as a tweet.
    #[must_use]
    pub fn tweet(&self) -> &Tweet<&'e str> {
        &self.tweet
    }
}

/// All that has been said of a tweet.
#[derive(Debug)]
pub enum Whole<'j> {
    /// It stands in one envelope, which has just come.
    Said(&'j Tweet<&'j str>),
    /// It was made of several, or of one that came before.
    Made(Box<Tweet<&'j str>>),
}

impl<'j> Deref for Whole<'j> {
    type Target = Tweet<&'j str>;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Said(tweet) => tweet,
            Self::Made(tweet) => tweet,
        }
    }
}
