//! What is said in the simulated traffic when nothing has to be filled in. `{link}` stands for the link of the tweet.

/// On Truth Social: tariffs, bitcoin and crypto, executive orders, interest rates.
pub(super) const TRUTHS: [&str; 6] = [
    "The TARIFF on imported semiconductors goes to 40% on Monday. They laughed, now they pay. Thank you for your attention to this matter!",
    "Just signed the Executive Order on the Strategic BITCOIN Reserve. America will be the CRYPTO Capital of the Planet!",
    "Interest Rates are TOO HIGH. The Fed should cut NOW, everybody knows it. So easy to do!",
    "Great meeting today, the New Trade Deal is DONE. Tariffs stay until the ink is dry.",
    "Our CRYPTO Industry will be bigger than anyone ever thought possible. Congress, pass the Bill!",
    "I am hereby authorizing a 90 day PAUSE on Tariffs for all who did not retaliate. Markets will love it.",
];

/// Nothing that any rule looks for.
pub(super) const SMALL_TALK: [&str; 6] = [
    "gm. coffee first, charts later",
    "nothing is happening and it is happening slowly",
    "three screens, zero ideas",
    "if you know you know",
    "touching grass until the weekly close",
    "my risk manager is a golden retriever ☀️",
];

/// News.
pub(super) const HEADLINES: [&str; 6] = [
    "BREAKING: the SEC approves three more spot ETF applications. {link}",
    "JUST IN: CPI comes in at 2.4%, below the 2.6% that was expected.",
    "BREAKING: a large payments company will settle in stablecoins from next quarter. {link}",
    "Ten-year yields fall for the fifth day. {link}",
    "Funding round: Helm AI raises 40M at a valuation of 300M. {link}",
    "Asia open: futures flat, dollar weaker, oil up 1%.",
];
