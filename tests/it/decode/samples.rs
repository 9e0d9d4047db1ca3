//! Each sample line of PROTOCOL 11, and what it shows.

use birdcall::model::envelope::{Body, HandleResult, Oddities, TweetPart};
use birdcall::model::price::Price;
use birdcall::model::subject::{Kind, Platform};

use super::{SAMPLES, content, meta, ms, sample, text};

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
    assert!(text(&part.text).unwrap().starts_with("gm ☀️ $ORBL is live 🚀🚀\n\nCA: 4Dx2BVEs6AwhhN"));
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
