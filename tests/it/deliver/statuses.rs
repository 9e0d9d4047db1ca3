//! Every HTTP status, 100 to 599, to every kind of destination: what it means, and what the lane does next. The tables here are the
//! contract (DESTINATIONS 3.4, 4.4, 5.4, 6.1); they know nothing of the code that they are held against.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Mutex;

use futures_util::StreamExt as _;

use super::*;
use crate::kit::http::{Received, Reply, Server};

/// What the lane does after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It is delivered.
    Done,
    /// The same message goes out again after a back-off.
    Again,
    /// The fallback goes out in the message's place.
    Fallback,
    /// The whole lane waits; too long for this message.
    Wait,
    /// The message is a dead letter; the lane goes on.
    Dead,
    /// The message is a dead letter; the lane sends nothing any more.
    Off,
    /// Nobody knows what became of it, and it is not sent again.
    Unknown,
}

use Next::{Again, Dead, Done, Fallback, Off, Unknown, Wait};

/// The first row with the status counts.
type Rows = &'static [(&'static [RangeInclusive<u16>], &'static str, Next)];

/// An answer without a body.
const DISCORD: Rows = &[
    (&[100..=199], "ambiguous", Again),
    (&[200..=299], "delivered", Done),
    (&[300..=399], "dead", Dead),
    (&[400..=400, 413..=413], "refused", Fallback),
    (&[401..=401, 403..=404], "blocked", Wait),
    (&[429..=429], "throttled", Wait),
    (&[408..=408, 500..=599], "failed", Again),
    (&[400..=499], "dead", Dead),
];

const TELEGRAM: Rows = &[
    (&[100..=299], "ambiguous", Again),
    (&[300..=399], "dead", Dead),
    (&[400..=400, 413..=413], "refused", Fallback),
    (&[401..=401, 403..=404, 421..=421], "blocked", Wait),
    (&[429..=429], "throttled", Wait),
    (&[408..=408, 500..=599], "failed", Again),
    (&[400..=499], "dead", Dead),
];

/// Both ways.
const SLACK: Rows = &[
    (&[100..=299], "ambiguous", Again),
    (&[300..=399], "dead", Dead),
    (&[400..=400, 413..=413], "refused", Fallback),
    (&[401..=401, 403..=404, 410..=410], "blocked", Wait),
    (&[429..=429], "throttled", Wait),
    (&[408..=408, 500..=599], "failed", Again),
    (&[400..=499], "dead", Dead),
];

/// Also an order that its receiver recognises when it comes again.
const WEBHOOK: Rows = &[
    (&[100..=199], "ambiguous", Again),
    (&[200..=299], "delivered", Done),
    (&[300..=399], "dead", Dead),
    (&[410..=410], "disabled", Off),
    (&[429..=429], "throttled", Wait),
    (&[408..=408, 425..=425, 500..=599], "failed", Again),
    (&[400..=499], "dead", Dead),
];

const ORDER: Rows = &[
    (&[100..=199], "ambiguous", Unknown),
    (&[200..=299], "delivered", Done),
    (&[300..=399], "dead", Dead),
    (&[410..=410], "disabled", Off),
    (&[429..=429], "throttled", Dead),
    (&[408..=408, 425..=425, 500..=599], "failed", Unknown),
    (&[400..=499], "dead", Dead),
];

fn expected(rows: Rows, status: u16) -> (&'static str, Next) {
    let (_, class, next) = rows.iter().find(|(statuses, _, _)| statuses.iter().any(|range| range.contains(&status))).unwrap();
    (class, *next)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Discord,
    Telegram,
    SlackHook,
    SlackApp,
    Webhook,
    Order,
    IdempotentOrder,
}

const ALL: [(Kind, Rows); 7] = [
    (Kind::Discord, DISCORD),
    (Kind::Telegram, TELEGRAM),
    (Kind::SlackHook, SLACK),
    (Kind::SlackApp, SLACK),
    (Kind::Webhook, WEBHOOK),
    (Kind::Order, ORDER),
    (Kind::IdempotentOrder, WEBHOOK),
];

impl Kind {
    /// What it says of a message that it has taken.
    fn yes(self) -> &'static str {
        match self {
            Self::Discord => r#"{"id":"9001"}"#,
            Self::Telegram => r#"{"ok":true,"result":{"message_id":7}}"#,
            Self::SlackHook => "ok",
            Self::SlackApp => r#"{"ok":true,"ts":"1503435956.000001"}"#,
            Self::Webhook | Self::Order | Self::IdempotentOrder => "",
        }
    }

    /// To `base`, with `tag` in what every request carries.
    fn action(self, base: &str, tag: &str) -> Action {
        match self {
            Self::Discord => to_discord(&format!("{base}/api/webhooks/1/{tag}")),
            Self::Telegram => {
                let mut action = to_telegram(base, 1);
                if let Destination::Telegram(telegram) = &mut action.destination {
                    telegram.token = clear(&format!("12345:{tag}"));
                }
                action
            }
            Self::SlackHook => to_slack(&format!("{base}/services/T/B/{tag}")),
            Self::SlackApp => {
                let (token, api) = (clear(&format!("xoxb-{tag}")), Some(base.to_owned()));
                action(Destination::Slack(Slack::App { token, channel: "C".into(), api }))
            }
            Self::Webhook => to_webhook(&format!("{base}/{tag}")),
            Self::Order | Self::IdempotentOrder => {
                let mut action = Action { trading: true, ..to_webhook(&format!("{base}/{tag}")) };
                if let Destination::Webhook(webhook) = &mut action.destination {
                    webhook.idempotent = self == Self::IdempotentOrder;
                }
                action
            }
        }
    }

    fn body(self) -> Body {
        match self {
            Self::Discord => for_discord("x"),
            Self::Telegram => for_telegram("x"),
            Self::SlackHook | Self::SlackApp => for_slack("x"),
            Self::Webhook | Self::Order | Self::IdempotentOrder => for_webhook("x"),
        }
    }
}

