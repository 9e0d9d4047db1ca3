//! `birdcall send`: one test message to one action, with the destination's answer.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::level_filters::LevelFilter;

use super::load::{self, Rules};
use super::state::State;
use super::{End, complain, runtime, say};
use crate::clock::Clock;
use crate::deliver::{self, Common, Granted, Switch, Target, Verdict};
use crate::model::action::Action;
use crate::model::delivery::Delivery;
use crate::model::firing::FiringBrief;
use crate::model::ids::FiringId;
use crate::model::message::Body;
use crate::model::time::Timestamp;
use crate::{render, telemetry, tls};

/// Send one test message to one action
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The action's name: NAME of [actions.NAME]
    action: String,
    /// A rules file, or a folder of them [default: rules.toml, else rules/]
    path: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> End {
    telemetry::start(LevelFilter::ERROR);
    let rules = match load::load(arguments.path.as_deref(), &State::default()) {
        Ok(rules) => rules,
        Err(end) => return end,
    };
    let Some(index) = rules.set.actions.iter().position(|action| action.name == arguments.action) else {
        complain(unknown(&rules, &arguments.action));
        return End::CannotStart;
    };
    let action = &rules.set.actions[index];
    let clock = Clock::system();
    let delivery = test_delivery(index, action, &clock);
    if let Body::Console(body) = delivery.body.as_ref() {
        say(body.pieces.iter().map(|(_, piece)| piece.as_str()).collect::<String>());
        return End::Fine;
    }
    let target = match rules.target(action) {
        Ok(target) => target,
        Err(end) => return end,
    };
    match trial(action, target, clock, &delivery) {
        Ok(trial) => {
            let said = format!("{} ({}): {trial}", action.name, action.destination.name());
            if matches!(trial.verdict, Verdict::Delivered { .. }) {
                say(said);
                End::Fine
            } else {
                complain(said);
                End::CannotStart
            }
        }
        Err(error) => {
            complain(format_args!("{}: {error}", action.name));
            End::CannotStart
        }
    }
}

fn test_delivery(index: usize, action: &Action, clock: &Clock) -> Delivery {
    let at = clock.now();
    let message = render::test_message(action, at);
    Delivery {
        firing: test_firing(at).into(),
        action: index,
        expires_at: at.plus(action.timeout),
        body: Arc::new(message.body),
        fallback: None,
        line: None,
        edits: false,
    }
}

/// A firing of no rule on no tweet. Its id is new each time, so that no receiver takes one test for the repetition of another.
fn test_firing(at: Timestamp) -> FiringBrief {
    let id = FiringId::of("birdcall send", &at.as_millis().to_string(), "");
    FiringBrief { id, rule: "birdcall send".into(), subject: "test".to_owned(), at, late: false }
}

fn trial(action: &Action, target: Target, clock: Clock, delivery: &Delivery) -> Result<deliver::Trial, String> {
    let tls = tls::client_config(&[b"h2", b"http/1.1"]).map_err(|error| error.to_string())?;
    let (events, _unread) = mpsc::channel(1);
    // Who sends a message by hand wants it sent.
    let common = Common { tls, clock, events, switch: Switch::new(true), intents: Arc::new(Granted) };
    let runtime = runtime().map_err(|error| error.to_string())?;
    runtime.block_on(deliver::send_once(action, target, &common, delivery)).map_err(|error| error.to_string())
}

fn unknown(rules: &Rules, name: &str) -> String {
    let names: Vec<_> = rules.set.actions.iter().map(|action| action.name.as_str()).collect();
    let near = names.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
    match near.filter(|near| strsim::damerau_levenshtein(near, name) <= 2) {
        Some(near) => format!("there is no action {name:?}; did you mean {near:?}?"),
        None if names.is_empty() => format!("there is no action {name:?}: the rules define none"),
        None => format!("there is no action {name:?}; the rules define {}", names.join(", ")),
    }
}
