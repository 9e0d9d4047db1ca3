//! When to read the rules again: files that have changed and are at rest, or SIGHUP.
//!
//! Files are looked at ten times a second instead of being told of by the system: so every way of saving is seen (in place, by rename, by a symbolic
//! link that is turned, as Kubernetes does), on every file system, and in a container into which a single file was mounted, where notifications do
//! not come.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::files::{Look, RulesFiles};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Tells when to read.
pub(super) struct Watch {
    changed: mpsc::Receiver<()>,
    hangup: Option<Signal>,
    /// It was started from a terminal, whose end is told by the same signal.
    has_terminal: bool,
}

/// Why to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Why {
    /// Somebody has saved a file.
    Saved,
    /// Somebody has asked for it.
    Asked,
    /// Not to read: the terminal is gone from which this was started.
    Gone,
}

impl Watch {
    /// Begins to watch; `begun` is what was seen when the rules of now were read. Within a runtime.
    pub(super) fn begin(files: Arc<dyn RulesFiles>, begun: Look, watching: bool) -> Self {
        let (tell, changed) = mpsc::channel(1);
        if watching {
            // Without a thread rules are read again when they are asked for.
            let thread = std::thread::Builder::new().name("rules".to_owned()).spawn(move || watch(&*files, begun, &tell));
            if let Err(error) = thread {
                tracing::warn!(
                    "the rules are not watched, as there is no thread for it: {error}; birdcall reload reads them again"
                );
            }
        }
        let hangup = signal(SignalKind::hangup());
        if let Err(error) = &hangup {
            tracing::warn!("SIGHUP cannot be heard: {error}; birdcall reload reads the rules again");
        }
        Self { changed, hangup: hangup.ok(), has_terminal: has_terminal() }
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> Why {
        tokio::select! {
            Some(()) = self.changed.recv() => Why::Saved,
            Some(()) = async { self.hangup.as_mut()?.recv().await } => {
                if self.has_terminal && !has_terminal() { Why::Gone } else { Why::Asked }
            }
            else => std::future::pending().await,
        }
    }
}

fn has_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stderr().is_terminal()
}

fn watch(files: &dyn RulesFiles, mut latest: Look, tell: &mpsc::Sender<()>) {
    while !tell.is_closed() {
        std::thread::sleep(LOOK_EVERY);
        let now = files.look();
        if now != latest {
            latest = now;
            // When one waits there it will see this, too.
            let _ = tell.try_send(());
        }
    }
}
