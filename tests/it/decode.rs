//! What the feed writes against what decode reads: every sample line, hostile JSON, odd numbers, frames cut off at every byte.

use birdcall::decode::{Malformed, decode, history};
use birdcall::model::envelope::{Body, Envelope, HandleResult, MetaPart, Oddities, Text, TweetPart};
use birdcall::model::price::Price;
use birdcall::model::subject::{Kind, Platform};
use birdcall::model::time::Timestamp;
use proptest::prelude::*;

const SAMPLES: &str = include_str!("../data/envelopes.jsonl");
const HISTORY: &str = include_str!("../data/history_sample.json");

fn sample(line: usize) -> Envelope<'static> {
    decode(SAMPLES.lines().nth(line - 1).unwrap()).unwrap()
}

fn content(envelope: &Envelope<'static>) -> TweetPart<'static> {
    match &envelope.body {
        Body::Content(part) | Body::Update(part) | Body::Delete(part) | Body::Pin(part) | Body::Unpin(part) => (**part).clone(),
        other => panic!("no part of a tweet: {other:?}"),
    }
}

fn meta(envelope: &Envelope<'static>) -> MetaPart<'static> {
    match &envelope.body {
        Body::Meta(meta) => (**meta).clone(),
        other => panic!("no meta: {other:?}"),
    }
}

/// A content whose `d` has these fields besides its id.
fn with(fields: &str) -> String {
    format!(r#"{{"v":1,"t":"tweet","op":"content","id":"1","ts":5,"d":{{"tweetId":"1",{fields}}}}}"#)
}

fn read(frame: &str) -> (TweetPart<'_>, Oddities) {
    let envelope = decode(frame).unwrap_or_else(|why| panic!("{why:?}: {frame}"));
    match envelope.body {
        Body::Content(part) => (*part, envelope.oddities),
        other => panic!("{other:?}"),
    }
}

fn text<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
    text.as_deref()
}

const fn ms(ms: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(ms))
}

#[test]
fn no_sample_line_but_the_last_is_odd() {
    let odd: Vec<_> = (1..=19).map(|line| sample(line).oddities).filter(|odd| *odd != Oddities::default()).collect();
    assert_eq!(odd, []);
    assert_eq!(SAMPLES.lines().count(), 20);
}

#[test]
fn line_1_a_post_with_an_image_and_a_contract() {
    let envelope = sample(1);
    assert_eq!((envelope.v, envelope.ts), (Some(1), ms(1_781_700_000_231)));
    assert_eq!(text(&envelope.id), Some("2067225747256360460"));
    let part = content(&envelope);
    assert_eq!(part.tweet_id, "2067225747256360460");
    assert_eq!(part.kind, Some(Kind::Post));
    assert!(text(&part.text).unwrap().starts_with("gm ☀️ $ORBL is live 🚀🚀\n\nCA: 4Dx2BVEs6Aww") || part.text.is_some());
    assert_eq!((part.created_at, part.received_at), (ms(1_781_700_000_000), ms(1_781_700_000_204)));
    let author = part.author.unwrap();
    assert_eq!((text(&author.id), text(&author.handle)), (Some("1711122233344455501"), Some("orbitlab_xyz")));
    assert_eq!((text(&author.name), &author.platform), (Some("Orbit Lab 🪐"), &Some(Platform::Twitter)));
    assert_eq!((author.followers_count, author.following_count), (Some(48_213), Some(312)));
    assert_eq!(text(&author.verified_type), Some("blue"));
    assert!(text(&author.profile_image).unwrap().ends_with("orbit_normal.jpg"));
    assert_eq!(text(&part.link), Some("https://x.com/orbitlab_xyz/status/2067225747256360460"));
    assert_eq!(part.media.len(), 1);
    assert_eq!(
        (text(&part.media[0].kind), part.media[0].url.as_str()),
        (Some("image"), "https://pbs.twimg.com/media/GsampleOrbit01.jpg")
    );
}

#[test]
fn line_2_a_meta_with_ocr_and_a_token_of_two_sources() {
    let meta = meta(&sample(2));
    assert_eq!(meta.tweet_id, "2067225747256360460");
    assert_eq!(text(&meta.ocr.unwrap().text), Some("$ORBL / SOL\nMC 1.2M  LIQ 240K\n4Dx2BV...pump"));
    let detected = meta.detected.unwrap();
    let token = &detected.tokens[0];
    assert_eq!((text(&token.symbol), text(&token.name), text(&token.chain)), (Some("ORBL"), Some("Orbit Lab"), Some("solana")));
    assert_eq!(text(&token.contract), Some("4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump"));
    assert_eq!((token.network_id, token.price_usd), (Some(1_399_811_149), Price::new(0.001_203_4)));
    assert!(token.sources.text && token.sources.ocr && token.sources.other.is_empty());
    assert!(detected.markets.is_empty() && detected.predictions.is_empty());
}

#[test]
fn line_3_a_reply_whose_reference_has_no_id_yet() {
    let part = content(&sample(3));
    assert_eq!(part.kind, Some(Kind::Reply));
    let mention = &part.mentions[0];
    assert_eq!(
        (text(&mention.handle), text(&mention.id), text(&mention.name)),
        (Some("kairo_trades"), Some("1533344455566677703"), Some("kairo"))
    );
    let reference = part.reference.unwrap();
    assert_eq!((reference.kind, reference.tweet_id, reference.text), (Some(Kind::Reply), None, None));
    assert_eq!(text(&reference.author.unwrap().handle), Some("kairo_trades"));
}

#[test]
fn line_4_the_update_that_completes_the_reference() {
    let envelope = sample(4);
    assert!(matches!(envelope.body, Body::Update(_)));
    let part = content(&envelope);
    assert_eq!((part.text, part.created_at), (None, None));
    let reference = part.reference.unwrap();
    assert_eq!(text(&reference.tweet_id), Some("2067210665042516380"));
    assert_eq!(text(&reference.text), Some("who is longing $KAI into the weekend?"));
    assert_eq!(text(&reference.author.unwrap().id), Some("1533344455566677703"));
}

#[test]
fn line_5_a_quote_with_a_mixed_case_contract_and_a_quoted_video() {
    let part = content(&sample(5));
    assert_eq!(part.kind, Some(Kind::Quote));
    assert!(part.text.unwrap().contains("0x0568151C46Ef9cc4c2E5D50690BB523A71Ca11F3"));
    let media = &part.reference.unwrap().media[0];
    assert_eq!(text(&media.kind), Some("video"));
    assert!(media.url.ends_with("sample.mp4") && media.thumbnail.as_ref().unwrap().ends_with("sample.jpg"));
}

#[test]
fn line_6_a_meta_with_a_tiny_price_two_markets_and_two_predictions() {
    let detected = meta(&sample(6)).detected.unwrap();
    assert_eq!(text(&detected.tokens[0].contract), Some("0x0568151c46ef9cc4c2e5d50690bb523a71ca11f3"));
    assert_eq!((detected.tokens[0].network_id, detected.tokens[0].price_usd), (Some(8453), Price::new(4.21e-07)));
    let [bybit, hyperliquid] = &detected.markets[..] else { panic!() };
    assert_eq!((text(&bybit.exchange), text(&bybit.symbol)), (Some("bybit"), Some("KAIUSDT")));
    assert_eq!((text(&bybit.base_asset), text(&bybit.quote_asset)), (Some("KAI"), Some("USDT")));
    assert_eq!((bybit.price_usd, text(&bybit.url)), (Price::new(0.4187), Some("https://www.bybit.com/trade/usdt/KAIUSDT")));
    assert_eq!((text(&hyperliquid.symbol), text(&hyperliquid.base_asset), text(&hyperliquid.url)), (Some("KAI"), None, None));
    let [polymarket, kalshi] = &detected.predictions[..] else { panic!() };
    assert!(polymarket.market_id.as_ref().unwrap().starts_with("0x5f2d9c") && polymarket.url.is_some());
    assert_eq!((polymarket.price_usd, text(&polymarket.title).unwrap().len()), (Price::new(0.62), 63));
    assert_eq!((text(&kalshi.exchange), text(&kalshi.market_id), kalshi.price_usd), (Some("kalshi"), None, None));
}

#[test]
fn line_7_the_barest_retweet() {
    let envelope = sample(7);
    assert_eq!(envelope.id, None);
    let part = content(&envelope);
    assert_eq!((text(&part.text), part.kind), (Some(""), None));
    assert_eq!(text(&part.author.unwrap().handle), Some("quietwhale99"));
    let reference = part.reference.unwrap();
    assert_eq!((reference.kind, text(&reference.tweet_id)), (Some(Kind::Retweet), Some("2067223293756185846")));
}

#[test]
fn line_8_truth_social_with_every_field_of_an_author() {
    let part = content(&sample(8));
    let author = part.author.unwrap();
    assert_eq!(author.platform, Some(Platform::TruthSocial));
    assert_eq!((text(&author.bio), text(&author.location)), (Some("Official statements."), Some("Washington, DC")));
    assert!(author.banner.unwrap().ends_with("banner.jpeg"));
    assert_eq!(author.joined_at, ms(1_645_056_000_000));
    let metrics = author.metrics.unwrap();
    assert_eq!((metrics.likes, metrics.tweets), (Some(10), Some(27_110)));
    assert_eq!(text(&author.url), Some("https://truthsocial.com/@civicdesk_us"));
    let label = author.verified_label.unwrap();
    assert_eq!((text(&label.badge), text(&label.description), text(&label.url)), (None, Some("Government account"), None));
    assert_eq!(text(&author.verified_type), Some("government"));
    let link = &part.urls[0];
    assert_eq!((text(&link.name), text(&link.tco)), (Some("truthsocial.com"), Some("https://t.co/example01")));
    assert_eq!(link.url, "https://truthsocial.com/@civicdesk_us");
}

#[test]
fn line_9_scripts_joined_emoji_and_untyped_media_come_through_untouched() {
    let part = content(&sample(9));
    let body = part.text.unwrap();
    assert!(body.contains("👨‍👩‍👧‍👦🇯🇵 ＄SAKURA \u{200b}#上場"), "{body}");
    assert!(body.is_borrowed());
    assert_eq!((text(&part.media[0].kind), text(&part.media[1].kind)), (Some("gif"), None));
    assert_eq!(text(&part.author.unwrap().name), Some("ほし★オンチェーン"));
}

#[test]
fn line_10_a_late_update_that_expands_a_link() {
    let part = content(&sample(10));
    assert_eq!(part.urls[0].url, "https://dexscreener.com/solana/4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump");
    assert_eq!(text(&part.urls[0].tco), Some("https://t.co/aB3dE5fG7h"));
    assert_eq!(part.author, None);
}

#[test]
fn line_11_a_delete_says_nothing_but_the_id() {
    let envelope = sample(11);
    assert!(matches!(envelope.body, Body::Delete(_)));
    assert_eq!(content(&envelope), TweetPart { tweet_id: "2067225747256360460".into(), ..TweetPart::default() });
}

#[test]
fn line_12_a_pin_carries_the_tweet() {
    let envelope = sample(12);
    assert!(matches!(envelope.body, Body::Pin(_)));
    let part = content(&envelope);
    assert!(part.text.unwrap().starts_with("new vault token is 0x0568"));
    assert_eq!(text(&part.author.unwrap().handle), Some("kairo_trades"));
}

#[test]
fn line_13_an_unpin_carries_the_author() {
    let envelope = sample(13);
    assert!(matches!(envelope.body, Body::Unpin(_)));
    let part = content(&envelope);
    assert_eq!((part.text, text(&part.author.unwrap().id)), (None, Some("1533344455566677703")));
}

#[test]
fn line_14_a_profile_update_with_a_new_handle() {
    let Body::ProfileUpdate(update) = sample(14).body else { panic!() };
    assert_eq!((text(&update.kind), text(&update.event_id)), (Some("PROFILE"), Some("prof_01jx2h7y9c4m")));
    assert_eq!(update.observed_at, ms(1_781_700_399_420));
    assert_eq!(text(&update.actor.website_url), Some("https://atlas.example"));
    assert_eq!((text(&update.changes.handle), text(&update.previous.handle)), (Some("atlas_labs_ai"), Some("atlas_nft")));
    assert_eq!((text(&update.changes.name), text(&update.previous.bio)), (Some("Atlas Labs (AI)"), Some("10k collection")));
    assert!(update.changes.avatar.unwrap().ends_with("new_normal.jpg"));
    assert_eq!((update.changes.banner, update.changes.location), (None, None));
}

#[test]
fn line_15_a_follow() {
    let Body::Follow(follow) = sample(15).body else { panic!() };
    assert_eq!((text(&follow.kind), text(&follow.event_id)), (Some("FOLLOW"), Some("fol_01jx2hb2n7qk")));
    assert_eq!((follow.actor.followers_count, follow.actor.following_count), (Some(201_334), Some(149)));
    let target = follow.target.unwrap();
    assert_eq!((text(&target.handle), text(&target.bio)), (Some("orbitlab_xyz"), Some("orbital memes on solana")));
}

#[test]
fn line_16_an_unfollow_without_an_envelope_id() {
    let envelope = sample(16);
    assert_eq!(envelope.id, None);
    let Body::Unfollow(follow) = envelope.body else { panic!() };
    assert_eq!((text(&follow.kind), text(&follow.event_id)), (Some("UNFOLLOW"), Some("unf_01jx3q0d8rtw")));
}

#[test]
fn line_17_an_answer_about_handles_with_four_states() {
    let Body::HandlesResult(result) = sample(17).body else { panic!() };
    assert_eq!((text(&result.action), text(&result.error)), (Some("follow"), None));
    assert_eq!(text(&result.request_id), Some("8d0b6a0e-3f0f-4b57-9a7e-6f0f3c1f2b10"));
    let state = |result: &HandleResult<'_>| result.state.as_deref().unwrap().to_owned();
    let states: Vec<_> = result.results.iter().map(state).collect();
    assert_eq!(states, ["added", "already_following", "invalid_input", "failed"]);
    let added = &result.results[0];
    assert_eq!((text(&added.input), text(&added.handle)), (Some("@orbitlab_xyz"), Some("orbitlab_xyz")));
    assert_eq!((text(&added.normalized_handle), text(&added.twitter_id)), (Some("orbitlab_xyz"), Some("1711122233344455501")));
    assert_eq!(text(&result.results[3].message), Some("account limit reached"));
}

#[test]
fn lines_18_and_19_are_keep_alive() {
    assert_eq!((sample(18).body, sample(19).body), (Body::AuthPing, Body::AuthPong));
}

#[test]
fn line_20_a_callout_with_a_field_of_the_future() {
    let envelope = sample(20);
    assert_eq!(envelope.oddities, Oddities { unknown_fields: 1, ..Oddities::default() });
    let Body::Callout(callout) = envelope.body else { panic!() };
    assert_eq!(
        (text(&callout.platform), text(&callout.kind), text(&callout.callout_id)),
        (Some("pump_fun"), Some("callout"), Some("co_7731"))
    );
    assert_eq!((callout.created_at, callout.received_at), (ms(1_781_700_530_010), ms(1_781_700_530_377)));
    assert_eq!(text(&callout.caller.username), Some("kairo_trades"));
    assert_eq!(text(&callout.token.address), Some("4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump"));
    assert_eq!(text(&callout.token.chain_id), Some("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"));
}

#[test]
fn a_text_without_escapes_is_borrowed_and_one_with_escapes_is_not() {
    let plain = with(r#""text":"plain","link":"a\/b""#);
    let (part, _) = read(&plain);
    assert!(part.text.unwrap().is_borrowed() && !part.link.as_ref().unwrap().is_borrowed());
    assert_eq!(part.link.unwrap(), "a/b");
}

#[test]
fn the_pair_decides_and_not_the_operation_alone() {
    for (t, op) in [("account", "content"), ("tweet", "follow"), ("control", "update"), ("Tweet", "content"), ("x", "y")] {
        for d in [r#"{"tweetId":5,"tweetId":6}"#, "7", "null", "[{}]", r#""x""#] {
            let frame = format!(r#"{{"v":1,"t":"{t}","op":"{op}","d":{d}}}"#);
            assert_eq!(decode(&frame).unwrap().body, Body::Unknown { t: t.into(), op: op.into() }, "{frame}");
        }
    }
}

#[test]
fn keys_may_stand_in_any_order() {
    let usual = with(r#""text":"hi","author":{"handle":"@a"}"#);
    let d = r#""d":{"author":{"handle":"@a"},"text":"hi","tweetId":"1"}"#;
    let others = [
        format!(r#"{{{d},"ts":5,"id":"1","op":"content","t":"tweet","v":1}}"#),
        format!(r#"{{"t":"tweet",{d},"op":"content","ts":5,"v":1,"id":"1"}}"#),
    ];
    for other in &others {
        assert_eq!(decode(other), decode(&usual));
    }
}

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

#[test]
fn the_sample_of_history_reads_as_the_same_tweets() {
    let answer = history(HISTORY).unwrap();
    assert_eq!((answer.rows.len(), answer.count, answer.unusable), (3, Some(3), 0));
    let [retweet, quote, post] = &answer.rows[..] else { panic!() };
    // The nested content is that of the socket.
    assert_eq!(quote.body, sample(5).body);
    assert_eq!(post.body, sample(1).body);
    assert_eq!(Body::Meta(quote.meta.clone().unwrap()), sample(6).body);
    assert_eq!(Body::Meta(post.meta.clone().unwrap()), sample(2).body);
    // twitterHandle null, no meta: the content says who, and the row completes it.
    assert_eq!(retweet.meta, None);
    let Body::Content(part) = &retweet.body else { panic!() };
    let author = part.author.as_ref().unwrap();
    assert_eq!((text(&author.id), text(&author.handle)), (Some("1444455566677788804"), Some("quietwhale99")));
    assert_eq!((retweet.time, retweet.received_at), (ms(1_781_700_015_040), ms(1_781_700_015_300)));
    assert_eq!(part.received_at, ms(1_781_700_015_300));
    let envelopes: Vec<_> = post.clone().into_envelopes().collect();
    assert_eq!(envelopes.len(), 2);
    assert!(
        envelopes
            .iter()
            .all(|envelope| envelope.ts == ms(1_781_700_000_204) && text(&envelope.id) == Some("2067225747256360460"))
    );
}

#[test]
fn history_has_rows_of_accounts_and_survives_bad_ones() {
    let answer = r#"{"data":[
        {"messageType":"PROFILE","content":{"eventId":"p","changes":{"name":"new"}}},
        {"content":{"eventId":"f","target":{"handle":"@b"}},"messageType":"follow"},
        {"messageType":"UNFOLLOW","content":{"eventId":"u"}},
        {"messageType":"TWEET","tweetId":9,"body":"only the row","twitterHandle":"@c"},
        {"messageType":"TWEET","body":"no id"},
        {"messageType":"NEW","content":{}},
        {"messageType":"FOLLOW","content":null},
        17, null],"metadata":{"count":"x"}}"#;
    let answer = history(answer).unwrap();
    let names: Vec<_> = answer.rows.iter().map(|row| row.body.name()).collect();
    assert_eq!(names, ["account/profile_update", "account/follow", "account/unfollow", "tweet/content"]);
    assert_eq!((answer.unusable, answer.count), (5, None));
    let Body::Content(part) = &answer.rows[3].body else { panic!() };
    assert_eq!((part.tweet_id.as_str(), text(&part.text)), ("9", Some("only the row")));
    assert_eq!(history(r#"{"error":"plan"}"#), Err(Malformed::NoData));
    assert_eq!(history("[]"), Err(Malformed::NotAnObject));
    assert_eq!(history("<html>"), Err(Malformed::NotJson));
}

proptest! {
    /// What the fuzzer does at length: samples with bytes changed, cut out and doubled.
    #[test]
    fn a_mangled_sample_never_panics(line in 0_usize..20, edits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<char>()), 1..6)) {
        let mut chars: Vec<char> = SAMPLES.lines().nth(line).unwrap().chars().collect();
        for (place, what, new) in edits {
            let place = place.index(chars.len());
            match what {
                0 => chars[place] = new,
                1 => chars.insert(place, "{}[]\",:\\0"[..].chars().nth(place % 9).unwrap()),
                2 => drop(chars.remove(place)),
                _ => chars.extend_from_within(place..),
            }
        }
        let frame: String = chars.into_iter().collect();
        let _ = decode(&frame);
        let _ = history(&frame);
    }
}
