//! An account → how it is shown: by its handle, which cannot be forged, and only then by its display name, which is anybody's words.

use super::fit::{chars, cut};
use super::{link, sanitise};
use crate::model::subject::{Account, Platform};

/// Code points of a display name.
const NAME: usize = 48;

/// An account, as it is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Who {
    /// Display name: anybody's free text, one line of at most [`NAME`].
    pub(super) name: Option<String>,
    /// The handle, when it is nothing but a handle.
    pub(super) handle: Option<String>,
    /// Its page.
    pub(super) link: Option<String>,
    /// Its picture.
    pub(super) avatar: Option<String>,
    /// ` on Truth Social`, when it is not X.
    pub(super) place: &'static str,
}

impl Who {
    pub(super) fn of(account: &Account) -> Self {
        let handle = link::handle(account).map(ToOwned::to_owned);
        // A handle that is none is shown as a name is: as somebody's free text.
        let odd = account.handle.as_deref().filter(|_| handle.is_none());
        let name = account.name.as_deref().or(odd).map(sanitise::name).filter(|name| !name.is_empty());
        Self {
            name: name.filter(|name| Some(name) != handle.as_ref()).map(|name| cut(&name, NAME, chars).into_owned()),
            handle,
            link: link::profile(account),
            avatar: account.avatar.as_deref().and_then(link::picture),
            place: match account.platform() {
                Platform::Twitter => "",
                Platform::TruthSocial => " on Truth Social",
                Platform::Other(_) => " on another platform",
            },
        }
    }

    /// `@orbitlab_xyz · Orbit Lab`, in plain words: the handle, which cannot be forged, comes first.
    pub(super) fn line(&self) -> String {
        self.name.as_ref().map_or_else(|| self.safe(), |name| format!("{} · {name}", self.safe()))
    }

    /// The handle, or words of ours: never anybody's free text.
    pub(super) fn safe(&self) -> String {
        self.handle.as_ref().map_or_else(|| "an account".to_owned(), |handle| format!("@{handle}"))
    }

    /// Without anybody's words and pictures.
    pub(super) fn bare(&self) -> Self {
        Self { handle: self.handle.clone(), place: self.place, ..Self::default() }
    }
}
