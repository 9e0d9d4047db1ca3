//! What no honest feed writes: broken JSON, wrong types, odd numbers, doubled keys, depth, frames cut off.

use birdcall::decode::{Malformed, decode, history};
use birdcall::model::envelope::{Body, Oddities, Text, TweetPart};
use birdcall::model::price::Price;
use birdcall::model::subject::{Kind, Platform};

use super::{HISTORY, SAMPLES, ms, read, text, with};

#[test]
fn what_is_missing_is_named() {
    let table = [
        ("", Malformed::NotJson),
        ("   ", Malformed::NotJson),
        ("nul", Malformed::NotJson),
        ("\u{feff}{}", Malformed::NotJson),
        ("null", Malformed::NotAnObject),
        ("[]", Malformed::NotAnObject),
        ("\"{}\"", Malformed::NotAnObject),
        ("1e999", Malformed::NotAnObject),
        ("{}", Malformed::NoType),
        (r#"{"op":"content","d":{}}"#, Malformed::NoType),
        (r#"{"t":5,"op":"content","d":{}}"#, Malformed::NoType),
        (r#"{"t":null,"op":"content","d":{}}"#, Malformed::NoType),
        (r#"{"t":"tweet","d":{}}"#, Malformed::NoOp),
        (r#"{"t":"tweet","op":{},"d":{}}"#, Malformed::NoOp),
        (r#"{"t":"tweet","op":"content"}"#, Malformed::NoData),
        (r#"{"t":"new","op":"new"}"#, Malformed::NoData),
        (r#"{"t":"tweet","op":"content","d":null}"#, Malformed::NoData),
        (r#"{"t":"tweet","op":"content","d":[{}]}"#, Malformed::NoData),
        (r#"{"d":"text","t":"tweet","op":"content"}"#, Malformed::NoData),
        (r#"{"t":"tweet","op":"content","d":{"text":"hi"}}"#, Malformed::NoTweetId),
        (r#"{"t":"tweet","op":"meta","id":"","d":{"tweetId":""}}"#, Malformed::NoTweetId),
        (r#"{"t":"tweet","op":"delete","id":null,"d":{"tweetId":{}}}"#, Malformed::NoTweetId),
        (r#"{"t":"tweet","op":"content","id":"1","d":{}} x"#, Malformed::NotJson),
        (r#"{"t":"tweet","op":"content","id":"1","d":{}}{}"#, Malformed::NotJson),
        (r#"{"t":"tweet","op":"content","id":"1","d":{},}"#, Malformed::NotJson),
        (r#"{"t":"tweet","op":"content","id":"1","d":{'text':1}}"#, Malformed::NotJson),
    ];
    for (frame, why) in table {
        assert_eq!(decode(frame).map(|_| ()), Err(why), "{frame}");
    }
    let long = with(&format!(r#""text":"{}""#, "x".repeat(1024 * 1024)));
    assert_eq!(decode(&long), Err(Malformed::TooLong));
}

#[test]
fn each_reason_has_a_name_of_its_own() {
    let mut names: Vec<_> = Malformed::ALL.iter().map(|why| why.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Malformed::ALL.len());
}

#[test]
fn the_same_key_twice_is_refused_at_every_level() {
    let frames = [
        r#"{"v":1,"v":1,"t":"tweet","op":"content","id":"1","d":{}}"#.to_owned(),
        r#"{"t":"tweet","op":"content","id":"1","d":{},"d":{}}"#.to_owned(),
        with(r#""text":"a","text":"a""#),
        with(r#""text":5,"te\u0078t":"a""#),
        with(r#""author":{"handle":"a","handle":"b"}"#),
        with(r#""media":[{"url":"a","url":"b"}]"#),
        r#"{"d":{"text":"a","text":"b"},"t":"tweet","op":"content","id":"1"}"#.to_owned(),
        r#"{"t":"tweet","op":"meta","id":"1","d":{"detected":{"tokens":[{"symbol":"A","priceUsd":1,"priceUsd":2}]}}}"#.to_owned(),
        r#"{"t":"tweet","op":"pin","id":"1","d":{"tweet":{},"tweet":{}}}"#.to_owned(),
        // Also where a lone surrogate sends the frame on the patient way.
        with(r#""link":"\ud800","text":"a","text":"b""#),
    ];
    for frame in &frames {
        assert_eq!(decode(frame), Err(Malformed::DuplicateKey), "{frame}");
    }
}

#[test]
fn one_wrong_value_loses_nothing_else() {
    let wrong = ["5", "-5", "1.5", "1e999", "true", "[]", "[[1,{}]]", r#"{"a":{"b":[1]}}"#, r#""\ud800""#];
    let keys = ["kind", "createdAt", "receivedAt", "author", "link", "media", "mentions", "urls", "ref"];
    for key in keys {
        for value in wrong {
            let frame = with(&format!(r#""{key}":{value},"text":"kept""#));
            let (part, _) = read(&frame);
            assert_eq!((text(&part.text), part.tweet_id.as_str()), (Some("kept"), "1"), "{frame}");
        }
    }
    let frame = with(
        r#""author":{"id":17,"handle":"@a","followersCount":"many","followingCount":-1,"joinedAt":{},"verifiedType":[]},"text":7"#,
    );
    let (part, odd) = read(&frame);
    let author = part.author.unwrap();
    assert_eq!((text(&author.id), text(&author.handle)), (Some("17"), Some("a")));
    assert_eq!((author.followers_count, author.following_count, author.joined_at, part.text), (None, None, None, None));
    assert_eq!(odd, Oddities { wrong_types: 5, ..Oddities::default() });
}

#[test]
fn null_is_absent_and_not_odd() {
    let frame = with(r#""kind":null,"text":null,"createdAt":null,"author":null,"media":null,"ref":null,"urls":[null]"#);
    let (part, odd) = read(&frame);
    assert_eq!(part, TweetPart { tweet_id: "1".into(), ..TweetPart::default() });
    assert_eq!(odd, Oddities::default());
}

#[test]
fn one_bad_element_does_not_lose_the_list() {
    let frame = with(r#""media":[5,{"url":"a"},{"type":"image"},"b",[{"url":"c"}],{"url":"d","type":7}]"#);
    let (part, odd) = read(&frame);
    let urls: Vec<_> = part.media.iter().map(|media| media.url.as_str()).collect();
    assert_eq!(urls, ["a", "d"]);
    assert_eq!(odd.wrong_types, 5);
}

#[test]
fn a_list_has_a_bound_and_the_rest_is_counted() {
    let many: Vec<_> = (0..250).map(|n| format!(r#"{{"url":"u{n}"}}"#)).collect();
    let frame = with(&format!(r#""media":[{}]"#, many.join(",")));
    let (part, odd) = read(&frame);
    assert_eq!((part.media.len(), odd.elements), (100, 150));
}

#[test]
fn unknown_words_are_kept_and_counted() {
    let frame = r#"{"v":2,"t":"tweet","op":"meta","id":"1","new":1,"d":{"tweetId":"1","detected":{
        "tokens":[{"symbol":"A","sources":["text","vision",7]}],"cex":[{"exchange":"okx"}],"prediction":[{"exchange":"manifold","extra":{}}]}}}"#;
    let envelope = decode(frame).unwrap();
    let expected = Oddities { unknown_fields: 2, wrong_types: 1, unknown_values: 3, version: 1, ..Oddities::default() };
    assert_eq!(envelope.oddities, expected);
    let Body::Meta(meta) = envelope.body else { panic!() };
    let detected = meta.detected.unwrap();
    assert_eq!(detected.tokens[0].sources.other, [Text::from("vision")]);
    assert_eq!((text(&detected.markets[0].exchange), text(&detected.predictions[0].exchange)), (Some("okx"), Some("manifold")));

    let frame = with(r#""kind":"thread","author":{"platform":"bluesky"},"ref":{"type":"fork"}"#);
    let (part, odd) = read(&frame);
    assert_eq!(part.kind, Some(Kind::Other("thread".into())));
    assert_eq!(part.author.unwrap().platform, Some(Platform::Other("bluesky".into())));
    assert_eq!(part.reference.unwrap().kind, Some(Kind::Other("fork".into())));
    assert_eq!(odd.unknown_values, 3);
}

#[test]
fn a_lone_surrogate_is_replaced_and_loses_nothing() {
    let table = [
        (r"\ud800", "\u{fffd}", 1),
        (r"a\udfffb", "a\u{fffd}b", 1),
        (r"\ud83d\ud83d\ude80", "\u{fffd}🚀", 1),
        (r"\ude80\ud83d", "\u{fffd}\u{fffd}", 1),
        (r"\ud83d\ude80", "🚀", 0),
        (r"\ud800\n\u00e9", "\u{fffd}\né", 1),
        (r"\u0000\uffff", "\0\u{ffff}", 0),
    ];
    for (written, meant, replaced) in table {
        let frame = with(&format!(r#""text":"{written}","author":{{"handle":"@h","bio":"fine"}},"createdAt":7"#));
        let (part, odd) = read(&frame);
        assert_eq!((text(&part.text), part.created_at), (Some(meant), ms(7)), "{frame}");
        assert_eq!(text(&part.author.unwrap().bio), Some("fine"));
        assert_eq!(odd, Oddities { replaced_text: replaced, ..Oddities::default() }, "{frame}");
    }
    // In what is not read it is nobody's business.
    let frame = with(r#""\udc00":"\ud800","text":"a""#);
    assert_eq!(read(&frame).1, Oddities { unknown_fields: 1, ..Oddities::default() });
}

#[test]
fn a_price_is_finite_and_positive_or_none() {
    let table = [
        ("0.5", Some(0.5)),
        ("4.21e-07", Some(4.21e-7)),
        ("1E3", Some(1000.0)),
        ("42", Some(42.0)),
        ("12345678901234567890", Some(12_345_678_901_234_567_890.0)),
        ("123456789012345678901234567890", Some(123_456_789_012_345_678_901_234_567_890.0)),
        ("0", None),
        ("-0", None),
        ("-0.0", None),
        ("-1", None),
        ("-1e999", None),
        ("1e999", None),
        ("1e-400", None),
        ("1e-320", None),
        ("\"0.5\"", None),
        ("null", None),
        ("true", None),
        ("[1]", None),
        ("{\"usd\":1}", None),
    ];
    for (written, usd) in table {
        let frame = format!(
            r#"{{"v":1,"t":"tweet","op":"meta","id":"1","d":{{"detected":{{"tokens":[{{"symbol":"A","priceUsd":{written}}},{{"symbol":"B"}}]}}}}}}"#
        );
        let envelope = decode(&frame).unwrap_or_else(|why| panic!("{why:?} {written}"));
        let Body::Meta(meta) = envelope.body else { panic!() };
        let tokens = meta.detected.unwrap().tokens;
        assert_eq!((tokens.len(), tokens[0].price_usd.map(Price::usd)), (2, usd), "{written}");
        assert_eq!(envelope.oddities.wrong_types, u32::from(usd.is_none() && written != "null"), "{written}");
    }
    for never in ["NaN", "Infinity", "-Infinity", "+1", "01", ".5", "5.", "0x10", "1e", "--1"] {
        let frame = with(&format!(r#""x":1,"author":{{"followersCount":{never}}}"#));
        assert_eq!(decode(&frame), Err(Malformed::NotJson), "{never}");
    }
}

#[test]
fn a_moment_is_read_as_it_comes_or_is_absent() {
    let table = [
        ("1781700000231", ms(1_781_700_000_231)),
        ("1781700000231.0", ms(1_781_700_000_231)),
        ("1.781700000231e12", ms(1_781_700_000_231)),
        ("\"1781700000231\"", ms(1_781_700_000_231)),
        ("\"2026-06-17T12:40:00.231Z\"", ms(1_781_700_000_231)),
        ("0", None),
        ("-1", None),
        ("1e300", None),
        ("1e999", None),
        ("18446744073709551615", None),
        ("\"soon\"", None),
        ("\"\"", None),
        ("{}", None),
        ("false", None),
    ];
    for (written, at) in table {
        let frame = format!(
            r#"{{"v":1,"t":"tweet","op":"content","ts":{written},"d":{{"tweetId":1,"createdAt":{written},"text":"a"}}}}"#
        );
        let envelope = decode(&frame).unwrap();
        let Body::Content(part) = envelope.body else { panic!() };
        assert_eq!((envelope.ts, part.created_at, part.tweet_id.as_str()), (at, at, "1"), "{written}");
        assert_eq!(envelope.oddities.wrong_types, if at.is_none() { 2 } else { 0 }, "{written}");
    }
}

#[test]
fn the_tweet_of_a_pin_may_stand_anywhere() {
    let whole = r#"{"tweetId":"7","text":"t","author":{"handle":"@a"}}"#;
    let table = [
        whole.to_owned(),
        format!(r#"{{"tweet":{whole}}}"#),
        format!(r#"{{"content":{whole}}}"#),
        format!(r#"{{"tweetId":"7","tweet":{whole}}}"#),
        r#"{"tweetId":"7","content":{"text":"t","author":{"handle":"a"}}}"#.to_owned(),
        r#"{"content":{"tweetId":"7"},"tweet":{"text":"t","author":{"handle":"a"}}}"#.to_owned(),
        r#"{"tweetId":7,"text":"t","author":{"handle":"@a"},"tweet":{"tweetId":"8"}}"#.to_owned(),
    ];
    for d in &table {
        for op in ["pin", "unpin", "delete"] {
            let frame = format!(r#"{{"v":1,"t":"tweet","op":"{op}","id":"9","d":{d}}}"#);
            let envelope = decode(&frame).unwrap();
            assert_eq!(envelope.oddities, Oddities::default(), "{frame}");
            let (Body::Pin(part) | Body::Unpin(part) | Body::Delete(part)) = envelope.body else { panic!() };
            assert_eq!((part.tweet_id.as_str(), text(&part.text)), ("7", Some("t")), "{frame}");
            assert_eq!(text(&part.author.unwrap().handle), Some("a"), "{frame}");
        }
    }
    let bare = decode(r#"{"v":1,"t":"tweet","op":"pin","id":"9","d":{}}"#).unwrap();
    assert_eq!(bare.body.tweet_id(), Some("9"));
}

#[test]
fn depth_costs_no_stack_and_loses_nothing() {
    for depth in [100, 128, 129, 10_000, 250_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let depth = depth.min(1_000_000 / (open.len() + 1));
            let bomb = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for key in ["new", "author", "media", "text", "createdAt"] {
                let frame = with(&format!(r#""{key}":{bomb},"kind":"post""#));
                assert_eq!(read(&frame).0.kind, Some(Kind::Post), "{key} {depth}");
            }
            assert_eq!(decode(&bomb).map(|_| ()), Err(if open == "[" { Malformed::NotAnObject } else { Malformed::NoType }));
            assert_eq!(decode(&open.repeat(depth)), Err(if open == "[" { Malformed::NotAnObject } else { Malformed::NotJson }));
        }
    }
}

#[test]
fn a_text_may_be_as_long_as_a_message() {
    let long = "x".repeat(1024 * 1024 - 200);
    let frame = with(&format!(r#""text":"{long}""#));
    assert_eq!(read(&frame).0.text.unwrap().len(), long.len());
}

#[test]
fn json_that_is_none_is_refused_wherever_it_stands() {
    let bad = [
        "",
        "[",
        "]",
        "{",
        "}",
        "[1",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1:2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "tru",
        "TRUE",
        "nulll",
        "undefined",
        "'a'",
        "\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"a\nb\"",
        "\"\t\"",
        "\"\u{1}\"",
        "01",
        "-",
        "-01",
        "1.",
        ".1",
        "1e+",
        "1.2.3",
        "0x1",
        "NaN",
        "1_000",
        "/*c*/1",
        "1//c",
        "[1}",
        "{\"a\":1]",
        "\"\\ud800",
        "\u{a0}1",
        "\u{2028}",
        "$",
        "<html>",
    ];
    for value in bad {
        for key in ["new", "text", "author", "media", "createdAt"] {
            let frame = with(&format!(r#""{key}":{value}"#));
            assert_eq!(decode(&frame).map(|_| ()), Err(Malformed::NotJson), "{frame}");
            // Behind a lone surrogate it is the patient way that has to see it.
            let frame = with(&format!(r#""link":"\ud800","{key}":{value}"#));
            assert_eq!(decode(&frame).map(|_| ()), Err(Malformed::NotJson), "{frame}");
        }
        assert!(decode(value).is_err(), "{value}");
    }
    let frame = with("\"a\tb\":1");
    assert_eq!(decode(&frame), Err(Malformed::NotJson));
}

#[test]
fn a_sample_cut_off_at_any_byte_is_refused_with_a_reason() {
    let mut refused = 0;
    for line in SAMPLES.lines() {
        for end in (0..line.len()).filter(|end| line.is_char_boundary(*end)) {
            assert_eq!(decode(&line[..end]), Err(Malformed::NotJson), "{}", &line[..end]);
            refused += 1;
        }
    }
    assert!(refused > 9_000, "{refused}");
    for end in (0..HISTORY.trim_end().len()).filter(|end| HISTORY.is_char_boundary(*end)) {
        assert_eq!(history(&HISTORY[..end]), Err(Malformed::NotJson));
    }
}
