//! Chains under one name each, whatever a feed calls them: by another spelling, or by a number alone. For telling tokens apart; what is shown, and what
//! rules ask about, is as the feed spells it.

use std::borrow::Cow;

/// A chain's name, the provider's number of it, and how else it is spelled.
const CHAINS: [(&str, u64, &[&str]); 8] = [
    ("ethereum", 1, &["eth"]),
    ("optimism", 10, &["op"]),
    ("bsc", 56, &["bnb"]),
    ("polygon", 137, &["matic", "poly"]),
    ("base", 8_453, &[]),
    ("arbitrum", 42_161, &["arb"]),
    ("avalanche", 43_114, &["avax"]),
    ("solana", 1_399_811_149, &["sol"]),
];

/// The name, in lower case, of a chain that is spelled like this.
#[must_use]
pub fn spelled(chain: &str) -> Cow<'static, str> {
    let chain = chain.to_lowercase();
    match CHAINS.iter().find(|(_, _, spellings)| spellings.contains(&&*chain)) {
        Some((name, ..)) => Cow::Borrowed(name),
        None => Cow::Owned(chain),
    }
}

/// The name of the chain with this number, or one made of the number.
#[must_use]
pub fn numbered(network: u64) -> Cow<'static, str> {
    match CHAINS.iter().find(|(_, number, _)| *number == network) {
        Some((name, ..)) => Cow::Borrowed(name),
        None => Cow::Owned(format!("network:{network}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_one_name_however_it_is_spelled_and_numbered() {
        for (name, number, spellings) in [
            ("ethereum", 1, &["Ethereum", "eth", "ETH"][..]),
            ("optimism", 10, &["op", "Optimism"]),
            ("bsc", 56, &["BSC", "bnb"]),
            ("polygon", 137, &["matic", "POLY", "polygon"]),
            ("base", 8453, &["Base"]),
            ("arbitrum", 42161, &["arb"]),
            ("avalanche", 43114, &["avax"]),
            ("solana", 1_399_811_149, &["sol"]),
            ("network:146", 146, &[]),
            ("blast", 0, &["Blast"]),
        ] {
            assert!(spellings.iter().all(|spelling| spelled(spelling) == name), "{name}: {spellings:?}");
            assert!(number == 0 || numbered(number) == name, "{number}");
        }
    }
}
