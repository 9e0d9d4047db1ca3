//! Lanes against stand-ins, over real sockets. What is here builds actions and deliveries and reads reports.

mod answers;
mod frames;
mod lanes;
mod network;
mod orders;
mod secrets;
mod stand_ins;
mod statuses;
mod warm;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use birdcall::clock::Clock;
use birdcall::deliver::{Attempt, Common, Granted, Jitter, Lane, LaneEvent, Switch, Target};
use birdcall::model::action::{Action, Chat, Destination, Discord, Method, Overflow, SecretRef, Slack, Span, Telegram, Webhook};
use birdcall::model::delivery::{Delivery, Form, Outcome, Receipt, Report, Suppression};
use birdcall::model::firing::{Firing, Origin};
use birdcall::model::ids::{FiringId, TweetId};
use birdcall::model::message::{AllowedMentions, Body, ContentType, DiscordBody, Embed, SlackBody, TelegramBody, WebhookBody};
use birdcall::model::mode::Mode;
use birdcall::model::rate::Rate;
use birdcall::model::secret::{Secret, SecretSource};
use birdcall::model::subject::{About, Event, Subject, Tweet};
use birdcall::model::time::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::kit::{slack, telegram, webhook};

/// Longer than anything here takes; only a hanging test meets it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the app is to the lanes.
struct Rig {
    common: Common,
    events: mpsc::Receiver<LaneEvent>,
    /// What was told besides ends, in order.
    attempts: Vec<Attempt>,
    changes: Vec<LaneEvent>,
}

impl Rig {
    fn new() -> Self {
        let roots = Arc::new(rustls::RootCertStore::empty());
        Self::trusting(roots)
    }

    fn trusting(roots: Arc<rustls::RootCertStore>) -> Self {
        Self::with_tls(birdcall::tls::client_config_trusting(roots, &[b"h2", b"http/1.1"]).unwrap())
    }

    fn with_tls(tls: Arc<rustls::ClientConfig>) -> Self {
        let (sender, events) = mpsc::channel(64);
        // Its wall clock goes with tokio's, which some tests stop.
        let (clock, switch) = (Clock::starting_at(Clock::system().now()), Switch::new(true));
        let common = Common { tls, clock, events: sender, switch, intents: Arc::new(Granted) };
        Self { common, events, attempts: Vec::new(), changes: Vec::new() }
    }

    /// Opens the lane and lets its worker run. Retries come at once.
    fn open(&self, action: &Action) -> Lane {
        self.open_as(7, action).0
    }

    #[expect(clippy::disallowed_methods, reason = "in these tests we are the app")]
    fn open_as(&self, index: usize, action: &Action) -> (Lane, JoinHandle<()>) {
        let (lane, worker) = birdcall::deliver::open(index, action, target(action), &self.common, Jitter::always(0.0)).unwrap();
        (lane, tokio::spawn(worker))
    }

    async fn report(&mut self) -> Report {
        loop {
            match tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("a report in time").expect("a report") {
                LaneEvent::Ended(report) => return report,
                LaneEvent::Attempted(attempt) => self.attempts.push(attempt),
                change => self.changes.push(change),
            }
        }
    }

    /// The next `n` outcomes.
    async fn outcomes(&mut self, n: usize) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for _ in 0..n {
            outcomes.push(self.report().await.outcome);
        }
        outcomes
    }

    /// Sends one delivery through a lane of its own.
    async fn deliver(&mut self, action: &Action, delivery: Delivery) -> Report {
        let lane = self.open(action);
        put(&lane, delivery);
        self.report().await
    }

    /// Of the firing `name`, live, to be delivered within a minute.
    fn delivery(&self, name: &str, body: Body) -> Delivery {
        let now = self.common.clock.now();
        Delivery {
            firing: firing(name, now).brief(),
            action: 7,
            expires_at: now.plus(Duration::from_secs(60)),
            body: Arc::new(body),
            fallback: None,
            line: None,
            edits: false,
        }
    }
}

