//! `birdcall demo`: the whole way without a key, a server or a configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::load::{self, Rules};
use super::state::State;
use super::{End, Signals, complain, complain_last, runtime, say, say_last};
use crate::app::{self, Setup, Totals, Way};
use crate::clock::Clock;
use crate::feed::simulator::{Options, Simulator, TrafficOptions};
use crate::feed::{Feed, Settings};
use crate::model::action::{Action, Destination, Overflow, Span};
use crate::model::limits;
use crate::model::mode::Mode;
use crate::model::secret::Secret;
use crate::rules::Source;
use crate::rules::ruleset::{Auth, FeedSettings, RuleSet, Send};
use crate::{telemetry, tls};

/// The rules that are shown when none are given: the starter file, in the program so that it runs anywhere.
const STARTER: &str = include_str!("../../rules/rules.toml");

/// Watch it work: a simulated feed and the starter rules, printed instead of sent
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A rules file or folder to run in place of the starter; nothing in it is sent to, everything is printed
    path: Option<PathBuf>,
    /// How many seconds to run; 0 runs until Ctrl-C
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// Envelopes a second, on average
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    rate: f64,
    /// Another number tells another story
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(arguments: &Arguments) -> End {
    telemetry::start(LevelFilter::ERROR);
    if !(arguments.rate.is_finite() && arguments.rate > 0.0 && arguments.rate <= 10_000.0) {
        complain(format_args!("--rate {}: it must be more than 0 and at most 10000", arguments.rate));
        return End::CannotStart;
    }
    let rules = match &arguments.path {
        Some(path) => load::load(Some(path), &State::default()),
        None => load::check(vec![Source::rules("rules/rules.toml", STARTER)]),
    };
    let rules = match rules {
        Ok(Rules { set, .. }) => printed(set),
        Err(end) => return end,
    };
    match runtime().map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(show(rules, arguments))) {
        Ok(totals) => {
            say_last(format_args!(
                "{totals}\nNext: copy rules/rules.toml, name your accounts and actions in it, and try: birdcall check rules.toml"
            ));
            End::Fine
        }
        Err(error) => {
            complain_last(error);
            End::CannotStart
        }
    }
}

async fn show(rules: RuleSet, arguments: &Arguments) -> Result<Totals, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let clock = Clock::system();
    let now = {
        let clock = clock.clone();
        Arc::new(move || clock.now())
    };
    let traffic = TrafficOptions { seed: arguments.seed, rate: arguments.rate };
    let options = Options { traffic: Some(traffic), ..Options::new(now) };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator = Simulator::bind(address, options).await.map_err(|error| words(&error))?;
    let tls = tls::client_config(&[b"h2", b"http/1.1"]).map_err(|error| words(&error))?;
    let settings = Settings {
        url: simulator.url(),
        key: Secret::new("demo"),
        auth: Auth::Subprotocol,
        tls: Arc::clone(&tls),
        jitter_seed: arguments.seed,
    };
    let feed = Feed::new(settings).map_err(|error| words(&error))?;
    let ends = if arguments.seconds == 0 {
        "until you press Ctrl-C".to_owned()
    } else {
        format!("for {} seconds, or until you press Ctrl-C", arguments.seconds)
    };
    say(format_args!(
        "A simulated feed at {}, {} rules, {ends}. Nothing leaves this machine.\n",
        simulator.url(),
        rules.rules.len()
    ));
    let ways = rules.actions.iter().map(|_| Way::Console).collect();
    let console = Box::new(anstream::stdout());
    let start_timeout = Some(Duration::from_secs(10));
    let setup = Setup {
        rules: Arc::new(rules),
        feed,
        host: simulator.address().to_string(),
        history: None,
        ways,
        console,
        tls,
        clock,
        state: None,
        start_timeout,
        rehearse: None,
        reload: None,
        ends_with_console: true,
    };
    let signals = Signals::listen();
    // The simulator is dropped, and with it its connections, when the run has ended.
    tokio::select! {
        (totals, ended) = app::run(setup, over(arguments.seconds, &signals), signals.next()) => ended.map(|()| totals).map_err(|error| words(&error)),
        () = simulator.run(std::future::pending()) => Err("the simulated feed ended".to_owned()),
    }
}

/// Done when the time is up, or when a person asks for it.
async fn over(seconds: u64, signals: &Signals) {
    let time = async {
        match seconds {
            0 => std::future::pending().await,
            seconds => tokio::time::sleep(Duration::from_secs(seconds)).await,
        }
    };
    tokio::select! {
        () = signals.next() => {}
        () = time => {}
    }
}

/// The same rules with one printing action in the place of all: what would be sent to several places is shown once.
fn printed(set: RuleSet) -> RuleSet {
    let action = Action {
        name: "terminal".to_owned(),
        span: Span::default(),
        destination: Destination::Console,
        rate_limits: Vec::new(),
        overflow: Overflow::Queue,
        max_age: limits::MAX_AGE,
        timeout: limits::REQUEST_TIMEOUT,
        trading: false,
        mode: Mode::Armed,
        max_per_day: None,
        digest: None,
        retired: false,
    };
    let rules = set.rules.into_iter().map(|mut rule| {
        let template = rule.send.iter().find_map(|send| send.template.clone());
        rule.send =
            vec![Send { action: 0, max_age: None, mode: Mode::Armed, template, brakes: None, payload: None, update: false }];
        rule
    });
    // Nobody is told of the feed: it is simulated.
    let feed = FeedSettings { notices: Vec::new(), ..set.feed };
    RuleSet { feed, journal: set.journal, actions: vec![action], rules: rules.collect() }
}
