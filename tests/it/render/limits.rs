//! Whatever is written, and however much: messages fit, and JSON is JSON.

use birdcall::model::firing::Matched;
use birdcall::model::message::Body;
use proptest::prelude::*;

use super::inert;
use super::places::places;
use super::samples::{actions, every_kind, rendered, sent};

#[test]
fn maximal_inputs_fit_everywhere() {
    for fill in ["*", "&", "\"", "😀", "\u{1}", "\u{301}", "שלום ", "a\n"] {
        let words = fill.repeat(8 * 1024 / fill.len());
        let long = ["text", "quoted", "target", "changes", "everything"];
        for (place, mut firing) in places(&words).into_iter().filter(|(place, _)| long.contains(place)) {
            firing.matched = vec![Matched { matcher: "keyword", value: words.clone(), place: "text" }; 200];
            for (platform, _) in actions() {
                let message = rendered(&firing, platform);
                let fits = std::panic::catch_unwind(|| inert::check(&message.body));
                assert!(fits.is_ok(), "{platform}, {place}, {fill:?}");
            }
        }
    }
}

#[test]
fn a_long_text_uses_the_room_there_is() {
    let words = "word ".repeat(3_000);
    let (_, firing) = places(&words).into_iter().find(|(place, _)| *place == "text").unwrap();
    let Body::Telegram(telegram) = rendered(&firing, "telegram").body else { panic!() };
    assert!(telegram.text.encode_utf16().count() > 4_000);
    let discord = sent(&rendered(&firing, "discord").body);
    assert!(discord["embeds"][0]["description"].as_str().unwrap().chars().count() > 4_000);
    let webhook = sent(&rendered(&firing, "webhook").body);
    assert_eq!(webhook["data"]["truncated"], true);
    assert!(webhook["data"]["tweet"]["text"].as_str().unwrap().ends_with('…'));
}

#[test]
fn every_sample_holds_the_invariants_and_is_not_truncated() {
    for (kind, firing) in every_kind() {
        for (platform, _) in actions() {
            let message = rendered(&firing, platform);
            inert::check(&message.body);
            message.fallback.iter().for_each(inert::check);
            if platform == "webhook" {
                assert_eq!(sent(&message.body)["data"]["truncated"], false, "{kind}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_string_breaks_a_limit_or_the_json(words in "(?s:.){0,300}", times in 1_usize..5) {
        for (_, firing) in places(&words.repeat(times)) {
            for (platform, _) in actions() {
                let message = rendered(&firing, platform);
                inert::check(&message.body);
                message.fallback.iter().for_each(inert::check);
            }
        }
    }

    #[test]
    fn markup_of_every_kind_in_any_order_stays_text(words in r"[\\*_~`|>#\[\]()<@:\-+.!{}&$/\n a-c\u{200b}\u{202e}\u{1b}]{0,200}") {
        for (_, firing) in places(&words) {
            for (platform, _) in actions() {
                inert::check(&rendered(&firing, platform).body);
            }
        }
    }
}
