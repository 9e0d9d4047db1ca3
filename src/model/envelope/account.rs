//! The payloads of the account and control families (PROTOCOL 3.5 to 3.8), as far as the feed says them.

use super::{Author, Text};
use crate::model::time::Timestamp;

/// account/profile_update (PROTOCOL 3.5).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileUpdate<'a> {
    /// `PROFILE`.
    pub kind: Option<Text<'a>>,
    /// The event's id.
    pub event_id: Option<Text<'a>>,
    /// When it was seen.
    pub observed_at: Option<Timestamp>,
    /// Who changed the profile.
    pub actor: Author<'a>,
    /// The new values, only what changed.
    pub changes: Profile<'a>,
    /// The old values.
    pub previous: Profile<'a>,
}

/// The parts of a profile that can change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile<'a> {
    /// Display name.
    pub name: Option<Text<'a>>,
    /// Without the leading `@`.
    pub handle: Option<Text<'a>>,
    /// Self-description.
    pub bio: Option<Text<'a>>,
    /// URL of the picture.
    pub avatar: Option<Text<'a>>,
    /// URL of the banner.
    pub banner: Option<Text<'a>>,
    /// Stated place.
    pub location: Option<Text<'a>>,
}

/// account/follow and account/unfollow (PROTOCOL 3.6).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Follow<'a> {
    /// `FOLLOW` or `UNFOLLOW`.
    pub kind: Option<Text<'a>>,
    /// The event's id.
    pub event_id: Option<Text<'a>>,
    /// When it was seen.
    pub observed_at: Option<Timestamp>,
    /// Who followed.
    pub actor: Author<'a>,
    /// Who was followed.
    pub target: Option<Author<'a>>,
}

/// account/callout (PROTOCOL 3.7).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Callout<'a> {
    /// `pump_fun`.
    pub platform: Option<Text<'a>>,
    /// `callout`.
    pub kind: Option<Text<'a>>,
    /// The callout's id.
    pub callout_id: Option<Text<'a>>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When TweetStream received it.
    pub received_at: Option<Timestamp>,
    /// Who made it.
    pub caller: Caller<'a>,
    /// Of which token.
    pub token: CalloutToken<'a>,
}

/// Who made a callout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller<'a> {
    /// Without the leading `@`.
    pub username: Option<Text<'a>>,
}

/// The token of a callout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalloutToken<'a> {
    /// The contract.
    pub address: Option<Text<'a>>,
    /// A CAIP-2 id such as `solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp`.
    pub chain_id: Option<Text<'a>>,
}

/// control/twitter_handles_result (PROTOCOL 3.8).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandlesResult<'a> {
    /// `follow` or `unfollow`.
    pub action: Option<Text<'a>>,
    /// Which request it answers.
    pub request_id: Option<Text<'a>>,
    /// Why the request failed as a whole.
    pub error: Option<Text<'a>>,
    /// One for each handle asked for.
    pub results: Vec<HandleResult<'a>>,
}

/// What became of one handle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandleResult<'a> {
    /// As it was asked for.
    pub input: Option<Text<'a>>,
    /// `added`, `already_following`, … or one that we do not know yet.
    pub state: Option<Text<'a>>,
    /// Without the leading `@`.
    pub handle: Option<Text<'a>>,
    /// As the server compares it.
    pub normalized_handle: Option<Text<'a>>,
    /// Display name.
    pub name: Option<Text<'a>>,
    /// URL of the picture.
    pub profile_image: Option<Text<'a>>,
    /// The account's id.
    pub twitter_id: Option<Text<'a>>,
    /// For people.
    pub message: Option<Text<'a>>,
}
