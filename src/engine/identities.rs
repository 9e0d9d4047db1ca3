//! What windows and cooldowns count apart by: who did it and which token it is, by one key each, whatever the feed leaves out of an envelope.
//!
//! An account has an id, which survives a rename, and a handle; an envelope may have one of them alone. A token has a chain and a contract, and the
//! text of a tweet names no chain. So it is remembered what belonged together: the id of a handle, and the chain that a contract was first said to
//! be on, which goes without saying from then on. The same contract on another chain is another token.

use foldhash::fast::FixedState;
use hashlink::LinkedHashMap;

use crate::model::address::Address;
use crate::model::firing::Element;
use crate::model::ids::normal_symbol;
use crate::model::limits::IDENTITIES;
use crate::model::subject::{Account, Market, Platform, Prediction, Subject, Token};
use crate::model::window::Part;

/// What is known of accounts and contracts by what was counted of them. Of too many those that were not told of for longest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// By contract.
    chains: Known,
    /// By handle: the id.
    handles: Known,
}

impl Identities {
    /// The values of several parts, as one key. `None`: the match lacks one of them.
    pub(super) fn values(&mut self, parts: &[Part], subject: &Subject, element: Option<&Element>) -> Option<String> {
        let values: Option<Vec<_>> = parts.iter().map(|part| self.value(*part, subject, element)).collect();
        Some(values?.join("\u{1f}"))
    }

    /// The value of one. `None`: the match has nothing of the kind.
    pub(super) fn value(&mut self, part: Part, subject: &Subject, element: Option<&Element>) -> Option<String> {
        match (part, element) {
            (Part::Author, _) => self.author(subject.actor()),
            (Part::Tweet, _) => subject.tweet().map(|tweet| tweet.id.as_str().to_owned()),
            (Part::Token, Some(Element::Token(token))) => self.token(token),
            (Part::Contract, Some(Element::Token(token))) => contract(token),
            (Part::Market, Some(Element::Market(of))) => market(of),
            (Part::Prediction, Some(Element::Prediction(of))) => prediction(of),
            _ => None,
        }
    }

    /// An account by its id; by its handle only as long as no envelope has told whose that is. What is on record of windows is found by that, so that
    /// an id never goes by another key, whatever was learned before a restart.
    fn author(&mut self, account: &Account) -> Option<String> {
        let place = match account.platform {
            Some(Platform::TruthSocial) => "truth_social:",
            _ => "",
        };
        let of_id = account.id.as_ref().map(|id| format!("{place}{id}"));
        let of_handle =
            account.handle.as_ref().map(|handle| format!("{place}@{}", handle.trim_start_matches('@').to_lowercase()));
        match (of_id, of_handle) {
            (Some(id), Some(handle)) => {
                self.handles.learn(handle, &id);
                Some(id)
            }
            (Some(id), None) => Some(id),
            (None, Some(handle)) => Some(self.handles.get(&handle).map_or(handle.clone(), str::to_owned)),
            (None, None) => None,
        }
    }

    /// A token by its contract, with the chain if that is another one than the contract was first seen on; without a contract by its symbol or name.
    fn token(&mut self, token: &Token) -> Option<String> {
        // Its form says the chain, however that is spelled.
        if let Some(address @ Address::Solana(_)) = token.address {
            return Some(format!("solana:{address}"));
        }
        let Some(contract) = contract(token) else {
            return match (&token.symbol, &token.name) {
                (Some(symbol), _) => Some(format!("${}", normal_symbol(symbol))),
                (None, Some(name)) => Some(name.to_lowercase()),
                (None, None) => None,
            };
        };
        let Some(chain) = token.chain.as_ref().map(|chain| chain.to_lowercase()) else { return Some(contract) };
        match self.chains.get(&contract) {
            Some(first) if first != chain => Some(format!("{chain}:{contract}")),
            Some(_) => Some(contract),
            None => {
                self.chains.learn(contract.clone(), &chain);
                Some(contract)
            }
        }
    }
}

pub(super) fn contract(token: &Token) -> Option<String> {
    match (token.address, &token.contract) {
        (Some(address), _) => Some(address.to_string()),
        (None, contract) => contract.as_deref().map(str::to_owned),
    }
}

fn market(of: &Market) -> Option<String> {
    let symbol = normal_symbol(of.symbol.as_deref().or(of.base.as_deref())?).into_owned();
    Some(format!("{}:{symbol}", of.exchange.as_deref().unwrap_or_default().to_lowercase()))
}

