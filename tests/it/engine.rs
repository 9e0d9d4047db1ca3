//! Rules on stories: what fires, when, and how often.

mod adopted;
mod cooldowns;
mod each;
mod edits;
mod hold;
mod identities;
mod index;
mod late;
mod lowered;
mod modes;
mod mutes;
mod over_time;
mod placed;
mod regexes;
mod restart;
mod sightings;
mod silences;
mod skew;
mod traces;

use birdcall::engine::Effect;
use birdcall::model::delivery::Outcome;
use birdcall::model::firing::Origin;
use birdcall::model::limits;
use serde_json::json;

use crate::kit::story::{START, Story, content, meta, of_tweet, token, update};

pub(crate) const ORBL: &str = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";
pub(crate) const OTHER: &str = "So11111111111111111111111111111111111111112";

fn rule(name: &str, body: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nsend = [\"out\"]\n{body}\n")
}

#[test]
fn a_rule_on_text_alone_fires_on_content_at_once_and_only_once() {
    let mut story = Story::new(&rule("doge", "when = { handle = \"ElonMusk\", keyword = \"doge\" }"));
    let tweet = content("1", "elonmusk", "DOGE to the moon");
    assert_eq!(story.at(0, &tweet), ["doge"]);
    assert_eq!(story.at(10, &tweet), [""; 0], "the feed said it twice");
    assert_eq!(story.at(20, &update("1", &json!({"text": "DOGE to the moon!"}))), [""; 0]);
    assert_eq!(story.at(30, &content("2", "elonmusk", "dogecoin")), [""; 0], "whole words");
    assert_eq!(story.at(40, &content("3", "notelon", "doge")), [""; 0]);
}

#[test]
fn content_and_meta_are_joined_in_any_order() {
    let rules = rule("dip", "when = { handle = \"kol\", token = { symbol = \"DOGE\", price = { below = 0.5 } } }");
    let (tweet, found) = (content("1", "kol", "$DOGE"), meta("1", &json!({"tokens": [token("DOGE", ORBL, 0.4)]})));
    let mut story = Story::new(&rules);
    assert_eq!(story.at(0, &tweet), [""; 0], "the price is not known yet");
    assert_eq!(story.at(200, &found), ["dip DOGE"]);
    let mut story = Story::new(&rules);
    assert_eq!(story.at(0, &found), [""; 0], "the author is not known yet");
    assert_eq!(story.at(200, &tweet), ["dip DOGE"]);
}

#[test]
fn one_token_must_satisfy_the_whole_matcher() {
    let mut story = Story::new(&rule("dip", "when = { token = { symbol = \"DOGE\", price = { below = 0.5 } } }"));
    story.at(0, &content("1", "kol", "x"));
    let tokens = json!({"tokens": [token("DOGE", ORBL, 0.6), token("PEPE", OTHER, 0.4)]});
    assert_eq!(story.at(1, &meta("1", &tokens)), [""; 0]);
}

#[test]
fn what_a_pin_says_of_a_tweet_is_judged_at_once_when_the_feed_has_told_of_it() {
    let rules = rule("listing", "when = { handle = \"kol\", keyword = \"listing\" }")
        + &rule("pinned", "on = \"pin\"\nwhen = { handle = \"kol\" }");
    let said = json!({"text": "listing", "author": {"handle": "kol"}});
    let mut story = Story::new(&rules);
    assert_eq!(story.at(0, &of_tweet("content", "1", &json!({"text": "listing"}))), [""; 0], "by whom is not known");
    assert_eq!(story.at(10, &of_tweet("pin", "1", &json!({"author": {"handle": "kol"}}))), ["listing", "pinned"]);
    assert_eq!(story.at(20, &of_tweet("pin", "2", &said)), ["pinned"], "the feed has told of no such tweet: it may be years old");
    assert_eq!(story.tick(60_000), [""; 0]);
    assert_eq!(story.at(60_010, &of_tweet("content", "2", &json!({"text": "listing"}))), ["listing"]);
}

#[test]
fn an_address_in_the_text_fires_before_any_meta_arrives() {
    let mut story = Story::new(&rule("ca", "when = { contract = true }"));
    assert_eq!(story.at(0, &content("1", "kol", &format!("CA: {ORBL}"))), [format!("ca {ORBL}")]);
    assert_eq!(story.at(200, &meta("1", &json!({"tokens": [token("ORBL", ORBL, 1.0)]}))), [""; 0]);
}

