//! Firings and actions to render.

use std::sync::Arc;
use std::time::Duration;

use birdcall::model::action::{Action, Chat, Destination, Discord, Method, Overflow, SecretRef, Slack, Span, Telegram, Webhook};
use birdcall::model::address::Address;
use birdcall::model::firing::{Element, Firing, Matched, Origin};
use birdcall::model::ids::{FiringId, TweetId};
use birdcall::model::message::Body;
use birdcall::model::mode::Mode;
use birdcall::model::price::Price;
use birdcall::model::secret::SecretSource;
use birdcall::model::subject::{
    About, Account, AccountEvent, Change, Event, Kind, Market, Media, Parts, Platform, Prediction, ProfileField, Reference,
    Sources, Str, Subject, Token, Tweet,
};
use birdcall::model::time::Timestamp;
use birdcall::model::window::{Member, Told, Who};
use birdcall::render::{Incomplete, Rendered, render};
use birdcall::rules::ruleset::{Payload, Send};
use birdcall::rules::template::ChatTemplate;

/// 2026-06-17T12:40:00Z.
pub(crate) const AT: Timestamp = Timestamp::from_millis(1_781_700_000_000);
pub(crate) const EXPIRES: Timestamp = Timestamp::from_millis(1_781_700_600_000);
pub(crate) const CONTRACT: &str = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";

pub(crate) fn s(text: &str) -> Option<Str> {
    Some(text.into())
}

fn action(destination: Destination) -> Action {
    Action {
        name: "desk".to_owned(),
        span: Span::default(),
        destination,
        rate_limits: Vec::new(),
        overflow: Overflow::Queue,
        max_age: Duration::from_secs(600),
        timeout: Duration::from_secs(15),
        trading: false,
        mode: Mode::Armed,
        max_per_day: None,
        digest: None,
        retired: false,
    }
}

fn secret() -> SecretRef {
    SecretRef { source: SecretSource::Env("SECRET".to_owned()), span: Span::default() }
}

/// One action of every kind, by the name of its kind.
pub(crate) fn actions() -> Vec<(&'static str, Action)> {
    let discord = Discord { url: secret(), thread: None, username: None, avatar: None, silent: false };
    let telegram = Telegram { token: secret(), chat: Chat::Id(-100), topic: None, silent: false, preview: false, api: None };
    let webhook = Webhook { url: secret(), method: Method::Post, headers: Vec::new(), secret: None, idempotent: false };
    vec![
        ("discord", action(Destination::Discord(discord))),
        ("telegram", action(Destination::Telegram(telegram))),
        ("slack", action(Destination::Slack(Slack::Webhook(secret())))),
        ("webhook", action(Destination::Webhook(webhook))),
        ("console", action(Destination::Console)),
    ]
}

pub(crate) fn action_of(kind: &str) -> Action {
    actions().into_iter().find(|(name, _)| *name == kind).expect("a kind of action").1
}

/// Renders for a kind of action, with a template or a payload.
pub(crate) fn try_rendered(
    firing: &Firing,
    kind: &str,
    template: Option<ChatTemplate>,
    payload: Option<Payload>,
) -> Result<Rendered, Incomplete> {
    let send = Send {
        action: 0,
        max_age: None,
        mode: Mode::Armed,
        template: template.map(Arc::new),
        brakes: None,
        payload,
        update: false,
    };
    render(firing, &send, &action_of(kind), EXPIRES)
}

pub(crate) fn rendered(firing: &Firing, kind: &str) -> Rendered {
    try_rendered(firing, kind, None, None).expect("a default message is never incomplete")
}

/// The JSON that is sent, or the text of a terminal.
pub(crate) fn sent(body: &Body) -> serde_json::Value {
    match body {
        Body::Discord(body) => serde_json::to_value(body).unwrap(),
        Body::Telegram(body) => serde_json::to_value(body).unwrap(),
        Body::Slack(body) => serde_json::to_value(body).unwrap(),
        Body::Webhook(body) => serde_json::from_slice(&body.bytes).unwrap(),
        Body::Console(body) => body.pieces.iter().map(|(_, text)| text.as_str()).collect::<String>().into(),
    }
}

