//! Lanes in controlled time against a scripted destination: what takes an hour takes a second, and every moment is exact. Real sockets are
//! in `tests/it/deliver`.

mod circuits;
mod digests;
mod edits;
mod kept;
mod law;
mod mutes;
mod notices;
mod orders;
mod retired;
mod retries;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::Body as _;
use reqwest::header::{HeaderMap, HeaderName};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::client::{Request, SendError};
use super::gate::{Gate, Gated};
use super::verdict::Answer;
use super::wire::Wire;
use super::{Attempt, Common, Granted, Intents, Jitter, Lane, LaneEvent, Switch, Target, share, worker};
use crate::clock::Clock;
use crate::model::action::{Action, Chat, Destination, Discord, Method, Overflow, SecretRef, Slack, Span, Telegram, Webhook};
use crate::model::delivery::{Delivery, DigestLine, Outcome, Report};
use crate::model::firing::FiringBrief;
use crate::model::ids::FiringId;
use crate::model::message::{AllowedMentions, Body, ContentType, DiscordBody, Embed, SlackBody, TelegramBody, WebhookBody};
use crate::model::rate::Rate;
use crate::model::secret::{Secret, SecretSource};
use crate::model::time::Timestamp;

/// The moment at which every test begins.
const START: Timestamp = Timestamp::from_millis(1_781_700_000_000);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A request whose body has left.
#[derive(Clone, Debug)]
struct Asked {
    /// Since the start.
    at: Duration,
    body: String,
    said: Said,
}

/// What a scripted destination does with a request.
#[derive(Clone, Debug)]
enum Said {
    Status(u16, &'static str),
    /// With this header.
    With(u16, &'static str, &'static str),
    /// Before the body leaves.
    NotSent,
    /// After it has left.
    Silence,
}

const OK: Said = Said::Status(200, "ok");

/// Answers requests as a function of how many came before.
struct Script {
    clock: Clock,
    /// Before the body leaves, and from there to the answer.
    takes: (Duration, Duration),
    says: Box<dyn Fn(usize, Duration) -> Said + Send + Sync>,
    log: Mutex<Vec<Asked>>,
    tries: Mutex<Vec<Duration>>,
}

impl Script {
    async fn answer(&self, request: Request, not_after: Timestamp, gate: Arc<Gate>) -> Result<Answer, SendError> {
        let said = {
            let mut tries = self.tries.lock().unwrap();
            tries.push(self.clock.elapsed());
            (self.says)(tries.len() - 1, self.clock.elapsed())
        };
        sleep(self.takes.0).await;
        if matches!(said, Said::NotSent) {
            return Err(SendError::NotSent("cannot connect: refused".to_owned()));
        }
        let bytes = request.body.clone();
        let mut body = Gated::new(request.body, not_after, self.clock.clone(), Arc::clone(&gate));
        if !matches!(poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await, Some(Ok(_))) {
            return Err(if gate.was_held() { SendError::Held } else { SendError::Late });
        }
        let body = String::from_utf8_lossy(&bytes).replace("\\\\", "");
        self.log.lock().unwrap().push(Asked { at: self.clock.elapsed(), body, said: said.clone() });
        sleep(self.takes.1).await;
        let (status, headers, text) = match said {
            Said::Silence => return Err(SendError::Ambiguous("no complete answer".to_owned())),
            Said::Status(status, text) => (status, HeaderMap::new(), text),
            Said::With(status, name, value) => {
                (status, HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]), "")
            }
            Said::NotSent => unreachable!("it has been sent"),
        };
        Ok(Answer { status, headers, body: Bytes::from_static(text.as_bytes()), at: SystemTime::UNIX_EPOCH })
    }
}

impl Wire for Script {
    fn send(&self, request: Request, not_after: Timestamp, gate: Arc<Gate>) -> BoxFuture<'_, Result<Answer, SendError>> {
        Box::pin(self.answer(request, not_after, gate))
    }

    fn keep_warm(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    fn is_warm(&self) -> bool {
        true
    }
}

/// One lane, its destination, and what it has told.
struct Rig {
    lane: Lane,
    worker: JoinHandle<()>,
    script: Arc<Script>,
    common: Common,
    events: mpsc::Receiver<LaneEvent>,
    told: Vec<LaneEvent>,
}

