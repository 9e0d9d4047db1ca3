//! The scenes of the traffic: who says what, and what follows. Each kind is what one rule of a starter file looks for, or ordinary noise.

use serde_json::{Value, json};

use super::cast::{self, Role};
use super::lines::{HEADLINES, SMALL_TALK, TRUTHS};
use super::stage::Stage;
use super::tweets::{Detected, Draft, play};
use super::{chain, hostile};
use crate::model::time::Timestamp;

/// A kind of scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// An exchange lists a coin.
    Listing,
    /// An exchange delists a coin or closes for maintenance: what a listing rule must not match.
    Notice,
    /// A KOL names a contract.
    Drop,
    /// A KOL shows a contract in a picture only.
    Screenshot,
    /// Memecoin chatter.
    Meme,
    /// Talk about BTC, ETH and SOL.
    Major,
    /// A researcher reports an exploit.
    Exploit,
    /// Odds of a prediction market.
    Odds,
    /// A post on Truth Social.
    Truth,
    /// A project takes another handle.
    Rename,
    /// A profile changes, but for the handle.
    Profile,
    /// A KOL deletes what he said.
    Regret,
    /// A follow, and sometimes an unfollow.
    Follow,
    /// A pin, and later the unpin.
    Pin,
    /// News.
    News,
    /// Talk about nothing.
    Chat,
    /// A reply.
    Reply,
    /// A quote.
    Quote,
    /// A retweet.
    Retweet,
    /// A hostile text.
    Hostile,
    /// Something that is none of the above: control messages, operations that nobody knows yet.
    Strange,
}

/// One round of scenes: every kind once at least, one in thirty hostile.
pub(super) const DECK: [Scene; 30] = {
    use Scene::{
        Chat, Drop, Exploit, Follow, Hostile, Listing, Major, Meme, News, Notice, Odds, Pin, Profile, Quote, Regret, Rename,
        Reply, Retweet, Screenshot, Strange, Truth,
    };
    [
        Listing, Notice, Drop, Drop, Screenshot, Meme, Meme, Meme, Major, Major, Exploit, Odds, Truth, Rename, Profile, Regret,
        Follow, Pin, News, News, News, Chat, Chat, Reply, Reply, Quote, Retweet, Retweet, Hostile, Strange,
    ]
};

impl Scene {
    /// Puts the scene's envelopes into the stage's queue, the first of them soon after `at`.
    pub(super) fn play(self, stage: &mut Stage, at: Timestamp) {
        match self {
            Self::Listing => listing(stage, at),
            Self::Notice => notice(stage, at),
            Self::Drop => drop(stage, at),
            Self::Screenshot => screenshot(stage, at),
            Self::Meme => meme(stage, at),
            Self::Major => major(stage, at),
            Self::Exploit => exploit(stage, at),
            Self::Odds => odds(stage, at),
            Self::Truth => say(stage, at, Role::Truth, &TRUTHS),
            Self::Rename => rename(stage, at),
            Self::Profile => profile(stage, at),
            Self::Regret => regret(stage, at),
            Self::Follow => follow(stage, at),
            Self::Pin => pin(stage, at),
            Self::News => news(stage, at),
            Self::Chat => say(stage, at, Role::Kol, &SMALL_TALK),
            Self::Reply => refer(stage, at, "reply"),
            Self::Quote => refer(stage, at, "quote"),
            Self::Retweet => refer(stage, at, "retweet"),
            Self::Hostile => hostile(stage, at),
            Self::Strange => strange(stage, at),
        }
    }
}

/// Somebody of a role says one of the lines.
fn say(stage: &mut Stage, at: Timestamp, role: Role, lines: &[&str]) {
    let author = stage.somebody(role);
    let text = stage.pick(lines).to_owned();
    play(stage, at, author, Draft { text, ..Draft::default() });
}

fn listing(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::Exchange);
    let coins = stage.listed.clone();
    let coin = stage.pick(&coins);
    let (exchange, symbol, name) = (stage.cast[author].name.clone(), &coin.symbol, &coin.name);
    let texts = [
        format!(
            "{exchange} will list {name} (${symbol}). Spot trading for {symbol}/USDT opens at 10:00 UTC, deposits are open now. {{link}}"
        ),
        format!(
            "New listing: ${symbol} ({name}) joins {exchange} spot. Pairs: {symbol}/USDT and {symbol}/USDC. Details {{link}}"
        ),
        format!("Listing roadmap update 🗺️ {exchange} is adding {name} (${symbol}) to spot this week. {{link}}"),
    ];
    let text = stage.pick(&texts);
    let detected = Detected::default().token(stage, &coin, "text").markets(stage, symbol, coin.price);
    let link = Some(format!("https://announcements.example/{}", symbol.to_lowercase()));
    play(stage, at, author, Draft { text, link, detected, ..Draft::default() });
}

