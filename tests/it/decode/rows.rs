//! Rows of the history as the frames that the socket would have carried.

use birdcall::decode::{HistoryRow, decode, history};
use birdcall::model::envelope::{Body, Oddities};
use proptest::prelude::*;
use serde_json::Value;

use super::{HISTORY, SAMPLES, sample};

fn answer(rows: &str) -> String {
    format!(r#"{{"data":[{rows}],"metadata":{{}}}}"#)
}

/// The frames of an answer's only row, each held against what the row says when it is read as it is.
fn frames(row: &str) -> Vec<String> {
    let answer = answer(row);
    let read = history(&answer).unwrap();
    let [row] = &read.rows[..] else { panic!("{answer}: {read:?}") };
    hold(row)
}

fn hold(row: &HistoryRow<'_>) -> Vec<String> {
    let frames = row.frames();
    let envelopes: Vec<_> = row.clone().into_envelopes().collect();
    assert_eq!(frames.len(), envelopes.len());
    for (frame, envelope) in frames.iter().zip(envelopes) {
        assert!(!frame.contains('\n'), "{frame}");
        let mut read = decode(frame).unwrap_or_else(|why| panic!("{why:?}: {frame}"));
        read.oddities = Oddities::default();
        assert_eq!(read, envelope, "{frame}");
    }
    frames
}

#[test]
fn the_sample_reads_the_same_as_frames() {
    let read = history(HISTORY).unwrap();
    let frames: Vec<_> = read.rows.iter().flat_map(hold).collect();
    assert_eq!(frames.len(), 5);
    assert_eq!(decode(&frames[1]).unwrap().body, sample(5).body);
    assert_eq!(decode(&frames[2]).unwrap().body, sample(6).body);
    // As it was written: the number is not another.
    assert!(frames[2].contains(r#""priceUsd":4.21e-07"#), "{}", frames[2]);
}

#[test]
fn what_the_content_does_not_say_comes_from_the_row_and_what_we_do_not_know_is_kept() {
    let row = r#"{"tweetId":"9","twitterId":"77","twitterHandle":"@row","body":"of the \"row\"","link":"https://x.com/9",
        "time":"2026-06-17T12:40:00.000Z","receivedTime":"2026-06-17T12:40:00.204Z","messageType":"TWEET",
        "content":{ "text" : null , "author" : { "name" : "a \\\" } b" , "handle" : "" , "new" : [ 1 , { } ] } , "later\u0041" : 1e999 , "createdAt" : "soon" },
        "meta":{"tweetId":"another","detected":{"tokens":[]},"fresh":true}}"#;
    let frames = frames(row);
    let d = r#"{"later\u0041":1e999,"tweetId":"9","text":"of the \"row\"","link":"https://x.com/9","createdAt":1781700000000,"receivedAt":1781700000204,"author":{"name":"a \\\" } b","new":[1,{}],"id":"77","handle":"row"}}"#;
    assert_eq!(frames[0], format!(r#"{{"v":1,"t":"tweet","op":"content","id":"9","ts":1781700000204,"d":{d}}}"#));
    assert_eq!(
        frames[1],
        r#"{"v":1,"t":"tweet","op":"meta","id":"9","ts":1781700000204,"d":{"detected":{"tokens":[]},"fresh":true,"tweetId":"9"}}"#
    );
}

#[test]
fn odd_rows_read_the_same_as_frames() {
    for row in [
        r#"{"tweetId":9,"body":"only the row"}"#,
        r#"{"tweetId":9,"body":"","content":"none","meta":null}"#,
        r#"{"tweetId":"9","content":{"author":"none"},"twitterHandle":"@a"}"#,
        r#"{"tweetId":"9","content":{"author":{"id":5}},"twitterHandle":"a","twitterId":"6"}"#,
        r#"{"tweetId":"9","content":{"te\u0078t":7,"tweet\u0049d":""},"body":"b"}"#,
        r#"{"tweetId":"9","content":{"text":"lone \ud800 surrogate","\ud800":1},"meta":{"ocr":{"text":"\udfff"}}}"#,
        r#"{"tweetId":"9","content":{},"meta":[]}"#,
        r#"{"tweetId":"9","time":5,"receivedTime":"not a time"}"#,
        r#"{"messageType":"PROFILE","content":{"eventId":"p","observedAt":5,"changes":{"name":"new"}},"time":"2026-06-17T12:40:00Z"}"#,
        r#"{"messageType":"follow","content":{"eventId":"f","target":{"handle":"@b"}},"meta":{"ocr":{"text":"x"}}}"#,
        r#"{"messageType":"UNFOLLOW","content":{}}"#,
    ] {
        assert!(!frames(row).is_empty());
    }
}

#[test]
fn a_bad_row_spoils_no_other() {
    let good = r#"{"tweetId":"9","body":"good"}"#;
    for bad in [
        r#"{"tweetId":"1","tweetId":"2","body":"twice"}"#,
        r#"{"tweetId":"1","content":{"text":"a","text":"b"}}"#,
        r#"{"tweetId":"1","content":{},"meta":{"tweetId":"1","tweetId":"2"}}"#,
        r#"{"tweetId":"1","body":"\u12"}"#.replace(r"\u12", r"\ud800").as_str(),
        "[]",
        "{}",
    ] {
        let answer = answer(&format!("{good},{bad},{good}"));
        let read = history(&answer).unwrap();
        let goods = read.rows.iter().filter(|row| row.key().as_deref() == Some("tweet/content 9")).count();
        assert_eq!((goods, read.rows.len() + read.unusable), (2, 3), "{bad}");
    }
}

#[test]
fn a_key_tells_rows_apart() {
    let keys = |rows: &str| -> Vec<_> {
        let answer = answer(rows);
        history(&answer).unwrap().rows.iter().map(HistoryRow::key).collect()
    };
    let rows = r#"{"tweetId":"9"},{"messageType":"FOLLOW","content":{"eventId":"9"}},{"messageType":"UNFOLLOW","content":{"eventId":"9"}},
        {"messageType":"PROFILE","content":{"eventId":"9"}},{"messageType":"PROFILE","content":{}}"#;
    let expected = ["tweet/content 9", "account/follow 9", "account/unfollow 9", "account/profile_update 9"];
    let expected: Vec<_> = expected.into_iter().map(|key| Some(key.to_owned())).chain([None]).collect();
    assert_eq!(keys(rows), expected);
}

proptest! {
    /// Samples as rows, with some of what the content says left to the row.
    #[test]
    fn any_row_reads_the_same_as_frames(line in 0_usize..20, dropped in any::<[bool; 6]>(), spaced in any::<bool>()) {
        let envelope: Value = serde_json::from_str(SAMPLES.lines().nth(line).unwrap()).unwrap();
        let kind = match (envelope["t"].as_str(), envelope["op"].as_str()) {
            (Some("tweet"), Some("content")) => "TWEET",
            (Some("account"), Some("profile_update")) => "PROFILE",
            (Some("account"), Some("follow")) => "FOLLOW",
            _ => return Ok(()),
        };
        let d = &envelope["d"];
        let mut content = d.clone();
        for (key, drop) in ["tweetId", "text", "author", "link", "createdAt", "receivedAt"].into_iter().zip(dropped) {
            if drop && kind == "TWEET" {
                content.as_object_mut().unwrap().remove(key);
            }
        }
        let row = serde_json::json!({
            "tweetId": d["tweetId"], "twitterId": d["author"]["id"], "twitterHandle": d["author"]["handle"], "body": d["text"],
            "link": d["link"], "time": d["createdAt"], "receivedTime": d["receivedAt"], "messageType": kind, "content": content,
        });
        let row = if spaced { serde_json::to_string_pretty(&row).unwrap() } else { row.to_string() };
        let frames = frames(&row);
        let read = decode(&frames[0]).unwrap();
        if let (Body::Content(read), Body::Content(sent)) = (&read.body, &sample(line + 1).body) {
            prop_assert_eq!((&read.tweet_id, &read.text, read.created_at), (&sent.tweet_id, &sent.text, sent.created_at));
        }
    }
}
