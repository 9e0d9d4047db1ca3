//! Hostile words in every place where a tweet's author can write, on every platform.

use birdcall::model::message::Body;
use birdcall::model::subject::{Account, Event, Tweet};
use birdcall::render::sanitise;
use birdcall::rules::template::{ChatTemplate, Scope};

use super::inert;
use super::places::places;
use super::samples::{actions, kairo, on_tweet, post, rendered, s, sent, try_rendered};

/// What people have tried on bots of this kind.
pub(super) fn words() -> Vec<String> {
    let mut all: Vec<String> = include_str!("../../data/hostile.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("## "))
        // The file is readable: characters that are not are written as in JSON.
        .map(|line| serde_json::from_str(&format!("\"{line}\"")).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    all.push("A".repeat(10 * 1024));
    all.push("*_~`|<@".repeat(700));
    all.push("z\u{301}\u{302}\u{303}".repeat(1_000));
    all.push("👨‍👩‍👧‍👦".repeat(400));
    all.push("&<>".repeat(1_000));
    all.push("\n".repeat(5_000) + "x");
    all.push(String::from_utf16_lossy(&[0x61, 0xd83d, 0x62, 0xdc00]));
    all
}

#[test]
fn nobodys_words_act_in_any_place_on_any_platform() {
    for words in words() {
        for (place, firing) in places(&words) {
            for (platform, _) in actions() {
                let message = rendered(&firing, platform);
                let named = std::panic::catch_unwind(|| {
                    inert::check(&message.body);
                    message.fallback.iter().for_each(inert::check);
                });
                let start: String = words.chars().take(60).collect();
                assert!(named.is_ok(), "{platform}, {place}: {start:?}");
            }
        }
    }
}

#[test]
fn nobodys_words_act_through_a_template() {
    let scope = Scope { on: &[Event::Tweet], each: None, window: false };
    let title = Some("{{ author.name }} {{ token.symbol }} {{ tweet.text }}");
    let body = Some("{{ tweet.text }}\n{{ author.name }} {{ author.bio }} {{ ref.text }} {{ token.name }}");
    for words in words().into_iter().filter(|words| words.len() < 3_000) {
        for (place, firing) in places(&words) {
            for platform in ["discord", "telegram", "slack", "console"] {
                let template = ChatTemplate::compile(title, body, &scope).unwrap();
                let message = try_rendered(&firing, platform, Some(template), None).unwrap();
                let named = std::panic::catch_unwind(|| inert::check(&message.body));
                let start: String = words.chars().take(60).collect();
                assert!(named.is_ok(), "{platform}, {place}: {start:?}");
            }
        }
    }
}

#[test]
fn a_text_is_shown_as_it_was_written_but_for_what_acts() {
    for words in words().into_iter().filter(|words| words.len() < 1_000) {
        let clean = sanitise::written(&words);
        let firing = on_tweet(Event::Tweet, Tweet { text: s(&words), ..post() });
        let webhook = sent(&rendered(&firing, "webhook").body);
        assert_eq!(webhook["data"]["tweet"]["raw_text"], words);
        assert_eq!(webhook["data"]["tweet"]["text"], *clean);
        let Body::Telegram(telegram) = rendered(&firing, "telegram").body else { panic!() };
        let units: Vec<u16> = telegram.text.encode_utf16().collect();
        let pre =
            telegram.entities.iter().find(|entity| entity.kind == "pre").map_or_else(String::new, |entity| {
                String::from_utf16(&units[entity.offset..entity.offset + entity.length]).unwrap()
            });
        assert_eq!(pre, clean);
        let slack = sent(&rendered(&firing, "slack").body);
        let quote = &slack["blocks"][2]["elements"][0];
        if !clean.is_empty() {
            assert_eq!(quote["type"], "rich_text_quote");
            assert_eq!(quote["elements"][0]["text"], *clean);
        }
        let discord = sent(&rendered(&firing, "discord").body);
        let mut shown = String::new();
        let mut letters = discord["embeds"][0]["description"].as_str().unwrap_or_default().chars();
        while let Some(letter) = letters.next() {
            shown.push(if letter == '\\' { letters.next().unwrap() } else { letter });
        }
        assert_eq!(shown, clean);
    }
}

#[test]
fn the_fallback_holds_none_of_a_tweets_words() {
    for (place, firing) in places("SENTINEL") {
        for platform in ["discord", "telegram", "slack"] {
            let fallback = rendered(&firing, platform).fallback.expect("chat has a fallback");
            let text = sent(&fallback).to_string();
            // A handle of plain letters is allowed, and a link made of it.
            let allowed = ["author", "handle", "target", "everything", "reference"].contains(&place);
            assert!(allowed || !text.contains("SENTINEL"), "{platform}, {place}: {text}");
        }
    }
    let strange =
        on_tweet(Event::Tweet, Tweet { author: Account { handle: s("evil.com/x"), name: s("free words"), ..kairo() }, ..post() });
    for platform in ["discord", "telegram", "slack"] {
        let text = sent(&rendered(&strange, platform).fallback.unwrap()).to_string();
        assert!(!text.contains("evil") && !text.contains("free words"), "{text}");
        assert!(text.contains("https://x.com/i/status/2067225747256360460"), "{text}");
    }
}