fn notice(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::Exchange);
    let coins = stage.listed.clone();
    let coin = stage.pick(&coins);
    let exchange = stage.cast[author].name.clone();
    let texts = [
        format!("{exchange} will delist {} (${}) on Friday. Please withdraw your funds.", coin.name, coin.symbol),
        "Wallet maintenance tonight from 02:00 to 02:30 UTC. Trading is not affected.".to_owned(),
        format!("Giveaway 🎁 Trade ${} today and share a prize pool of 50,000 USDT.", coin.symbol),
    ];
    let text = stage.pick(&texts);
    play(stage, at, author, Draft { text, ..Draft::default() });
}

fn drop(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::Kol);
    let coins = stage.memecoins.clone();
    let coin = if stage.percent(70) { cast::fresh(&mut stage.random) } else { stage.pick(&coins) };
    let (symbol, contract) = (&coin.symbol, &coin.contract);
    let texts = [
        format!("aping ${symbol}\n\nCA: {contract}"),
        format!("CA 👇\n{contract}\n\nchart {{link}}"),
        format!("the only {symbol} contract is {contract} , everything else is fake"),
        format!("{contract}\n\nearly. very early. not advice."),
    ];
    let text = stage.pick(&texts);
    let link = text.contains("{link}").then(|| format!("https://dexscreener.com/{}/{contract}", coin.chain));
    let detected = Detected::default().token(stage, &coin, "text");
    play(stage, at, author, Draft { text, link, detected, ..Draft::default() });
}

fn screenshot(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::Kol);
    let coin = cast::fresh(&mut stage.random);
    let text = stage.pick(&["look at this chart 👀", "you are not bullish enough", "no comment"]).to_owned();
    let mut detected = Detected::default().token(stage, &coin, "ocr");
    detected.ocr = Some(format!("${} / SOL\nMC 1.2M  LIQ 240K\n{}", coin.symbol, coin.contract));
    play(stage, at, author, Draft { text, image: true, detected, ..Draft::default() });
}

fn meme(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::Chatter);
    let coins = stage.memecoins.clone();
    let coin = stage.pick(&coins);
    let symbol = &coin.symbol;
    let texts = [
        format!("${symbol} to a penny. screenshot this 🚀🚀"),
        format!("gm to ${symbol} holders only"),
        format!("sold my car for ${symbol}, ser. the bus is fine"),
        format!("dev of ${symbol} is cooking something, volume up 400% in an hour"),
        format!("if {} flips we all eat. ${symbol} is the cleanest chart on {}", coin.name, coin.chain),
    ];
    let text = stage.pick(&texts);
    let image = stage.percent(25);
    let detected = Detected::default().token(stage, &coin, "text");
    play(stage, at, author, Draft { text, image, detected, ..Draft::default() });
}

fn major(stage: &mut Stage, at: Timestamp) {
    let role = stage.pick(&[Role::Kol, Role::News, Role::Chatter]);
    let author = stage.somebody(role);
    let (symbol, price) = stage.pick(&cast::MAJORS);
    let texts = [
        format!("${symbol} looks heavy here, watching the weekly"),
        format!("adding ${symbol} on every dip until morale improves"),
        format!("funding on ${symbol} perps is negative again 🤔"),
        format!("${symbol} up 3% in ten minutes, somebody knows something"),
    ];
    let text = stage.pick(&texts);
    let detected = Detected::default().markets(stage, symbol, price);
    play(stage, at, author, Draft { text, detected, ..Draft::default() });
}

fn exploit(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::Researcher);
    let coins = stage.listed.clone();
    let coin = stage.pick(&coins);
    let millions = stage.random.u32(2..90);
    let attacker = chain::evm(&mut stage.random);
    let texts = [
        format!(
            "🚨 We are seeing an exploit of {}: about ${millions}M drained so far. Revoke approvals NOW. {{link}}",
            coin.name
        ),
        format!("ALERT: the {} bridge was hacked. Attacker {attacker}, funds are moving to a mixer.", coin.name),
        format!(
            "{} paused withdrawals after a suspected exploit, ${millions}M missing. ${} is down 60%.",
            coin.name, coin.symbol
        ),
    ];
    let text = stage.pick(&texts);
    let link = text.contains("{link}").then(|| "https://revoke.example/emergency".to_owned());
    let detected = if text.contains('🚨') { Detected::default() } else { Detected::default().token(stage, &coin, "text") };
    play(stage, at, author, Draft { text, link, detected, ..Draft::default() });
}

