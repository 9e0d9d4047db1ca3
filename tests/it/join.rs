//! Envelopes in any order, doubled or never, against the one tweet that they must make.

mod law;

use std::time::Duration;

use birdcall::decode::{decode, history};
use birdcall::join::{Bounds, Counts, Joined, Joiner, Said};
use birdcall::model::ids::TweetId;
use birdcall::model::limits;
use birdcall::model::price::Price;
use birdcall::model::subject::{About, AccountEvent, Event, Kind, ProfileField, Str, Subject, Tweet};
use birdcall::model::time::Timestamp;

const SAMPLES: &str = include_str!("../data/envelopes.jsonl");
const NOW: Timestamp = Timestamp::from_millis(1_781_800_000_000);

fn joiner() -> Joiner<u32> {
    Joiner::new(Bounds::default())
}

fn absorb(joiner: &mut Joiner<u32>, frame: &str) -> Joined {
    let envelope = decode(frame).unwrap_or_else(|why| panic!("{why:?}: {frame}"));
    let joined = joiner.absorb(&envelope, NOW);
    if let (Joined::Tweet { id, changed: true }, Some(said)) = (&joined, Said::of(&envelope)) {
        // What was just said needs no unpacking where nothing else was said before.
        let after = joiner.get_after(&said).map(|known| (known.tweet.owned(), known.at));
        assert_eq!(after, joiner.get(id).map(|known| (known.tweet.owned(), known.at)), "{frame}");
    }
    joined
}

fn line(n: usize) -> &'static str {
    SAMPLES.lines().nth(n - 1).unwrap()
}

fn event(joined: Joined) -> Subject {
    match joined {
        Joined::Event { subject, .. } => subject,
        other => panic!("no event: {other:?}"),
    }
}

fn account(subject: &Subject) -> &AccountEvent {
    match &subject.about {
        About::Account(event) => event,
        About::Tweet(tweet) => panic!("about a tweet: {tweet:?}"),
    }
}

fn tweet(joiner: &mut Joiner<u32>, id: &str) -> Tweet {
    joiner.get(&TweetId::new(id)).unwrap().tweet.owned()
}

/// The tweet 1 after these bodies, written as `op` and the inside of `d`.
fn joined(parts: &[(&str, i64, &str)]) -> Tweet {
    let mut joiner = joiner();
    for (op, ts, d) in parts {
        absorb(&mut joiner, &frame(op, *ts, d));
    }
    tweet(&mut joiner, "1")
}

fn frame(op: &str, ts: i64, d: &str) -> String {
    format!(
        r#"{{"v":1,"t":"tweet","op":"{op}","id":"1","ts":{ts},"d":{{"tweetId":"1"{}{d}}}}}"#,
        if d.is_empty() { "" } else { "," }
    )
}

fn str(text: &Option<Str>) -> Option<&str> {
    text.as_deref()
}

#[test]
fn the_samples_make_the_subjects_that_they_describe() {
    let mut joiner = joiner();
    for n in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] {
        assert!(matches!(absorb(&mut joiner, line(n)), Joined::Tweet { changed: true, .. }), "line {n}");
    }
    let post = tweet(&mut joiner, "2067225747256360460");
    assert!(post.parts.content && post.parts.update && post.parts.meta);
    assert_eq!(post.tokens[0].address.unwrap().to_string(), "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump");
    assert!(post.tokens[0].sources.meta && post.tokens[0].sources.text && post.tokens[0].sources.ocr);
    assert_eq!((post.media.len(), post.urls.len()), (1, 1));
    assert!(post.text.unwrap().starts_with("gm"));

    let reply = tweet(&mut joiner, "2067225764536874937");
    let reference = reply.reference.as_ref().unwrap();
    assert_eq!(reference.tweet_id.as_ref().unwrap().as_str(), "2067210665042516380");
    assert_eq!(str(&reference.author.name), Some("kairo"));
    assert_eq!(str(&reply.author.name), Some("Night Desk"), "the update does not say it, so it stays");

    let retweet = tweet(&mut joiner, "2067225810338720110");
    assert_eq!((retweet.kind(), str(&retweet.text)), (Some(Kind::Retweet), Some("")));

    let deleted = event(absorb(&mut joiner, line(11)));
    assert_eq!((deleted.event, deleted.at.as_millis()), (Event::Delete, 1_781_700_312_000));
    let remembered = deleted.tweet().unwrap();
    assert_eq!(str(&remembered.author.handle), Some("orbitlab_xyz"));
    assert_eq!(remembered.deleted_at, Some(Timestamp::from_millis(1_781_700_312_000)));

    let pinned = event(absorb(&mut joiner, line(12)));
    assert_eq!((pinned.event, pinned.tweet().unwrap().tokens.len()), (Event::Pin, 1));
    assert_eq!(event(absorb(&mut joiner, line(13))).event, Event::Unpin);
    for n in [17, 18, 19, 20] {
        assert!(matches!(absorb(&mut joiner, line(n)), Joined::Nothing), "line {n}");
    }
    assert_eq!(joiner.counts().tweets, 6);
}

