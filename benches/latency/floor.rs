//! The least that can be done between the feed and the receiver: a search for substrings in place of decoding, a request written by hand
//! to one of four connections that are open already, and nobody waits for the answer.
//!
//! It is no alerting engine: it knows one rule, trusts the order of the feed's keys, and forgets what it has not sent. It shows what the
//! sockets and the machine take alone. Like birdcall it is a process of its own, so that both pay for the way from one to the other.

use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Connections that are open from the start.
const WARM: usize = 4;
/// What the frames begin with that the rule is about.
const CONTENT: &str = r#"{"v":1,"t":"tweet","op":"content""#;

/// Listens to the feed at `feed` (HOST:PORT) and tells `hook` (HOST:PORT) until the feed ends.
pub(crate) async fn run(feed: &str, hook: &str) -> Result<(), Box<dyn std::error::Error>> {
    let pool = Rc::new(RefCell::new(Vec::new()));
    for _ in 0..WARM {
        let wire = connect(hook).await?;
        pool.borrow_mut().push(wire);
    }
    let mut upgrade = format!("ws://{feed}/ws").into_client_request()?;
    upgrade.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("tweetstream.v1"));
    let (mut socket, _) = client_async(upgrade, connect(feed).await?).await?;
    let mut request = Vec::with_capacity(8 * 1024);
    while let Some(message) = socket.next().await {
        let Message::Text(frame) = message? else { continue };
        let Some((id, text)) = found(&frame) else { continue };
        write_request(&mut request, hook, id, text)?;
        let free = pool.borrow_mut().pop();
        let mut wire = match free {
            Some(wire) => wire,
            None => connect(hook).await?,
        };
        wire.write_all(&request).await?;
        let pool = Rc::clone(&pool);
        spawn_local(async move {
            // The answer is one small segment.
            if matches!(wire.read(&mut [0; 512]).await, Ok(read) if read > 0) {
                pool.borrow_mut().push(wire);
            }
        });
    }
    Ok(())
}

async fn connect(to: &str) -> std::io::Result<TcpStream> {
    let wire = TcpStream::connect(to).await?;
    wire.set_nodelay(true)?;
    Ok(wire)
}

/// The tweet's id and its text, both as they stand in the frame, if @elonmusk wrote *doge*.
fn found(frame: &str) -> Option<(&str, &str)> {
    if !frame.starts_with(CONTENT) || !after(frame, r#""handle":""#)?.starts_with(r#"@elonmusk""#) {
        return None;
    }
    let text = string(after(frame, r#""text":""#)?);
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = text.as_bytes();
    let holds = |at: usize| {
        let starts =
            at.checked_sub(1).is_none_or(|at| !is_word(bytes.get(at)) || text.get(..at).is_some_and(|head| head.ends_with('\\')));
        starts && !is_word(bytes.get(at + 4))
    };
    let doge = bytes.windows(4).enumerate().any(|(at, word)| word.eq_ignore_ascii_case(b"doge") && holds(at));
    doge.then_some((string(after(frame, r#""tweetId":""#)?), text))
}

fn after<'a>(frame: &'a str, key: &str) -> Option<&'a str> {
    frame.split_once(key).map(|(_, rest)| rest)
}

/// Up to the quote that ends it.
fn string(from: &str) -> &str {
    let mut escaped = false;
    let end = from.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.and_then(|end| from.get(..end)).unwrap_or(from)
}

fn write_request(into: &mut Vec<u8>, host: &str, id: &str, text: &str) -> std::io::Result<()> {
    let length = r#"{"tweetId":"","text":""}"#.len() + id.len() + text.len();
    into.clear();
    write!(
        into,
        "POST /hook HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{{\"tweetId\":\"{id}\",\"text\":\"{text}\"}}"
    )
}
