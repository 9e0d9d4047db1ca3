//! Random addresses that are well-formed: Solana's base58 of 32 bytes, EVM's with the checksum of EIP-55.

use std::fmt::Write as _;

use sha3::Digest as _;

/// A Solana address.
pub(super) fn solana(random: &mut fastrand::Rng) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    bs58::encode(bytes).into_string()
}

/// An EVM address.
pub(super) fn evm(random: &mut fastrand::Rng) -> String {
    let mut bytes = [0; 20];
    random.fill(&mut bytes);
    checksummed(bytes)
}

fn checksummed(bytes: [u8; 20]) -> String {
    let mut hex = String::with_capacity(40);
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    let hash = sha3::Keccak256::digest(hex.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let spelled = hex.chars().zip(nibbles).map(|(digit, nibble)| if nibble >= 8 { digit.to_ascii_uppercase() } else { digit });
    "0x".chars().chain(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evm_address_is_spelled_as_eip_55_says() {
        let bytes = [
            0x5a, 0xae, 0xb6, 0x05, 0x3f, 0x3e, 0x94, 0xc9, 0xb9, 0xa0, 0x9f, 0x33, 0x66, 0x94, 0x35, 0xe7, 0xef, 0x1b, 0xea,
            0xed,
        ];
        assert_eq!(checksummed(bytes), "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "the standard's own example");
    }

    #[test]
    fn a_solana_address_decodes_to_32_bytes() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..1_000 {
            assert_eq!(bs58::decode(solana(&mut random)).into_vec().unwrap().len(), 32);
        }
    }
}
