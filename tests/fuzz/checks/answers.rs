//! Anything as a destination's answer, over a real socket: there is always a verdict, what it says can be shown to people, and nothing is
//! called delivered that was not.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use birdcall::clock::Clock;
use birdcall::deliver::{Common, Granted, Pause, Switch, Target, Trial, Verdict, reach, send_once};
use birdcall::model::action::{Action, Destination, SecretRef, Slack, Span};
use birdcall::model::delivery::Delivery;
use birdcall::model::limits::{ANSWER_SHOWN, RETRY_AFTER_MAX};
use birdcall::model::secret::{Secret, SecretSource};
use birdcall::model::subject::Event;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::render::samples::{action_of, on_tweet, post, rendered};

/// What the credential of every action is; no answer that repeats it, letter by letter, may make us show it.
const CANARY: &str = "xoxb-00CANARY00";

/// An answer as it is written on a page: the kind of destination and the status, headers, an empty line, the body.
pub(crate) fn holds(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let (Ok(head), body) = (str::from_utf8(&bytes[..end]), bytes.get(end + 2..).unwrap_or_default()) else { return };
    let (kind, rest) = head.split_once(' ').unwrap_or_default();
    if !["discord", "telegram", "slack", "slack-app", "webhook"].contains(&kind) {
        return;
    }
    let mut answer = format!("HTTP/1.1 {}\r\nconnection: close\r\n\r\n", rest.replace('\n', "\r\n")).into_bytes();
    answer.extend(body);
    let trial = stage().give(kind, &answer);
    let words = format!("{trial} {}", trial.answer.as_deref().unwrap_or_default());
    let is_plain = answer.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\\' || byte.is_ascii_whitespace());
    assert!(!is_plain || !words.contains(CANARY), "{words:?}");
    sound(&trial, &words);
    let found = stage().reach(kind, &answer);
    assert!(!is_plain || !found.contains(CANARY), "{found:?}");
    presentable(&found);
    if let Verdict::Delivered { .. } = trial.verdict {
        assert!(rest.starts_with('2'), "{trial:?}");
        assert!(kind == "webhook" || kind == "discord" || !body.is_empty(), "{trial:?}");
    }
}

fn presentable(words: &str) {
    assert!(!words.contains(|c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}')), "{words:?}");
    assert!(words.chars().count() < 2 * ANSWER_SHOWN + 300, "{words}");
}

fn sound(trial: &Trial, words: &str) {
    presentable(words);
    match trial.verdict {
        Verdict::Throttled { pause: Pause::Told(wait), .. } | Verdict::Retry { wait: Some(wait), .. } => {
            assert!(wait <= RETRY_AFTER_MAX, "{trial:?}");
        }
        Verdict::Late => panic!("the clock of a test does not go so fast"),
        _ => {}
    }
}

/// A server on loopback and all that is needed to send to it.
struct Stage {
    runtime: Runtime,
    listener: TcpListener,
    common: Common,
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let tls = birdcall::tls::client_config_trusting(Arc::new(rustls::RootCertStore::empty()), &[b"http/1.1"]).expect("TLS");
        // Nothing is told: each message is sent past its lane.
        let events = tokio::sync::mpsc::channel(1).0;
        let (clock, switch) = (Clock::system(), Switch::new(true));
        Stage { runtime, listener, common: Common { tls, clock, events, switch, intents: Arc::new(Granted) } }
    })
}

impl Stage {
    fn give(&self, kind: &str, answer: &[u8]) -> Trial {
        let action = self.action(kind);
        let target = Target::resolve(&action, &mut birdcall::secrets::read).expect("an action of ours can be sent to");
        let firing = on_tweet(Event::Tweet, post());
        let body = rendered(&firing, kind.trim_end_matches("-app")).body;
        let expires_at = self.common.clock.now().plus(Duration::from_secs(60));
        let delivery = Delivery {
            firing: firing.brief(),
            action: 0,
            expires_at,
            body: Arc::new(body),
            fallback: None,
            line: None,
            edits: false,
        };
        self.runtime.block_on(async {
            let sent = send_once(&action, target, &self.common, &delivery);
            tokio::select! {
                trial = sent => trial.expect("a client"),
                never = self.serve(answer) => match never {},
            }
        })
    }

    /// What the same answer says to `check --connect`.
    fn reach(&self, kind: &str, answer: &[u8]) -> String {
        let action = self.action(kind);
        let target = Target::resolve(&action, &mut birdcall::secrets::read).expect("an action of ours can be sent to");
        let found = self.runtime.block_on(async {
            tokio::select! {
                found = reach(&action, &target, &self.common) => found.expect("a client"),
                never = self.serve(answer) => match never {},
            }
        });
        found.unwrap_or_else(|unreached| format!("{} {}", unreached.what, unreached.todo))
    }

    /// One answer a connection, as often as somebody connects.
    async fn serve(&self, answer: &[u8]) -> std::convert::Infallible {
        loop {
            let (mut socket, _) = self.listener.accept().await.expect("a connection");
            // A client that has heard enough may hang up first.
            if read_request(&mut socket).await.is_ok() && socket.write_all(answer).await.is_ok() {
                let _ = socket.shutdown().await;
            }
        }
    }

    /// An action whose credential is the canary, on our own server.
    fn action(&self, kind: &str) -> Action {
        let at = self.listener.local_addr().expect("an address");
        let clear = |text: String| SecretRef { source: SecretSource::Clear(Secret::new(text)), span: Span::default() };
        let mut action = action_of(kind.trim_end_matches("-app"));
        match &mut action.destination {
            Destination::Discord(discord) => discord.url = clear(format!("http://{at}/api/webhooks/123456789012345678/{CANARY}")),
            Destination::Telegram(telegram) => {
                telegram.token = clear(format!("123456789:{CANARY}"));
                telegram.api = Some(format!("http://{at}"));
            }
            Destination::Slack(slack) if kind == "slack-app" => {
                let api = Some(format!("http://{at}/api"));
                *slack = Slack::App { token: clear(CANARY.to_owned()), channel: "C1".to_owned(), api };
            }
            Destination::Slack(slack) => *slack = Slack::Webhook(clear(format!("http://{at}/services/T1/B1/{CANARY}"))),
            Destination::Webhook(webhook) => webhook.url = clear(format!("http://{at}/{CANARY}")),
            Destination::Console => panic!("a console gives no answers"),
        }
        action.timeout = Duration::from_secs(2);
        action
    }
}

/// All of it: a socket that is closed with bytes unread resets the connection and takes the answer with it.
async fn read_request(socket: &mut TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    loop {
        if socket.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok()).unwrap_or(0);
        if request.len() >= head.len() + 4 + length {
            return Ok(());
        }
    }
}