#[test]
fn absence_is_decided_when_the_wait_is_over_and_not_before() {
    let rules = rule("quiet", "wait = \"4s\"\n[rule.when]\nhandle = \"kol\"\nnone = [{ token = true }]");
    let mut story = Story::new(&rules);
    assert_eq!(story.at(0, &content("1", "kol", "gm")), [""; 0]);
    assert_eq!(story.tick(3_999), [""; 0]);
    assert_eq!(story.tick(4_000), ["quiet"]);
    assert_eq!(story.tick(60_000), [""; 0]);

    let mut story = Story::new(&rules);
    story.at(0, &content("1", "kol", "gm"));
    assert_eq!(story.at(300, &meta("1", &json!({"tokens": []}))), ["quiet"], "meta says that there is none");

    let mut story = Story::new(&rules);
    story.at(0, &content("1", "kol", "gm"));
    assert_eq!(story.at(300, &meta("1", &json!({"tokens": [token("DOGE", ORBL, 1.0)]}))), [""; 0]);
    assert_eq!(story.tick(60_000), [""; 0]);
}

#[test]
fn the_next_envelope_settles_what_is_due_before_it() {
    let mut story = Story::new(&rule("quiet", "wait = \"4s\"\n[rule.when]\nnone = [{ token = true }]"));
    story.at(0, &content("1", "kol", "gm"));
    let late = meta("1", &json!({"tokens": [token("DOGE", ORBL, 1.0)]}));
    assert_eq!(story.at(9_000, &late), ["quiet"], "it was true at 4 s, whatever came at 9 s");
}

#[test]
fn a_match_that_comes_after_the_wait_still_fires() {
    let mut story = Story::new(&rule("doge", "when = { token = \"DOGE\" }"));
    story.at(0, &content("1", "kol", "gm"));
    assert_eq!(story.tick(20_000), [""; 0]);
    assert_eq!(story.at(21_000, &meta("1", &json!({"tokens": [token("DOGE", ORBL, 1.0)]}))), ["doge DOGE"]);
}

#[test]
fn each_makes_one_firing_for_each_matching_token_and_none_twice() {
    let rules = "[lists]\nmajors = [\"SOL\"]\n".to_owned()
        + &rule("drop", "each = \"token\"\n[rule.when]\nhandle = \"kol\"\nnone = [{ token = { symbol = \"@majors\" } }]");
    let mut story = Story::new(&rules);
    assert_eq!(story.at(0, &content("1", "kol", "$ORBL and $SOL")), ["drop ORBL"]);
    let tokens = json!({"tokens": [token("ORBL", ORBL, 1.0), token("SOL", OTHER, 150.0), token("WIF", "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm", 2.0)]});
    assert_eq!(story.at(200, &meta("1", &tokens)), ["drop WIF"], "ORBL had fired under its symbol");
    assert_eq!(story.at(400, &meta("1", &tokens)), [""; 0]);
}

#[test]
fn two_contracts_under_one_symbol_are_two_tokens() {
    let mut story = Story::new(&rule("drop", "each = \"token\"\nwhen = { token = \"PEPE\" }"));
    story.at(0, &content("1", "kol", "gm"));
    let tokens = json!({"tokens": [token("PEPE", ORBL, 1.0), token("PEPE", OTHER, 2.0)]});
    assert_eq!(story.at(1, &meta("1", &tokens)), ["drop PEPE", "drop PEPE"]);
}

#[test]
fn an_update_can_make_a_rule_true() {
    let mut story = Story::new(&(rule("answer", "when = { target = \"vip\" }") + &rule("tme", "when = { link = \"t.me\" }")));
    let mut reply = content("1", "kol", "yes https://t.co/abc");
    reply["d"]["kind"] = json!("reply");
    reply["d"]["ref"] = json!({"type": "reply"});
    assert_eq!(story.at(0, &reply), [""; 0]);
    let fields = json!({"ref": {"type": "reply", "tweetId": "9", "author": {"handle": "@VIP"}},
        "urls": [{"url": "https://t.me/pump", "tco": "https://t.co/abc"}]});
    assert_eq!(story.at(100, &update("1", &fields)), ["answer", "tme"]);
}

#[test]
fn a_hidden_link_is_unknown_until_it_is_expanded_or_the_wait_is_over() {
    let rules = rule("clean", "wait = \"2s\"\n[rule.when]\nkeyword = \"gm\"\nnone = [{ link = \"t.me\" }]");
    let mut story = Story::new(&rules);
    assert_eq!(story.at(0, &content("1", "kol", "gm")), ["clean"], "no link at all: nothing to wait for");
    assert_eq!(story.at(0, &content("2", "kol", "gm https://t.co/abc")), [""; 0]);
    assert_eq!(story.tick(2_000), ["clean"]);
}