/// The credential is read as it is written: in clear.
fn target(action: &Action) -> Target {
    Target::resolve(action, &mut birdcall::secrets::read).unwrap()
}

fn put(lane: &Lane, delivery: Delivery) {
    assert!(lane.offer(delivery, None).is_empty(), "the lane had no room");
}

fn firing(name: &str, at: Timestamp) -> Firing {
    let tweet = Tweet::unknown(TweetId::new("1"));
    Firing {
        id: FiringId::of("rule", name, ""),
        rule: "rule".into(),
        subject: Subject { event: Event::Tweet, about: About::Tweet(Arc::new(tweet)), at },
        element: None,
        matched: Vec::new(),
        at,
        origin: Origin::Live,
        window: None,
        held: 0,
    }
}

fn action(destination: Destination) -> Action {
    Action {
        name: "desk".into(),
        span: Span::default(),
        destination,
        rate_limits: Vec::new(),
        overflow: Overflow::Queue,
        max_age: Duration::from_secs(60),
        timeout: Duration::from_secs(10),
        trading: false,
        mode: Mode::Armed,
        max_per_day: None,
        digest: None,
        retired: false,
    }
}

fn rate(count: usize, per: Duration) -> Rate {
    Rate::new(u32::try_from(count).unwrap(), per).unwrap()
}

fn rates(windows: &[(usize, Duration)]) -> Vec<Rate> {
    windows.iter().map(|(count, per)| rate(*count, *per)).collect()
}

fn clear(secret: &str) -> SecretRef {
    SecretRef { source: SecretSource::Clear(Secret::new(secret)), span: Span::default() }
}

fn to_discord(url: &str) -> Action {
    let discord = Discord { url: clear(url), thread: None, username: Some("birdcall".into()), avatar: None, silent: false };
    action(Destination::Discord(discord))
}

fn to_telegram(api: &str, chat: i64) -> Action {
    let api = Some(api.to_owned());
    let telegram =
        Telegram { token: clear(telegram::TOKEN), chat: Chat::Id(chat), topic: None, silent: false, preview: false, api };
    action(Destination::Telegram(telegram))
}

fn to_slack(url: &str) -> Action {
    action(Destination::Slack(Slack::Webhook(clear(url))))
}

fn to_slack_app(api: &str) -> Action {
    let (token, channel, api) = (clear(slack::TOKEN), slack::CHANNEL.to_owned(), Some(api.to_owned()));
    action(Destination::Slack(Slack::App { token, channel, api }))
}

fn to_webhook(url: &str) -> Action {
    let secret = Some(clear(webhook::SECRET));
    let webhook = Webhook { url: clear(url), method: Method::Post, headers: Vec::new(), secret, idempotent: false };
    action(Destination::Webhook(webhook))
}

fn for_discord(text: &str) -> Body {
    let embed = Embed { description: Some(text.to_owned()), ..Embed::default() };
    let allowed_mentions = AllowedMentions::default();
    Body::Discord(Box::new(DiscordBody {
        username: None,
        avatar_url: None,
        content: None,
        embeds: vec![embed],
        allowed_mentions,
        flags: None,
    }))
}

fn for_telegram(text: &str) -> Body {
    Body::Telegram(Box::new(TelegramBody { text: text.to_owned(), ..TelegramBody::default() }))
}

fn for_slack(text: &str) -> Body {
    let block = serde_json::json!({"type": "rich_text", "elements": [
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]}]});
    Body::Slack(Box::new(SlackBody { text: "an alert".into(), blocks: vec![block], ..SlackBody::default() }))
}

fn for_webhook(text: &str) -> Body {
    let bytes = serde_json::json!({ "text": text }).to_string().into();
    Body::Webhook(WebhookBody { bytes, content_type: ContentType::Json })
}

fn dead(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Dead { reason } => reason,
        other => panic!("not dead: {other:?}"),
    }
}
