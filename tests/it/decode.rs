//! What the feed writes against what decode reads: every sample line, hostile JSON, odd numbers, frames cut off at every byte.

mod hostile;
mod plain;
mod rows;
mod samples;

use birdcall::decode::{Malformed, decode, history};
use birdcall::model::envelope::{Body, Envelope, MetaPart, Oddities, Text, TweetPart};
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
