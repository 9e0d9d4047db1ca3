//! Rules and envelopes by chance, of few words that meet: many scripts, and what is hard about them.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::engine::{ORBL, OTHER};
use crate::kit::story::START;

const EVM: &str = "0x0568151c46ef9cc4c2e5d50690bb523a71ca11f3";

/// Words with letters that change when they are folded, composed or normalised, and some that do not.
const WORDS: [&str; 34] = [
    "listing",
    "list",
    "delist",
    "DOGE",
    "spot",
    "\u{17f}pot",
    "stra\u{df}e",
    "STRASSE",
    "\u{1e9e}",
    "\u{3a3}\u{38a}\u{3a3}\u{3a5}\u{3a6}\u{39f}\u{3a3}",
    "\u{3c3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}",
    "\u{130}stanbul",
    "istanbul",
    "\u{131}",
    "\u{fb01}ne",
    "fine",
    "\u{212a}elvin",
    "kelvin",
    "\u{4e0a}\u{5834}",
    "btc",
    "\u{958b}\u{59cb}",
    "c++",
    "r&d",
    "\u{1f680}",
    "caf\u{e9}",
    "cafe\u{301}",
    "BAT\u{308}",
    "bat",
    "s\u{323}",
    "\u{1fb3}",
    "\u{3b1}\u{345}",
    "to the moon",
    "\u{c0c1}\u{c7a5}",
    "a",
];

const REGEXES: [&str; 24] = [
    r"\blist(s|ed|ing)?\b",
    r"list.{0,10}spot",
    "doge|moon",
    r"\$[a-z]{2,6}",
    r"[a-z]{5,}\s[a-z]{4,}",
    "(?i:DOGE)",
    "(?-i)DOGE",
    r"kelvin",
    r"(?-u:k)elvin",
    "\u{3c3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}",
    "stra(\u{df}|ss)e",
    r"(to the )?moon",
    r"^btc",
    r"spot$",
    r"[sx]pot",
    "\u{4e0a}\u{5834}|listing",
    r"ba[t\x{308}]",
    r"caf\x{e9}",
    r"(a|b){3}",
    r"\p{Lu}{2}",
    r"[^a-z ]{2}",
    r"(doge|\d+)x?",
    r"i(s)tanbul",
    r"(?:a|the) (?:moon|list)",
];

pub(super) fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

/// A word in another dress: one that most rules must see through.
fn dressed(rng: &mut Rng, word: &str) -> String {
    match rng.u8(..8) {
        0 => word.to_uppercase(),
        1 => word.to_lowercase(),
        2 => word.chars().flat_map(|c| [c, '\u{200B}']).collect(),
        3 => {
            word.chars().map(|c| if ('!'..='~').contains(&c) { char::from_u32(c as u32 + 0xfee0).unwrap() } else { c }).collect()
        }
        4 => format!("{word}{}", pick(rng, &["\u{301}", "\u{323}", "\u{345}", "s", "1", "_"])),
        _ => word.to_owned(),
    }
}

fn text(rng: &mut Rng) -> String {
    let mut text = String::new();
    for _ in 0..rng.usize(..7) {
        let piece = match rng.u8(..12) {
            0 => format!("${}", pick(rng, &["DOGE", "orbl", "BRK.B", "PEPE"])),
            1 => pick(rng, &[ORBL, OTHER, EVM]).to_owned(),
            2 => pick(rng, &["https://t.co/abc", "https://t.co/xyz", "https://pump.fun/x", "https://a.t.me/y"]).to_owned(),
            _ => {
                let word = pick(rng, &WORDS);
                dressed(rng, word)
            }
        };
        text += &piece;
        text += pick(rng, &[" ", " ", " ", "", "-", ", ", "_", "\u{3000}", "\u{308}", "!"]);
    }
    text
}

fn list(rng: &mut Rng, of: &[&str], most: usize) -> String {
    let quoted: Vec<_> = (0..rng.usize(1..=most)).map(|_| format!("'{}'", pick(rng, of))).collect();
    if quoted.len() == 1 { quoted[0].clone() } else { format!("[{}]", quoted.join(", ")) }
}

fn range(rng: &mut Rng, of: &[&str]) -> String {
    format!("{{ {} = {} }}", pick(rng, &["above", "below", "at_least"]), pick(rng, of))
}

/// A text matcher and what stands beside it.
fn pattern(rng: &mut Rng) -> (&'static str, String) {
    match rng.u8(..8) {
        0..=2 => ("keyword", list(rng, &WORDS, 3)),
        3 => ("contains", list(rng, &WORDS, 2)),
        4 => ("contains", format!("'{} '", pick(rng, &WORDS))),
        5 | 6 => ("regex", list(rng, &REGEXES, 2)),
        _ => ("cashtag", list(rng, &["DOGE", "orbl", "BRK.B", "WIF"], 2)),
    }
}

