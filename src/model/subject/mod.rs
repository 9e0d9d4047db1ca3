//! What rules are about: a tweet with all that has been learned of it so far, or one account event.

mod account;
mod detected;
mod texts;

use std::sync::Arc;

use super::ids::TweetId;
use super::time::Timestamp;

pub use account::{Account, AccountEvent, Change, Platform, ProfileField};
pub use detected::{Market, Prediction, Sources, Token};

/// Shared text: a subject is copied into every firing on it, its texts are not.
///
/// What is told of a tweet or an account stands in types that leave open what a text is: shared, as here and by default, or borrowed (`Tweet<&str>`)
/// from an envelope or from what joining remembers, which is what matching looks at. Texts are copied for what fired, and for nothing else.
pub type Str = Arc<str>;

/// What happened. A rule's `on` names these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A tweet was posted, completed or enriched: content, update or meta.
    Tweet,
    /// A tweet was deleted.
    Delete,
    /// A tweet was pinned to its author's profile.
    Pin,
    /// A tweet was unpinned.
    Unpin,
    /// An account changed its profile.
    ProfileUpdate,
    /// An account followed another.
    Follow,
    /// An account unfollowed another.
    Unfollow,
}

impl Event {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Tweet, Self::Delete, Self::Pin, Self::Unpin, Self::ProfileUpdate, Self::Follow, Self::Unfollow];

    /// As `on` in rules.toml spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tweet => "tweet",
            Self::Delete => "delete",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::ProfileUpdate => "profile_update",
            Self::Follow => "follow",
            Self::Unfollow => "unfollow",
        }
    }

    /// Whether its subject is a tweet (else it is an account event).
    #[must_use]
    pub fn is_about_a_tweet(self) -> bool {
        matches!(self, Self::Tweet | Self::Delete | Self::Pin | Self::Unpin)
    }
}

/// One subject of rules: what happened, and to what.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What happened.
    pub event: Event,
    /// To what.
    pub about: About,
    /// When it happened, by the feed's account and our clock: `createdAt` of a tweet, `observedAt` of an account event, else the envelope's
    /// `ts`.
    pub at: Timestamp,
}

impl Subject {
    /// A tweet as the subject of rules on tweets.
    #[must_use]
    pub fn of_tweet(tweet: Tweet, at: Timestamp) -> Self {
        Self { event: Event::Tweet, about: About::Tweet(Arc::new(tweet)), at }
    }

    /// The name under which a firing on it is hashed: equal for all envelopes of one tweet, different per `op` for delete, pin and unpin.
    #[must_use]
    pub fn key(&self) -> String {
        let id = match &self.about {
            About::Tweet(tweet) => tweet.id.as_str(),
            About::Account(event) => &event.id,
        };
        key(self.event, id)
    }

    /// The same of a tweet of which no more is at hand than the id.
    #[must_use]
    pub fn key_of_tweet(id: &TweetId) -> String {
        key(Event::Tweet, id.as_str())
    }

    /// The tweet's author, or the account that did something.
    #[must_use]
    pub fn actor(&self) -> &Account {
        match &self.about {
            About::Tweet(tweet) => &tweet.author,
            About::Account(event) => &event.actor,
        }
    }

    /// The tweet, if it is about one.
    #[must_use]
    pub fn tweet(&self) -> Option<&Tweet> {
        match &self.about {
            About::Tweet(tweet) => Some(tweet),
            About::Account(_) => None,
        }
    }
}

fn key(event: Event, id: &str) -> String {
    // An alert waits for it.
    [event.name(), ":", id].concat()
}

/// A tweet or an account event.
#[derive(Clone, Debug)]
pub enum About {
    /// All that has been learned of a tweet.
    Tweet(Arc<Tweet>),
    /// One event of an account.
    Account(Arc<AccountEvent>),
}

/// Which envelopes of a tweet have arrived. What has not arrived is unknown to matchers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parts {
    /// `content`: author, text, kind.
    pub content: bool,
    /// At least one `update`: context of replies and quotes, expanded links, media.
    pub update: bool,
    /// At least one `meta`: detections and OCR.
    pub meta: bool,
}