/// How a rig is to be.
struct Plan {
    action: Action,
    takes: (Duration, Duration),
    intents: Arc<dyn Intents>,
    jitter: f64,
    channel: usize,
}

impl Plan {
    fn new(action: Action) -> Self {
        Self { action, takes: (ms(1), ms(10)), intents: Arc::new(Granted), jitter: 0.0, channel: 100_000 }
    }

    #[expect(clippy::disallowed_methods, reason = "in these tests we are the app")]
    fn open(self, says: impl Fn(usize, Duration) -> Said + Send + Sync + 'static) -> Rig {
        let (sender, events) = mpsc::channel(self.channel);
        let tls = crate::tls::client_config_trusting(Arc::new(rustls::RootCertStore::empty()), &[]).unwrap();
        let (clock, switch) = (Clock::starting_at(START), Switch::new(true));
        let common = Common { tls, clock: clock.clone(), events: sender, switch, intents: self.intents };
        let target = Target::resolve(&self.action, &mut crate::secrets::read).unwrap();
        let (log, tries) = (Mutex::default(), Mutex::default());
        let script = Arc::new(Script { clock, takes: self.takes, says: Box::new(says), log, tries });
        let wire: Arc<dyn Wire> = Arc::<Script>::clone(&script);
        let shared = Arc::new(share(7, &self.action, target, &common, Jitter::always(self.jitter), wire));
        let worker = tokio::spawn(worker::work(Arc::clone(&shared)));
        Rig { lane: Lane { shared }, worker, script, common, events, told: Vec::new() }
    }
}

impl Rig {
    fn new(action: Action, says: impl Fn(usize, Duration) -> Said + Send + Sync + 'static) -> Self {
        Plan::new(action).open(says)
    }

    /// Offers a delivery that must find room.
    fn put(&self, delivery: Delivery) {
        assert_eq!(self.lane.offer(delivery, None).len(), 0, "the lane had no room");
    }

    /// Of the number `n`, to be delivered within `age`.
    fn delivery(&self, n: usize, age: Duration) -> Delivery {
        delivery(&self.lane.shared.action, n, self.common.clock.now(), age)
    }

    fn hear(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.told.push(event);
        }
    }

    /// Lets `time` pass.
    async fn wait(&mut self, time: Duration) {
        sleep(time).await;
        self.hear();
    }

    /// Until nothing is left to do.
    async fn drain(&mut self) {
        self.lane.close();
        (&mut self.worker).await.unwrap();
        self.hear();
    }

    fn asked(&self) -> Vec<Asked> {
        self.script.log.lock().unwrap().clone()
    }

    fn tries(&self) -> Vec<Duration> {
        self.script.tries.lock().unwrap().clone()
    }

    fn reports(&self) -> Vec<&Report> {
        fn report(event: &LaneEvent) -> Option<&Report> {
            if let LaneEvent::Ended(report) = event { Some(report) } else { None }
        }
        self.told.iter().filter_map(report).collect()
    }

    fn attempts(&self) -> Vec<&Attempt> {
        fn attempt(event: &LaneEvent) -> Option<&Attempt> {
            if let LaneEvent::Attempted(attempt) = event { Some(attempt) } else { None }
        }
        self.told.iter().filter_map(attempt).collect()
    }

    /// What was told of the lane itself.
    fn changes(&self) -> Vec<String> {
        let change = |event: &LaneEvent| match event {
            LaneEvent::Circuit { open: Some(why), .. } => Some(format!("open: {why}")),
            LaneEvent::Circuit { open: None, .. } => Some("closed".to_owned()),
            LaneEvent::Disabled { reason, .. } => Some(format!("disabled: {reason}")),
            LaneEvent::Patience { pause, .. } => Some(format!("patience: {} s", pause.as_secs())),
            LaneEvent::Attempted(_) | LaneEvent::Ended(_) | LaneEvent::Returned(_) | LaneEvent::Edited { .. } => None,
        };
        self.told.iter().filter_map(change).collect()
    }

    fn outcomes(&self) -> Vec<&'static str> {
        self.reports().iter().map(|report| report.outcome.name()).collect()
    }

    fn outcome(&self, n: usize) -> &Outcome {
        let id = id(n);
        let mut of = self.reports().into_iter().filter(|report| report.firing.id == id);
        let report = of.next().unwrap_or_else(|| panic!("{n} has not ended"));
        assert!(of.next().is_none(), "{n} has ended twice");
        &report.outcome
    }
}