fn odds(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::Forecaster);
    let markets = [
        ("polymarket", "fed-cut-march", "Fed cuts rates in March?"),
        ("kalshi", "SHUTDOWN-26", "Government shutdown before June?"),
        ("polymarket", "btc-150k", "Bitcoin above $150k this year?"),
        ("kalshi", "HALE-2028", "Jonas Hale wins the nomination?"),
    ];
    let (exchange, id, title) = stage.pick(&markets);
    let cents = stage.random.u32(3..97);
    let texts = [
        format!("\"{title}\" just went to {cents}¢ on {exchange} {{link}}"),
        format!("big print on {exchange}: {title} now {cents}%, was {}% an hour ago {{link}}", (cents + 11) % 97),
    ];
    let text = stage.pick(&texts);
    let url = format!("https://{exchange}.com/event/{id}");
    let market = json!({
        "exchange": exchange, "marketId": id, "title": title, "priceUsd": f64::from(cents) / 100.0, "url": url, "sources": ["text"],
    });
    let detected = Detected { predictions: vec![market], ..Detected::default() };
    play(stage, at, author, Draft { text, link: Some(url), detected, ..Draft::default() });
}

fn news(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::News);
    let text = stage.pick(&HEADLINES).to_owned();
    let link = text.contains("{link}").then(|| format!("https://news.example/{}", stage.random.u32(10_000..99_999)));
    let image = stage.percent(30);
    play(stage, at, author, Draft { text, link, image, ..Draft::default() });
}

fn refer(stage: &mut Stage, at: Timestamp, kind: &'static str) {
    let role = stage.pick(&[Role::Kol, Role::Chatter, Role::News, Role::Forecaster]);
    let author = stage.somebody(role);
    let Some(other) = stage.recall(author) else { return say(stage, at, role, &SMALL_TALK) };
    let text = match kind {
        "reply" => {
            let line = stage.pick(&[
                "not a chance, unlock is on Friday",
                "source?",
                "this aged well",
                "sir this is a casino",
                "bookmarked",
            ]);
            format!("@{} {line}", stage.cast[other.author].handle)
        }
        "quote" => stage.pick(&["read this twice", "told you so", "who could have seen this coming", "big if true"]).to_owned(),
        _ => String::new(),
    };
    play(stage, at, author, Draft { text, reference: Some((kind, other)), ..Draft::default() });
}

fn regret(stage: &mut Stage, at: Timestamp) {
    let author = stage.somebody(Role::Kol);
    let coins = stage.memecoins.clone();
    let coin = stage.pick(&coins);
    let text = format!("all in on ${}. announcement tomorrow, you did not hear it from me", coin.symbol);
    let detected = Detected::default().token(stage, &coin, "text");
    let sent = play(stage, at, author, Draft { text, detected, ..Draft::default() });
    let at = stage.later(at, 2_500, 5_000);
    stage.send(at, ("tweet", "delete"), Some(&sent.id), &json!({"tweetId": sent.id}));
    stage.recent.retain(|recent| recent.id != sent.id);
}

fn pin(stage: &mut Stage, at: Timestamp) {
    let Some(sent) = stage.recall(usize::MAX) else { return say(stage, at, Role::Kol, &SMALL_TALK) };
    let author = stage.account(sent.author);
    let d = json!({
        "tweetId": sent.id, "text": sent.text, "createdAt": sent.created.as_millis(), "author": author, "link": sent.link,
    });
    stage.send(at, ("tweet", "pin"), Some(&sent.id), &d);
    let at = stage.later(at, 4_000, 9_000);
    let member = &stage.cast[sent.author];
    let d = json!({"tweetId": sent.id, "author": {"id": member.id, "handle": format!("@{}", member.handle)}});
    stage.send(at, ("tweet", "unpin"), Some(&sent.id), &d);
}