/// A tweet with all that has been learned of it: content, updates and meta, merged. What was never said is `None` or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tweet<S = Str> {
    /// The tweet's id.
    pub id: TweetId,
    /// Which envelopes it is made of.
    pub parts: Parts,
    /// Post, reply, quote or retweet, as the feed said; see [`Tweet::kind`].
    pub stated_kind: Option<Kind<S>>,
    /// The raw text.
    pub text: Option<S>,
    /// When it was published.
    pub created_at: Option<Timestamp>,
    /// When TweetStream received it.
    pub received_at: Option<Timestamp>,
    /// Who wrote it.
    pub author: Account<S>,
    /// The permalink, as the feed wrote it.
    pub link: Option<S>,
    /// Images, videos, GIFs.
    pub media: Vec<Media<S>>,
    /// Accounts mentioned in the text.
    pub mentions: Vec<Mention<S>>,
    /// Links with their expansion.
    pub urls: Vec<Link<S>>,
    /// What it replies to, quotes or retweets.
    pub reference: Option<Reference<S>>,
    /// Text recognised in its images.
    pub ocr: Option<S>,
    /// Detected on-chain tokens.
    pub tokens: Vec<Token<S>>,
    /// Detected markets of centralised exchanges.
    pub markets: Vec<Market<S>>,
    /// Detected prediction markets.
    pub predictions: Vec<Prediction<S>>,
    /// When the feed said that it was deleted.
    pub deleted_at: Option<Timestamp>,
}

impl<S: Clone + Default> Tweet<S> {
    /// A tweet of which nothing but the id is known.
    #[must_use]
    pub fn unknown(id: TweetId) -> Self {
        Self {
            id,
            parts: Parts::default(),
            stated_kind: None,
            text: None,
            created_at: None,
            received_at: None,
            author: Account::default(),
            link: None,
            media: Vec::new(),
            mentions: Vec::new(),
            urls: Vec::new(),
            reference: None,
            ocr: None,
            tokens: Vec::new(),
            markets: Vec::new(),
            predictions: Vec::new(),
            deleted_at: None,
        }
    }

    /// The stated kind, else that of the reference, else `post` once the content is here (PROTOCOL 3.1). `None`: not known yet.
    #[must_use]
    pub fn kind(&self) -> Option<Kind<S>> {
        let of_reference = || self.reference.as_ref().and_then(|reference| reference.kind.clone());
        self.stated_kind.clone().or_else(of_reference).or_else(|| self.parts.content.then_some(Kind::Post))
    }
}

/// What sort of tweet it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind<S = Str> {
    /// A post of its own.
    Post,
    /// A reply.
    Reply,
    /// A quote.
    Quote,
    /// A retweet.
    Retweet,
    /// A kind that we do not know yet.
    Other(S),
}

impl<S: AsRef<str>> Kind<S> {
    /// As the feed spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Post => "post",
            Self::Reply => "reply",
            Self::Quote => "quote",
            Self::Retweet => "retweet",
            Self::Other(name) => name.as_ref(),
        }
    }
}

/// An image, video or GIF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media<S = Str> {
    /// `image`, `video`, `gif` or a value that we do not know yet; the feed often leaves it out.
    pub kind: Option<S>,
    /// Where it is.
    pub url: S,
    /// A still of it.
    pub thumbnail: Option<S>,
}

/// An account mentioned in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mention<S = Str> {
    /// The account's id.
    pub id: Option<S>,
    /// Without the leading `@`.
    pub handle: Option<S>,
    /// Display name.
    pub name: Option<S>,
}

/// A link of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<S = Str> {
    /// The expanded URL.
    pub url: S,
    /// What the text shows in its place.
    pub name: Option<S>,
    /// The `https://t.co/…` that stands in the raw text.
    pub tco: Option<S>,
}

/// What a tweet replies to, quotes or retweets. Often incomplete at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference<S = Str> {
    /// Reply, quote or retweet.
    pub kind: Option<Kind<S>>,
    /// The other tweet's id.
    pub tweet_id: Option<TweetId>,
    /// The other tweet's text.
    pub text: Option<S>,
    /// The other tweet's author.
    pub author: Account<S>,
    /// The other tweet's media.
    pub media: Vec<Media<S>>,
}
