//! `birdcall simulate`: the demo's feed for other clients.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use super::{End, complain, runtime, say, stopped};
use crate::clock::Clock;
use crate::feed::simulator::{Options, Simulator, TrafficOptions};
use crate::model::secret::Secret;
use crate::telemetry;

/// Serve a simulated feed for other clients
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Envelopes a second, on average
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    rate: f64,
    /// Another number tells another story
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The only key that is accepted [default: any key]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Connections at the same time; further ones are refused with 429
    #[arg(long, value_name = "N", default_value_t = 100)]
    connections: usize,
}

pub(super) fn run(arguments: &Arguments) -> End {
    telemetry::start(LevelFilter::INFO);
    if !(arguments.rate.is_finite() && arguments.rate > 0.0 && arguments.rate <= 10_000.0) {
        complain(format_args!("--rate {}: it must be more than 0 and at most 10000", arguments.rate));
        return End::CannotStart;
    }
    match runtime().and_then(|runtime| runtime.block_on(serve(arguments))) {
        Ok(()) => End::Fine,
        Err(error) => {
            complain(format_args!("{}: {error}", arguments.listen));
            End::CannotStart
        }
    }
}

async fn serve(arguments: &Arguments) -> std::io::Result<()> {
    let clock = Clock::system();
    let options = Options {
        key: arguments.key.clone().map(Secret::new),
        connections: arguments.connections,
        traffic: Some(TrafficOptions { seed: arguments.seed, rate: arguments.rate }),
        ..Options::new(Arc::new(move || clock.now()))
    };
    let simulator = Simulator::bind(arguments.listen, options).await?;
    let key = if arguments.key.is_some() { "the key given" } else { "any key" };
    say(format_args!("A simulated TweetStream feed at {} accepts {key}. Ctrl-C stops it.", simulator.url()));
    simulator.run(stopped()).await;
    Ok(())
}
