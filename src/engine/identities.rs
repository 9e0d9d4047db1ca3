//! What windows and cooldowns count apart by: who did it and which token it is, by one key each, whatever the feed leaves out of an envelope.
//!
//! An account has an id, which survives a rename, and a handle; an envelope may have one of them alone. A token has a chain and a contract, and the
//! text of a tweet names no chain. So it is remembered what belonged together: the id that a handle had last, whenever that is heard, and the chain that a
//! contract was first said to be on, which goes without saying from then on. The same contract on another chain is another token.
//!
//! What is new is said, so that it is on record for the next start; what is told again is not.

mod known;

use std::borrow::Cow;
use std::collections::VecDeque;

use self::known::{Known, Saying};
use crate::model::address::Address;
use crate::model::chain;
use crate::model::firing::Element;
use crate::model::identity::{Identity, Kind};
use crate::model::ids::normal_symbol;
use crate::model::limits::TRACES_AT_ONCE;
use crate::model::subject::{Account, Market, Platform, Prediction, Str, Subject, Token};
use crate::model::time::Timestamp;
use crate::model::window::Part;

/// What is known of accounts and contracts by what was counted of them. Of too many those that were not told of for longest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// By contract.
    chains: Known,
    /// By handle: the id.
    handles: Known,
    /// What is to be recorded.
    news: VecDeque<Identity>,
    /// When what is learned is learned.
    now: Timestamp,
    /// The past is replayed: what it teaches is on record, as a rule.
    is_replay: bool,
}