#[test]
fn a_profile_update_lists_its_changes_in_the_fields_order_without_signs() {
    let subject = event(absorb(&mut joiner(), line(14)));
    assert_eq!((subject.event, subject.at.as_millis()), (Event::ProfileUpdate, 1_781_700_399_420));
    let event = account(&subject);
    assert_eq!((&*event.id, str(&event.actor.url)), ("prof_01jx2h7y9c4m", Some("https://atlas.example")));
    let changes: Vec<_> = event.changes.iter().map(|change| (change.field, str(&change.before), str(&change.after))).collect();
    assert_eq!(
        changes[..3],
        [
            (ProfileField::Name, Some("Atlas NFT"), Some("Atlas Labs (AI)")),
            (ProfileField::Handle, Some("atlas_nft"), Some("atlas_labs_ai")),
            (ProfileField::Bio, Some("10k collection"), Some("building agents. CA soon 👀")),
        ]
    );
    assert_eq!(changes.len(), 4);
}

#[test]
fn follows_have_an_actor_and_a_target() {
    for (n, kind, id) in [(15, Event::Follow, "fol_01jx2hb2n7qk"), (16, Event::Unfollow, "unf_01jx3q0d8rtw")] {
        let subject = event(absorb(&mut joiner(), line(n)));
        let event = account(&subject);
        assert_eq!((subject.event, &*event.id), (kind, id));
        assert_eq!(str(&event.actor.handle), Some("quietwhale99"));
        assert_eq!(str(&event.target.as_ref().unwrap().handle), Some("orbitlab_xyz"));
    }
}