fn token(rng: &mut Rng) -> String {
    let parts = [
        ("symbol", list(rng, &["DOGE", "ORBL", "pepe"], 2)),
        ("contract", pick(rng, &["true", &format!("'{ORBL}'"), &format!("['{OTHER}', '{EVM}']")]).to_owned()),
        ("chain", list(rng, &["solana", "base"], 2)),
        ("name", list(rng, &["Orbit", "doge"], 2)),
        ("price", range(rng, &["0.5", "1", "100"])),
        ("source", list(rng, &["text", "meta", "ocr"], 2)),
    ];
    let chosen: Vec<_> = parts.iter().filter(|_| rng.u8(..3) == 0).map(|(key, value)| format!("{key} = {value}")).collect();
    if chosen.is_empty() { "true".to_owned() } else { format!("{{ {} }}", chosen.join(", ")) }
}

/// One matcher, as key and value.
fn leaf(rng: &mut Rng) -> (&'static str, String) {
    let handles = ["kol", "@VIP", "vip#42", "other", "\u{130}x"];
    match rng.u8(..30) {
        0..=3 => ("handle", list(rng, &handles, 3)),
        4 => ("target", list(rng, &handles, 2)),
        5 => {
            let (key, value) = pattern(rng);
            let field = pick(rng, &["name", "bio"]);
            let followers = range(rng, &["10", "1000"]);
            let whole = pick(rng, &["", &format!(", followers = {followers}"), ", verified = ['blue', 'none']"]).to_owned();
            ("author", format!("{{ {field} = {{ {key} = {value} }}{whole} }}"))
        }
        6 => ("author", format!("{{ followers = {} }}", range(rng, &["10", "1000"]))),
        7 => ("platform", list(rng, &["twitter", "truth_social"], 1)),
        8 => ("kind", list(rng, &["post", "reply", "quote", "retweet"], 2)),
        9 => ("contract", pick(rng, &["true", &format!("'{ORBL}'"), &format!("['{OTHER}', '{EVM}']")]).to_owned()),
        10..=12 => ("token", token(rng)),
        13 => (
            "market",
            pick(rng, &["true", "{ symbol = 'DOGEUSDT' }", "{ base = ['DOGE', 'ORBL'], exchange = 'bybit' }"]).to_owned(),
        ),
        14 => ("prediction", pick(rng, &["true", "{ id = 'p1' }", "{ title = 'moon' }"]).to_owned()),
        15 => ("price", range(rng, &["0.5", "1", "100"])),
        16 => ("link", pick(rng, &["'t.me'", "['pump.fun', 'example']", "{ regex = 'pump' }"]).to_owned()),
        17 => ("media", pick(rng, &["true", "'image'", "['video', 'gif']"]).to_owned()),
        18 => ("age", pick(rng, &["{ below = '1s' }", "{ above = '1s' }"]).to_owned()),
        19 => ("changed", pick(rng, &["true", "'bio'", "['handle', 'name']"]).to_owned()),
        _ => pattern(rng),
    }
}

/// A `when` table.
fn when(rng: &mut Rng, depth: u8) -> String {
    let mut keys: Vec<(&str, String)> = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let (key, value) = leaf(rng);
        if keys.iter().all(|(known, _)| *known != key) {
            keys.push((key, value));
        }
    }
    let is_text = |key: &&str| ["keyword", "contains", "regex", "cashtag"].contains(key);
    if keys.iter().any(|(key, _)| is_text(key)) && rng.u8(..4) == 0 {
        keys.push(("case", "true".to_owned()));
    }
    if keys.iter().any(|(key, _)| is_text(key) || *key == "contract") && rng.u8(..3) == 0 {
        keys.push(("in", list(rng, &["text", "quoted", "ocr", "name", "bio"], 3)));
    }
    if depth > 0 {
        for group in ["any", "all", "none"] {
            if rng.u8(..3) == 0 {
                let tables: Vec<_> = (0..rng.usize(1..4)).map(|_| when(rng, depth - 1)).collect();
                if group == "any" && rng.bool() {
                    keys.push(("at_least", rng.usize(1..=tables.len()).to_string()));
                }
                keys.push((group, format!("[{}]", tables.join(", "))));
            }
        }
        // Mostly nothing but groups, so that these decide.
        if keys.len() > 2 && rng.bool() {
            keys.retain(|(key, _)| ["any", "all", "none", "at_least"].contains(key));
        }
    }
    let keys: Vec<_> = keys.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", keys.join(", "))
}

/// A whole rule. Not every one is right.
pub(super) fn rule(rng: &mut Rng, name: usize) -> String {
    let on = match rng.u8(..8) {
        0 => "on = [\"delete\", \"pin\", \"unpin\"]\n",
        1 => "on = [\"tweet\", \"delete\"]\n",
        2 => pick(rng, &["on = \"profile_update\"\n", "on = [\"follow\", \"unfollow\"]\n"]),
        _ => "",
    };
    // So that the wait of one rule does not stand for that of another.
    let own_wait = format!("wait = \"{}ms\"\n", 500 + 137 * name);
    let each = match rng.u8(..8) {
        0 => "each = \"token\"\n",
        1 => pick(rng, &["each = \"market\"\n", "each = \"prediction\"\n"]),
        _ => "",
    };
    let more = match rng.u8(..9) {
        0..=3 => &own_wait,
        4 => "mode = \"paper\"\n",
        5 => "max_age = \"3s\"\n",
        _ => "",
    };
    let depth = rng.u8(..3);
    format!("[[rule]]\nname = \"r{name}\"\nsend = [\"out\"]\n{on}{each}{more}when = {}\n", when(rng, depth))
}