pub(crate) fn orbit() -> Account {
    Account {
        id: s("1711122233344455501"),
        handle: s("orbitlab_xyz"),
        name: s("Orbit Lab 🪐"),
        avatar: s("https://pbs.twimg.com/profile_images/1711/orbit_normal.jpg"),
        bio: s("building the orbital exchange"),
        followers: Some(48_213),
        verified: s("blue"),
        ..Account::default()
    }
}

pub(crate) fn kairo() -> Account {
    Account { id: s("1533344455566677703"), handle: s("kairo_trades"), name: s("kairo"), ..Account::default() }
}

pub(crate) fn token() -> Token {
    Token {
        symbol: s("ORBL"),
        name: s("Orbit Lab"),
        contract: s(CONTRACT),
        address: Address::parse(CONTRACT).ok(),
        chain: s("solana"),
        network: Some(1_399_811_149),
        price: Price::new(0.001_203_4),
        sources: Sources { text: true, ocr: false, meta: true },
    }
}

pub(crate) fn market() -> Market {
    Market {
        exchange: s("bybit"),
        symbol: s("KAIUSDT"),
        base: s("KAI"),
        quote: s("USDT"),
        price: Price::new(0.613),
        url: s("https://www.bybit.com/trade/usdt/KAIUSDT"),
        sources: Sources { text: true, ocr: false, meta: true },
    }
}

pub(crate) fn prediction() -> Prediction {
    Prediction {
        exchange: s("polymarket"),
        id: s("0x51"),
        title: s("Will KAI open a reserve in 2026?"),
        price: Price::new(0.62),
        url: s("https://polymarket.com/event/kai"),
        sources: Sources { text: true, ocr: false, meta: true },
    }
}

pub(crate) fn post() -> Tweet {
    let content = Parts { content: true, update: false, meta: true };
    Tweet {
        parts: content,
        text: s("gm ☀️ $ORBL is live 🚀🚀\n\nCA: 4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump\nchart 👇 https://t.co/aB3dE5fG7h"),
        created_at: Some(AT),
        received_at: Some(Timestamp::from_millis(1_781_700_000_204)),
        author: orbit(),
        link: s("https://x.com/orbitlab_xyz/status/2067225747256360460"),
        media: vec![Media { kind: s("image"), url: "https://pbs.twimg.com/media/GsampleOrbit01.jpg".into(), thumbnail: None }],
        tokens: vec![token()],
        ..Tweet::unknown(TweetId::new("2067225747256360460"))
    }
}

pub(crate) fn reference(kind: Kind) -> Reference {
    Reference {
        kind: Some(kind),
        tweet_id: Some(TweetId::new("2067210665042516380")),
        text: s("who is longing $KAI into the weekend?"),
        author: kairo(),
        media: Vec::new(),
    }
}

pub(crate) fn on_tweet(event: Event, tweet: Tweet) -> Firing {
    let at = if event == Event::Tweet { AT } else { Timestamp::from_millis(1_781_703_600_000) };
    fired(Subject { event, about: About::Tweet(Arc::new(tweet)), at })
}

pub(crate) fn on_account(event: Event, target: Option<Account>, changes: Vec<Change>) -> Firing {
    let about = AccountEvent { id: "evt-1".into(), actor: kairo(), target, changes };
    fired(Subject { event, about: About::Account(Arc::new(about)), at: AT })
}

fn fired(subject: Subject) -> Firing {
    Firing {
        id: FiringId::of("listing-watch", &subject.key(), ""),
        rule: "listing-watch".into(),
        at: subject.at.plus(Duration::from_millis(3_420)),
        subject,
        element: None,
        matched: vec![
            Matched { matcher: "handle", value: "orbitlab_xyz".to_owned(), place: "" },
            Matched { matcher: "keyword", value: "is live".to_owned(), place: "text" },
        ],
        origin: Origin::Live,
        window: None,
        held: 0,
    }
}

/// What a window came of: three accounts, one of them on another platform, one whose tweet has no page.
fn told(kind: &'static str, count: u32, prices: [Option<f64>; 3]) -> Told {
    let member = |(at, who, platform, tweet): (i64, &str, Platform, &str), price: Option<f64>| Member {
        who: Some(Who::new(who)),
        platform: Some(platform),
        tweet: Some(TweetId::new(tweet)),
        event: Event::Tweet,
        at: AT.shifted(-at),
        price: price.and_then(Price::new),
    };
    let all = [
        (720_000, "kairo_trades", Platform::Twitter, "2067210665042516380"),
        (61_000, "realDonaldTrump", Platform::TruthSocial, "113"),
        (0, "orbit *lab*", Platform::Twitter, "not-a-number"),
    ];
    let members = all.into_iter().zip(prices).map(|(of, price)| member(of, price)).collect();
    Told { kind, key: "solana:4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump".into(), count, members }
}

