//! The real program in a folder of its own: what it printed, what it said, how it ended.

#![expect(clippy::disallowed_methods, reason = "another process is waited for in real time")]

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `is` says so. What runs beside it must have threads of its own.
pub(crate) fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "it never came to that: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder with files, and the program to run in it.
pub(crate) struct Home {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Home {
    /// An empty folder, and an environment without anything of ours.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// With `rules.toml` in it.
    pub(crate) fn with_rules(rules: &str) -> Self {
        let home = Self::new();
        home.write("rules.toml", rules);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_birdcall"));
        command.current_dir(self.folder.path()).args(arguments).env_clear().stdin(Stdio::null());
        command.env("BIRDCALL_STATE", self.folder.path().join("state"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end: exit code, standard output, standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    /// Runs a command that prints JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let (code, out, said) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    /// What `status --json` says.
    pub(crate) fn status(&self) -> Value {
        self.json(&["status", "--json"])
    }

    /// What `deliveries --json` says with these arguments, the newest first.
    pub(crate) fn deliveries(&self, arguments: &[&str]) -> Vec<Value> {
        let all = [&["deliveries", "--json", "--limit", "100000"], arguments].concat();
        serde_json::from_value(self.json(&all)).unwrap()
    }

    /// Starts and goes on.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        self.start_with(arguments, Reader::All)
    }

    /// Starts and goes on, with a reader that is not interested in everything.
    pub(crate) fn start_with(&self, arguments: &[&str], reader: Reader) -> Program {
        let mut child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, said) = sync_channel(10_000);
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take().unwrap();
        let mut held: Option<Box<dyn Send>> = None;
        match reader {
            Reader::NoOut => held = Some(Box::new(stdout)),
            Reader::Head(n) => listen(stdout, lines.clone(), n),
            Reader::All | Reader::NoErr => listen(stdout, lines.clone(), usize::MAX),
        }
        match reader {
            Reader::NoErr => held = Some(Box::new(stderr)),
            _ => listen(stderr, lines, usize::MAX),
        }
        Program { child, said, heard: String::new(), _held: held }
    }
}

/// Who reads what the program says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reader {
    All,
    /// Standard output is held: nobody reads it and it stays open.
    NoOut,
    /// Standard error is held.
    NoErr,
    /// Standard output is closed after so many lines.
    Head(usize),
}

fn listen(from: impl Read + Send + 'static, to: std::sync::mpsc::SyncSender<String>, at_most: usize) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok).take(at_most) {
            if to.send(line).is_err() {
                break;
            }
        }
    });
}

/// The program while it runs. It ends with this value.
pub(crate) struct Program {
    child: Child,
    said: Receiver<String>,
    heard: String,
    _held: Option<Box<dyn Send>>,
}

impl Program {
    /// Waits until it has said something (on either stream).
    pub(crate) fn wait_for(&mut self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.heard.contains(words) {
            match self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.heard.push_str(&line);
                    self.heard.push('\n');
                }
                Err(RecvTimeoutError::Timeout) => panic!("it never said {words:?}; it said:\n{}", self.heard),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {words:?}; it said:\n{}", self.heard),
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Takes what it has said and nobody has heard: else a talkative program finds its streams held.
    pub(crate) fn lines(&mut self) -> impl Iterator<Item = String> {
        self.said.try_iter()
    }

    /// What it has said so far, as far as it was waited for.
    pub(crate) fn heard(&self) -> &str {
        &self.heard
    }

    /// Forgets the first place where it said this, so that the next can be waited for.
    pub(crate) fn forget(&mut self, words: &str) {
        self.heard = self.heard.replacen(words, "", 1);
    }

    /// SIGTERM.
    pub(crate) fn ask_to_stop(&self) {
        self.signal("-TERM");
    }

    /// SIGSTOP.
    pub(crate) fn stand_still(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// SIGKILL: it cannot do anything about it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it still runs after so long.
    pub(crate) fn outlives(&mut self, time: Duration) -> bool {
        std::thread::sleep(time);
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end: exit code and all that it said on both streams.
    pub(crate) fn end(&mut self) -> (i32, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.heard.push_str(&line);
                    self.heard.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end; it said:\n{}", self.heard),
            }
        }
        (self.child.wait().unwrap().code().unwrap_or(-1), std::mem::take(&mut self.heard))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
