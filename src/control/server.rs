//! Connections to the socket → commands, one after another; and their answers back.
//!
//! Nothing is spawned: all connections are driven by [`Server::next`], which the app's loop polls anyway.

use std::future::Future;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::line::{self, NoLine};
use super::tail::{self, Lines, Passing};
use super::{Answer, Command, socket};
use crate::model::limits::{CONTROL_ANSWER_WITHIN, CONTROL_CLIENTS, CONTROL_COMMAND_BYTES, CONTROL_PATIENCE, REASON_CHARS};
use crate::render::sanitise;

/// What a path of a socket may have on Linux, without the zero at its end; four fewer elsewhere.
pub(super) const PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// No new connection is looked for so long after one could not be taken (no file descriptor is free, …).
const REST: Duration = Duration::from_millis(200);

type Connection<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Why an instance cannot be asked. It can work nevertheless.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The path does not fit into a socket's address.
    #[error("{}: the path has {bytes} bytes and a socket's may have {PATH_BYTES}; choose a shorter --state", .path.display())]
    TooLong {
        /// The socket's path.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// Somebody answers there.
    #[error("{}: another instance answers there", .0.display())]
    InUse(PathBuf),
    /// Something else is in its place.
    #[error("{}: this is no socket, and birdcall does not remove what it did not make; move it away", .0.display())]
    NotASocket(PathBuf),
    /// The system says no.
    #[error("{}: {error}", .path.display())]
    System {
        /// The socket's path.
        path: PathBuf,
        /// What it says.
        error: std::io::Error,
    },
}

/// The socket of a running instance. It is removed with this value.
pub struct Server {
    listener: UnixListener,
    place: Place,
    rest: Option<Instant>,
    reading: FuturesUnordered<Connection<Option<(Command, UnixStream)>>>,
    answering: FuturesUnordered<Connection<()>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, clients) = (&self.place.path, self.clients());
        f.debug_struct("Server").field("path", path).field("clients", &clients).finish_non_exhaustive()
    }
}

/// One command, and the way for its answer.
#[derive(Debug)]
pub struct Ask {
    /// What is asked.
    pub command: Command,
    /// Takes the answer.
    pub answer: Answerer,
    /// Takes what passes, when that is what is asked for and the answer is [`Answer::Tailing`].
    pub lines: Option<Lines>,
}

/// Takes the answer to one command. Dropped without one, it says so to the client.
#[derive(Debug)]
pub struct Answerer(oneshot::Sender<Answer>);

impl Answerer {
    /// Answers. It never waits, and a client that went away is none of our business.
    pub fn answer(self, answer: Answer) {
        let _ = self.0.send(answer);
    }
}

impl Server {
    /// Opens the socket in an instance's state folder, for its user alone; one that was left behind is replaced. Within a runtime.
    ///
    /// # Errors
    /// When the path is too long, somebody answers there, or something else is in its place.
    pub fn bind(folder: &Path) -> Result<Self, BindError> {
        let path = socket(folder);
        let bytes = path.as_os_str().len();
        if bytes > PATH_BYTES {
            return Err(BindError::TooLong { path, bytes });
        }
        let system = |error| BindError::System { path: path.clone(), error };
        make_room(&path)?;
        let listener = UnixListener::bind(&path).map_err(system)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(system)?;
        let about = std::fs::symlink_metadata(&path).map_err(system)?;
        let place = Place { user: about.uid(), file: (about.dev(), about.ino()), path };
        let (reading, answering) = (FuturesUnordered::new(), FuturesUnordered::new());
        Ok(Self { listener, place, rest: None, reading, answering })
    }

    /// The next command. Answers travel while this is polled, so it is to be polled always. Cancel-safe: what has come is kept.
    pub async fn next(&mut self) -> Ask {
        loop {
            let has_room = self.clients() < CONTROL_CLIENTS;
            tokio::select! {
                Some(read) = self.reading.next() => {
                    if let Some((command, stream)) = read {
                        let (to, answer) = oneshot::channel();
                        let tailed = matches!(command, Command::Tail(_)).then(tail::lines);
                        let (lines, passing) = tailed.map_or((None, None), |(lines, passing)| (Some(lines), Some(passing)));
                        self.answering.push(Box::pin(respond(stream, answer, passing)));
                        return Ask { command, answer: Answerer(to), lines };
                    }
                }
                Some(()) = self.answering.next() => {}
                taken = take(&self.listener, self.rest), if has_room => match taken {
                    Ok(stream) => {
                        self.rest = None;
                        // Between the making of the socket and its permissions anybody could have come.
                        if self.place.admits(&stream) {
                            self.reading.push(Box::pin(listen(stream)));
                        }
                    }
                    Err(error) => {
                        tracing::warn!("the control socket could not take a connection: {error}");
                        self.rest = Some(Instant::now() + REST);
                    }
                },
            }
        }
    }

