//! The program as a user runs it: sent envelopes as fast as it reads, or so many a second, and the most memory that it ever had.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::Failure;

/// From its start until it listens to the feed.
const START: Duration = Duration::from_secs(60);
/// Longer than it takes for anything that was sent.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Ran {
    pub(crate) peak_mib: f64,
    /// Envelopes a second, from the first that was sent to the last that was evaluated.
    pub(crate) rate: f64,
}

/// Envelopes, and how many of them a second. `None`: as fast as the program reads, so that what it remembers is not all that takes room: what its journal
/// has not written yet does, too.
pub(crate) type Load<'f> = (&'f [String], Option<u32>);

pub(crate) fn run(files: &[String], load: Load<'_>) -> Result<Ran, Failure> {
    Builder::new_current_thread().enable_all().build()?.block_on(with(files, load))
}

async fn with(files: &[String], load: Load<'_>) -> Result<Ran, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let home = tempfile::tempdir()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_birdcall"));
    command.arg("run").current_dir(home.path()).env_clear().env("BIRDCALL_STATE", home.path().join("state"));
    for (number, text) in files.iter().enumerate() {
        let name = format!("rules{number}.toml");
        let key = if number == 0 && !text.contains("[feed]") { "[feed]\nkey = \"env:TWEETSTREAM_API_KEY\"\n" } else { "" };
        std::fs::write(home.path().join(&name), format!("{key}{text}"))?;
        command.arg(name);
    }
    command.env("TWEETSTREAM_API_KEY", "any");
    command.args(["--url", &format!("ws://{}/ws", listener.local_addr()?)]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(home.path().join("log"))?);
    let mut child = command.spawn()?;
    let measured = measure(&listener, load, child.id()).await;
    let _ = (child.kill(), child.wait());
    measured.map_err(|why| format!("{why}\n{}", std::fs::read_to_string(home.path().join("log")).unwrap_or_default()).into())
}

async fn measure(listener: &TcpListener, (frames, pace): Load<'_>, pid: u32) -> Result<Ran, Failure> {
    let (wire, _) = timeout(START, listener.accept()).await??;
    let (mut sink, mut stream) = accept_hdr_async(wire, answer).await?.split();
    let began = Instant::now();
    let sending = async {
        for (at, frame) in frames.iter().enumerate() {
            sink.feed(Message::text(frame.as_str())).await?;
            // A hundred at a time.
            if let Some(pace) = pace.filter(|_| at % 100 == 99) {
                sink.flush().await?;
                sleep_until(began + Duration::from_secs(1) * u32::try_from(at + 1).unwrap_or(u32::MAX) / pace).await;
            }
        }
        // It answers a ping when it has read all before it.
        sink.send(Message::Ping("done".into())).await
    };
    let hearing = async {
        while let Some(Ok(message)) = stream.next().await {
            if matches!(&message, Message::Pong(word) if word.as_ref() == b"done") {
                return Ok(());
            }
        }
        Err("the program has hung up")
    };
    let (sent, heard) = timeout(PATIENCE, async { tokio::join!(sending, hearing) }).await?;
    sent?;
    heard?;
    let rate = frames.len() as f64 / began.elapsed().as_secs_f64();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("this system does not tell")?;
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    Ok(Ran { peak_mib: peak / 1024.0, rate })
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the signature is tungstenite's")]
fn answer(_: &Request, mut answer: Response) -> Result<Response, ErrorResponse> {
    answer.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("tweetstream.v1"));
    Ok(answer)
}
