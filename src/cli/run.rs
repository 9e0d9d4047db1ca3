//! `birdcall run`: the real thing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::load::Rules;
use super::rules_files::Files;
use super::state::State;
use super::{End, Signals, complain, complain_last, load, runtime, say_last};
use crate::app::{self, Durable, Look, Reload, RulesFiles as _, Setup};
use crate::clock::Clock;
use crate::feed::{Feed, History, HistorySettings, Settings, history};
use crate::model::secret::Secret;
use crate::{control, journal, telemetry, tls};

/// How the history API is told who asks.
const AGENT: &str = concat!("birdcall/", env!("CARGO_PKG_VERSION"));

/// Connect to the feed, evaluate the rules and deliver until stopped
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A rules file, or a folder of them [default: rules.toml, else rules/]
    path: Option<PathBuf>,
    /// The feed's URL, in place of the one in the rules
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Where to ask for what was missed, in place of the URL in the rules
    #[arg(long, value_name = "URL")]
    history: Option<String>,
    /// Give up when the feed has not been reached once within so many seconds; 0 tries for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    start_timeout: u64,
    /// Every so many milliseconds an alert is rehearsed, to nobody, so that the processor knows the way when a true one comes; 0 never does it.
    /// It takes some 6 % of one core
    #[arg(long, value_name = "MS", default_value_t = 2)]
    rehearse: u64,
    /// Do not read the rules again when they were saved, but only at SIGHUP and for birdcall reload
    #[arg(long)]
    no_watch: bool,
    #[command(flatten)]
    state: State,
}

pub(super) fn run(arguments: &Arguments) -> End {
    telemetry::start(LevelFilter::INFO);
    // Before they are read: what is saved meanwhile is read again.
    let files = Files::new(arguments.path.clone(), arguments.state.clone());
    let look = files.look();
    let setup = load::load(arguments.path.as_deref(), &arguments.state).and_then(|rules| setup(rules, files, look, arguments));
    let setup = match setup {
        Ok(setup) => setup,
        Err(end) => return end,
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("the runtime could not be started: {error}"));
            return End::CannotStart;
        }
    };
    let ran = runtime.block_on(async {
        let signals = Signals::listen();
        let setup = reachable(setup).map_err(complain_last)?;
        // It is large, and would be moved about.
        Ok(Box::pin(app::run(setup, signals.next(), signals.next())).await)
    });
    // A name look-up that hangs must not hold the program.
    runtime.shutdown_background();
    let Ok::<_, ()>((totals, ended)) = ran else { return End::CannotStart };
    say_last(totals);
    match ended {
        Ok(()) => End::Fine,
        Err(error) => {
            complain_last(error);
            End::CannotStart
        }
    }
}

/// Opens the socket through which the instance is asked. Without it orders could not be stopped, so it must be there.
fn reachable(mut setup: Setup) -> Result<Setup, control::BindError> {
    if let Some(state) = &mut setup.state {
        state.control = Some(control::Server::bind(&state.folder)?);
    }
    Ok(setup)
}

/// Reads every secret and prepares every lane before anything is connected: all that is missing is told in one run.
fn setup(rules: Rules, files: Files, look: Look, arguments: &Arguments) -> Result<Setup, End> {
    if let Some(why) = app::nobody_is_told(&rules.set) {
        tracing::warn!("{why}");
    }
    let key = feed_key(&rules);
    let ways = rules.ways();
    let (key, ways) = (key?, ways?);
    let cannot = |error: &dyn std::fmt::Display| {
        complain(error);
        End::CannotStart
    };
    let tls = tls::client_config(&[b"h2", b"http/1.1"]).map_err(|error| cannot(&error))?;
    let settings = Settings {
        url: arguments.url.clone().unwrap_or_else(|| rules.set.feed.url.clone()),
        key,
        auth: rules.set.feed.auth,
        tls: Arc::clone(&tls),
        jitter_seed: fastrand::u64(..),
    };
    let (url, secret) = (settings.url.clone(), settings.key.clone());
    let feed = Feed::new(settings).map_err(|error| cannot(&error))?;
    let clock = Clock::system();
    let history = arguments.history.clone().or_else(|| rules.set.feed.history.clone()).or_else(|| history::default_url(&url));
    let history = history.map(|url| HistorySettings {
        url,
        key: secret,
        tls: Arc::clone(&tls),
        agent: AGENT.to_owned(),
        clock: clock.clone(),
    });
    let account = history.clone().and_then(|of| Some(HistorySettings { url: history::account_url(&of.url).ok()?, ..of }));
    let history = history.map(History::new).transpose().map_err(|error| cannot(&error))?;
    let folder = arguments.state.folder()?;
    let (journal, writer) = journal::open(&folder, rules.set.journal, clock.clone()).map_err(|error| cannot(&error))?;
    let state = Durable { folder, journal, writer: Box::new(writer), control: None };
    let start_timeout = (arguments.start_timeout > 0).then(|| Duration::from_secs(arguments.start_timeout));
    let rehearse = (arguments.rehearse > 0).then(|| Duration::from_millis(arguments.rehearse));
    let console = Box::new(anstream::stdout());
    let (files, journal, watch) = (Arc::new(files.asking(account)), Some(state.folder.clone()), !arguments.no_watch);
    let reload = Reload { files, look, sources: rules.sources, journal, watch };
    Ok(Setup {
        rules: Arc::new(rules.set),
        host: host(&url),
        feed,
        history,
        ways,
        console,
        tls,
        clock,
        state: Some(state),
        start_timeout,
        rehearse,
        reload: Some(reload),
        ends_with_console: false,
    })
}

/// The host of the feed's URL.
fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn feed_key(rules: &Rules) -> Result<Secret, End> {
    if let Some(key) = &rules.set.feed.key {
        return rules.secret(key);
    }
    load::usual_key().ok_or_else(|| {
        complain(
            "there is no key for the feed: set TWEETSTREAM_API_KEY, or write key = \"env:NAME\" under [feed] in the rules.\n       \
             Without a key you can still try: birdcall demo",
        );
        End::CannotStart
    })
}