/// Of a request that carries `tag-WORD-STATUS-end`.
fn tag(request: &Received) -> (String, u16) {
    let said = format!("{} {}", request.path, request.header("authorization").unwrap_or_default());
    let tag = said.split("tag-").nth(1).unwrap().split("-end").next().unwrap();
    let (word, status) = tag.split_once('-').unwrap();
    (word.to_owned(), status.parse().unwrap())
}

/// Answers with the status in the request: `bare` without a body, `yes` with a yes, `lane` without a body the first time and 200 later.
async fn destination(kind: Kind) -> Server {
    let seen: Mutex<HashMap<u16, usize>> = Mutex::default();
    Server::start(move |request| {
        let (word, status) = tag(request);
        match word.as_str() {
            "bare" => Reply::new(status, ""),
            "yes" => Reply::new(status, kind.yes()),
            _ => {
                let mut seen = seen.lock().unwrap();
                let before = seen.entry(status).or_default();
                *before += 1;
                if *before == 1 { Reply::new(status, "") } else { Reply::new(200, kind.yes()) }
            }
        }
    })
    .await
}

/// Nothing comes after an interim answer, so it costs the timeout.
fn with_tag(kind: Kind, server: &Server, word: &str, status: u16) -> Action {
    let timeout = if status < 200 { Duration::from_millis(300) } else { PATIENCE };
    Action { timeout, ..kind.action(&server.url(), &format!("tag-{word}-{status}-end")) }
}

async fn class(kind: Kind, server: &Server, word: &str, status: u16) -> &'static str {
    let (rig, action) = (Rig::new(), with_tag(kind, server, word, status));
    let delivery = rig.delivery("a", kind.body());
    birdcall::deliver::send_once(&action, target(&action), &rig.common, &delivery).await.unwrap().verdict.name()
}

async fn next(kind: Kind, server: &Server, status: u16) -> Option<Next> {
    let mut rig = Rig::new();
    let lane = rig.open(&with_tag(kind, server, "lane", status));
    // Less than a lane waits when it is not told for how long: a second after 429, a minute at Discord's and after a stranger's refusal.
    let patience = if status == 429 { Duration::from_millis(900) } else { Duration::from_secs(30) };
    let expires_at = rig.common.clock.now().plus(patience);
    let fallback = Some(Arc::new(kind.body()));
    put(&lane, Delivery { expires_at, fallback, ..rig.delivery("a", kind.body()) });
    let report = rig.report().await;
    Some(match (&report.outcome, report.attempts, lane.disabled().is_some()) {
        (Outcome::Delivered { form: Form::Message, .. }, 1, false) => Done,
        (Outcome::Delivered { form: Form::Message, .. }, 2, false) => Again,
        (Outcome::Delivered { form: Form::Fallback, .. }, 2, false) => Fallback,
        (Outcome::Expired, 1, false) => Wait,
        (Outcome::Dead { reason }, 1, false) if reason.ends_with("tried until it was too old") => Wait,
        (Outcome::Dead { .. }, 1, false) => Dead,
        (Outcome::Dead { .. }, 1, true) => Off,
        (Outcome::Unknown { .. }, 1, false) => Unknown,
        _ => return None,
    })
}

async fn check(kind: Kind, rows: Rows, status: u16, server: &Server) -> Option<String> {
    let (class_of_status, next_step) = expected(rows, status);
    let bare = class(kind, server, "bare", status).await;
    let next = next(kind, server, status).await;
    // A yes counts in a 2xx that has a body, and nowhere else.
    let with_yes = if (200..300).contains(&status) && status != 204 { "delivered" } else { class_of_status };
    let yes = class(kind, server, "yes", status).await;
    let fine = (bare, next, yes) == (class_of_status, Some(next_step), with_yes);
    (!fine).then(|| {
        format!("{kind:?} {status}: {bare}, {next:?}, with a yes {yes}; expected {class_of_status}, {next_step:?}, {with_yes}")
    })
}

async fn check_all(kind: Kind, rows: Rows) -> Vec<String> {
    let server = destination(kind).await;
    let checks = (100..600).map(|status| check(kind, rows, status, &server));
    futures_util::stream::iter(checks).buffer_unordered(16).filter_map(std::future::ready).collect().await
}

#[tokio::test]
async fn every_status_of_every_destination_has_its_class_and_its_next_step() {
    let wrong = futures_util::future::join_all(ALL.map(|(kind, rows)| check_all(kind, rows))).await.concat();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
