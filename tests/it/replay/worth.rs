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
    let (code, _, said) = home.run(&["replay", "--file", "feed.jsonl", "--html", "no/such/folder.html"]);
    assert_eq!(code, 2);
    assert!(said.contains("no/such/folder.html: "), "{said}");
}
