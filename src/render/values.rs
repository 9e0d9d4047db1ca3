//! What a firing says, as values: the variables of templates and, under the same names, the `data` of a webhook.
//!
//! Every text is sanitised (DESTINATIONS 2.1) but `tweet.raw_text`, which is what the feed said, character by character. What is not
//! known is left out. Times come as RFC 3339 and, with `_ms`, as Unix milliseconds; prices are numbers of US dollars; links are ours,
//! built from ids; `url` is what the feed said. Names and shapes are those of `rules::template::schema`.

use serde::Serialize;

use crate::model::ids::FiringId;
use crate::model::price::Price;
use crate::model::time::Timestamp;

/// How much of each text and list is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    /// Bytes of JSON of the tweet's text, and of its raw form.
    pub(super) text: usize,
    /// Bytes of JSON of other long texts: the other tweet's, OCR, self-descriptions.
    pub(super) other: usize,
    /// Bytes of JSON of names, symbols, URLs.
    pub(super) short: usize,
    /// Entries of a list.
    pub(super) list: usize,
}

impl Caps {
    /// For templates: only what nobody would show or send.
    pub(super) const TEMPLATE: Self = Self { text: 32 * 1024, other: 16 * 1024, short: 1_024, list: 100 };
    /// For a webhook's whole firing, at first; see [`Caps::halved`].
    pub(super) const WEBHOOK: Self = Self { text: 4 * 1024, other: 2 * 1024, short: 512, list: 20 };

    /// Half as much of everything.
    #[must_use]
    pub(super) fn halved(self) -> Self {
        Self { text: self.text / 2, other: self.other / 2, short: (self.short / 2).max(64), list: (self.list / 2).max(1) }
    }
}

/// Everything that a firing says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Values {
    /// The rule's name.
    pub(super) rule: String,
    pub(super) firing: FiringValues,
    /// `tweet`, `delete`, `pin`, `unpin`, `profile_update`, `follow`, `unfollow`.
    pub(super) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tweet: Option<TweetValues>,
    /// Who wrote the tweet, or did what the account event tells.
    pub(super) author: AccountValues,
    /// What the tweet replies to, quotes or retweets.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<ReferenceValues>,
    /// The token that the firing is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<TokenValues>,
    /// The market that the firing is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) market: Option<MarketValues>,
    /// The prediction market that the firing is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prediction: Option<PredictionValues>,
    pub(super) tokens: Vec<TokenValues>,
    pub(super) markets: Vec<MarketValues>,
    pub(super) predictions: Vec<PredictionValues>,
    /// Text recognised in the tweet's images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ocr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<AccountEventValues>,
    /// What matched, and where.
    pub(super) matched: Vec<MatchedValues>,
    /// Of a rule with a window: what became true over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<WindowValues>,
    /// Some text or list was longer than what is given here.
    pub(super) truncated: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct WindowValues {
    pub(super) r#type: &'static str,
    /// What it is counted apart by; empty where all is counted together.
    pub(super) key: String,
    pub(super) count: u32,
    /// The oldest first.
    pub(super) members: Vec<MemberValues>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct MemberValues {
    /// A handle, without the `@`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) who: Option<String>,
    pub(super) event: &'static str,
    pub(super) at: String,
    pub(super) at_ms: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct FiringValues {
    /// The idempotency key.
    pub(super) id: FiringId,
    pub(super) at: String,
    pub(super) at_ms: Timestamp,
    /// Seconds from the event to the firing.
    pub(super) age: f64,
    pub(super) expires_at: String,
    pub(super) expires_at_ms: Timestamp,
    /// Not from the live feed.
    pub(super) late: bool,
    /// Firings that were held back since the last one that was not.
    pub(super) held: u32,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct AccountValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// Without the `@`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) platform: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) avatar: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bio: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) followers: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) following: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) joined_at: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct TweetValues {
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) raw_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at_ms: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) received_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deleted_at: Option<String>,
    /// Expanded.
    pub(super) links: Vec<String>,
    /// Handles.
    pub(super) mentions: Vec<String>,
    pub(super) media: Vec<MediaValues>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct MediaValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    pub(super) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thumbnail: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ReferenceValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
    pub(super) author: AccountValues,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct TokenValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) symbol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contract: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Price>,
    pub(super) sources: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct MarketValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exchange: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) symbol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    pub(super) sources: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct PredictionValues {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exchange: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    pub(super) sources: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct AccountEventValues {
    pub(super) id: String,
    pub(super) actor: AccountValues,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<AccountValues>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changes: Vec<ChangeValues>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ChangeValues {
    pub(super) field: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct MatchedValues {
    pub(super) matcher: &'static str,
    pub(super) value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<&'static str>,
}