fn id(n: usize) -> FiringId {
    FiringId::of("rule", &n.to_string(), "")
}

/// What bodies say of the delivery `n`.
fn mark(n: usize) -> String {
    format!("mark{n}x")
}

fn delivery(action: &Action, n: usize, now: Timestamp, age: Duration) -> Delivery {
    let firing = FiringBrief { id: id(n), rule: "rule".into(), subject: format!("tweet:{n}"), at: now, late: false };
    let body = |text: &str| match &action.destination {
        Destination::Discord(_) => for_discord(text),
        Destination::Telegram(_) => Body::Telegram(Box::new(TelegramBody { text: text.to_owned(), ..TelegramBody::default() })),
        Destination::Slack(_) => Body::Slack(Box::new(SlackBody { text: text.to_owned(), ..SlackBody::default() })),
        _ => {
            let bytes = Bytes::from(text.to_owned());
            Body::Webhook(WebhookBody { bytes, content_type: ContentType::Json })
        }
    };
    let chat = !matches!(action.destination, Destination::Webhook(_));
    let fallback = chat.then(|| Arc::new(body(&format!("fallback of {}", mark(n)))));
    let line = DigestLine { rule: "rule".into(), who: "@kairo posted".into(), text: mark(n), ..DigestLine::default() };
    let line = action.tells_together().then(|| Box::new(line));
    Delivery {
        firing: Arc::new(firing),
        action: 7,
        expires_at: now.plus(age),
        body: Arc::new(body(&mark(n))),
        fallback,
        line,
        edits: false,
    }
}

fn for_discord(text: &str) -> Body {
    let embed = Embed { description: Some(text.to_owned()), ..Embed::default() };
    Body::Discord(Box::new(DiscordBody {
        username: None,
        avatar_url: None,
        content: None,
        embeds: vec![embed],
        allowed_mentions: AllowedMentions::default(),
        flags: None,
    }))
}

fn action(destination: Destination) -> Action {
    Action {
        name: "desk".into(),
        span: Span::default(),
        destination,
        rate_limits: Vec::new(),
        overflow: Overflow::Queue,
        max_age: secs(600),
        timeout: secs(15),
        trading: false,
        mode: crate::model::mode::Mode::Armed,
        max_per_day: None,
        digest: None,
        retired: false,
    }
}

fn clear(secret: &str) -> SecretRef {
    SecretRef { source: SecretSource::Clear(Secret::new(secret)), span: Span::default() }
}

fn rates(windows: &[(u32, Duration)]) -> Vec<Rate> {
    windows.iter().map(|(count, per)| Rate::new(*count, *per).unwrap()).collect()
}

fn to_webhook() -> Action {
    let url = clear("http://127.0.0.1/hook");
    action(Destination::Webhook(Webhook { url, method: Method::Post, headers: Vec::new(), secret: None, idempotent: false }))
}

fn to_bot() -> Action {
    Action { trading: true, ..to_webhook() }
}

/// Its receiver carries out an order once, however often it comes.
fn to_idempotent_bot() -> Action {
    let mut bot = to_bot();
    if let Destination::Webhook(webhook) = &mut bot.destination {
        webhook.idempotent = true;
    }
    bot
}

fn to_discord() -> Action {
    let url = clear("http://127.0.0.1/api/webhooks/1/token");
    let discord = Discord { url, thread: None, username: None, avatar: None, silent: false };
    Action { rate_limits: rates(&[(5, secs(2)), (30, secs(60))]), ..action(Destination::Discord(discord)) }
}

fn to_telegram() -> Action {
    let (token, api) = (clear("12345:token"), Some("http://127.0.0.1".to_owned()));
    let telegram = Telegram { token, chat: Chat::Id(-100), topic: None, silent: false, preview: false, api };
    Action { rate_limits: rates(&[(1, secs(1)), (20, secs(60))]), ..action(Destination::Telegram(telegram)) }
}

fn to_slack() -> Action {
    let slack = Slack::Webhook(clear("http://127.0.0.1/services/T/B/token"));
    Action { rate_limits: rates(&[(1, secs(1))]), ..action(Destination::Slack(slack)) }
}
