//! Who plays in the simulated traffic. All accounts, coins and projects are invented; `rules/rules.toml` names the handles.

use super::chain;

/// Exchanges: announce listings ("will list", "new listing", "adding … to spot"), delistings and maintenance.
pub const EXCHANGES: [&str; 4] = ["NorthbayEx", "KestrelSpot", "orbitex_global", "TidewaterCEX"];
/// People whose contract addresses move prices; they also delete what they said.
pub const KOLS: [&str; 6] = ["kairo_trades", "nightdesk_io", "quietwhale99", "solsurfer_ape", "0xmarlowe", "degenbotanist"];
/// Memecoin chatter with cashtags.
pub const CHATTER: [&str; 6] = ["frogpondclub", "moonbagmike", "pupcoin_daily", "toastedcat_sol", "bagholder_bea", "gm_gus"];
/// Security researchers: report exploits, hacks and drained funds.
pub const RESEARCHERS: [&str; 3] = ["HexSentinel", "ledgerwatchdog", "nullbyte_sec"];
/// Accounts that quote prediction markets.
pub const FORECASTERS: [&str; 3] = ["oddsnook", "PulseOfPolls", "marketmoth"];
/// News.
pub const NEWS: [&str; 4] = ["WireDeskNow", "chainbulletin", "MacroMinute", "blockbeacon"];
/// Projects, each with the handle that it takes next: they rename themselves back and forth.
pub const PROJECTS: [(&str, &str); 4] = [
    ("atlas_nft", "atlas_labs_ai"),
    ("orbitlab_xyz", "orbit_cash"),
    ("veloprotocol", "velo_official"),
    ("lumenbridge", "lumen_agents"),
];
/// On Truth Social, with the government's verification.
pub const TRUTH: &str = "realJonasHale";
/// Writes nothing but hostile texts, under a hostile name.
pub const TROLL: &str = "xX_inject_Xx";

const NAMES: [&str; 26] = [
    "Northbay",
    "Kestrel Spot",
    "Orbitex",
    "Tidewater",
    "kairo",
    "Night Desk",
    "quiet whale",
    "solsurfer 🌊",
    "Marlowe",
    "degen botanist 🌱",
    "Frog Pond Club 🐸",
    "Moonbag Mike",
    "Pupcoin Daily",
    "toasted cat",
    "Bea, holder of bags",
    "Gus (gm)",
    "Hex Sentinel",
    "Ledger Watchdog",
    "nullbyte",
    "Odds Nook",
    "Pulse of Polls",
    "market moth",
    "Wire Desk",
    "Chain Bulletin",
    "Macro Minute",
    "Block Beacon",
];

/// What somebody plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Exchange,
    Kol,
    Chatter,
    Researcher,
    Forecaster,
    News,
    Project,
    Truth,
    Troll,
}

/// One account.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) role: Role,
    pub(super) id: String,
    pub(super) handle: &'static str,
    /// The other handle of a project.
    pub(super) other: &'static str,
    pub(super) name: String,
    pub(super) followers: u64,
    pub(super) verified: &'static str,
}

