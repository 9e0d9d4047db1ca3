//! The same words in every place where a tweet's author can write, one firing for each.

use birdcall::model::firing::{Element, Firing, Matched};
use birdcall::model::ids::TweetId;
use birdcall::model::subject::{
    Account, Change, Event, Kind, Market, Media, Platform, Prediction, ProfileField, Reference, Token, Tweet,
};
use birdcall::model::time::Timestamp;

use super::samples::{kairo, market, on_account, on_tweet, post, prediction, reference, s, token};

/// A firing with these words in one place.
pub(crate) fn places(words: &str) -> Vec<(&'static str, Firing)> {
    let of_post = |change: &dyn Fn(&mut Tweet)| {
        let mut tweet = post();
        change(&mut tweet);
        on_tweet(Event::Tweet, tweet)
    };
    let account = || Account {
        id: s(words),
        handle: s(words),
        name: s(words),
        avatar: s(words),
        banner: s(words),
        bio: s(words),
        location: s(words),
        url: s(words),
        verified: s(words),
        platform: Some(Platform::Other(words.into())),
        ..Account::default()
    };
    let element = |element: Element| Firing { element: Some(element), ..on_tweet(Event::Tweet, post()) };
    let mut by_ocr = of_post(&|tweet| tweet.ocr = s(words));
    by_ocr.matched = vec![Matched { matcher: "keyword", value: words.to_owned(), place: "ocr" }];
    let changes = ProfileField::ALL.map(|field| Change { field, before: s(words), after: s(words) });
    let coin = || Token { symbol: s(words), name: s(words), contract: s(words), chain: s(words), address: None, ..token() };
    let pair = || Market { symbol: s(words), exchange: s(words), base: s(words), quote: s(words), url: s(words), ..market() };
    let bet = || Prediction { title: s(words), exchange: s(words), id: s(words), url: s(words), ..prediction() };
    let other =
        || Reference { text: s(words), author: account(), kind: Some(Kind::Other(words.into())), ..reference(Kind::Reply) };
    vec![
        ("text", of_post(&|tweet| tweet.text = s(words))),
        (
            "text of a deleted tweet",
            of_post(&|tweet| {
                tweet.text = s(words);
                tweet.deleted_at = Some(Timestamp::from_millis(1_781_703_600_000));
            }),
        ),
        ("id", of_post(&|tweet| tweet.id = TweetId::new(words))),
        ("author", of_post(&|tweet| tweet.author = account())),
        ("name", of_post(&|tweet| tweet.author.name = s(words))),
        ("handle", of_post(&|tweet| tweet.author.handle = s(words))),
        ("quoted", of_post(&|tweet| tweet.reference = Some(Reference { text: s(words), ..reference(Kind::Quote) }))),
        ("reference", of_post(&|tweet| tweet.reference = Some(other()))),
        ("ocr and what matched", by_ocr),
        ("link", of_post(&|tweet| tweet.link = s(words))),
        ("media", of_post(&|tweet| tweet.media = vec![Media { kind: s(words), url: words.into(), thumbnail: s(words) }])),
        ("kind", of_post(&|tweet| tweet.stated_kind = Some(Kind::Other(words.into())))),
        ("token", element(Element::Token(coin()))),
        ("tokens", of_post(&|tweet| tweet.tokens = vec![coin(); 100])),
        ("market", element(Element::Market(pair()))),
        ("markets", of_post(&|tweet| tweet.markets = vec![pair(); 100])),
        ("prediction", element(Element::Prediction(bet()))),
        ("predictions", of_post(&|tweet| tweet.predictions = vec![bet(); 100])),
        ("changes", on_account(Event::ProfileUpdate, None, changes.to_vec())),
        ("target", on_account(Event::Follow, Some(account()), Vec::new())),
        ("target's bio", on_account(Event::Unfollow, Some(Account { bio: s(words), ..kairo() }), Vec::new())),
        (
            "everything",
            of_post(&|tweet| {
                tweet.text = s(words);
                tweet.author = account();
                tweet.reference = Some(other());
                tweet.ocr = s(words);
                tweet.tokens = vec![coin(); 100];
                tweet.markets = vec![pair(); 100];
                tweet.predictions = vec![bet(); 100];
            }),
        ),
    ]
}