    fn clients(&self) -> usize {
        self.reading.len() + self.answering.len()
    }
}

/// The socket's file.
struct Place {
    path: PathBuf,
    /// Who made it.
    user: u32,
    /// Its device and number there.
    file: (u64, u64),
}

impl Place {
    fn admits(&self, stream: &UnixStream) -> bool {
        stream.peer_cred().is_ok_and(|peer| peer.uid() == self.user || peer.uid() == 0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A later instance may have put its own there.
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|about| (about.dev(), about.ino()) == self.file);
        if ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket that nobody listens at.
fn make_room(path: &Path) -> Result<(), BindError> {
    let system = |error| BindError::System { path: path.to_owned(), error };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error)),
        Ok(about) if !about.file_type().is_socket() => return Err(BindError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(system),
        Err(error) => Err(system(error)),
        Ok(_) => Err(BindError::InUse(path.to_owned())),
    }
}

async fn take(listener: &UnixListener, rest: Option<Instant>) -> std::io::Result<UnixStream> {
    if let Some(until) = rest {
        sleep_until(until).await;
    }
    listener.accept().await.map(|(stream, _)| stream)
}

/// Reads the command. One that cannot be read is refused in words, here; one that does not come is not answered.
async fn listen(mut stream: UnixStream) -> Option<(Command, UnixStream)> {
    let why = match timeout(CONTROL_PATIENCE, line::read(&mut stream, CONTROL_COMMAND_BYTES)).await {
        Ok(Ok(line)) => match parse(&line) {
            Ok(command) => return Some((command, stream)),
            Err(why) => why,
        },
        Ok(Err(NoLine::TooLong)) => format!("a command may have {CONTROL_COMMAND_BYTES} bytes"),
        Ok(Err(NoLine::Ended | NoLine::System(_))) => return None,
        Err(_) => format!("no command came within {} s", CONTROL_PATIENCE.as_secs()),
    };
    if write(&mut stream, &Answer::Refused { why }).await {
        drop(timeout(CONTROL_PATIENCE, stream.shutdown()).await);
    }
    None
}

fn parse(line: &[u8]) -> Result<Command, String> {
    let version = env!("CARGO_PKG_VERSION");
    let command = serde_json::from_slice(line);
    let command = command
        .map_err(|error| format!("this is no command that birdcall {version} knows: {}", sanitise::line(&error.to_string())))?;
    Ok(match command {
        Command::Disarm { why } => Command::Disarm { why: why.map(|why| reason(&why)).filter(|why| !why.is_empty()) },
        Command::Mute(mut mute) => {
            mute.because = mute.because.map(|why| reason(&why)).filter(|why| !why.is_empty());
            Command::Mute(mute)
        }
        other => other,
    })
}

/// Somebody's reason goes into logs, notices and terminals.
fn reason(raw: &str) -> String {
    sanitise::terminal(&sanitise::line(raw)).chars().take(REASON_CHARS).collect()
}

async fn respond(mut stream: UnixStream, answer: oneshot::Receiver<Answer>, lines: Option<Passing>) {
    let refused = |why: String| Answer::Refused { why };
    let answer = match timeout(CONTROL_ANSWER_WITHIN, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => refused("birdcall did not answer this; it may be stopping".to_owned()),
        Err(_) => refused(format!("birdcall did not answer within {} s", CONTROL_ANSWER_WITHIN.as_secs())),
    };
    let is_written = write(&mut stream, &answer).await;
    match lines.filter(|_| is_written && answer == Answer::Tailing) {
        Some(lines) => tail::pass_on(stream, lines).await,
        None => drop(timeout(CONTROL_PATIENCE, stream.shutdown()).await),
    }
}

/// A client that does not take its answer has it not.
async fn write(stream: &mut UnixStream, answer: &Answer) -> bool {
    // Our own types always serialise.
    let Ok(mut line) = serde_json::to_vec(answer) else { return false };
    line.push(b'\n');
    timeout(CONTROL_PATIENCE, stream.write_all(&line)).await.is_ok_and(|written| written.is_ok())
}
