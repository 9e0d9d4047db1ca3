//! What is read first: the rule, what it is about, who did what, when. None of it may be forged or become false.

use std::sync::Arc;
use std::time::Duration;

use birdcall::model::firing::{Element, Firing, Matched};
use birdcall::model::subject::{Account, Event, Kind, Reference, Token, Tweet};
use birdcall::rules::template::{ChatTemplate, Scope};

use super::inert;
use super::samples::{kairo, market, on_tweet, orbit, post, reference, rendered, s, sent, token, try_rendered};

const CHATS: [&str; 4] = ["discord", "telegram", "slack", "console"];

/// The line that is read first, and the one that says who did what, as they are shown.
fn lines(message: &serde_json::Value, platform: &str) -> (String, String) {
    let text = |value: &serde_json::Value| value.as_str().unwrap().replace(['\\', '\u{2060}'], "");
    match platform {
        "discord" => (text(&message["content"]), text(&message["embeds"][0]["author"]["name"])),
        "telegram" => {
            let all = text(&message["text"]);
            let mut lines = all.lines();
            let first = lines.next().unwrap().to_owned();
            let who = first.rsplit(" · ").next().unwrap().to_owned();
            let who = if who.contains('@') { who } else { lines.next().unwrap().to_owned() };
            (first, who)
        }
        "slack" => {
            let words = message["blocks"][1]["elements"].as_array().unwrap().last().unwrap();
            (text(&message["text"]), text(&words["text"]))
        }
        _ => {
            let first = text(message).lines().next().unwrap().to_owned();
            let who = first.split_once("  ").unwrap().1.to_owned();
            (first, who)
        }
    }
}

fn named(name: &str) -> Firing {
    on_tweet(Event::Tweet, Tweet { author: Account { handle: s("evil"), name: s(name), ..orbit() }, ..post() })
}

fn chat(title: Option<&str>, body: Option<&str>) -> Option<ChatTemplate> {
    Some(ChatTemplate::compile(title, body, &Scope { on: &[Event::Tweet], each: None, window: false }).unwrap())
}

#[test]
fn a_token_stands_in_the_first_line_only_when_the_firing_is_about_it_or_there_is_nothing_else() {
    let bait = || Token { symbol: s("BAIT"), contract: None, address: None, ..token() };
    let two = || Tweet { tokens: vec![bait(), token()], ..post() };
    let about = |element| Firing { element, ..on_tweet(Event::Tweet, two()) };
    let with_market = on_tweet(Event::Tweet, Tweet { markets: vec![market()], ..post() });
    let only_market = on_tweet(Event::Tweet, Tweet { tokens: Vec::new(), markets: vec![market()], ..post() });
    for platform in CHATS {
        let first = |firing: &Firing| lines(&sent(&rendered(firing, platform).body), platform).0;
        let none = first(&about(None));
        assert!(!none.contains("BAIT") && !none.contains("ORBL") && !none.contains('$'), "{platform}: {none}");
        let none = first(&with_market);
        assert!(!none.contains("ORBL") && !none.contains("KAI"), "{platform}: {none}");
        let one = first(&about(Some(Element::Token(token()))));
        assert!(one.contains("listing-watch · ORBL $0.0012034"), "{platform}: {one}");
        assert!(first(&on_tweet(Event::Tweet, post())).contains("ORBL $0.0012034"), "{platform}");
        assert!(first(&only_market).contains("KAIUSDT $0.613"), "{platform}");
    }
}

#[test]
fn only_a_symbol_that_is_nothing_else_stands_in_the_first_line() {
    for (symbol, shown) in
        [("BRK.B", "BRK.B"), ("$ORBL", "ORBL"), ("evil.io", "4Dx2…pump"), ("a.b.c.de", "4Dx2…pump"), ("A B", "4Dx2…pump")]
    {
        let firing = on_tweet(Event::Tweet, Tweet { tokens: vec![Token { symbol: s(symbol), ..token() }], ..post() });
        for platform in CHATS {
            let body = rendered(&firing, platform).body;
            inert::check(&body);
            let (first, _) = lines(&sent(&body), platform);
            assert!(first.contains(&format!("listing-watch · {shown} $0.0012034")), "{platform}: {first}");
        }
    }
}

#[test]
fn a_display_name_neither_poses_as_another_account_nor_pushes_the_handle_out() {
    let pose = format!("Binance (@binance) posted · 12:40:00 UTC{}", "\u{2800}".repeat(20));
    for name in [pose, "N".repeat(300), "\u{2800}".repeat(300), format!("{}x", "\u{3164}".repeat(40)), "😀".repeat(300)] {
        for platform in CHATS {
            let message = sent(&rendered(&named(&name), platform).body);
            let (first, who) = lines(&message, platform);
            let first_ok =
                if platform == "discord" { first.ends_with(" · evil posted") } else { first.contains("@evil posted") };
            assert!(first_ok, "{platform}: {first}");
            assert!(who.starts_with("@evil"), "{platform}: {who}");
            let text = message.to_string();
            assert!(!text.contains('\u{2800}') && !text.contains('\u{3164}'), "{platform}: {text}");
            assert!(!text.contains(&"N".repeat(49)) && !text.contains(&"😀".repeat(49)), "{platform}: {text}");
        }
    }
}

