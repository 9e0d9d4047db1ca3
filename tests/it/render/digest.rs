//! Many firings in one message: the number is right, the newest come first, it fits, and nobody's words act in it.

use birdcall::model::address::Address;
use birdcall::model::delivery::DigestLine;
use birdcall::model::firing::Firing;
use birdcall::model::message::Body;
use birdcall::model::subject::{Event, Token, Tweet};
use birdcall::model::time::Timestamp;
use birdcall::render::{Together, Whole, digest, digest_line};
use proptest::prelude::*;
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
        who: "@orbitlab_xyz posted".into(),
        text: text.into(),
        link: Some("https://x.com/i/status/1".into()),
        ..DigestLine::default()
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
fn rules_that_are_not_named_are_counted_and_so_are_birdcall_s_own_words() {
    let alerts: Vec<_> = (0..36).map(|n| line(["a", "b", "c", "d", "e", "f", "g", "h"][n % 8], "text")).collect();
    let own = || DigestLine { rule: "birdcall".into(), text: "The journal cannot record".into(), ..DigestLine::default() };
    let long: Vec<_> = (0..9).map(|n| line(&format!("{n}-{}", "x".repeat(55)), "text")).collect();
    let whole = |total, notices| Whole { total, notices, ..Whole::default() };
    let five = "🗞️ 36 alerts · a 5 · b 5 · c 5 · d 5 · e 4 · 3 more rules 12";
    let cases: [(Vec<DigestLine>, usize, &str); 5] = [
        (alerts.clone(), 0, five),
        ([vec![own()], alerts.clone()].concat(), 1, &five.replace("36 alerts", "36 alerts, 1 notice")),
        ([vec![own()], alerts[..7].to_vec()].concat(), 1, "🗞️ 7 alerts, 1 notice · a 1 · b 1 · c 1 · d 1 · e 1 · 2 more rules 2"),
        ([vec![own()], alerts[..1].to_vec()].concat(), 1, "🗞️ 1 alert, 1 notice · a 1"),
        (vec![own(), own()], 2, "🗞️ 2 notices"),
    ];
    for platform in CHATS {
        for (lines, notices, head) in &cases {
            let of: Vec<_> = lines.iter().collect();
            let body = digest(&action_of(platform), &of, &whole(lines.len(), *notices)).unwrap();
            assert_eq!(first_line(&sent(&body)), *head, "{platform}");
        }
        // Where not all five have room, fewer are named; no count is lost.
        let head = first_line(&sent(&made(platform, &long, 9)));
        let named = head.matches("xxx 1").count() + head.matches("… 1").count();
        assert!(head.ends_with(&format!(" · {} more rules {}", 9 - named, 9 - named)) && named > 1, "{platform}: {head}");
    }
}