#[test]
fn deletes_and_pins_see_the_remembered_tweet_and_fire_once_each() {
    let rules = rule("gone", "on = \"delete\"\nwhen = { handle = \"kol\", keyword = \"listing\" }")
        + &rule("pinned", "on = [\"pin\", \"unpin\"]\nwhen = { handle = \"kol\" }");
    let mut story = Story::new(&rules);
    story.at(0, &content("1", "kol", "Listing soon"));
    assert_eq!(story.at(10, &of_tweet("pin", "1", &json!({}))), ["pinned"]);
    assert_eq!(story.at(20, &of_tweet("unpin", "1", &json!({}))), ["pinned"], "once per op");
    assert_eq!(story.at(30, &of_tweet("delete", "1", &json!({}))), ["gone"]);
    assert_eq!(story.at(40, &of_tweet("delete", "1", &json!({}))), [""; 0]);
    assert_eq!(story.at(50, &of_tweet("delete", "2", &json!({}))), [""; 0], "nothing is known of that one");
}

#[test]
fn account_events_fire_on_who_whom_and_what_changed() {
    let rules = rule("rename", "on = \"profile_update\"\nwhen = { handle = \"old_name\", changed = \"handle\" }")
        + &rule("bio", "on = \"profile_update\"\nwhen = { changed = \"bio\", after = { keyword = \"ca\" } }")
        + &rule("follows", "on = \"follow\"\nwhen = { handle = \"whale\", target = \"orbit\" }");
    let mut story = Story::new(&rules);
    let profile = json!({"v": 1, "t": "account", "op": "profile_update", "id": "p1", "ts": START, "d": {
        "kind": "PROFILE", "eventId": "p1", "observedAt": START, "actor": {"id": "7", "handle": "@new_name"},
        "changes": {"handle": "@new_name", "bio": "CA soon"}, "previous": {"handle": "@old_name", "bio": "art"}}});
    assert_eq!(story.at(0, &profile), ["bio", "rename"]);
    assert_eq!(story.at(1, &profile), [""; 0]);
    let follow = json!({"v": 1, "t": "account", "op": "follow", "ts": START, "d": {"kind": "FOLLOW", "eventId": "f1",
        "observedAt": START, "actor": {"handle": "@whale"}, "target": {"handle": "@Orbit"}}});
    assert_eq!(story.at(2, &follow), ["follows"]);
}

#[test]
fn the_id_of_a_handle_survives_a_rename_and_a_squatter_is_not_taken_for_it() {
    let mut story = Story::new(&rule("vip", "when = { handle = \"vip#42\" }"));
    let by = |id: &str, handle: &str, author: &str| {
        let mut tweet = content(id, handle, "x");
        tweet["d"]["author"]["id"] = json!(author);
        tweet
    };
    assert_eq!(story.at(0, &by("1", "renamed", "42")), ["vip"]);
    assert_eq!(story.at(1, &by("2", "vip", "43")), [""; 0]);
    assert_eq!(story.at(2, &content("3", "vip", "x")), ["vip"], "no id known: the handle decides");
}

#[test]
fn hiding_a_keyword_does_not_help() {
    let mut story =
        Story::new(&(rule("word", "when = { keyword = \"listing\" }") + &rule("tag", "when = { cashtag = \"doge\" }")));
    for (id, text, fired) in [
        ("1", "lis\u{200B}ting", "word"),
        ("2", "ＬＩＳＴＩＮＧ", "word"),
        ("3", "＄ＤＯＧＥ", "tag DOGE"),
        ("4", "l\u{202E}isting", "word"),
        ("5", "LISTING&nbsp;now", "word"),
    ] {
        assert_eq!(story.at(0, &content(id, "x", text)), [fired], "{text:?}");
    }
}

#[test]
fn at_least_two_of_three_and_nested_groups() {
    let body = "[rule.when]\nat_least = 2\nany = [{ keyword = \"a1\" }, { keyword = \"b1\" }, { all = [{ keyword = \"c1\" }, { none = [{ keyword = \"d1\" }] }] }]";
    let mut story = Story::new(&rule("two", body));
    for (id, text, fires) in [("1", "a1 b1", true), ("2", "a1", false), ("3", "a1 c1", true), ("4", "b1 c1 d1", false)] {
        assert_eq!(!story.at(0, &content(id, "x", text)).is_empty(), fires, "{text}");
    }
}

