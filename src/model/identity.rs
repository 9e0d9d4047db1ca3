//! What belongs together, as envelopes taught it: whose id goes with a handle, and on which chain a contract goes without saying.

use super::subject::Str;
use super::time::Timestamp;

/// What goes by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An account, by its id.
    Handle,
    /// A token, by its contract alone where it is on this chain.
    Contract,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Handle, Self::Contract];

    /// As the journal spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Handle => "handle",
            Self::Contract => "contract",
        }
    }
}

/// What was learned of a handle or a contract. It is on record as soon as it is new, and a restart knows it from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Which of the two.
    pub kind: Kind,
    /// The handle or the contract.
    pub name: Str,
    /// The account's id or the chain. `None`: it is forgotten.
    pub is: Option<Str>,
    /// When it was learned; the least moment where nobody knows.
    pub at: Timestamp,
}

impl Identity {
    /// Whether who looks at the past from that moment on is to know it from the beginning. Whose a handle was changes with time; the chain that a
    /// contract goes without is no news, but how keys are written, also those of what was seen before.
    #[must_use]
    pub fn is_known_before(&self, at: Timestamp) -> bool {
        self.kind == Kind::Contract || self.at < at
    }
}