fn account(rng: &mut Rng) -> Value {
    let mut account = json!({});
    let mut some = |key: &str, value: Value, rng: &mut Rng| {
        if rng.u8(..3) > 0 {
            account[key] = value;
        }
    };
    some("handle", json!(pick(rng, &["@kol", "@vip", "@Other", "@\u{130}X"])), rng);
    some("id", json!(pick(rng, &["42", "43"])), rng);
    some("name", json!(text(rng)), rng);
    some("bio", json!(text(rng)), rng);
    some("followersCount", json!(pick(rng, &[5, 500, 5_000])), rng);
    some("platform", json!(pick(rng, &["twitter", "truth_social"])), rng);
    some("verifiedType", json!(pick(rng, &["blue", "none"])), rng);
    account
}

/// What content and updates say, each part of it or not.
fn fields(rng: &mut Rng, often: u8) -> Value {
    let mut d = json!({});
    let parts = [
        ("text", json!(text(rng))),
        ("author", account(rng)),
        ("kind", json!(pick(rng, &["post", "post", "reply", "quote", "retweet"]))),
        ("createdAt", json!(START + rng.i64(0..3_000))),
        ("media", json!([{"url": pick(rng, &["https://pbs.twimg.com/media/x.jpg", "https://video.twimg.com/tweet_video/x"])}])),
        (
            "urls",
            json!([{"url": pick(rng, &["https://t.me/pump", "https://pump.fun/x", &format!("https://x.example/{OTHER}")]), "tco": "https://t.co/abc"}]),
        ),
        ("ref", json!({"type": pick(rng, &["reply", "quote"]), "text": text(rng), "author": account(rng)})),
        ("ref", json!({"type": "reply"})),
    ];
    for (at, (key, value)) in parts.into_iter().enumerate() {
        if rng.u8(..4) < if at < 3 { often } else { 1 } {
            d[key] = value;
        }
    }
    d
}

fn meta(rng: &mut Rng) -> Value {
    let tokens: Vec<_> = (0..rng.usize(..3))
        .map(|_| {
            let mut token = json!({"symbol": pick(rng, &["DOGE", "orbl", "PEPE"]), "contract": pick(rng, &[ORBL, OTHER, EVM]),
                "chain": pick(rng, &["solana", "base"]), "priceUsd": pick(rng, &[0.1, 0.7, 50.0]), "name": pick(rng, &["Orbit", "Doge coin"]),
                "sources": [pick(rng, &["text", "ocr"])]});
            let gone = pick(rng, &["", "symbol", "contract", "priceUsd", "name"]);
            token.as_object_mut().unwrap().remove(gone);
            token
        })
        .collect();
    let markets = [
        json!({"exchange": pick(rng, &["bybit", "binance"]), "symbol": "DOGEUSDT", "baseAsset": pick(rng, &["DOGE", "X"]), "priceUsd": 0.4}),
    ];
    let predictions =
        [json!({"exchange": "polymarket", "marketId": pick(rng, &["p1", "p2"]), "title": "To the MOON?", "priceUsd": 0.4})];
    json!({"ocr": {"text": text(rng)}, "detected": {"tokens": tokens, "cex": &markets[..rng.usize(..2)], "prediction": &predictions[..rng.usize(..2)]}})
}

/// An envelope about one of three tweets, or an account event.
pub(super) fn envelope(rng: &mut Rng) -> Value {
    let id = pick(rng, &["1", "2", "3"]);
    let about = |id: &str, op: &str, mut d: Value| {
        d["tweetId"] = json!(id);
        json!({"v": 1, "t": "tweet", "op": op, "id": id, "ts": START, "d": d})
    };
    let of = |op: &str, d: Value| about(id, op, d);
    match rng.u8(..16) {
        0..=5 => of("content", fields(rng, 3)),
        6..=8 => of("update", fields(rng, 1)),
        9..=11 => of("meta", meta(rng)),
        12 if rng.bool() => about("4", pick(rng, &["delete", "pin", "unpin"]), fields(rng, 3)),
        12 => of(pick(rng, &["delete", "pin", "unpin"]), fields(rng, 1)),
        13 => {
            json!({"v": 1, "t": "account", "op": "profile_update", "ts": START, "d": {"kind": "PROFILE", "eventId": rng.u8(..).to_string(),
            "observedAt": START, "actor": account(rng), "changes": {"handle": pick(rng, &["@new", "@vip"]), "bio": text(rng)},
            "previous": {"handle": pick(rng, &["@kol", "@old"]), "bio": text(rng)}}})
        }
        _ => json!({"v": 1, "t": "account", "op": pick(rng, &["follow", "unfollow"]), "ts": START, "d": {"kind": "FOLLOW",
            "eventId": rng.u8(..).to_string(), "observedAt": START, "actor": account(rng), "target": account(rng)}}),
    }
}
