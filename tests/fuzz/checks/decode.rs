//! Any bytes as frames: decode never panics, says the same twice, and what it reads can be joined in any order.

use birdcall::decode::{decode, history};
use birdcall::join::{Bounds, Joiner};
use birdcall::model::ids::TweetId;
use birdcall::model::time::Timestamp;

/// One frame a line.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = history(text);
    assert_eq!(decode(text), decode(text));

    // They make the same tweets forwards and backwards.
    let envelopes: Vec<_> = text.lines().filter_map(|line| decode(line).ok()).collect();
    let now = Timestamp::from_millis(1_781_800_000_000);
    let mut forwards = Joiner::<()>::new(Bounds::default());
    let mut backwards = Joiner::<()>::new(Bounds::default());
    for (one, other) in envelopes.iter().zip(envelopes.iter().rev()) {
        forwards.absorb(one, now);
        backwards.absorb(other, now);
    }
    for id in envelopes.iter().filter_map(|envelope| envelope.body.tweet_id()) {
        let id = TweetId::new(id);
        assert_eq!(forwards.get(&id).map(|(tweet, ())| tweet.clone()), backwards.get(&id).map(|(tweet, ())| tweet.clone()));
    }
}
