//! Why a frame is no envelope.

/// Why a frame is no envelope. Every refused frame is counted under one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Malformed {
    /// Not JSON: cut off, not a value, or something behind it.
    #[error("the frame is not JSON")]
    NotJson,
    /// JSON, and something else than an object.
    #[error("the frame is no JSON object")]
    NotAnObject,
    /// No `t`, or no text in it.
    #[error("the envelope has no t")]
    NoType,
    /// No `op`, or no text in it.
    #[error("the envelope has no op")]
    NoOp,
    /// No `d`, or no object in it.
    #[error("the envelope has no object d")]
    NoData,
    /// About a tweet, and neither `d` nor the envelope says which.
    #[error("the envelope is about a tweet and does not say which")]
    NoTweetId,
    /// One object says the same thing twice: whichever we believed, the other could be meant.
    #[error("an object of the envelope has the same key twice")]
    DuplicateKey,
    /// Longer than one message may be.
    #[error("the frame is longer than a message may be")]
    TooLong,
}

impl Malformed {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NotJson,
        Self::NotAnObject,
        Self::NoType,
        Self::NoOp,
        Self::NoData,
        Self::NoTweetId,
        Self::DuplicateKey,
        Self::TooLong,
    ];

    /// For counters; never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::NoType => "no_type",
            Self::NoOp => "no_op",
            Self::NoData => "no_data",
            Self::NoTweetId => "no_tweet_id",
            Self::DuplicateKey => "duplicate_key",
            Self::TooLong => "too_long",
        }
    }
}
