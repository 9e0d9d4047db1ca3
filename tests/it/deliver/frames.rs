//! What HTTP/2 says of single requests: refused, not looked at, waiting for their turn.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::kit::tls::Authority;

/// What becomes of a request whose body is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Say {
    /// 204.
    Answer,
    /// Nothing.
    Hold,
    /// RST_STREAM with this code.
    Reset(u8),
    /// GOAWAY with this last stream and this code, and nothing more is read.
    Part(u8, u8),
    /// The connection ends without a word.
    BreakOff,
}

/// A server made of frames, as no library sends what it does. Its first request meets `first`, all others an answer.
struct Frames {
    url: String,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    /// The client goes by the settings.
    heard: AtomicBool,
    bodies: Mutex<Vec<Vec<u8>>>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Frames {
    /// With so many requests at once on a connection.
    #[expect(clippy::disallowed_methods, reason = "a test server runs beside the test")]
    async fn start(acceptor: TlsAcceptor, streams: u8, first: Say) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/hook", listener.local_addr().unwrap().port());
        let seen = Arc::new(Seen::default());
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&all));
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await?;
                    talk(stream, streams, first, &seen).await
                });
            }
        });
        Self { url, seen, task }
    }

    /// The client knows how many requests it takes at once.
    fn is_heard(&self) -> bool {
        self.seen.heard.load(Ordering::SeqCst)
    }

    /// Bodies that came whole, in order.
    fn bodies(&self) -> Vec<String> {
        self.seen.bodies.lock().unwrap().iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect()
    }
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

async fn talk(mut stream: TlsStream<TcpStream>, streams: u8, first: Say, seen: &Seen) -> std::io::Result<()> {
    const ACK: u8 = 1;
    const END: u8 = 1;
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    // MAX_CONCURRENT_STREAMS.
    stream.write_all(&frame(4, 0, 0, &[0, 3, 0, 0, 0, streams])).await?;
    stream.flush().await?;
    let mut halves: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut payload).await?;
        let (kind, flags, id) = (head[3], head[4], head[8]);
        match kind {
            4 if flags & ACK != 0 => seen.heard.store(true, Ordering::SeqCst),
            4 => stream.write_all(&frame(4, ACK, 0, &[])).await?,
            6 if flags & ACK == 0 => stream.write_all(&frame(6, ACK, 0, &payload)).await?,
            0 => {
                halves.entry(id).or_default().extend(payload);
                if flags & END != 0 {
                    let is_first = {
                        let mut bodies = seen.bodies.lock().unwrap();
                        bodies.push(halves.remove(&id).unwrap());
                        bodies.len() == 1
                    };
                    match if is_first { first } else { Say::Answer } {
                        // The ninth of HPACK's static table is `:status: 204`.
                        Say::Answer => stream.write_all(&frame(1, 5, id, &[0x89])).await?,
                        Say::Hold => {}
                        Say::Reset(code) => stream.write_all(&frame(3, 0, id, &[0, 0, 0, code])).await?,
                        Say::Part(last, code) => {
                            stream.write_all(&frame(7, 0, 0, &[0, 0, 0, last, 0, 0, 0, code])).await?;
                            stream.flush().await?;
                            return stream.shutdown().await;
                        }
                        Say::BreakOff => return Ok(()),
                    }
                }
            }
            _ => {}
        }
        stream.flush().await?;
    }
}

#[tokio::test]
async fn an_order_that_the_receiver_provably_did_nothing_with_is_sent_again_and_any_other_is_not() {
    let authority = Authority::new("ours");
    for (first, again) in [
        // REFUSED_STREAM, and a part before the first stream: RFC 9113 8.7.
        (Say::Reset(7), true),
        (Say::Part(0, 0), true),
        (Say::Part(0, 11), true),
        // It has looked at this one.
        (Say::Part(1, 0), false),
        (Say::Part(1, 11), false),
        // Every other code: NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM.
        (Say::Reset(0), false),
        (Say::Reset(1), false),
        (Say::Reset(2), false),
        (Say::Reset(8), false),
        (Say::Reset(11), false),
        (Say::BreakOff, false),
    ] {
        let server = Frames::start(authority.server("localhost", 4000, &[b"h2"]), 100, first).await;
        let mut rig = Rig::trusting(authority.roots());
        let order = Action { trading: true, ..to_webhook(&server.url) };
        let report = rig.deliver(&order, rig.delivery("a", for_webhook("buy"))).await;
        let (outcome, sent) = if again { ("delivered", 2) } else { ("unknown", 1) };
        assert_eq!((report.outcome.name(), report.attempts, server.bodies().len()), (outcome, sent, sent as usize), "{first:?}");
        let bodies = server.bodies();
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{first:?}: the bytes are the same");
        let said = (rig.attempts[0].verdict, rig.attempts[0].answer.contains("not processed by the receiver"));
        assert_eq!(said, if again { ("not sent", true) } else { ("ambiguous", false) }, "{first:?}: {:?}", rig.attempts);
    }
}

#[tokio::test]
async fn an_order_whose_time_ran_out_while_it_waited_for_its_turn_does_not_leave_afterwards() {
    let authority = Authority::new("ours");
    for _ in 0..5 {
        let server = Frames::start(authority.server("localhost", 4000, &[b"h2"]), 1, Say::Hold).await;
        let mut rig = Rig::trusting(authority.roots());
        let order = Action { trading: true, timeout: Duration::from_millis(400), ..to_webhook(&server.url) };
        let lane = rig.open(&order);
        while !server.is_heard() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let stopped = super::warm::Stopped::now();
        let names = ["one", "two", "three", "four"];
        for name in names {
            put(&lane, rig.delivery(name, for_webhook(name)));
        }
        stopped.settle().await;
        assert_eq!(server.bodies().len(), 1, "the others wait");
        // All are given up in the same moment: the first may have arrived, the others have not left and are tried again.
        tokio::time::advance(Duration::from_millis(400)).await;
        stopped.settle().await;
        stopped.go_on();
        let mut outcomes: Vec<_> = rig.outcomes(names.len()).await.iter().map(Outcome::name).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["delivered", "delivered", "delivered", "unknown"]);
        let verdicts = rig.attempts.iter().filter(|attempt| attempt.verdict == "not sent").count();
        assert_eq!(verdicts, 3, "{:?}", rig.attempts);
        let mut bodies = server.bodies();
        bodies.sort_unstable();
        let mut once = bodies.clone();
        once.dedup();
        assert_eq!(bodies, once, "an order came twice");
        assert_eq!(bodies.len(), names.len());
    }
}
