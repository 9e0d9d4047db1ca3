//! Any bytes as frames: decode never panics, takes for JSON what serde_json does, reads out of it what serde_json reads, and what it reads can be
//! joined in any order.

use birdcall::decode::{Malformed, decode, history};
use birdcall::join::{Bounds, Joined, Joiner, Said};
use birdcall::model::envelope::Envelope;
use birdcall::model::ids::TweetId;
use birdcall::model::time::Timestamp;
use serde::de::IgnoredAny;
use serde_json::Value;

/// One frame a line.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = history(text);
    text.lines().chain([text]).for_each(agrees_with_serde_json);

    // They make the same tweets forwards and backwards.
    let envelopes: Vec<_> = text.lines().filter_map(|line| decode(line).ok()).collect();
    let now = Timestamp::from_millis(1_781_800_000_000);
    let mut forwards = Joiner::<()>::new(Bounds::default());
    let mut backwards = Joiner::<()>::new(Bounds::default());
    for (one, other) in envelopes.iter().zip(envelopes.iter().rev()) {
        absorb(&mut forwards, one, now);
        absorb(&mut backwards, other, now);
    }
    for id in envelopes.iter().filter_map(|envelope| envelope.body.tweet_id()) {
        let id = TweetId::new(id);
        assert_eq!(forwards.get(&id).map(|known| known.tweet.owned()), backwards.get(&id).map(|known| known.tweet.owned()));
    }
}

/// The tweet is the same whether it is made of the envelope that changed it or unpacked.
fn absorb(joiner: &mut Joiner<()>, envelope: &Envelope<'_>, now: Timestamp) {
    if let (Joined::Tweet { id, changed: true }, Some(said)) = (joiner.absorb(envelope, now), Said::of(envelope)) {
        let after = joiner.get_after(&said).map(|known| (known.tweet.owned(), known.at));
        assert_eq!(after, joiner.get(&id).map(|known| (known.tweet.owned(), known.at)));
    }
}

/// Another reader of JSON is the judge of what JSON is, and of what stands in it.
fn agrees_with_serde_json(frame: &str) {
    let read = decode(frame);
    let is_json = serde_json::from_str::<IgnoredAny>(frame).is_ok();
    if is_json {
        assert_ne!(read, Err(Malformed::NotJson));
        assert_ne!(history(frame), Err(Malformed::NotJson));
    } else {
        assert!(read.is_err() && history(frame).is_err());
    }
    // It refuses lone surrogates and numbers that are too large, and knows nothing of keys that come twice.
    let (Ok(value), Ok(read)) = (serde_json::from_str::<Value>(frame), read) else { return };
    let again = value.to_string();
    let mut again = decode(&again).unwrap();
    // Of keys that come twice in what nobody reads, one is left.
    again.oddities.unknown_fields = read.oddities.unknown_fields;
    assert_eq!(again, read);
}
