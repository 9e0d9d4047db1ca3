//! Contract addresses: EVM (`0x` and 40 hexadecimal digits) and Solana (base58 of 32 bytes).

use std::fmt;

use sha3::Digest as _;

/// A contract address, compared as its bytes: EVM without regard to case, Solana exactly.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// Twenty bytes, of any EVM chain.
    Evm([u8; 20]),
    /// Thirty-two bytes.
    Solana([u8; 32]),
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// `0x` and something else than 40 digits follow.
    #[error("an EVM address has 40 hexadecimal digits after 0x, this one has {0}")]
    EvmLength(usize),
    /// A character after `0x` is not hexadecimal.
    #[error("an EVM address has only hexadecimal digits after 0x")]
    EvmDigit,
    /// Mixed case, and not the mixture that EIP-55 prescribes: most likely a typing mistake.
    #[error("the EIP-55 checksum of this address is wrong: a digit or its case was mistyped")]
    EvmChecksum,
    /// Not base58, or not of 32 bytes.
    #[error("a Solana address is base58 of 32 bytes (32 to 44 characters, no 0, O, I or l)")]
    Solana,
}

impl Address {
    /// Reads an address leniently, as it stands in a tweet or in a detection: a wrong EIP-55 checksum is no obstacle.
    ///
    /// # Errors
    /// When the text has the form of neither kind.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => parse_evm(digits).map(Self::Evm),
            None => parse_solana(text).map(Self::Solana),
        }
    }

    /// Reads an address strictly, as it stands in a rule: a wrong EIP-55 checksum is an error.
    ///
    /// # Errors
    /// When the text has the form of neither kind, or its letters are of mixed case and the checksum is wrong.
    pub fn parse_checked(text: &str) -> Result<Self, AddressError> {
        let address = Self::parse(text)?;
        if let Self::Evm(bytes) = address {
            let digits = text.get(2..).unwrap_or_default();
            let mixed = digits.bytes().any(|b| b.is_ascii_uppercase()) && digits.bytes().any(|b| b.is_ascii_lowercase());
            if mixed && eip55(bytes).get(2..) != Some(digits) {
                return Err(AddressError::EvmChecksum);
            }
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    /// EVM with its EIP-55 checksum, Solana in base58.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evm(bytes) => f.write_str(&eip55(*bytes)),
            Self::Solana(bytes) => f.write_str(&bs58::encode(bytes).into_string()),
        }
    }
}

impl serde::Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn parse_evm(digits: &str) -> Result<[u8; 20], AddressError> {
    if digits.len() != 40 {
        return Err(AddressError::EvmLength(digits.chars().count()));
    }
    let mut bytes = [0; 20];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return Err(AddressError::EvmDigit) };
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or(AddressError::EvmDigit);
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Ok(bytes)
}

fn parse_solana(text: &str) -> Result<[u8; 32], AddressError> {
    if !(32..=44).contains(&text.len()) {
        return Err(AddressError::Solana);
    }
    base58(text.as_bytes()).ok_or(AddressError::Solana)
}

/// What each ASCII character counts in base58; `NO_DIGIT` where it is none.
const DIGITS: [u8; 128] = {
    let (mut digits, letters, mut at) = ([NO_DIGIT; 128], b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 0);
    while at < letters.len() {
        digits[letters[at] as usize] = at as u8;
        at += 1;
    }
    digits
};
const NO_DIGIT: u8 = u8::MAX;

/// The 32 bytes that are written so, each leading zero as a `1`. Five digits at a time, as many as fit into 32 bits: a detection brings an
/// address with most metas.
fn base58(text: &[u8]) -> Option<[u8; 32]> {
    // The lowest first.
    let mut limbs = [0_u32; 8];
    for five in text.chunks(5) {
        let (mut carry, mut times) = (0_u64, 1_u64);
        for letter in five {
            let digit = *DIGITS.get(usize::from(*letter)).filter(|digit| **digit != NO_DIGIT)?;
            carry = carry * 58 + u64::from(digit);
            times *= 58;
        }
        for limb in &mut limbs {
            let sum = u64::from(*limb) * times + carry;
            *limb = (sum & 0xffff_ffff) as u32;
            carry = sum >> 32;
        }
        if carry > 0 {
            return None;
        }
    }
    let mut bytes = [0; 32];
    for (four, limb) in bytes.chunks_exact_mut(4).zip(limbs.iter().rev()) {
        four.copy_from_slice(&limb.to_be_bytes());
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let ones = text.iter().take_while(|letter| **letter == b'1').count();
    (zeros == ones).then_some(bytes)
}

/// The spelling of EIP-55: a letter is upper case where the Keccak-256 of the lower-case digits has a nibble of 8 or more.
fn eip55(bytes: [u8; 20]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    let lower: String = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect();
    let hash = sha3::Keccak256::digest(lower.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut spelled = String::with_capacity(2 + lower.len());
    spelled.push_str("0x");
    spelled.extend(lower.chars().zip(nibbles).map(|(c, nibble)| if nibble >= 8 { c.to_ascii_uppercase() } else { c }));
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From EIP-55 itself.
    const SPELLED: [&str; 4] = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn the_examples_of_eip_55_keep_their_spelling() {
        for text in SPELLED {
            assert_eq!(Address::parse_checked(text).unwrap().to_string(), text);
            assert_eq!(Address::parse_checked(&text.to_lowercase()), Address::parse(text));
        }
    }

    #[test]
    fn a_wrong_checksum_is_an_error_in_a_rule_and_none_in_a_tweet() {
        let wrong = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed";
        assert_eq!(Address::parse_checked(wrong), Err(AddressError::EvmChecksum));
        assert!(Address::parse(wrong).is_ok());
    }

    #[test]
    fn a_solana_address_is_32_bytes_of_base58() {
        let text = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";
        assert_eq!(Address::parse(text).unwrap().to_string(), text);
        assert_eq!(Address::parse(&text[..30]), Err(AddressError::Solana));
        assert_eq!(Address::parse(&text.replace('4', "0")), Err(AddressError::Solana));
    }

    proptest::proptest! {
        #[test]
        fn base58_is_read_as_everybody_reads_it(
            text in "1{0,33}[1-9A-HJ-NP-Za-km-z]{0,44}[0OIlé ]?", bytes: [u8; 32], zeros in 0_usize..33,
        ) {
            let mut expected = [0; 32];
            let known = bs58::decode(&text).onto(&mut expected) == Ok(32);
            proptest::prop_assert_eq!(base58(text.as_bytes()), known.then_some(expected));
            let mut bytes = bytes;
            bytes[..zeros].fill(0);
            proptest::prop_assert_eq!(base58(bs58::encode(bytes).into_string().as_bytes()), Some(bytes));
        }
    }

    #[test]
    fn the_length_of_an_evm_address_is_told() {
        assert_eq!(Address::parse("0x1234"), Err(AddressError::EvmLength(4)));
        assert_eq!(Address::parse(&format!("0x{}", "g".repeat(40))), Err(AddressError::EvmDigit));
    }
}
