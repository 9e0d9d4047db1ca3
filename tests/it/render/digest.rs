//! Many firings in one message: the number is right, the newest come first, it fits, and nobody's words act in it.

use birdcall::model::delivery::DigestLine;
use birdcall::model::firing::Firing;
use birdcall::model::message::Body;
use birdcall::model::subject::{Event, Tweet};
use birdcall::render::{Whole, digest, digest_line};
use serde_json::Value;

use super::hostile::words;
use super::inert;
use super::places::places;
use super::samples::{action_of, every_kind, on_tweet, post, s, sent};

const CHATS: [&str; 3] = ["discord", "telegram", "slack"];

fn made(platform: &str, lines: &[DigestLine], total: usize) -> Body {
    digest(&action_of(platform), &lines.iter().collect::<Vec<_>>(), &Whole { total, ..Whole::default() }).unwrap()
}

/// Everything that has to hold for a digest.
fn check(body: &Body) {
    match body {
        Body::Discord(body) => discord(&serde_json::to_value(body).unwrap()),
        Body::Telegram(body) => inert::telegram(body),
        Body::Slack(body) => inert::slack(&serde_json::to_value(body).unwrap()),
        Body::Console(_) | Body::Webhook(_) => inert::check(body),
    }
}

/// As for any message, but that each line may end in a link of ours.
fn discord(body: &Value) {
    inert::all_clean(body);
    assert_eq!(body["allowed_mentions"], serde_json::json!({ "parse": [] }));
    let content = body["content"].as_str().unwrap();
    assert!(content.chars().count() < 200 && content.starts_with("🗞️ "), "{content}");
    inert::no_discord_markup(content);
    let embed = &body["embeds"][0];
    let parts = ["title", "description"].map(|part| inert::chars(&embed[part]));
    assert!(parts[0] <= 256 && parts[1] <= 4_096 && parts.iter().sum::<usize>() < 5_900, "{parts:?}");
    let description = embed["description"].as_str().unwrap_or_default();
    let mut bare = String::new();
    let mut rest = description;
    while let Some((before, after)) = rest.split_once(" [open](") {
        let (url, after) = after.split_once(')').expect("the link is closed");
        inert::link(&Value::from(url));
        assert!(after.is_empty() || after.starts_with('\n'), "{description}");
        bare.push_str(before);
        rest = after;
    }
    inert::no_discord_markup(&format!("{bare}{rest}"));
}

fn line(rule: &str, text: &str) -> DigestLine {
    DigestLine {
        rule: rule.into(),
        token: String::new(),
        who: "@orbitlab_xyz posted".into(),
        text: text.into(),
        link: Some("https://x.com/i/status/1".into()),
    }
}

#[test]
fn a_line_says_which_rule_who_what_and_where() {
    let line = digest_line(&on_tweet(Event::Tweet, Tweet { text: s("gm\n\nR&amp;D  is\tlive"), ..post() }));
    assert_eq!((line.rule.as_str(), line.who.as_str()), ("listing-watch", "@orbitlab_xyz posted"));
    assert_eq!(
        (line.text.as_str(), line.link.as_deref()),
        ("gm R&D is live", Some("https://x.com/i/status/2067225747256360460"))
    );
    let long = digest_line(&on_tweet(Event::Tweet, Tweet { text: s(&"word ".repeat(100)), ..post() }));
    assert!(long.text.chars().count() <= 140 && long.text.ends_with('…'));
    for (kind, firing) in every_kind() {
        let line = digest_line(&firing);
        assert!(!line.rule.is_empty() && !line.who.is_empty(), "{kind}: {line:?}");
    }
}

#[test]
fn the_number_the_rules_and_the_newest_are_told_on_every_chat() {
    let lines: Vec<DigestLine> =
        (0..30).map(|n| line(if n % 3 == 0 { "dip" } else { "listing" }, &format!("number {n}."))).collect();
    for platform in CHATS {
        let text = sent(&made(platform, &lines, 1_234)).to_string().replace('\\', "");
        for word in ["1234 alerts", "listing", " 20", "dip", " 10", "number 0.", "https://x.com/i/status/1", "the newest first"] {
            assert!(text.to_lowercase().contains(&word.to_lowercase()), "{platform}: {word} is not in {text}");
        }
        let shown = (0..30).take_while(|n| text.contains(&format!("number {n}."))).count();
        assert!(shown >= 10 && (shown..30).all(|n| !text.contains(&format!("number {n}."))), "{platform}: {shown}");
        assert!(text.contains(&format!("and {} more", 1_234 - shown)), "{platform}: {text}");
    }
}

#[test]
fn when_all_are_shown_nothing_more_is_said() {
    for platform in CHATS {
        let text = sent(&made(platform, &[line("a", "one"), line("b", "two")], 2)).to_string();
        assert!(text.contains("2 alerts") && !text.contains("and "), "{platform}: {text}");
    }
}

#[test]
fn nobodys_words_act_in_a_digest_wherever_they_were_written() {
    for words in words() {
        let firings: Vec<(&str, Firing)> = places(&words);
        let lines: Vec<DigestLine> = firings.iter().map(|(_, firing)| digest_line(firing)).collect();
        for platform in CHATS {
            let held = std::panic::catch_unwind(|| check(&made(platform, &lines, lines.len() + 3)));
            let start: String = words.chars().take(60).collect();
            assert!(held.is_ok(), "{platform}: {start:?}");
        }
    }
}

#[test]
fn a_thousand_of_the_longest_fit() {
    for fill in ["*", "&", "😀", "@", "שלום ", "\\"] {
        let firing = on_tweet(Event::Tweet, Tweet { text: s(&fill.repeat(2_000)), ..post() });
        let long = DigestLine { rule: fill.repeat(200), ..digest_line(&firing) };
        for platform in CHATS {
            let body = made(platform, &vec![long.clone(); 1_000], 1_000);
            check(&body);
            assert!(sent(&body).to_string().len() > 1_500, "{platform} {fill}: there is room for more than that");
        }
    }
}

#[test]
fn without_lines_the_number_is_told_all_the_same() {
    for platform in CHATS {
        let body = made(platform, &[], 7);
        check(&body);
        assert!(sent(&body).to_string().contains("7 alerts"), "{platform}");
    }
}

#[test]
fn a_link_that_is_not_plain_is_left_out() {
    let bad =
        ["javascript:alert(1)", "https://x.com/) [evil](https://evil.example", "https://x.com/\n@everyone", "http://x.com/1"];
    for link in bad {
        let line = DigestLine { link: Some(link.into()), ..line("rule", "text") };
        for platform in CHATS {
            let body = made(platform, std::slice::from_ref(&line), 1);
            check(&body);
            assert!(!sent(&body).to_string().contains("open"), "{platform}: {link}");
        }
    }
}