#[test]
fn what_is_too_old_is_recorded_as_expired() {
    let rules = "[actions.short]\ntype = \"console\"\nmax_age = \"2s\"\n[[rule]]\nname = \"gm\"\nsend = [\"out\", \"short\"]\nwhen = { keyword = \"gm\" }\n";
    let mut story = Story::new(rules);
    let ended = story.ends(2_000, &content("2", "x", "gm"));
    assert_eq!(ended, [Outcome::Expired], "2 s old is too old for the one, not for the other");
    assert_eq!(Story::new(rules).ends(1_999, &content("3", "x", "gm")), []);
}

#[test]
fn an_order_is_never_made_of_what_came_late() {
    let rules = "[actions.bot]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\ntrading = true\nmax_age = \"1h\"\n\
                 [[rule]]\nname = \"buy\"\nsend = [\"bot\", \"out\"]\nwhen = { contract = true }\n";
    let tweet = content("1", "x", ORBL);
    assert_eq!(Story::new(rules).ends(0, &tweet), []);
    assert_eq!(Story::new(rules).from(Origin::Backfill).ends(0, &tweet), [Outcome::Expired]);
}

#[test]
fn an_order_leaves_before_chat() {
    let rules = "[actions.bot]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\ntrading = true\nmax_age = \"1h\"\n\
                 [[rule]]\nname = \"buy\"\nsend = [\"out\", \"bot\"]\nwhen = { contract = true }\n";
    let mut story = Story::new(rules);
    let actions: Vec<_> = story
        .all(0, &content("1", "x", ORBL))
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Deliver(delivery) => Some(delivery.action),
            _ => None,
        })
        .collect();
    assert_eq!(actions, [1, 0]);
}

#[test]
fn the_token_of_an_order_is_the_one_that_the_firmest_matcher_names() {
    let (doge, fake) = (token("DOGE", ORBL, 0.4), token("FAKE", OTHER, 0.0001));
    for when in [
        "{ contract = true, token = \"DOGE\" }",
        "{ token = \"DOGE\", contract = true }",
        "{ price = { above = 0 }, token = \"DOGE\" }",
        &format!("{{ cashtag = \"FAKE\", token = {{ contract = \"{ORBL}\" }} }}"),
    ] {
        let mut story = Story::new(&rule("buy", &format!("when = {when}")));
        story.at(0, &content("1", "kol", "$FAKE $DOGE"));
        let fired = story.at(1, &meta("1", &json!({"tokens": [fake, doge]})));
        assert_eq!(fired, ["buy DOGE"], "{when}");
    }
}

#[test]
fn with_each_a_cashtag_speaks_of_its_own_token() {
    let mut story = Story::new(&rule("doge", "each = \"token\"\nwhen = { cashtag = \"DOGE\" }"));
    assert_eq!(story.at(0, &content("1", "kol", &format!("$DOGE $SOL {OTHER}"))), ["doge DOGE"]);
    assert_eq!(story.at(1, &meta("1", &json!({"tokens": [token("PEPE", OTHER, 1.0)]}))), [""; 0]);
}

#[test]
fn the_id_of_a_firing_does_not_depend_on_what_arrived_first() {
    let parts = [
        content("1", "kol", &format!("$ORBL https://t.co/abc {OTHER}")),
        update("1", &json!({"urls": [{"url": "https://t.me/pump", "tco": "https://t.co/abc"}]})),
        meta("1", &json!({"tokens": [token("ORBL", ORBL, 1.0), token("OTHR", OTHER, 2.0)]})),
    ];
    for body in ["when = { handle = \"kol\" }", "when = { link = \"t.me\" }", "when = { token = { price = { above = 0 } } }"] {
        let rules = rule("each", &format!("each = \"token\"\n{body}"));
        let mut seen = Vec::new();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut story = Story::new(&rules);
            let mut ids: Vec<_> = order.iter().zip(0..).flat_map(|(part, ms)| story.ids(ms, &parts[*part])).collect();
            ids.sort();
            seen.push(ids);
        }
        assert_eq!(seen[0].len(), 2, "{body}");
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{body}: {seen:#?}");
    }
}

#[test]
fn a_meta_without_content_is_settled_when_its_own_wait_is_over() {
    let rules = rule("each", "each = \"token\"\nwhen = { token = true }")
        + &rule("none", "when = { token = \"X\", none = [{ handle = \"kol\" }] }");
    let found = meta("1", &json!({"tokens": [token("X", ORBL, 1.0)]}));
    let mut story = Story::new(&rules);
    assert_eq!(story.at(0, &found), [""; 0]);
    assert_eq!(story.tick(15_000), ["each X", "none X"]);
    let mut story = Story::new(&rules);
    story.at(0, &found);
    assert_eq!(story.at(10_000, &content("1", "kol", "x")), ["each X"]);
    assert_eq!(story.tick(60_000), [""; 0]);
}

