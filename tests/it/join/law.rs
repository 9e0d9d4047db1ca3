//! The law of joining: any order and any duplication of a tweet's envelopes give the same tweet.

use birdcall::model::ids::TweetId;
use proptest::prelude::*;

use super::{absorb, joiner};

/// One envelope of tweet 1, of few words, so that they meet and conflict.
fn any_envelope() -> impl Strategy<Value = String> {
    let word = || prop::sample::select(vec!["", "a", "b", "c"]);
    let ts = prop::sample::select(vec!["null", "1", "2", "3"]);
    let author = (word(), word(), 0_u8..3)
        .prop_map(|(handle, name, n)| format!(r#"{{"handle":"@{handle}","name":"{name}","followersCount":{n}}}"#));
    let listed = || prop::collection::vec((word(), word(), word(), 0_u8..3), 0..4);
    let tokens = listed().prop_map(|list| {
        let token = |(symbol, contract, chain, price): &(&str, &str, &str, u8)| {
            format!(r#"{{"symbol":"{symbol}","contract":"{contract}","chain":"{chain}","priceUsd":{price}}}"#)
        };
        list.iter().map(token).collect::<Vec<_>>().join(",")
    });
    let mentions = listed().prop_map(|list| {
        let mention =
            |(id, handle, name, _): &(&str, &str, &str, u8)| format!(r#"{{"id":"{id}","handle":"{handle}","name":"{name}"}}"#);
        list.iter().map(mention).collect::<Vec<_>>().join(",")
    });
    let reference = (word(), word()).prop_map(|(id, text)| format!(r#"{{"type":"reply","tweetId":"{id}","text":"{text}"}}"#));
    let op = prop::sample::select(vec!["content", "update", "update", "meta", "meta", "pin", "unpin", "delete"]);
    (op, ts, word(), author, tokens, mentions, reference, any::<[bool; 3]>()).prop_map(
        |(op, ts, text, author, tokens, mentions, reference, says)| {
            let mut d = vec![r#""tweetId":"1""#.to_owned()];
            match op {
                "meta" => {
                    d.push(format!(r#""ocr":{{"text":"{text}"}}"#));
                    d.push(format!(r#""detected":{{"tokens":[{tokens}],"cex":[{tokens}]}}"#));
                }
                "delete" => {}
                _ => {
                    d.extend(says[0].then(|| format!(r#""text":"{text}""#)));
                    d.extend(says[1].then(|| format!(r#""author":{author},"ref":{reference}"#)));
                    d.extend(says[2].then(|| format!(r#""mentions":[{mentions}]"#)));
                }
            }
            format!(r#"{{"v":1,"t":"tweet","op":"{op}","id":"1","ts":{ts},"d":{{{}}}}}"#, d.join(","))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_order_and_any_duplication_give_the_same_tweet(
        (once, again) in prop::collection::vec(any_envelope(), 1..10).prop_flat_map(|once| {
            let doubled: Vec<_> = once.iter().chain(&once).chain(&once).cloned().collect();
            let cut = once.len()..=doubled.len();
            (Just(once.clone()), (Just(doubled).prop_shuffle(), cut).prop_map(move |(mut doubled, cut)| {
                // Any number of duplicates, but everything at least once.
                doubled.truncate(cut);
                doubled.extend(once.iter().filter(|frame| !doubled.contains(frame)).cloned().collect::<Vec<_>>());
                doubled
            }))
        })
    ) {
        let (mut one, mut other) = (joiner(), joiner());
        for frame in &once {
            absorb(&mut one, frame);
        }
        for frame in &again {
            absorb(&mut other, frame);
        }
        let id = TweetId::new("1");
        prop_assert_eq!(one.get(&id).map(|known| known.tweet.owned()), other.get(&id).map(|known| known.tweet.owned()));
        prop_assert_eq!(one.counts().bytes, other.counts().bytes);
        prop_assert_eq!(one.subject(&id).map(|subject| subject.at), other.subject(&id).map(|subject| subject.at));
    }
}
