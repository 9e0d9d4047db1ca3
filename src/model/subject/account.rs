//! An account, and what happens to it: profiles, follows.

use super::Str;
use crate::model::time::Timestamp;

/// Where an account lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Platform {
    /// X, formerly Twitter; also what an absent platform means.
    Twitter,
    /// Truth Social.
    TruthSocial,
    /// A platform that we do not know yet.
    Other(Str),
}

impl Platform {
    /// As the feed spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Twitter => "twitter",
            Self::TruthSocial => "truth_social",
            Self::Other(name) => name,
        }
    }
}

/// An account, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Stays the same when the handle changes.
    pub id: Option<Str>,
    /// Without the leading `@`, in the case that the feed wrote.
    pub handle: Option<Str>,
    /// Display name: anybody's free text.
    pub name: Option<Str>,
    /// Absent means X.
    pub platform: Option<Platform>,
    /// URL of the picture.
    pub avatar: Option<Str>,
    /// URL of the banner.
    pub banner: Option<Str>,
    /// Self-description.
    pub bio: Option<Str>,
    /// Followers.
    pub followers: Option<u64>,
    /// Accounts followed.
    pub following: Option<u64>,
    /// When it was created.
    pub joined_at: Option<Timestamp>,
    /// Stated place.
    pub location: Option<Str>,
    /// Stated web site or profile URL.
    pub url: Option<Str>,
    /// `blue`, `business`, `government`, `none` or a value that we do not know yet.
    pub verified: Option<Str>,
}

impl Account {
    /// The platform, X when not stated.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.platform.clone().unwrap_or(Platform::Twitter)
    }
}

/// One event of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountEvent {
    /// The feed's id of it, or a hash of what it says when the feed gave none.
    pub id: Str,
    /// Who did it.
    pub actor: Account,
    /// Who was followed or unfollowed.
    pub target: Option<Account>,
    /// What changed in the profile, in the order of [`ProfileField::ALL`].
    pub changes: Vec<Change>,
}

/// A part of a profile that can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProfileField {
    /// Display name.
    Name,
    /// Handle.
    Handle,
    /// Self-description.
    Bio,
    /// Picture.
    Avatar,
    /// Banner.
    Banner,
    /// Stated place.
    Location,
}

impl ProfileField {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Name, Self::Handle, Self::Bio, Self::Avatar, Self::Banner, Self::Location];

    /// As the feed and rules.toml spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Handle => "handle",
            Self::Bio => "bio",
            Self::Avatar => "avatar",
            Self::Banner => "banner",
            Self::Location => "location",
        }
    }
}

/// One changed part of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which part.
    pub field: ProfileField,
    /// What it was, when the feed said so.
    pub before: Option<Str>,
    /// What it is now.
    pub after: Option<Str>,
}