fn change(field: ProfileField, before: Option<&str>, after: Option<&str>) -> Change {
    Change { field, before: before.map(Str::from), after: after.map(Str::from) }
}

/// One firing of every kind, by name.
pub(crate) fn every_kind() -> Vec<(&'static str, Firing)> {
    let with_reference = |kind: Kind| Tweet {
        stated_kind: Some(kind.clone()),
        text: s("not a chance, unlock is on Friday"),
        reference: Some(reference(kind)),
        tokens: Vec::new(),
        media: Vec::new(),
        ..post()
    };
    let element = |element, tweet| Firing { element: Some(element), ..on_tweet(Event::Tweet, tweet) };
    let rich = || Tweet { markets: vec![market()], predictions: vec![prediction()], ..post() };
    let by_ocr = Tweet { ocr: s("$ORBL / SOL\nMC 1.2M  LIQ 240K\n4Dx2BV...pump"), ..post() };
    let mut ocr = on_tweet(Event::Tweet, by_ocr);
    ocr.matched = vec![Matched { matcher: "keyword", value: "LIQ".to_owned(), place: "ocr" }];
    let retweet = Tweet { text: s("who is longing $KAI into the weekend?"), ..with_reference(Kind::Retweet) };
    let truth = Account { handle: s("realDonaldTrump"), platform: Some(Platform::TruthSocial), ..Account::default() };
    let deleted = Tweet { deleted_at: Some(Timestamp::from_millis(1_781_703_600_000)), ..post() };
    let changes = vec![
        change(ProfileField::Name, Some("kairo"), Some("kairo (closed)")),
        change(ProfileField::Handle, Some("kairo_trades"), Some("kairo_capital")),
        change(ProfileField::Bio, Some("trades\nnot advice"), Some("")),
        change(ProfileField::Avatar, None, Some("https://pbs.twimg.com/profile_images/1.jpg")),
        change(ProfileField::Location, None, Some("Lisbon")),
    ];
    let over_time =
        |told: Told, held: u32| Firing { window: Some(Box::new(told)), held, ..element(Element::Token(token()), post()) };
    vec![
        ("together", over_time(told("distinct", 3, [Some(0.000_041), None, Some(0.0042)]), 7)),
        ("price_crossed", over_time(told("cross", 1, [Some(0.9), Some(1.02), None]), 0)),
        ("fallen_silent", over_time(told("silence", 0, [None; 3]), 0)),
        ("post", on_tweet(Event::Tweet, post())),
        ("reply", on_tweet(Event::Tweet, with_reference(Kind::Reply))),
        ("quote", on_tweet(Event::Tweet, with_reference(Kind::Quote))),
        ("retweet", on_tweet(Event::Tweet, retweet)),
        ("each_token", element(Element::Token(token()), rich())),
        ("each_market", element(Element::Market(market()), rich())),
        ("each_prediction", element(Element::Prediction(prediction()), rich())),
        ("matched_in_an_image", ocr),
        ("late", Firing { origin: Origin::Backfill, ..on_tweet(Event::Tweet, post()) }),
        ("truth_social", on_tweet(Event::Tweet, Tweet { author: truth, tokens: Vec::new(), media: Vec::new(), ..post() })),
        ("deleted_since", on_tweet(Event::Tweet, deleted.clone())),
        ("delete", on_tweet(Event::Delete, deleted)),
        ("delete_of_an_unknown_post", on_tweet(Event::Delete, Tweet::unknown(TweetId::new("2067225747256360460")))),
        ("pin", on_tweet(Event::Pin, post())),
        ("unpin", on_tweet(Event::Unpin, post())),
        ("profile_update", on_account(Event::ProfileUpdate, None, changes)),
        ("follow", on_account(Event::Follow, Some(orbit()), Vec::new())),
        ("unfollow", on_account(Event::Unfollow, Some(orbit()), Vec::new())),
    ]
}