/// What is notified.
fn first_line(sent: &Value) -> String {
    let content = sent.get("content").or_else(|| sent.get("text")).unwrap().as_str().unwrap();
    content.lines().next().unwrap().replace('\\', "")
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

#[test]
fn a_line_names_the_token_as_two_contracts_of_one_symbol_are_two() {
    let on = |address: &str| {
        let token = Token { symbol: s("$ORBL"), address: Some(Address::parse(address).unwrap()), ..Token::default() };
        digest_line(&on_tweet(Event::Tweet, Tweet { tokens: vec![token], ..post() })).token
    };
    let (one, other) = (on("0x6982508145454ce325ddbe47a25d4ec3d2311933"), on("0x95ad61b0a150d79219dcf64e1e6cc01f0b64c4ce"));
    assert!(one.starts_with("ORBL 0x") && other.starts_with("ORBL 0x") && one != other, "{one} {other}");
    assert_eq!(digest_line(&on_tweet(Event::Tweet, Tweet { tokens: Vec::new(), ..post() })).token, "");
}

#[test]
fn a_line_says_when_it_was_and_at_what_price_whether_it_is_late_and_how_many_were_held_back() {
    let at = Timestamp::from_millis(1_781_700_060_000);
    let line = DigestLine { at: Some(at), about: "$0.0012".into(), held: 7, late: true, ..line("dip", "gm") };
    let day_before = DigestLine { at: Some(at.shifted(-86_400_000)), held: 2, ..DigestLine::default() };
    for platform in CHATS {
        let lines = [line.clone(), DigestLine { rule: "other".into(), who: "@who posted".into(), ..day_before.clone() }];
        let body = made(platform, &lines, 2);
        check(&body);
        let text = sent(&body).to_string().replace('\\', "");
        for words in ["⚠️ late · 12:41 · $0.0012 · +7 held back", "16 Jun 12:41 · +2 held back", "2 alerts, +9 held back", "UTC"]
        {
            assert!(text.contains(words), "{platform}: {words} is not in {text}");
        }
    }
}

#[test]
fn a_line_of_an_earlier_version_is_read() {
    let old = r#"{"rule":"dip","token":"DOGE","who":"@a posted","text":"gm","link":null}"#;
    let read: DigestLine = serde_json::from_str(old).unwrap();
    assert_eq!(
        read,
        DigestLine {
            rule: "dip".into(),
            token: "DOGE".into(),
            who: "@a posted".into(),
            text: "gm".into(),
            ..DigestLine::default()
        }
    );
    assert_eq!(serde_json::from_str::<DigestLine>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
}

/// A line about a token, and what the rows of a digest call its group.
fn about(symbol: &str, chain: Option<&str>, address: Option<&str>) -> DigestLine {
    let address = address.map(|address| Address::parse(address).unwrap());
    let contract = address.map(|address| address.to_string().as_str().into());
    let token = Token { symbol: s(symbol), chain: chain.and_then(s), address, contract, ..Token::default() };
    digest_line(&on_tweet(Event::Tweet, Tweet { tokens: vec![token], ..post() }))
}

#[test]
fn groups_are_of_one_token_by_its_chain_and_whole_address_and_two_that_look_alike_are_told_apart() {
    let one = "0x6982508145454ce325ddbe47a25d4ec3d2311933";
    let twin = "0x6982008145454ce325ddbe47a25d4ec3d2311933";
    for (lines, expected) in [
        (vec![about("DOGE", None, None), about("$doge", None, None)], vec!["DOGE · 2"]),
        (vec![about("PEPE", Some("base"), Some(one)), about("Pepe", Some("Base"), Some(one))], vec![" · 2"]),
        (
            vec![about("PEPE", Some("base"), Some(one)), about("PEPE", Some("ethereum"), Some(one))],
            vec![" base · ", " ethereum · "],
        ),
        (vec![about("PEPE", Some("base"), Some(one)), about("PEPE", Some("base"), Some(twin))], vec!["0x698250", "0x698200"]),
    ] {
        let rows = rows(&lines, lines.len());
        let named: Vec<_> = rows.iter().filter(|row| !row.starts_with("• ")).map(|row| row.to_lowercase()).collect();
        assert_eq!(named.len(), expected.len(), "{rows:?}");
        for (row, words) in named.iter().zip(expected) {
            assert!(row.contains(&words.to_lowercase()), "{words} is not in {rows:?}");
        }
    }
}

#[test]
fn what_is_told_in_no_message_is_a_number_of_the_next() {
    let line = line("a", "one");
    for (platform, why, words) in [
        ("discord", Together::Pace, "more came than may be sent"),
        ("telegram", Together::Kept, "as a digest"),
        ("slack", Together::Quiet, "at the end of the quiet hours"),
    ] {
        let whole = Whole { total: 3, notices: 0, why, too_old: 4, no_room: 5 };
        let body = digest(&action_of(platform), &[&line], &whole).unwrap();
        check(&body);
        let text = sent(&body).to_string();
        for words in [words, "3 alerts", "and 2 more", "4 more had become too old", "5 more had to be let go"] {
            assert!(text.contains(words), "{platform}: {words} is not in {text}");
        }
    }
}

/// The rows of a digest of Discord.
fn rows(lines: &[DigestLine], total: usize) -> Vec<String> {
    let body = serde_json::to_value(match made("discord", lines, total) {
        Body::Discord(body) => body,
        other => panic!("{other:?}"),
    });
    let description = body.unwrap()["embeds"][0]["description"].as_str().unwrap_or_default().replace('\\', "");
    description.lines().map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn those_of_one_rule_and_token_stand_together_the_newest_first_and_the_numbers_are_right(
        of in prop::collection::vec((0..3_usize, 0..3_usize), 0..60), more in 0..3_usize,
    ) {
        let tokens = ["", "DOGE", "PEPE"];
        let name_of = |(rule, token): (usize, usize)| match token {
            0 => format!("rule-{rule}"),
            token => format!("rule-{rule} · {}", tokens[token]),
        };
        let lines: Vec<_> = of.iter().enumerate().map(|(n, (rule, token))| DigestLine {
            token: tokens[*token].to_owned(), ..line(&format!("rule-{rule}"), &format!("text{n}."))
        }).collect();
        let rows = rows(&lines, lines.len() + more);
        // Which alerts stand below or beside which name, in the order in which they stand there.
        let (mut found, mut group): (Vec<(String, Vec<usize>)>, _) = (Vec::new(), String::new());
        let mut left = 0;
        for row in &rows {
            let number = || row.split_once("text").and_then(|(_, rest)| rest.split_once('.')).map(|(n, _)| n.parse::<usize>().unwrap());
            if let Some(rest) = row.strip_prefix("and ") {
                left = rest.trim_end_matches(" more").parse().unwrap();
            } else if row.starts_with("• ") {
                prop_assert_eq!(&found.last().unwrap().0, &group);
                found.last_mut().unwrap().1.extend(number());
            } else if let Some(number) = number() {
                found.push((row.split_once(" · @").unwrap().0.to_owned(), vec![number]));
            } else {
                let (name, count) = row.rsplit_once(" · ").unwrap();
                group = name.to_owned();
                prop_assert_eq!(count.parse::<usize>().unwrap(), of.iter().filter(|of| name_of(**of) == name).count());
                found.push((group.clone(), Vec::new()));
            }
        }
        let shown: usize = found.iter().map(|(_, numbers)| numbers.len()).sum();
        prop_assert_eq!(shown + left, lines.len() + more, "{:?}", rows);
        let mut all: Vec<_> = found.iter().flat_map(|(_, numbers)| numbers.iter().copied()).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..shown).collect::<Vec<_>>(), "the newest are shown");
        for (group, numbers) in &found {
            prop_assert!(numbers.is_sorted() && numbers.iter().all(|n| name_of(of[*n]) == *group), "{:?}", rows);
        }
        prop_assert!(found.iter().map(|(_, numbers)| numbers[0]).is_sorted(), "{:?}", rows);
        let names: std::collections::BTreeSet<_> = found.iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names.len(), found.len(), "each group once");
    }
}