fn follow(stage: &mut Stage, at: Timestamp) {
    let (who, whom) = (stage.somebody(Role::Kol), stage.somebody(Role::Project));
    let (actor, mut target) = (stage.account(who), stage.account(whom));
    target["bio"] = "building in public".into();
    let observed = stage.later(at, 200, 900);
    let d = |kind: &str, id: &str| json!({"kind": kind, "eventId": id, "observedAt": at.as_millis(), "actor": actor, "target": target});
    let id = format!("fol_{:016x}", stage.random.u64(..));
    stage.send(observed, ("account", "follow"), Some(&id), &d("FOLLOW", &id));
    if stage.percent(50) {
        let id = format!("unf_{:016x}", stage.random.u64(..));
        let at = stage.later(observed, 2_000, 6_000);
        stage.send(at, ("account", "unfollow"), None, &d("UNFOLLOW", &id));
    }
}

fn rename(stage: &mut Stage, at: Timestamp) {
    let who = stage.somebody(Role::Project);
    let member = &mut stage.cast[who];
    let (old, old_name) = (member.handle, member.name.clone());
    (member.handle, member.other) = (member.other, member.handle);
    member.name = cast::title(member.handle);
    let bio = |handle: &str| format!("this is {} now. CA soon 👀", cast::title(handle));
    let changes = json!({"handle": format!("@{}", member.handle), "name": member.name, "bio": bio(member.handle)});
    let previous = json!({"handle": format!("@{old}"), "name": old_name, "bio": bio(old)});
    changed(stage, at, who, &changes, &previous);
}

fn profile(stage: &mut Stage, at: Timestamp) {
    let role = stage.pick(&[Role::Kol, Role::Chatter, Role::Exchange]);
    let who = stage.somebody(role);
    let picture = |n: u32| format!("https://pbs.twimg.com/profile_images/{n}/p_normal.jpg");
    let (one, two) = (stage.random.u32(1..1_000), stage.random.u32(1_000..2_000));
    let choices = [
        (json!({"bio": "not affiliated with anything, ever"}), json!({"bio": "advisor"})),
        (json!({"avatar": picture(two), "banner": picture(two + 1)}), json!({"avatar": picture(one)})),
        (json!({"location": "Dubai", "bio": "moving fast 🏝️"}), json!({"location": "London", "bio": "moving slow"})),
    ];
    let (changes, previous) = stage.pick(&choices);
    changed(stage, at, who, &changes, &previous);
}

fn changed(stage: &mut Stage, at: Timestamp, who: usize, changes: &Value, previous: &Value) {
    let mut actor = stage.account(who);
    if let Some(bio) = changes.get("bio") {
        actor["bio"] = bio.clone();
    }
    let id = format!("prof_{:016x}", stage.random.u64(..));
    let sent = stage.later(at, 200, 900);
    let d = json!({
        "kind": "PROFILE", "eventId": id, "observedAt": at.as_millis(), "actor": actor, "changes": changes, "previous": previous,
    });
    stage.send(sent, ("account", "profile_update"), Some(&id), &d);
}

fn hostile(stage: &mut Stage, at: Timestamp) {
    // Not only the troll: rules that look at trusted accounts must meet hostile texts as well.
    let role = stage.pick(&[Role::Troll, Role::Troll, Role::Chatter, Role::Kol]);
    let author = stage.somebody(role);
    let text = stage.pick(&hostile::TEXTS);
    let text = if stage.percent(15) { format!("{text}\n").repeat(hostile::LONG) } else { text.to_owned() };
    let mut detected = Detected::default();
    if stage.percent(30) {
        detected.ocr = Some(stage.pick(&hostile::TEXTS).to_owned());
    }
    play(stage, at, author, Draft { text, image: detected.ocr.is_some(), detected, ..Draft::default() });
}

fn strange(stage: &mut Stage, at: Timestamp) {
    let id = format!("callout-{:08}", stage.random.u32(0..99_999_999));
    let token = chain::solana(&mut stage.random);
    match stage.random.u32(0..5) {
        0 => stage.send(at, ("control", "auth_ping"), None, &json!({})),
        1 => stage.send(at, ("account", "callout"), Some(&id), &json!({
            "platform": "pump_fun", "kind": "callout", "calloutId": id, "createdAt": at.as_millis(), "caller": {"username": "kairo_trades"},
            "token": {"address": token, "chainId": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"},
        })),
        2 => stage.send(at, ("control", "twitter_handles_result"), None, &json!({
            "action": "follow", "requestId": null, "error": null,
            "results": [{"input": "@kairo_trades", "normalizedHandle": "kairo_trades", "state": "already_following"}],
        })),
        3 => stage.send(at, ("tweet", "bookmark"), None, &json!({"tweetId": "1", "by": "somebody"})),
        _ => stage.send(at, ("space", "started"), None, &json!({"spaceId": "1dRKZMjkzqQGB", "host": {"handle": "@kairo_trades"}})),
    }
}