#[test]
fn a_feed_with_a_clock_ahead_of_ours_does_not_make_orders_younger() {
    let rules = "[actions.short]\ntype = \"console\"\nmax_age = \"3s\"\n[[rule]]\nname = \"x\"\nsend = [\"short\"]\nwhen = { token = \"X\" }\n";
    let mut tweet = content("1", "kol", "x");
    tweet["d"]["createdAt"] = json!(START + 3_600_000);
    let mut story = Story::new(rules);
    story.at(0, &tweet);
    assert_eq!(story.ends(10_000, &meta("1", &json!({"tokens": [token("X", ORBL, 1.0)]}))), [Outcome::Expired]);
}

#[test]
fn a_tweet_that_is_forgotten_before_its_time_is_settled_then() {
    let mut story = Story::new(&rule("quiet", "when = { handle = \"vip\", none = [{ token = true }] }"));
    story.at(0, &content("1", "vip", "x"));
    let many = limits::JOIN_TWEETS + 2;
    let fired: Vec<_> = (2..=many).flat_map(|id| story.at(1, &content(&id.to_string(), "other", "x"))).collect();
    assert_eq!(fired, ["quiet"]);
    assert_eq!(story.tick(60_000), [""; 0]);
}

#[test]
fn what_an_update_may_bring_is_not_taken_for_absent() {
    let rules = rule("ca", "when = { none = [{ contract = true }] }")
        + &rule("media", "when = { none = [{ media = true }] }")
        + &rule("target", "when = { none = [{ target = \"vip\" }] }");
    let mut story = Story::new(&rules);
    let mut tweet = content("1", "kol", "see https://t.co/abc");
    tweet["d"].as_object_mut().unwrap().remove("kind");
    story.at(0, &tweet);
    assert_eq!(story.at(1, &meta("1", &json!({"tokens": []}))), [""; 0]);
    let fields = json!({"urls": [{"url": format!("https://t.me/{ORBL}"), "tco": "https://t.co/abc"}],
        "media": [{"url": "https://pbs.twimg.com/media/x.jpg"}], "ref": {"type": "reply", "author": {"handle": "vip"}}});
    assert_eq!(story.at(2, &update("1", &fields)), [""; 0]);
    assert_eq!(story.tick(60_000), [""; 0]);
}

#[test]
fn tokens_without_a_name_of_their_own_do_not_fall_together() {
    let mut story = Story::new(&rule("each", "each = \"token\"\nwhen = { token = true }"));
    story.at(0, &content("1", "kol", "x"));
    let evm = "0x0568151c46ef9cc4c2e5d50690bb523a71ca11f3";
    let tokens = json!({"tokens": [{"name": "Foo"}, {"name": "Bar"}, {"contract": evm, "chain": "base"}, {"contract": evm, "chain": "ethereum"}]});
    assert_eq!(story.at(1, &meta("1", &tokens)).len(), 4);
}

#[test]
fn a_text_of_thousands_of_tokens_fires_a_bounded_number_of_times() {
    let mut story = Story::new(&rule("each", "each = \"token\"\nwhen = { handle = \"kol\" }"));
    let letters = ["A", "B", "C", "D", "E", "F", "G"];
    let text: String = (0..2_401)
        .map(|n| format!("${}{}{}{} ", letters[n % 7], letters[n / 7 % 7], letters[n / 49 % 7], letters[n / 343]))
        .collect();
    assert_eq!(story.at(0, &content("1", "kol", &text)).len(), 100);
}

#[test]
fn a_link_without_a_scheme_has_a_domain_too() {
    let mut story = Story::new(&rule("tme", "when = { link = \"t.me\" }"));
    story.at(0, &content("1", "kol", "x"));
    assert_eq!(story.at(1, &update("1", &json!({"urls": [{"url": "t.me/pump"}]}))), ["tme"]);
}

#[test]
fn blanks_at_the_ends_of_a_substring_are_meant() {
    let mut story = Story::new(&rule("ca", "when = { contains = \" ca \" }"));
    assert_eq!(story.at(0, &content("1", "kol", "because of decay")), [""; 0]);
    assert_eq!(story.at(0, &content("2", "kol", "the CA is out")), ["ca"]);
    assert_eq!(story.at(0, &content("3", "kol", "my ca")), ["ca"]);
}
