//! The live feed → files, until somebody stops it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::{Arguments, named, size, written};
use crate::cli::files::{self, FilesError};
use crate::cli::load::Rules;
use crate::cli::progress::Progress;
use crate::cli::run::feed_key;
use crate::cli::{End, Signals, complain, complain_last, load, runtime, say_last};
use crate::clock::Clock;
use crate::decode;
use crate::feed::recording::Files;
use crate::feed::{Feed, Settings, Signal};
use crate::model::firing::Origin;
use crate::model::journal::JournalSettings;
use crate::rules::ruleset::{FeedSettings, RuleSet};
use crate::tls;

/// Between two looks at the time.
const TICK: Duration = Duration::from_millis(500);

pub(super) fn run(arguments: &Arguments, files: Files) -> End {
    let feed = match feed(arguments) {
        Ok(feed) => feed,
        Err(end) => return end,
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("the runtime could not be started: {error}"));
            return End::CannotStart;
        }
    };
    let mut recording = Recording { files, clock: Clock::system(), left_out: 0, connected: false };
    let ended = runtime.block_on(recording.run(feed));
    runtime.shutdown_background();
    // What there is is whole in any case.
    let ended = ended.and(recording.files.end().map_err(|error| named(&arguments.out, &error)));
    say_last(written(&recording.files));
    if recording.left_out > 0 {
        complain_last(format_args!("{} messages were no JSON and were left out", recording.left_out));
    }
    match ended {
        Ok(()) => End::Fine,
        Err(why) => {
            complain_last(why);
            End::CannotStart
        }
    }
}

fn feed(arguments: &Arguments) -> Result<Feed, End> {
    let rules = rules(arguments)?;
    let key = feed_key(&rules)?;
    let cannot = |error: &dyn std::fmt::Display| {
        complain(error);
        End::CannotStart
    };
    let tls = tls::client_config(&[b"http/1.1"]).map_err(|error| cannot(&error))?;
    let settings = Settings {
        url: arguments.url.clone().unwrap_or_else(|| rules.set.feed.url.clone()),
        key,
        auth: rules.set.feed.auth,
        tls: Arc::clone(&tls),
        jitter_seed: fastrand::u64(..),
    };
    Feed::new(settings).map_err(|error| cannot(&error))
}

/// Nothing is evaluated, so that it goes without rules, too: the key is then in the environment, and the feed is TweetStream's.
fn rules(arguments: &Arguments) -> Result<Rules, End> {
    if arguments.path.is_none() && matches!(files::read(None, &arguments.state), Err(FilesError::NoneGiven)) {
        let (feed, journal) = (FeedSettings::default(), JournalSettings::default());
        return Ok(Rules { set: RuleSet { feed, journal, actions: Vec::new(), rules: Vec::new() }, sources: Vec::new() });
    }
    load::load(arguments.path.as_deref(), &arguments.state)
}

struct Recording {
    files: Files,
    clock: Clock,
    /// Messages that are no JSON: they would be no line.
    left_out: u64,
    connected: bool,
}

impl Recording {
    /// Until it is stopped, or the feed refuses for good, or the disk does.
    async fn run(&mut self, mut feed: Feed) -> Result<(), String> {
        let signals = Signals::listen();
        let mut progress = Progress::new();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(signals.next());
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                signal = feed.next() => self.signal(signal, &mut progress)?,
                _ = tick.tick() => self.files.pass(self.clock.now()).map_err(|error| error.to_string())?,
            }
            let about = if self.connected { "connected" } else { "not connected" };
            progress.at(None, self.files.entries(), "envelopes", &format!("{}, {about}", size(self.files.bytes())));
        }
        progress.clear();
        feed.close().await;
        Ok(())
    }

    fn signal(&mut self, signal: Signal, progress: &mut Progress) -> Result<(), String> {
        match signal {
            Signal::Frame(text) => return self.frame(&text).map_err(|error| error.to_string()),
            Signal::Unreadable { .. } => self.left_out += 1,
            Signal::Connected { peer, .. } => {
                progress.clear();
                self.connected = true;
                info!(%peer, "connected to the feed");
            }
            Signal::Lost { why, retry_in } => {
                progress.clear();
                self.connected = false;
                let retry_in_s = format_args!("{:.1}", retry_in.as_secs_f64());
                if why.wants_attention() { error!(retry_in_s, "{why}") } else { warn!(retry_in_s, "{why}") }
            }
            Signal::Stopped { why } => return Err(why.to_string()),
        }
        Ok(())
    }

    /// What is JSON is kept, whether or not this version can make something of it.
    fn frame(&mut self, text: &str) -> std::io::Result<()> {
        let at = self.clock.now();
        if decode::decode(text).is_ok() || serde_json::from_str::<&RawValue>(text).is_ok() {
            self.files.write(at, Origin::Live, text, at)
        } else {
            self.left_out += 1;
            Ok(())
        }
    }
}
