//! Mutes: which of them hold a firing back, and how many each has held.
//!
//! They hold by the log's time, so that a replay decides as the run did.

mod asked;

use std::collections::HashMap;

use crate::model::address::Address;
use crate::model::firing::{Element, Firing};
use crate::model::ids::{normal_handle, normal_symbol};
use crate::model::mute::{Mute, MuteOf, Muted};
use crate::model::subject::{Account, Market, Subject, Token};
use crate::rules::parse_handle;

pub use asked::{Asked, asked, made, named, next, only_new, still};

/// All mutes that may hold something.
#[derive(Clone, Debug, Default)]
pub struct Mutes {
    rules: HashMap<String, Vec<Holding>>,
    actions: HashMap<String, Vec<Holding>>,
    /// Firings, by a mute's number.
    held: HashMap<i64, u64>,
}

/// A firing that may be held.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'f> {
    /// The firing.
    pub firing: &'f Firing,
    /// Tells which tokens a subject has, also those that stand in its text alone. It takes a while.
    pub tokens_of: fn(&Subject) -> Vec<Token>,
}

#[derive(Clone, Debug)]
struct Holding {
    mute: Mute,
    narrowed: Narrowed,
}

impl Mutes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.actions.is_empty()
    }

    /// Goes on with these in the place of those before. One that stays has held what it had.
    pub fn replace(&mut self, mutes: impl IntoIterator<Item = Mute>) {
        let before = std::mem::take(self);
        for mute in mutes {
            self.held.insert(mute.number, before.held(mute.number));
            let (of, narrowed) = (self.of_mut(mute.of.what), Narrowed::of(&mute.of));
            of.entry(mute.of.name.clone()).or_default().push(Holding { mute, narrowed });
        }
    }

    /// Whether a mute of that rule or action holds the firing.
    #[must_use]
    pub fn holds(&self, what: Muted, name: &str, of: Candidate<'_>) -> bool {
        let mutes = match what {
            Muted::Rule => &self.rules,
            Muted::Action => &self.actions,
        };
        mutes.get(name).is_some_and(|all| all.iter().any(|mute| mute.holds(of)))
    }

    /// The same, and each that holds it counts it.
    pub fn hold(&mut self, what: Muted, name: &str, of: Candidate<'_>) -> bool {
        let Self { rules, actions, held } = self;
        let mutes = match what {
            Muted::Rule => rules,
            Muted::Action => actions,
        };
        let mut is_held = false;
        for mute in mutes.get(name).into_iter().flatten().filter(|mute| mute.holds(of)) {
            *held.entry(mute.mute.number).or_default() += 1;
            is_held = true;
        }
        is_held
    }

    /// How many firings the mute with this number has held since it is known here.
    #[must_use]
    pub fn held(&self, number: i64) -> u64 {
        self.held.get(&number).copied().unwrap_or(0)
    }

    fn of_mut(&mut self, what: Muted) -> &mut HashMap<String, Vec<Holding>> {
        match what {
            Muted::Rule => &mut self.rules,
            Muted::Action => &mut self.actions,
        }
    }
}

impl Holding {
    fn holds(&self, of: Candidate<'_>) -> bool {
        self.mute.holds_at(of.firing.at) && self.narrowed.is_about(of)
    }
}

/// What a mute is about beside its rule or action.
#[derive(Clone, Debug)]
pub struct Narrowed {
    token: Option<Wanted>,
    handle: Option<(Box<str>, Option<Box<str>>)>,
}

/// A token, as somebody has named it.
#[derive(Clone, Debug)]
enum Wanted {
    /// The contract on whatever chain.
    Address(Address),
    /// Whatever goes by this symbol.
    Symbol(String),
}

impl Narrowed {
    /// Of a mute.
    #[must_use]
    pub fn of(of: &MuteOf) -> Self {
        let token = of.token.as_deref();
        let token = token.map(|word| Address::parse(word).map_or_else(|_| Wanted::Symbol(word.to_owned()), Wanted::Address));
        let handle = of.handle.as_deref();
        let handle = handle.map(|handle| parse_handle(handle).unwrap_or_else(|_| (normal_handle(handle).into(), None)));
        Self { token, handle }
    }

    /// Whether there is nothing beside.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.token.is_none() && self.handle.is_none()
    }

    /// Whether a firing is about its token and of its account.
    #[must_use]
    pub fn is_about(&self, of: Candidate<'_>) -> bool {
        let actor = of.firing.subject.actor();
        self.handle.as_ref().is_none_or(|(handle, id)| is_account(actor, handle, id.as_deref()))
            && self.token.as_ref().is_none_or(|wanted| wanted.is_of(of))
    }
}

/// As in rules: the id decides when both are known.
fn is_account(account: &Account, handle: &str, id: Option<&str>) -> bool {
    match (id, account.id.as_deref()) {
        (Some(id), Some(known)) => id == known,
        _ => account.handle.as_deref().is_some_and(|known| *normal_handle(known) == *handle),
    }
}

impl Wanted {
    /// What a firing is about is its element; without one, whatever its tweet is.
    fn is_of(&self, Candidate { firing, tokens_of }: Candidate<'_>) -> bool {
        match &firing.element {
            Some(Element::Token(token)) => self.is_token(token),
            Some(Element::Market(market)) => self.is_market(market),
            Some(Element::Prediction(_)) => false,
            None => {
                let mut markets = firing.subject.tweet().into_iter().flat_map(|tweet| &tweet.markets);
                markets.any(|market| self.is_market(market))
                    || tokens_of(&firing.subject).iter().any(|token| self.is_token(token))
                    || firing.window.as_ref().is_some_and(|told| self.is_key(&told.key))
            }
        }
    }

    fn is_token(&self, token: &Token) -> bool {
        match self {
            Self::Address(wanted) => token.address == Some(*wanted),
            Self::Symbol(wanted) => token.symbol.as_deref().is_some_and(|symbol| *normal_symbol(symbol) == **wanted),
        }
    }

    /// Of the coin that is traded there; a contract is of no exchange.
    fn is_market(&self, market: &Market) -> bool {
        let Self::Symbol(wanted) = self else { return false };
        [&market.base, &market.symbol].into_iter().flatten().any(|known| *normal_symbol(known) == **wanted)
    }

    /// Of a silence nothing else says which token it is about: its key is the contract, after its chain, or the symbol.
    fn is_key(&self, key: &str) -> bool {
        key.split(['\u{1f}', ':']).any(|part| match self {
            Self::Address(wanted) => Address::parse(part).is_ok_and(|address| address == *wanted),
            Self::Symbol(wanted) => part.strip_prefix('$') == Some(wanted),
        })
    }
}
