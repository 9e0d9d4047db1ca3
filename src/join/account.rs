//! Account envelopes → account events.

use sha2::Digest as _;

use super::part;
use crate::model::envelope as wire;
use crate::model::subject::{Account, AccountEvent, Change, Event, ProfileField, Str};
use crate::model::time::Timestamp;

/// What changed in a profile, and when it was seen.
pub(super) fn profile_update(update: &wire::ProfileUpdate<'_>, envelope_id: Option<&str>) -> (AccountEvent, Option<Timestamp>) {
    let change = |field| {
        let now = of_profile(&update.changes, field)?;
        let owned = |text: &wire::Text<'_>| Str::from(text.as_str());
        Some(Change { field, before: of_profile(&update.previous, field).map(owned), after: Some(owned(now)) })
    };
    let event = AccountEvent {
        id: Str::from(""),
        actor: part::account(&update.actor).owned(),
        target: None,
        changes: ProfileField::ALL.into_iter().filter_map(change).collect(),
    };
    let stated = update.event_id.as_deref().or(envelope_id);
    (identified(event, Event::ProfileUpdate, stated, update.observed_at), update.observed_at)
}

/// Who followed or unfollowed whom, and when it was seen.
pub(super) fn follow(follow: &wire::Follow<'_>, kind: Event, envelope_id: Option<&str>) -> (AccountEvent, Option<Timestamp>) {
    let event = AccountEvent {
        id: Str::from(""),
        actor: part::account(&follow.actor).owned(),
        target: follow.target.as_ref().map(|target| part::account(target).owned()),
        changes: Vec::new(),
    };
    let stated = follow.event_id.as_deref().or(envelope_id);
    (identified(event, kind, stated, follow.observed_at), follow.observed_at)
}

fn of_profile<'p, 'a>(profile: &'p wire::Profile<'a>, field: ProfileField) -> Option<&'p wire::Text<'a>> {
    match field {
        ProfileField::Name => profile.name.as_ref(),
        ProfileField::Handle => profile.handle.as_ref(),
        ProfileField::Bio => profile.bio.as_ref(),
        ProfileField::Avatar => profile.avatar.as_ref(),
        ProfileField::Banner => profile.banner.as_ref(),
        ProfileField::Location => profile.location.as_ref(),
    }
}

/// Gives the event its id: the stated one, else a hash of who did what to whom when. Counts of followers and the like are left out of it,
/// as a duplicate may carry newer ones.
fn identified(event: AccountEvent, kind: Event, stated: Option<&str>, observed_at: Option<Timestamp>) -> AccountEvent {
    let id = stated.map_or_else(|| hash(&event, kind, observed_at), Str::from);
    AccountEvent { id, ..event }
}

fn hash(event: &AccountEvent, kind: Event, observed_at: Option<Timestamp>) -> Str {
    let mut hash = sha2::Sha256::new();
    let mut put = |text: Option<&str>| {
        // The length in front keeps neighbours apart, and an absent text from an empty one.
        hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
        hash.update(text.unwrap_or_default().as_bytes());
    };
    // The id alone decides when it is known: the handle may be spelled differently.
    let mut put_account = |account: &Account| {
        let handle = || account.handle.as_deref().map(str::to_lowercase);
        put(account.id.as_deref());
        put(if account.id.is_some() { None } else { handle() }.as_deref());
    };
    put_account(&event.actor);
    put_account(event.target.as_ref().unwrap_or(&Account::default()));
    put(Some(kind.name()));
    put(observed_at.map(|at| at.as_millis().to_string()).as_deref());
    for Change { field, before, after } in &event.changes {
        put(Some(field.name()));
        put(before.as_deref());
        put(after.as_deref());
    }
    let digits: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("hash-{digits}").into()
}
