//! How many different accounts rules have heard of: each is known by its id, by its handle, or by both, as each envelope tells it.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::distinct::{Distinct, Room, hashed};
use crate::model::subject::{Account, Platform};

/// Whose handles are whose ids, of all rules together, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<u64, u64, FixedState>);

/// The accounts of one rule.
#[derive(Debug, Default)]
pub(super) struct Authors(Distinct);

impl Authors {
    pub(super) fn add(&mut self, account: &Account, ids: &mut Ids, room: &mut Room) {
        let place = matches!(account.platform, Some(Platform::TruthSocial));
        let id = account.id.as_ref().map(|id| hashed(&(place, "id", &**id)));
        let handle = account.handle.as_ref().map(|handle| hashed(&(place, "handle", handle.to_lowercase())));
        if let (Some(id), Some(handle)) = (id, handle)
            && room.has_one(!ids.0.contains_key(&handle))
        {
            ids.0.insert(handle, id);
        }
        if let Some(account) = id.or(handle) {
            self.0.add_hash(account, room);
        }
    }

    /// How many, and whether there are more.
    pub(super) fn count(&self, ids: &Ids) -> (u64, bool) {
        // Those that were told by the handle alone as well.
        let (seen, is_cut) = (self.0.hashes(), self.0.is_cut());
        let twice = seen.iter().filter(|hash| ids.0.get(hash).is_some_and(|id| seen.contains(id))).count();
        ((seen.len() - twice) as u64, is_cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_one_whatever_of_it_each_envelope_tells() {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        for (told, expected) in [
            (&["@kol", "7@kol", "7@", "@KOL"][..], 1),
            (&["7@kol", "@kol", "7@renamed", "@renamed"], 1),
            (&["@kol", "@other", "7@kol"], 2),
            (&["7@", "@kol"], 2),
            (&["7@kol", "8@other", "@third"], 3),
        ] {
            let (mut authors, mut ids, mut room) = (Authors::default(), Ids::default(), Room::default());
            for account in told {
                let (id, handle) = account.split_once('@').unwrap();
                authors.add(&Account { id: some(id), handle: some(handle), ..Account::default() }, &mut ids, &mut room);
            }
            assert_eq!(authors.count(&ids), (expected, false), "{told:?}");
        }
        let (mut authors, mut ids, mut room) = (Authors::default(), Ids::default(), Room::default());
        for platform in [None, Some(Platform::TruthSocial)] {
            authors.add(&Account { handle: some("kol"), platform, ..Account::default() }, &mut ids, &mut room);
        }
        assert_eq!(authors.count(&ids), (2, false), "of another platform it is another one");
    }
}
