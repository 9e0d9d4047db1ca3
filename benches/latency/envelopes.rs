//! number → an envelope of the feed that has to be told of, or one that only looks like it.
//!
//! The rule of all contenders: @elonmusk wrote the word *doge*.

use serde_json::Value;

/// The first tweet's id: of 19 digits, as that of every other.
const FIRST: u64 = 1_990_000_000_000_000_000;
/// Digits of an id.
const DIGITS: usize = 19;
const TEXTS: [&str; 5] = [
    "Doge is the people's crypto",
    "Who let the DOGE out",
    "much wow, such doge!",
    "To the moon\nDOGE",
    "\"doge\" barking at the moon 🐕🚀",
];
/// Who, and what.
const DECOYS: [(&str, &str); 5] = [
    ("elonmusk", "dogecoin to the moon"),
    ("elonmusk", "the hotdoge stand is open"),
    ("elonmusk", "doge_ is not the word"),
    ("elonmusk", "Starship launch window opens tomorrow at 7:30 CT"),
    ("somebody", "doge doge doge"),
];
const FILLER: &str =
    "The market is pricing in two cuts by year end. Liquidity looks thin above this level, volume on the majors is up";

/// One that matches, sent at `at` (Unix ms).
pub(crate) fn matching(number: u64, at: i64) -> String {
    content(number, at, "elonmusk", TEXTS[(number % TEXTS.len() as u64) as usize])
}

/// One that does not.
pub(crate) fn decoy(number: u64, at: i64) -> String {
    let (who, text) = DECOYS[(number % DECOYS.len() as u64) as usize];
    content(number, at, who, text)
}

fn content(number: u64, at: i64, who: &str, text: &str) -> String {
    let (id, created) = (FIRST + number, at - 200);
    let text = Value::from(format!("{text} {FILLER}"));
    format!(
        r#"{{"v":1,"t":"tweet","op":"content","id":"{id}","ts":{at},"d":{{"tweetId":"{id}","text":{text},"createdAt":{created},"author":{{"id":"44196397","handle":"@{who}","name":"{who}","platform":"twitter","profileImage":"https://pbs.twimg.com/profile_images/1744196397/abcDEF12_normal.jpg","banner":"https://pbs.twimg.com/profile_banners/44196397/1739948056","bio":"builder, reader, occasional writer. opinions are my own","location":"Austin, TX","url":"https://x.com/{who}","followersCount":190000000,"followingCount":900,"joinedAt":1243973549000,"metrics":{{"likes":90000,"tweets":50000}},"verifiedType":"blue"}},"link":"https://x.com/{who}/status/{id}","kind":"post","media":[{{"type":"image","url":"https://pbs.twimg.com/media/G1{id}.jpg","thumbnail":"https://pbs.twimg.com/media/G1{id}.jpg?name=small"}}]}}}}"#
    )
}

/// The number of the tweet that a request tells of: wherever its id stands in the body.
pub(crate) fn number_in(body: &[u8]) -> Option<u64> {
    let run = body
        .chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
        .find(|run| run.len() == DIGITS && run[0].is_ascii_digit())?;
    std::str::from_utf8(run).ok()?.parse::<u64>().ok()?.checked_sub(FIRST)
}