/// Everybody.
pub(super) fn members() -> Vec<Member> {
    let roles: [(Role, &[&'static str], u64, &'static str); 6] = [
        (Role::Exchange, &EXCHANGES, 1_200_000, "business"),
        (Role::Kol, &KOLS, 180_000, "blue"),
        (Role::Chatter, &CHATTER, 9_000, "none"),
        (Role::Researcher, &RESEARCHERS, 95_000, "blue"),
        (Role::Forecaster, &FORECASTERS, 41_000, "blue"),
        (Role::News, &NEWS, 620_000, "business"),
    ];
    let mut cast: Vec<Member> = Vec::new();
    for (role, handles, followers, verified) in roles {
        for handle in handles {
            let name = NAMES.get(cast.len()).copied().unwrap_or(handle);
            cast.push(member(cast.len(), role, (handle, handle), name, followers, verified));
        }
    }
    for (handle, other) in PROJECTS {
        cast.push(member(cast.len(), Role::Project, (handle, other), &title(handle), 23_000, "business"));
    }
    cast.push(member(cast.len(), Role::Truth, (TRUTH, TRUTH), "Jonas Hale", 4_800_000, "government"));
    cast.push(member(cast.len(), Role::Troll, (TROLL, TROLL), "@everyone \u{202e}eixe [x](https://evil.example)", 13, "none"));
    cast
}

fn member(
    index: usize,
    role: Role,
    (handle, other): (&'static str, &'static str),
    name: &str,
    followers: u64,
    verified: &'static str,
) -> Member {
    let number = index as u64;
    let id = (1_250_000_000_000_000_000 + number * 7_919_104_729_337_713).to_string();
    Member { role, id, handle, other, name: name.to_owned(), followers: followers + number * 1_237, verified }
}

/// A handle as a display name.
pub(super) fn title(handle: &str) -> String {
    let words = handle.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A coin of the simulated world.
#[derive(Clone, Debug)]
pub(super) struct Coin {
    pub(super) symbol: String,
    pub(super) name: String,
    pub(super) chain: &'static str,
    pub(super) network: u64,
    pub(super) contract: String,
    /// Dollars, around which it moves.
    pub(super) price: f64,
}

const SOLANA: (&str, u64) = ("solana", 1_399_811_149);
const ETHEREUM: (&str, u64) = ("ethereum", 1);
const BASE: (&str, u64) = ("base", 8_453);

/// Coins worth less than a cent.
pub(super) fn memecoins() -> Vec<Coin> {
    coins(
        1,
        &[
            ("ORBL", "Orbit Lab", SOLANA, 0.001_203_4),
            ("TOADLY", "Toadly", SOLANA, 4.21e-7),
            ("PUPC", "Pup Cadet", SOLANA, 0.000_38),
            ("BISCUIT", "Biscuit the Cat", SOLANA, 0.000_092_1),
            ("GRUMPL", "Grumpling", SOLANA, 0.007_1),
            ("MOCHIN", "Mochi Inu", BASE, 0.000_12),
            ("FROGE", "Froge", ETHEREUM, 3.3e-6),
        ],
    )
}

/// Coins that exchanges list.
pub(super) fn listed() -> Vec<Coin> {
    coins(
        2,
        &[
            ("KAI", "Kairo Network", ETHEREUM, 0.62),
            ("VELOP", "Velo Protocol", BASE, 1.84),
            ("LMBR", "Lumen Bridge", ETHEREUM, 0.214),
            ("ATLS", "Atlas Labs", BASE, 0.030_5),
            ("HELMAI", "Helm AI", ETHEREUM, 0.087_6),
        ],
    )
}

/// Coins of everybody: no contract worth naming.
pub(super) const MAJORS: [(&str, f64); 3] = [("BTC", 91_250.0), ("ETH", 3_120.0), ("SOL", 148.2)];

/// Names of coins that did not exist a minute ago.
pub(super) const FRESH: [(&str, &str); 10] = [
    ("ZORPX", "Zorp"),
    ("BLOOPY", "Bloopy"),
    ("WAGMIX", "Wagmix"),
    ("SNEK9", "Snek Nine"),
    ("GIGAPUP", "Giga Pup"),
    ("DUCKTH", "Duckthulhu"),
    ("CATGPT", "Cat of Thought"),
    ("NOODL", "Noodle"),
    ("YEETR", "Yeeter"),
    ("HAMST", "Hamster Reserve"),
];

/// A coin that did not exist a minute ago.
pub(super) fn fresh(random: &mut fastrand::Rng) -> Coin {
    let (symbol, name) = FRESH[random.usize(..FRESH.len())];
    let chain = [SOLANA, SOLANA, BASE, ETHEREUM][random.usize(..4)];
    coin(random, symbol, name, chain, 0.000_02)
}

fn coins(seed: u64, written: &[(&str, &str, (&'static str, u64), f64)]) -> Vec<Coin> {
    // Always the same contracts, whatever the seed of the traffic: rules may name them.
    let mut random = fastrand::Rng::with_seed(seed);
    written.iter().map(|(symbol, name, chain, price)| coin(&mut random, symbol, name, *chain, *price)).collect()
}

fn coin(random: &mut fastrand::Rng, symbol: &str, name: &str, (chain, network): (&'static str, u64), price: f64) -> Coin {
    let contract = if chain == SOLANA.0 { chain::solana(random) } else { chain::evm(random) };
    Coin { symbol: symbol.to_owned(), name: name.to_owned(), chain, network, contract, price }
}