#[test]
fn the_moment_and_the_delay_are_told_and_no_age() {
    let mut firing = on_tweet(Event::Delete, post());
    firing.at = firing.subject.at.plus(Duration::from_millis(231));
    for platform in ["discord", "telegram", "slack"] {
        let message = rendered(&firing, platform);
        for body in [Some(message.body), message.fallback].into_iter().flatten() {
            let text = sent(&body).to_string();
            assert!(text.contains("alerted after 0.2 s"), "{platform}: {text}");
            assert!(!text.contains(" ago"), "{platform}: {text}");
            // Discord shows the moment in each reader's own time.
            let told = if platform == "discord" { "2026-06-17T13:40:00.000Z" } else { "13:40:00 UTC" };
            assert!(text.contains(told), "{platform}: {text}");
        }
    }
}

#[test]
fn a_template_takes_neither_who_did_it_nor_the_words_of_a_notification() {
    let firing = Firing { element: Some(Element::Token(token())), ..named("Binance (@binance)") };
    for template in [chat(None, Some("B")), chat(Some("T"), Some("B")), chat(Some("T"), None)] {
        for platform in CHATS {
            let message = try_rendered(&firing, platform, template.clone(), None).unwrap();
            inert::check(&message.body);
            let message = sent(&message.body);
            assert!(lines(&message, platform).1.starts_with("@evil"), "{platform}: {message}");
            match platform {
                "slack" => assert_eq!(message["text"], "🔔 listing-watch · ORBL $0.0012034 · @evil posted"),
                "discord" => assert_eq!(message["content"], "🔔 listing-watch · ORBL $0.0012034 · evil posted"),
                _ => {}
            }
        }
    }
}

#[test]
fn discords_content_keeps_handle_and_price_under_the_longest_rules_name() {
    let long = |c: &str| Account { handle: s(&c.repeat(30)), ..kairo() };
    let author = Account { platform: Some(birdcall::model::subject::Platform::TruthSocial), ..long("_") };
    let other = Reference { author: long("_"), ..reference(Kind::Reply) };
    let tweet = Tweet { author, stated_kind: Some(Kind::Reply), reference: Some(other), ..post() };
    let firing = Firing { rule: Arc::from("*".repeat(500).as_str()), ..on_tweet(Event::Tweet, tweet) };
    let content = sent(&rendered(&firing, "discord").body)["content"].as_str().unwrap().to_owned();
    assert!(content.chars().count() < 200, "{content}");
    assert!(
        content.contains("… · ORBL $0.0012034 · ") && content.ends_with(&format!("{} replied on Truth Social", "\\_".repeat(30))),
        "{content}"
    );
}

#[test]
fn what_everybody_sees_is_no_match_worth_a_line_unless_nothing_else_matched() {
    let matched = |matcher, value: &str, place| Matched { matcher, value: value.to_owned(), place };
    let seen = || vec![matched("handle", "orbitlab_xyz", ""), matched("kind", "post", ""), matched("platform", "twitter", "")];
    for platform in CHATS {
        let text = |all: Vec<Matched>| {
            sent(&rendered(&Firing { matched: all, ..on_tweet(Event::Tweet, post()) }, platform).body).to_string()
        };
        assert!(text(seen()).contains("platform "), "{platform}");
        let told = text([seen(), vec![matched("keyword", "is live", "text")]].concat());
        assert!(told.contains("keyword") && !told.contains("platform ") && !told.contains("handle "), "{platform}: {told}");
    }
}

#[test]
fn entities_are_decoded_once_wherever_a_text_is_shown() {
    let author = Account { name: s("R&amp;D"), ..orbit() };
    let firing = on_tweet(Event::Tweet, Tweet { text: s("up &gt;9% &amp;lt; &#27;[31m"), author, ..post() });
    for platform in ["telegram", "slack", "webhook", "console"] {
        let text = sent(&rendered(&firing, platform).body).to_string();
        assert!(text.contains("up >9% &lt; [31m") && text.contains("R&D"), "{platform}: {text}");
    }
}

#[test]
fn the_terminal_counts_all_that_it_leaves_out() {
    let tokens = |count: usize| vec![Token { address: None, contract: None, ..token() }; count];
    for (count, more) in
        [(2, None), (3, Some("and 1 more")), (4, Some("and 2 more")), (5, Some("and 3 more")), (11, Some("and 9 more"))]
    {
        let firing = on_tweet(Event::Tweet, Tweet { tokens: tokens(count), ..post() });
        let text = sent(&rendered(&firing, "console").body).as_str().unwrap().to_owned();
        assert_eq!(more.is_some(), text.contains(" more"), "{count}: {text}");
        assert!(more.is_none_or(|more| text.contains(more)), "{count}: {text}");
    }
}
