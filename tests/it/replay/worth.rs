//! What became of the price after an order, and the report of it.

use serde_json::Value;

use super::{ACTIONS, content, lines, meta};
use crate::kit::binary::Home;

const RULES: &str = r#"
[[rule]]
name = "dip"
send = [{ to = "bot", json = { symbol = "{{ token.symbol }}" } }]
[rule.when]
token = { symbol = "DOGE", chain = "solana" }
[[rule]]
name = "words"
send = [{ to = "bot", json = { tweet = "{{ tweet.id }}" } }]
when = { keyword = "moon" }
"#;

fn story() -> Vec<Value> {
    let mut story = vec![content(0, "1", "kol", "to the moon <script>alert(1)</script> \u{202e}"), meta(400, "1", "DOGE", 0.5)];
    // Others speak of it: too early for a minute, then for each mark, and the hour only late.
    for (at, price) in [(30_000, 0.55), (70_000, 0.6), (200_000, 0.7), (301_000, 0.25), (4_000_000, 1.0)] {
        story.push(meta(at, &format!("1{at}"), "DOGE", price));
    }
    story
}

fn price(order: &Value, at: &str) -> Option<f64> {
    order[at]["price"].as_f64()
}

#[test]
fn an_order_is_told_with_its_price_then_and_at_the_next_sightings() {
    let home = Home::with_rules(&format!("{ACTIONS}{RULES}"));
    home.write("feed.jsonl", &lines(&story()));
    let summary = home.json(&["replay", "--file", "feed.jsonl", "--json"]);
    let orders = summary["orders"].as_array().unwrap();
    let of = |rule: &str| orders.iter().find(|order| order["rule"] == rule && order["subject"] == "tweet:1").unwrap();
    for (rule, token) in [("dip", "DOGE"), ("words", "DOGE")] {
        let order = of(rule);
        let prices = ["then", "after_1m", "after_5m", "after_1h"].map(|at| price(order, at));
        assert_eq!(prices, [Some(0.5), Some(0.6), Some(0.25), Some(1.0)], "{rule}: {order:#}");
        assert_eq!((&order["token"], &order["action"], &order["author"]), (&token.into(), &"bot".into(), &"kol".into()));
    }
    // Nothing came after the last one.
    let last = orders.iter().find(|order| order["subject"] == "tweet:14000000").unwrap();
    assert_eq!((price(last, "then"), price(last, "after_1m")), (Some(1.0), None), "{last:#}");
    let (_, out, _) = home.run(&["replay", "--file", "feed.jsonl"]);
    let row = out.lines().find(|line| line.contains("words") && line.contains("bot")).unwrap();
    for words in ["$0.50", "+20.0 %", "-50.0 %", "+100.0 %"] {
        assert!(row.contains(words), "{words}: {row}");
    }
    assert!(out.contains("after 1 min: the middle one of "), "{out}");
}

#[test]
fn the_report_is_one_page_that_loads_and_runs_nothing() {
    let home = Home::with_rules(&format!("{ACTIONS}{RULES}"));
    home.write("feed.jsonl", &lines(&story()));
    home.write("old.toml", &format!("{ACTIONS}{}", RULES.replace("\"moon\"", "\"sun\"")));
    let (code, _, said) = home.run(&["replay", "--file", "feed.jsonl", "--html", "report.html", "--compare", "old.toml"]);
    assert_eq!(code, 0, "{said}");
    let page = std::fs::read_to_string(home.path().join("report.html")).unwrap();
    assert!(page.contains("to the moon &lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    assert!(!page.contains("<script") && !page.contains('\u{202e}') && !page.contains("src=") && !page.contains("@import"));
    assert!(page.contains("default-src 'none'") && page.contains("prefers-color-scheme:dark") && page.contains("<svg"));
    assert!(page.contains("Orders that would have been placed") && page.contains("Compared with the old rules"));
    let links: Vec<_> = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(!links.is_empty() && links.iter().all(|link| link.starts_with("https://x.com/")), "{links:?}");
    home.write("notes.txt", "mine");
    let (code, _, said) = home.run(&["replay", "--file", "feed.jsonl", "--html", "notes.txt"]);
    assert!(code == 2 && said.contains("does not look like a page"), "{said}");
    assert_eq!(std::fs::read_to_string(home.path().join("notes.txt")).unwrap(), "mine");
    let (code, _, said) = home.run(&["replay", "--file", "feed.jsonl", "--html", "no/such/folder.html"]);
    assert_eq!(code, 2);
    assert!(said.contains("no/such/folder.html: "), "{said}");
}

/// What was detected, with a contract.
fn with_contract(ms: i64, id: &str, contract: &str, price: f64) -> Value {
    let mut meta = meta(ms, id, "DOGE", price);
    meta["d"]["detected"]["tokens"][0]["contract"] = contract.into();
    meta
}

const ONE: &str = "So11111111111111111111111111111111111111112";
const OTHER: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";

#[test]
fn the_worth_of_a_rule_is_told_of_what_was_seen_near_the_time_asked_for() {
    let home = Home::with_rules(&format!("{ACTIONS}{RULES}"));
    let story = [
        super::record(0, "live", &content(0, "1", "kol", "to the moon")),
        super::record(400, "live", &meta(400, "1", "DOGE", 0.5)),
        // Fetched late, and the feed had said it a minute after.
        super::record(500_000, "backfill", &meta(65_000, "2", "DOGE", 0.6)),
        super::record(7_000_000, "live", &meta(7_000_000, "3", "DOGE", 5.0)),
    ];
    home.write("feed.jsonl", &story.concat());
    let summary = home.json(&["replay", "--file", "feed.jsonl", "--json"]);
    let words = &super::rule(&summary, "words")["worth"];
    let told = |after: &str| (words[after]["known"].as_u64(), words[after]["unknown"].as_u64());
    assert_eq!(
        [told("after_1m"), told("after_5m"), told("after_1h")],
        [(Some(1), Some(0)), (Some(0), Some(1)), (Some(0), Some(1))]
    );
    let median = words["after_1m"]["median_percent"].as_f64().unwrap();
    assert!((median - 20.0).abs() < 1e-6, "{median}");
    let (_, out, _) = home.run(&["replay", "--file", "feed.jsonl"]);
    assert!(out.contains("+1 MIN") && out.contains("it is unknown"), "{out}");
    assert!(super::rule(&summary, "words")["worth"]["after_1h"]["median_percent"].is_null());
}

#[test]
fn a_symbol_alone_is_seen_only_where_it_is_alone_or_pinned_by_its_own_tweet() {
    let home = Home::with_rules(&format!("{ACTIONS}{RULES}"));
    for (own, expected) in [(None, 0.9), (Some(ONE), 0.6)] {
        let mut story = vec![content(0, "1", "kol", "to the moon"), meta(400, "1", "DOGE", 0.5)];
        story.extend(own.map(|contract| with_contract(900, "1", contract, 0.5)));
        // Others of that name, the one that may be meant, and the name by itself.
        story.push(with_contract(61_000, "2", OTHER, 77.0));
        story.push(with_contract(62_000, "3", ONE, 0.6));
        story.push(meta(63_000, "4", "DOGE", 0.9));
        home.write("feed.jsonl", &lines(&story));
        let summary = home.json(&["replay", "--file", "feed.jsonl", "--json"]);
        let orders = summary["orders"].as_array().unwrap();
        let order = orders.iter().find(|order| order["rule"] == "dip" && order["subject"] == "tweet:1").unwrap();
        assert_eq!(price(order, "after_1m"), Some(expected), "{own:?} {order:#}");
    }
}