fn prediction(of: &Prediction) -> Option<String> {
    let which = of.id.as_deref().or(of.title.as_deref())?;
    Some(format!("{}:{which}", of.exchange.as_deref().unwrap_or_default().to_lowercase()))
}

/// What goes by what. Of too many the one that was not told of for longest leaves.
#[derive(Debug, Default)]
struct Known(LinkedHashMap<String, String, FixedState>);

impl Known {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn learn(&mut self, name: String, key: &str) {
        if self.get(&name) == Some(key) {
            // What is told again and again is not forgotten.
            self.0.to_back(&name);
            return;
        }
        self.0.insert(name, key.to_owned());
        if self.0.len() > IDENTITIES {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::subject::{About, AccountEvent, Event};
    use crate::model::time::Timestamp;

    /// The keys of accounts, each written as `id@handle`.
    fn authors(seen: &[&str]) -> Vec<String> {
        let mut identities = Identities::default();
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        let mut key = |written: &&str| {
            let (id, handle) = written.split_once('@').unwrap_or((written, ""));
            let actor = Account { id: some(id), handle: some(handle), ..Account::default() };
            let about = AccountEvent { id: "1".into(), actor, target: None, changes: Vec::new() };
            let (event, at) = (Event::Follow, Timestamp::default());
            let subject = Subject { event, about: About::Account(std::sync::Arc::new(about)), at };
            identities.value(Part::Author, &subject, None).unwrap_or_default()
        };
        seen.iter().map(&mut key).collect()
    }

    #[test]
    fn an_account_is_one_whatever_of_it_an_envelope_has() {
        for (seen, keys) in [
            (&["7@kol", "@Kol", "7@renamed", "@renamed", "@kol"][..], &["7", "7", "7", "7", "7"][..]),
            // Before its id was known it goes by its handle.
            (&["@kol", "7@kol", "@kol", "7@renamed", "@renamed"], &["@kol", "7", "7", "7", "7"]),
            // A handle that somebody else has taken is theirs.
            (&["7@kol", "8@kol", "@kol", "7@old"], &["7", "8", "8", "7"]),
            (&["7@", "@kol"], &["7", "@kol"]),
        ] {
            assert_eq!(authors(seen), keys, "{seen:?}");
        }
    }

    /// The keys of tokens, each written as `chain:contract` or `$symbol`.
    fn tokens(seen: &[&str]) -> Vec<String> {
        let mut identities = Identities::default();
        let mut key = |written: &&str| {
            let (chain, contract) = written.split_once(':').unwrap_or(("", written));
            let chain = (!chain.is_empty()).then(|| chain.into());
            let token = match written.strip_prefix('$') {
                Some(symbol) => Token { symbol: Some(symbol.into()), ..Token::default() },
                None => {
                    Token { chain, contract: Some(contract.into()), address: Address::parse(contract).ok(), ..Token::default() }
                }
            };
            identities.token(&token).unwrap_or_default()
        };
        seen.iter().map(&mut key).collect()
    }

    #[test]
    fn a_contract_is_one_token_with_a_chain_and_without_and_two_on_two_chains() {
        const EVM: &str = "0x6982508145454ce325ddbe47a25d4ec3d2311933";
        const SOLANA: &str = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";
        let (ethereum, base) = (format!("ethereum:{EVM}"), format!("Base:{EVM}"));
        let on_base = format!("base:{EVM}");
        for first in [[EVM, &*ethereum], [&*ethereum, EVM]] {
            let seen = [first[0], first[1], &*base, EVM, &*ethereum];
            assert_eq!(tokens(&seen).iter().map(|key| key.to_lowercase()).collect::<Vec<_>>(), [EVM, EVM, &on_base, EVM, EVM]);
        }
        let solana = format!("solana:{SOLANA}");
        assert_eq!(tokens(&[SOLANA, &solana, &format!("sol:{SOLANA}")]), [&*solana, &solana, &solana]);
        assert_eq!(tokens(&["$pepe", "$PEPE"]), ["$PEPE", "$PEPE"]);
    }

    #[test]
    fn of_too_many_the_first_is_forgotten() {
        let mut known = Known::default();
        (0..=IDENTITIES).for_each(|number| known.learn(number.to_string(), "key"));
        assert_eq!((known.0.len(), known.get("0"), known.get("1")), (IDENTITIES, None, Some("key")));
    }
}
