//! A state folder and a command → the answer of the instance that runs there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::line::{self, NoLine};
use super::server::PATH_BYTES;
use super::{Answer, Command, socket};
use crate::model::limits::{CONTROL_ANSWER_BYTES, CONTROL_ANSWER_WITHIN, CONTROL_PATIENCE};

/// Longer than an instance that answers at all can take: for its turn, to be heard, to be answered.
const PATIENCE: Duration = CONTROL_ANSWER_WITHIN.saturating_add(CONTROL_PATIENCE).saturating_add(CONTROL_PATIENCE);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("no birdcall is running with {} as its state folder", .0.display())]
    NotRunning(PathBuf),
    /// The path does not fit into a socket's address, so nobody can listen there.
    #[error("{}: the path has {bytes} bytes and a socket's may have {PATH_BYTES}; choose a shorter --state", .path.display())]
    TooLong {
        /// The socket's path.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// It is somebody else's.
    #[error("{}: it runs as another user, who alone may ask it", .0.display())]
    Denied(PathBuf),
    /// Silence.
    #[error("birdcall is running and did not answer within {} s; it may be stopped or too busy", .0.as_secs())]
    Silent(Duration),
    /// It went away in the middle.
    #[error("birdcall went away before it had answered; it may just have been stopped")]
    Ended,
    /// It said something that is no answer.
    #[error("the answer cannot be read ({0}); the birdcall that runs may be of another version than this one")]
    Garbled(String),
    /// The system says no.
    #[error("{}: {error}", .path.display())]
    System {
        /// The socket's path.
        path: PathBuf,
        /// What it says.
        error: std::io::Error,
    },
}

/// Asks the instance with this state folder. It may take half a minute. Not within a runtime: see [`ask_from_async`].
///
/// # Errors
/// When nobody listens there, nobody answers, or the answer cannot be read.
pub fn ask(folder: &Path, command: &Command) -> Result<Answer, AskError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| AskError::System { path: socket(folder), error })?;
    runtime.block_on(ask_from_async(folder, command))
}

/// As [`ask`], within a runtime.
///
/// # Errors
/// As [`ask`].
pub async fn ask_from_async(folder: &Path, command: &Command) -> Result<Answer, AskError> {
    match timeout(PATIENCE, exchange(folder, command)).await {
        Ok(answer) => answer,
        Err(_) => Err(AskError::Silent(PATIENCE)),
    }
}

async fn exchange(folder: &Path, command: &Command) -> Result<Answer, AskError> {
    let path = socket(folder);
    let mut stream = open(folder, command).await?;
    let answer = match line::read(&mut stream, CONTROL_ANSWER_BYTES).await {
        Ok(line) => line,
        Err(NoLine::TooLong) => return Err(AskError::Garbled(format!("it is longer than {CONTROL_ANSWER_BYTES} bytes"))),
        Err(NoLine::Ended) => return Err(AskError::Ended),
        Err(NoLine::System(error)) => return Err(system(&path, error)),
    };
    serde_json::from_slice(&answer).map_err(|error| AskError::Garbled(error.to_string()))
}

/// Connects and says the command. One that refuses before it has read everything says why, all the same: then it is read what.
pub(super) async fn open(folder: &Path, command: &Command) -> Result<UnixStream, AskError> {
    let path = socket(folder);
    let bytes = path.as_os_str().len();
    if bytes > PATH_BYTES {
        return Err(AskError::TooLong { path, bytes });
    }
    let mut stream = UnixStream::connect(&path).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::NotRunning(folder.to_owned()),
        ErrorKind::PermissionDenied => AskError::Denied(path.clone()),
        _ => system(&path, error),
    })?;
    let mut line = serde_json::to_vec(command).map_err(|error| AskError::Garbled(error.to_string()))?;
    line.push(b'\n');
    let _ = stream.write_all(&line).await;
    Ok(stream)
}

fn system(path: &Path, error: std::io::Error) -> AskError {
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => AskError::Ended,
        _ => AskError::System { path: path.to_owned(), error },
    }
}
