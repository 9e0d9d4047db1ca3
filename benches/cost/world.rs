//! seed → the words, handles and tokens from which both the envelopes and the rules are drawn, each with its popularity (Zipf).

use std::collections::HashSet;

use fastrand::Rng;

/// Words that the envelopes are written in.
const WORDS: usize = 20_000;
/// Accounts that write them.
const HANDLES: usize = 5_000;
/// Tokens that they write about.
const TOKENS: usize = 2_000;
/// Characters of a handle, at most.
const HANDLE_CHARS: usize = 15;

/// The most frequent words of the language, the most frequent first.
const COMMON: &str = "the to is and a of in for on this you it we with that are be at just now not have all will from my so but your up \
    more out what if as was they can about new me our by get no like how one or has when who their an been its do people time today go \
    good there still than here why us need most only some make know even back think really being his them way first big see next right \
    over going day very much into every could would should thing look last year";
/// The words of the trade, mixed in below them.
const TRADE: &str = "crypto bitcoin ethereum solana token tokens price market buy sell long short pump dump moon launch launched list lists \
    listed listing airdrop stake staking mint minted minting nft defi binance coinbase kraken bybit upbit exchange wallet bridge chain \
    layer mainnet upgrade fork burn burned supply liquidity volume whale whales bullish bearish breakout support resistance chart alpha \
    gem degen rug hack hacked exploit exploited drained audit partnership announce announced announcement official live soon roadmap \
    team community holders governance proposal etf approved approval fed rates inflation tariff doge pepe bonk meme memecoin perps \
    leverage liquidated funding rewards points season claim snapshot presale treasury reserve acquired raises raised million billion \
    trading trade trader profit loss entry exit target signal breaking urgent update news delist delisted delisting suspend withdrawals \
    deposits halted resume vault yield validator node sequencer rollup agent agents robotics";
const SYLLABLES: [&str; 68] = [
    "ba", "be", "bi", "bo", "ca", "ce", "co", "da", "de", "di", "do", "fa", "fe", "fi", "ga", "ge", "go", "ha", "he", "hi", "ka",
    "ko", "la", "le", "li", "lo", "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "pa", "pe", "pi", "po", "ra", "re", "ri", "ro",
    "sa", "se", "si", "so", "ta", "te", "ti", "to", "va", "ve", "vi", "za", "zo", "an", "en", "in", "on", "er", "or", "al", "st",
    "tr", "ment", "ing", "ly", "ness",
];
const CHAINS: [(&str, u32); 4] = [("ethereum", 1), ("solana", 1_399_811_149), ("base", 8_453), ("bsc", 56)];

/// Numbers below a bound, of which number `n` comes `1/(n+1)` times as often as the first.
#[derive(Debug)]
pub(crate) struct Zipf(Vec<f64>);

impl Zipf {
    fn new(bound: usize) -> Self {
        let sums = (0..bound).scan(0.0, |sum, rank| {
            *sum += 1.0 / (rank + 1) as f64;
            Some(*sum)
        });
        Self(sums.collect())
    }

    pub(crate) fn draw(&self, random: &mut Rng) -> usize {
        let all = self.0.last().copied().unwrap_or_default();
        let at = random.f64() * all;
        self.0.partition_point(|sum| *sum <= at).min(self.0.len() - 1)
    }
}

/// A token with its usual price in dollars.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) symbol: String,
    pub(crate) name: String,
    pub(crate) contract: String,
    pub(crate) chain: &'static str,
    pub(crate) network: u32,
    pub(crate) price: f64,
}

/// Everything, the most popular first.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) words: Vec<String>,
    /// Without `@`.
    pub(crate) handles: Vec<String>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) by_word: Zipf,
    pub(crate) by_handle: Zipf,
    pub(crate) by_token: Zipf,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let words = words(&mut random);
        let handles = handles(&mut random);
        let tokens = tokens(&mut random);
        let (by_word, by_handle, by_token) = (Zipf::new(words.len()), Zipf::new(handles.len()), Zipf::new(tokens.len()));
        Self { words, handles, tokens, by_word, by_handle, by_token }
    }
}

/// The common ones first, then those of the trade among invented ones.
fn words(random: &mut Rng) -> Vec<String> {
    let mut words: Vec<String> = COMMON.split_whitespace().map(str::to_owned).collect();
    let mut trade: Vec<&str> = TRADE.split_whitespace().collect();
    random.shuffle(&mut trade);
    let mut known: HashSet<String> = words.iter().cloned().collect();
    while words.len() < WORDS {
        let word = match trade.pop().filter(|_| random.bool()) {
            Some(word) => word.to_owned(),
            None => syllables(random, 2..=4),
        };
        if (3..=12).contains(&word.len()) && known.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

fn handles(random: &mut Rng) -> Vec<String> {
    let mut handles = Vec::new();
    let mut known = HashSet::new();
    while handles.len() < HANDLES {
        let mut handle = syllables(random, 2..=4);
        match random.u8(..6) {
            0 => handle = format!("{handle}_{}", syllables(random, 1..=2)),
            1 => handle = format!("{handle}{}", random.u32(..1_000)),
            2 => handle = capital(&handle),
            _ => {}
        }
        handle.truncate(HANDLE_CHARS);
        if known.insert(handle.to_lowercase()) {
            handles.push(handle);
        }
    }
    handles
}

fn tokens(random: &mut Rng) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut known = HashSet::new();
    while tokens.len() < TOKENS {
        let mut symbol = syllables(random, 1..=3).to_uppercase();
        symbol.truncate(6);
        if symbol.len() < 3 || !known.insert(symbol.clone()) {
            continue;
        }
        let (chain, network) = CHAINS[random.usize(..CHAINS.len())];
        let name = capital(&syllables(random, 2..=3));
        let price = 10_f64.powf(random.f64() * 9.0 - 5.0);
        tokens.push(Token { symbol, name, contract: address(random, chain == "solana"), chain, network, price });
    }
    tokens
}

/// A new address.
pub(crate) fn address(random: &mut Rng, solana: bool) -> String {
    let mut bytes = [0_u8; 32];
    random.fill(&mut bytes);
    if solana {
        return bs58::encode(bytes).into_string();
    }
    let digits = bytes.iter().take(20).map(|byte| format!("{byte:02x}"));
    format!("0x{}", digits.collect::<String>())
}

fn syllables(random: &mut Rng, count: std::ops::RangeInclusive<usize>) -> String {
    (0..random.usize(count)).map(|_| SYLLABLES[random.usize(..SYLLABLES.len())]).collect()
}

/// With a capital in front.
pub(crate) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