#[test]
fn an_account_event_without_an_id_is_named_by_what_it_says() {
    let id = |envelope_id: &str, d: &str| {
        let frame = format!(r#"{{"v":1,"t":"account","op":"follow",{envelope_id}"ts":9,"d":{{{d}}}}}"#);
        account(&event(absorb(&mut joiner(), &frame))).id.to_string()
    };
    let who = r#""observedAt":5,"actor":{"id":"1","handle":"a","followersCount":10},"target":{"id":"2"}"#;
    assert_eq!(id(r#""id":"env","#, &format!(r#""eventId":"ev",{who}"#)), "ev");
    assert_eq!(id(r#""id":"env","#, who), "env");
    let hashed = id("", who);
    assert!(hashed.starts_with("hash-"), "{hashed}");
    assert_eq!(hashed, id("", &who.replace("10", "11").replace("\"a\"", "\"A\"")), "more followers make no other event");
    assert_ne!(hashed, id("", &who.replace(":5", ":6")));
    assert_ne!(hashed, id("", &who.replace("\"2\"", "\"3\"")));
}

#[test]
fn history_rows_join_as_the_socket_does() {
    let mut live = joiner();
    for n in [5, 6] {
        absorb(&mut live, line(n));
    }
    let answer = history(include_str!("../data/history_sample.json")).unwrap();
    let mut backfilled = joiner();
    for envelope in answer.rows.into_iter().rev().flat_map(birdcall::decode::HistoryRow::into_envelopes) {
        backfilled.absorb(&envelope, NOW);
    }
    let id = "2067225788264200669";
    assert_eq!(tweet(&mut live, id), tweet(&mut backfilled, id));
    assert_eq!(backfilled.counts().tweets, 3);
}

#[test]
fn a_duplicate_changes_nothing_and_is_seen_as_such() {
    let mut joiner = joiner();
    absorb(&mut joiner, line(1));
    let bytes = joiner.counts().bytes;
    let later = line(1).replace("\"ts\":1781700000231", "\"ts\":1781700099999");
    for again in [line(1), &later] {
        assert!(matches!(absorb(&mut joiner, again), Joined::Tweet { changed: false, .. }));
    }
    assert_eq!(joiner.counts().bytes, bytes);
}

#[test]
fn what_hangs_on_a_tweet_stays_while_it_is_completed() {
    let mut joiner = joiner();
    absorb(&mut joiner, line(1));
    let id = TweetId::new("2067225747256360460");
    *joiner.get(&id).unwrap().state = 7;
    absorb(&mut joiner, line(2));
    let known = joiner.get(&id).unwrap();
    assert!(known.tweet.parts.meta);
    assert_eq!(*known.state, 7);
    assert!(joiner.get(&TweetId::new("never seen")).is_none());
}

#[test]
fn absent_and_empty_override_nothing() {
    let tweet = joined(&[
        (
            "content",
            1,
            r#""text":"first","link":"l","author":{"id":"5","handle":"@a","bio":"b","followersCount":3},"media":[{"url":"m","type":"image"}]"#,
        ),
        ("update", 2, r#""text":"","link":"","author":{"handle":"A","bio":"","name":null},"media":[{"url":"m"},{"url":"n"}]"#),
    ]);
    assert_eq!((str(&tweet.text), str(&tweet.link)), (Some("first"), Some("l")));
    assert_eq!((str(&tweet.author.id), str(&tweet.author.handle), str(&tweet.author.bio)), (Some("5"), Some("A"), Some("b")));
    assert_eq!(tweet.author.followers, Some(3));
    assert_eq!((tweet.media.len(), str(&tweet.media[0].kind)), (2, Some("image")));
}

#[test]
fn the_later_word_wins_and_an_update_comes_after_the_content_whatever_its_time() {
    let tweet = joined(&[
        ("update", 1, r#""text":"longer text""#),
        ("update", 9, r#""text":"last""#),
        ("content", 50, r#""text":"short""#),
    ]);
    assert_eq!(str(&tweet.text), Some("last"));
}

#[test]
fn mentions_and_links_are_united_by_what_names_them() {
    let tweet = joined(&[
        (
            "content",
            1,
            r#""mentions":[{"handle":"@Kai"},{"id":"2","handle":"b"}],"urls":[{"url":"https://t.co/x","tco":"https://t.co/x"}]"#,
        ),
        (
            "update",
            2,
            r#""mentions":[{"handle":"kai","id":"1"},{"id":"2","name":"B"},{"id":"3","handle":"b"}],"urls":[{"url":"https://a.example/","tco":"https://t.co/x"}]"#,
        ),
    ]);
    let mentions: Vec<_> = tweet.mentions.iter().map(|m| (str(&m.id), str(&m.handle), str(&m.name))).collect();
    assert_eq!(mentions, [(Some("1"), Some("kai"), None), (Some("2"), Some("b"), Some("B")), (Some("3"), Some("b"), None)]);
    assert_eq!((tweet.urls.len(), &*tweet.urls[0].url), (1, "https://a.example/"));
}

#[test]
fn references_to_two_tweets_are_not_mixed() {
    let tweet = joined(&[
        ("content", 1, r#""ref":{"type":"quote","tweetId":"7","text":"of seven","author":{"handle":"seven"}}"#),
        ("update", 2, r#""ref":{"type":"quote","tweetId":"8","author":{"handle":"eight"}}"#),
    ]);
    let reference = tweet.reference.unwrap();
    assert_eq!((str(&reference.text), str(&reference.author.handle)), (None, Some("eight")));
}

/// The tokens as `symbol contract price`, of one meta for each list.
fn tokens(metas: &[&str]) -> Vec<String> {
    let parts: Vec<_> = metas.iter().map(|list| format!(r#""detected":{{"tokens":[{list}]}}"#)).collect();
    let parts: Vec<_> = (1..).zip(&parts).map(|(ts, d)| ("meta", ts, d.as_str())).collect();
    let show = |text: &Option<Str>| text.as_deref().unwrap_or("-").to_owned();
    let tokens = joined(&parts).tokens;
    tokens.iter().map(|t| format!("{} {} {}", show(&t.symbol), show(&t.contract), t.price.map_or(0.0, Price::usd))).collect()
}

#[test]
fn a_token_is_its_contract_and_a_bare_symbol_is_the_only_token_that_bears_it() {
    let evm = "0x0568151C46Ef9cc4c2E5D50690BB523A71Ca11F3";
    let lower = evm.to_lowercase();
    let (mixed_case, lower_case) =
        (format!(r#"{{"symbol":"K","contract":"{evm}","priceUsd":1}}"#), format!(r#"{{"contract":"{lower}","priceUsd":2}}"#));
    assert_eq!(tokens(&[&mixed_case, &lower_case]), [format!("K {lower} 2")], "EVM without regard to case");

    let one = r#"{"symbol":"DOGE","contract":"A","priceUsd":1}"#;
    let two = r#"{"symbol":"DOGE","contract":"B","priceUsd":2}"#;
    let bare = r#"{"symbol":"$doge","priceUsd":9}"#;
    let both = format!("{one},{two}");
    assert_eq!(tokens(&[&both]), ["DOGE A 1", "DOGE B 2"], "two contracts are two tokens");
    assert_eq!(tokens(&[bare, one]), ["DOGE A 1"], "the symbol got its contract");
    assert_eq!(tokens(&[one, bare]), ["doge A 9"]);
    assert_eq!(tokens(&[&both, bare]), ["DOGE A 1", "DOGE B 2", "doge - 9"], "no price moves to a token that may not be meant");
    assert_eq!(tokens(&[&both, bare, bare, r#"{"symbol":"DOGE","priceUsd":8}"#]), ["DOGE A 1", "DOGE B 2", "DOGE - 8"]);
    let chains = [r#"{"symbol":"X","contract":"A","chain":"base"}"#, r#"{"symbol":"X","contract":"A","chain":"ethereum"}"#];
    assert_eq!(tokens(&chains).len(), 2, "the same address on two chains is two tokens");
}

#[test]
fn markets_and_predictions_are_united_by_exchange_and_name() {
    let tweet = joined(&[
        (
            "meta",
            1,
            r#""detected":{"cex":[{"exchange":"bybit","symbol":"KAIUSDT","priceUsd":1},{"exchange":"binance","symbol":"KAIUSDT"}],
            "prediction":[{"exchange":"kalshi","title":"T"},{"exchange":"kalshi","marketId":"1","title":"T"}]}"#,
        ),
        (
            "meta",
            2,
            r#""detected":{"cex":[{"exchange":"Bybit","symbol":"kaiusdt","priceUsd":2,"sources":["ocr"]}],
            "prediction":[{"exchange":"kalshi","marketId":"2","title":"T"},{"exchange":"kalshi","marketId":"1","priceUsd":0.5}]}"#,
        ),
    ]);
    assert_eq!((tweet.markets.len(), tweet.markets[0].price), (2, Price::new(2.0)));
    assert!(tweet.markets[0].sources.ocr && tweet.markets[0].sources.meta);
    let ids: Vec<_> = tweet.predictions.iter().map(|market| (str(&market.id), market.price.map(Price::usd))).collect();
    assert_eq!(ids, [(Some("1"), Some(0.5)), (Some("2"), None)]);
}

#[test]
fn a_pin_teaches_but_is_no_content() {
    let mut joiner = joiner();
    let subject = event(absorb(&mut joiner, &frame("pin", 5, r#""text":"pinned","author":{"handle":"@a"}"#)));
    assert_eq!(str(&subject.tweet().unwrap().text), Some("pinned"));
    let learned = tweet(&mut joiner, "1");
    assert_eq!((learned.parts.content, learned.kind()), (false, None));
    absorb(&mut joiner, &frame("content", 1, r#""text":"content""#));
    assert_eq!(str(&tweet(&mut joiner, "1").text), Some("content"), "a later pin is the lower word");
}

#[test]
fn an_event_of_a_tweet_never_seen_says_what_the_envelope_says() {
    let mut joiner = joiner();
    let unpin = event(absorb(&mut joiner, &frame("unpin", 5, "")));
    assert_eq!((unpin.tweet().unwrap().id.as_str(), joiner.counts().tweets), ("1", 0));
    let delete = event(absorb(&mut joiner, &frame("delete", 5, "")));
    assert_eq!(delete.tweet().unwrap().deleted_at, Some(Timestamp::from_millis(5)));
    absorb(&mut joiner, &frame("delete", 3, ""));
    absorb(&mut joiner, &frame("content", 1, r#""text":"late""#));
    let late = tweet(&mut joiner, "1");
    assert_eq!((str(&late.text), late.deleted_at), (Some("late"), Some(Timestamp::from_millis(3))));
}

#[test]
fn a_subject_happened_when_it_was_stated_and_never_ahead_of_now() {
    let at = |op: &str, ts: &str, created: &str| {
        let mut joiner = joiner();
        let frame = format!(r#"{{"v":1,"t":"tweet","op":"{op}","id":"1","ts":{ts},"d":{{"createdAt":{created},"text":"a"}}}}"#);
        match absorb(&mut joiner, &frame) {
            Joined::Tweet { id, .. } => joiner.subject(&id).unwrap().at.as_millis(),
            other => event(other).at.as_millis(),
        }
    };
    let now = NOW.as_millis();
    assert_eq!(at("content", "20", "10"), 10);
    assert_eq!(at("content", "20", "null"), 20);
    assert_eq!(at("content", "null", "null"), now);
    assert_eq!(at("content", "20", &(now + 1).to_string()), now);
    assert_eq!(at("pin", "20", "10"), 20);
    assert_eq!(at("pin", "null", "10"), now);
    assert_eq!(at("delete", &(now + 5).to_string(), "10"), now);
}

#[test]
fn orphans_stay_within_bounds_and_the_oldest_leave_first() {
    let bounds = Bounds { tweets: 1_000, bytes: 2 * 1024 * 1024, ..Bounds::default() };
    let mut joiner: Joiner<u32> = Joiner::new(bounds);
    let all = 100_000;
    for n in 0..all {
        let frame = format!(
            r#"{{"v":1,"t":"tweet","op":"meta","id":"{n}","ts":{n},"d":{{"tweetId":"{n}","ocr":{{"text":"some text"}},"detected":{{"tokens":[{{"symbol":"A"}}]}}}}}}"#
        );
        joiner.absorb(&decode(&frame).unwrap(), NOW);
        let counts = joiner.counts();
        assert!(counts.tweets <= bounds.tweets && counts.bytes <= bounds.bytes, "{counts:?}");
    }
    let counts = joiner.counts();
    assert_eq!(counts.evicted + counts.tweets as u64, all);
    assert!(counts.tweets > 500, "{counts:?}");
    assert!(joiner.get(&TweetId::new(&(all - 1).to_string())).is_some());
    assert!(joiner.get(&TweetId::new("0")).is_none());
}

#[test]
fn a_tweet_is_forgotten_when_it_is_old_but_not_while_it_is_spoken_of() {
    let bounds = Bounds { age: Duration::from_secs(60), ..Bounds::default() };
    let mut joiner: Joiner<u32> = Joiner::new(bounds);
    let update = |id: i32| format!(r#"{{"v":1,"t":"tweet","op":"update","id":"{id}","ts":1,"d":{{"text":"x"}}}}"#);
    let mut hear = |id: &str, text: &str, seconds: i64| {
        let frame = format!(r#"{{"v":1,"t":"tweet","op":"update","id":"{id}","ts":1,"d":{{"text":"{text}"}}}}"#);
        joiner.absorb(&decode(&frame).unwrap(), Timestamp::from_millis(NOW.as_millis() + seconds * 1_000));
        let known = ["1", "2", "3"].map(|id| joiner.contains(&TweetId::new(id)));
        let forgotten = std::iter::from_fn(|| joiner.take_forgotten()).count();
        (known, forgotten)
    };
    assert_eq!(hear("1", "one", 0), ([true, false, false], 0));
    assert_eq!(hear("2", "two", 30), ([true, true, false], 0));
    assert_eq!(hear("2", "two again", 60), ([true, true, false], 0));
    assert_eq!(hear("1", "one again", 61), ([true, true, false], 0), "it is that which is spoken of");
    assert_eq!(hear("3", "three", 61), ([false, true, true], 1), "however often it was");
    assert_eq!(hear("3", "three", 500), ([false, false, true], 1));
    joiner.keep_old(true);
    for id in 4..24 {
        joiner.absorb(&decode(&update(id)).unwrap(), Timestamp::from_millis(NOW.as_millis() + 600_000));
    }
    assert_eq!(joiner.counts().tweets, 21, "while waits are held");
    joiner.keep_old(false);
    joiner.absorb(&decode(&update(24)).unwrap(), Timestamp::from_millis(NOW.as_millis() + 900_000));
    assert_eq!(joiner.counts(), Counts { tweets: 14, bytes: joiner.counts().bytes, evicted: 0, refused: 0 }, "eight at once");
}

#[test]
fn bytes_bound_the_tweets_and_are_given_back() {
    let bounds = Bounds { bytes: 200_000, ..Bounds::default() };
    let mut joiner: Joiner<u32> = Joiner::new(bounds);
    for n in 0..500 {
        let text = "x".repeat(10_000);
        let frame = format!(r#"{{"v":1,"t":"tweet","op":"content","id":"{n}","ts":1,"d":{{"text":"{text}"}}}}"#);
        joiner.absorb(&decode(&frame).unwrap(), NOW);
        assert!(joiner.counts().bytes <= bounds.bytes);
    }
    assert!((10..20).contains(&joiner.counts().tweets), "{:?}", joiner.counts());
    let huge = frame("content", 1, &format!(r#""text":"{}""#, "x".repeat(100_000)));
    joiner.absorb(&decode(&huge).unwrap(), NOW);
    assert_eq!(joiner.counts().refused, 1);
}

#[test]
fn a_flood_of_one_sort_keeps_no_other_out_and_order_does_not_matter_even_then() {
    let meta = |n: i64| frame("meta", n, &format!(r#""ocr":{{"text":"{n}"}}"#));
    let mut forwards = joiner();
    let mut backwards = joiner();
    for n in 0..100 {
        absorb(&mut forwards, &meta(n + 1));
        absorb(&mut backwards, &meta(100 - n));
    }
    for joiner in [&mut forwards, &mut backwards] {
        assert_eq!(joiner.counts().refused, 100 - limits::PARTS_PER_TWEET as u64);
        absorb(joiner, &frame("content", 500, r#""text":"still""#));
    }
    let tweet_of = |joiner: &mut Joiner<u32>| tweet(joiner, "1");
    assert_eq!(tweet_of(&mut forwards), tweet_of(&mut backwards));
    assert_eq!(str(&tweet_of(&mut forwards).text), Some("still"));
}

#[test]
fn lists_of_a_tweet_are_bounded() {
    let mut joiner = joiner();
    for part in 0..5 {
        let media: Vec<_> = (0..60).map(|n| format!(r#"{{"url":"{part}-{n}"}}"#)).collect();
        absorb(&mut joiner, &frame("update", part, &format!(r#""media":[{}]"#, media.join(","))));
    }
    assert_eq!(tweet(&mut joiner, "1").media.len(), limits::ELEMENTS);
}