impl Identities {
    /// What is learned from here on is learned at that moment.
    pub(super) fn at(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Knows what is on record as it was by a moment of the past that is replayed, until [`Identities::record`].
    pub(super) fn know(&mut self, identities: impl IntoIterator<Item = Identity>) {
        self.is_replay = true;
        for Identity { kind, name, is, at } in identities {
            let Some(is) = is else { continue };
            // An earlier version wrote a chain as the feed spelled it.
            let is = if kind == Kind::Contract { Str::from(chain::spelled(&is)) } else { is };
            let gone = self.of(kind).know(name, is, at);
            self.forget(kind, gone);
        }
    }

    /// The past was replayed: what it taught that is not on record is to be.
    pub(super) fn record(&mut self) {
        self.is_replay = false;
        let mut news = std::mem::take(&mut self.news);
        // What had to be forgotten and was learned again stays on record.
        news.retain(|gone| !self.of(gone.kind).knows(&gone.name));
        self.news = news;
        for kind in Kind::ALL {
            let unrecorded = self.of(kind).record();
            self.news.extend(unrecorded.into_iter().map(|(name, is, at)| Identity { kind, name, is: Some(is), at }));
        }
    }

    /// Takes over what another has learned and is not known here. What is known here stays: the keys of all that was counted so far, and is on record,
    /// are by it. For more than there is room for beside it, nothing of it has to go.
    pub(super) fn adopt(&mut self, other: &Self) {
        for (kind, known) in [(Kind::Handle, &other.handles), (Kind::Contract, &other.chains)] {
            // What that one has of the record is known here, unless it had to be forgotten.
            let adopted = self.of(kind).adopt(known, other.is_replay);
            self.news.extend(adopted.into_iter().map(|(name, is, at)| Identity { kind, name, is: Some(is), at }));
        }
    }

    /// What is to be recorded, as much of it as goes into one record.
    pub(super) fn news(&mut self) -> impl Iterator<Item = Identity> {
        let part = if self.is_replay { 0 } else { self.news.len().min(TRACES_AT_ONCE) };
        self.news.drain(..part)
    }

    fn of(&mut self, kind: Kind) -> &mut Known {
        match kind {
            Kind::Handle => &mut self.handles,
            Kind::Contract => &mut self.chains,
        }
    }

    /// What is new is to be recorded; in a replay only what is not on record at its end.
    fn learn(&mut self, kind: Kind, said: Saying<'_>) {
        let (now, is_replay) = (self.now, self.is_replay);
        let Some(learned) = self.of(kind).learn(said, now, !is_replay) else { return };
        if !is_replay {
            self.news.push_back(Identity { kind, name: learned.name, is: Some(learned.is), at: learned.at });
        }
        self.forget(kind, learned.gone);
    }

    fn forget(&mut self, kind: Kind, gone: Option<Str>) {
        let at = self.now;
        self.news.extend(gone.map(|name| Identity { kind, name, is: None, at }));
    }

    /// The values of several parts, as one key. `None`: the match lacks one of them.
    pub(super) fn values(&mut self, parts: &[Part], subject: &Subject, element: Option<&Element>) -> Option<String> {
        let values: Option<Vec<_>> = parts.iter().map(|part| self.value(*part, subject, element)).collect();
        Some(values?.join("\u{1f}"))
    }

    /// The value of one. `None`: the match has nothing of the kind.
    pub(super) fn value(&mut self, part: Part, subject: &Subject, element: Option<&Element>) -> Option<String> {
        match (part, element) {
            (Part::Author, _) => self.author(subject.actor(), subject.at),
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
    fn author(&mut self, account: &Account, at: Timestamp) -> Option<String> {
        let place = match account.platform {
            Some(Platform::TruthSocial) => "truth_social:",
            _ => "",
        };
        let of_id = account.id.as_ref().map(|id| format!("{place}{id}"));
        let of_handle =
            account.handle.as_ref().map(|handle| format!("{place}@{}", handle.trim_start_matches('@').to_lowercase()));
        match (of_id, of_handle) {
            (Some(id), Some(handle)) => {
                self.learn(Kind::Handle, Saying { name: &handle, is: &id, true_at: at });
                Some(id)
            }
            (Some(id), None) => Some(id),
            (None, Some(handle)) => Some(self.handles.get(&handle).map_or(handle.clone(), str::to_owned)),
            (None, None) => None,
        }
    }

    /// A token by its contract, with the chain if that is another one than the contract was first seen on; without a contract by its symbol or name.
    /// A chain may be said by its number alone.
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
        match self.on_chain(&contract, (token.chain.as_deref(), token.network)) {
            Some(other) => Some(format!("{other}:{contract}")),
            None => Some(contract),
        }
    }

    /// A contract is said to be on a chain, by its name or by the number of its network; the first that it is said to be on goes without saying from
    /// then on. Returns any other.
    pub(super) fn on_chain(
        &mut self,
        contract: &str,
        (chain, network): (Option<&str>, Option<u64>),
    ) -> Option<Cow<'static, str>> {
        if matches!(Address::parse(contract), Ok(Address::Solana(_))) {
            // Its form says the chain.
            return None;
        }
        let chain = chain.map(chain::spelled).or_else(|| network.map(chain::numbered))?;
        match self.chains.get(contract) {
            Some(first) if *first != *chain => Some(chain),
            _ => {
                self.learn(Kind::Contract, Saying { name: contract, is: &chain, true_at: self.now });
                None
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

    /// The keys of tokens, each written as `chain:contract`, `#network:contract` or `$symbol`.
    fn tokens(seen: &[&str]) -> Vec<String> {
        tokens_of(Identities::default(), seen)
    }

    fn tokens_of(mut identities: Identities, seen: &[&str]) -> Vec<String> {
        let mut key = |written: &&str| {
            let (chain, contract) = written.split_once(':').unwrap_or(("", written));
            let network = chain.strip_prefix('#').and_then(|number| number.parse().ok());
            let chain = (!chain.is_empty() && network.is_none()).then(|| chain.into());
            let token = match written.strip_prefix('$') {
                Some(symbol) => Token { symbol: Some(symbol.into()), ..Token::default() },
                None => {
                    let (address, contract) = (Address::parse(contract).ok(), Some(contract.into()));
                    Token { chain, network, contract, address, ..Token::default() }
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
    fn a_contract_is_told_apart_by_the_number_of_its_network_and_whatever_the_spelling_of_its_chain() {
        const EVM: &str = "0x6982508145454Ce325dDbE47a25d4ec3d2311933";
        let on = |chain: &str| if chain.is_empty() { EVM.to_owned() } else { format!("{chain}:{EVM}") };
        // What chains envelopes say, and that of the key.
        for (seen, keys) in [
            (&["ethereum", "#8453", "#1", "", "base"][..], &["", "base", "", "", "base"][..]),
            (&["#8453", "", "Base", "eth", "#1"], &["", "", "", "ethereum", "ethereum"]),
            (&["eth", "Ethereum", "bnb", "BSC", "#56"], &["", "", "bsc", "bsc", "bsc"]),
            (&["#146", "#147", "#146"], &["", "network:147", ""]),
        ] {
            let written: Vec<_> = seen.iter().map(|chain| on(chain)).collect();
            let written: Vec<_> = written.iter().map(String::as_str).collect();
            assert_eq!(tokens(&written), keys.iter().map(|chain| on(chain)).collect::<Vec<_>>(), "{seen:?}");
        }
        let mut of_before = Identities::default();
        let row = Identity { kind: Kind::Contract, name: EVM.into(), is: Some("eth".into()), at: Timestamp::default() };
        of_before.know([row]);
        assert_eq!(tokens_of(of_before, &[&on("ethereum"), &on("base")]), [on(""), on("base")], "as an earlier version wrote it");
    }
}
