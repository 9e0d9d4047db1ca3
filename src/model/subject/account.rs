//! An account, and what happens to it: profiles, follows.

use super::Str;
use crate::model::time::Timestamp;

/// Where an account lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Platform<S = Str> {
    /// X, formerly Twitter; also what an absent platform means.
    Twitter,
    /// Truth Social.
    TruthSocial,
    /// A platform that we do not know yet.
    Other(S),
}

impl Platform {
    /// The one that is spelled so.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "twitter" => Self::Twitter,
            "truth_social" => Self::TruthSocial,
            other => Self::Other(other.into()),
        }
    }
}

impl<S: AsRef<str>> Platform<S> {
    /// As the feed spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Twitter => "twitter",
            Self::TruthSocial => "truth_social",
            Self::Other(name) => name.as_ref(),
        }
    }
}

impl serde::Serialize for Platform {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Platform {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|name| Self::named(&name))
    }
}

/// An account, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account<S = Str> {
    /// Stays the same when the handle changes.
    pub id: Option<S>,
    /// Without the leading `@`, in the case that the feed wrote.
    pub handle: Option<S>,
    /// Display name: anybody's free text.
    pub name: Option<S>,
    /// Absent means X.
    pub platform: Option<Platform<S>>,
    /// URL of the picture.
    pub avatar: Option<S>,
    /// URL of the banner.
    pub banner: Option<S>,
    /// Self-description.
    pub bio: Option<S>,
    /// Followers.
    pub followers: Option<u64>,
    /// Accounts followed.
    pub following: Option<u64>,
    /// When it was created.
    pub joined_at: Option<Timestamp>,
    /// Stated place.
    pub location: Option<S>,
    /// Stated web site or profile URL.
    pub url: Option<S>,
    /// `blue`, `business`, `government`, `none` or a value that we do not know yet.
    pub verified: Option<S>,
}

impl<S: Clone> Account<S> {
    /// The platform, X when not stated.
    #[must_use]
    pub fn platform(&self) -> Platform<S> {
        self.platform.clone().unwrap_or(Platform::Twitter)
    }
}

/// One event of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountEvent<S = Str> {
    /// The feed's id of it, or a hash of what it says when the feed gave none.
    pub id: S,
    /// Who did it.
    pub actor: Account<S>,
    /// Who was followed or unfollowed.
    pub target: Option<Account<S>>,
    /// What changed in the profile, in the order of [`ProfileField::ALL`].
    pub changes: Vec<Change<S>>,
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
pub struct Change<S = Str> {
    /// Which part.
    pub field: ProfileField,
    /// What it was, when the feed said so.
    pub before: Option<S>,
    /// What it is now.
    pub after: Option<S>,
}
