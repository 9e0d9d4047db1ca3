//! `birdcall simulate`: the demo's feed and its history for other clients, or the envelopes of a file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use super::{End, complain, runtime, say, stopped, warn};
use crate::clock::Clock;
use crate::feed::Text;
use crate::feed::recording::{Lines, Order};
use crate::feed::simulator::{HistoryOptions, Options, Recording, Simulator, TrafficOptions};
use crate::model::limits::RECORDING_BYTES;
use crate::model::secret::Secret;
use crate::telemetry;

/// Serve a simulated feed, and the history of it, for other clients
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Where to serve the history of what was sent [default: the port after that of --listen]
    #[arg(long, value_name = "ADDRESS")]
    history: Option<SocketAddr>,
    /// Send the envelopes of this recording (.jsonl or .jsonl.zst) instead of simulated ones
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Envelopes a second, on average
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    rate: f64,
    /// Another number tells another story
    #[arg(long, default_value_t = 1, conflicts_with = "file")]
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
    let frames = match arguments.file.as_deref().map(read).transpose() {
        Ok(frames) => frames,
        Err(error) => {
            complain(error);
            return End::CannotStart;
        }
    };
    match runtime().and_then(|runtime| runtime.block_on(serve(arguments, frames))) {
        Ok(()) => End::Fine,
        Err(error) => {
            complain(format_args!("{}: {error}", arguments.listen));
            End::CannotStart
        }
    }
}

/// The envelopes of a recording, plain or compressed; a line that is none is sent as it stands.
fn read(path: &Path) -> Result<Arc<[Text]>, String> {
    let mut lines = Lines::open(path).map_err(|error| error.to_string())?;
    let (mut order, mut frames, mut bytes) = (Order::default(), Vec::new(), 0_u64);
    while let Some(line) = lines.next_line().map_err(|error| error.to_string())? {
        let Ok(line) = line.map_err(|faulty| warn(format_args!("{}: {faulty}", path.display()))) else { continue };
        let text = order.entry(line.number, line.text).map_or(line.text, |entry| entry.text);
        bytes += text.len() as u64;
        if bytes > RECORDING_BYTES {
            return Err(format!("{}: it is longer than {RECORDING_BYTES} bytes; cut it into parts", path.display()));
        }
        frames.push(Text::from(text));
    }
    Ok(frames.into())
}

async fn serve(arguments: &Arguments, frames: Option<Arc<[Text]>>) -> std::io::Result<()> {
    let clock = Clock::system();
    let (listen, rate) = (arguments.listen, arguments.rate);
    let next = SocketAddr::new(listen.ip(), if listen.port() == 0 { 0 } else { listen.port().wrapping_add(1) });
    let address = arguments.history.unwrap_or(next);
    let source = frames.as_ref().map(|frames| format!("; it sends the {} envelopes of the file once", frames.len()));
    let options = Options {
        key: arguments.key.clone().map(Secret::new),
        connections: arguments.connections,
        traffic: frames.is_none().then_some(TrafficOptions { seed: arguments.seed, rate }),
        recording: frames.map(|frames| Recording { frames, rate }),
        history: Some(HistoryOptions { address, ..HistoryOptions::default() }),
        ..Options::new(Arc::new(move || clock.now()))
    };
    let simulator = Simulator::bind(listen, options).await?;
    let key = if arguments.key.is_some() { "the key given" } else { "any key" };
    let source = source.unwrap_or_default();
    say(format_args!("A simulated TweetStream feed at {} accepts {key}{source}. Ctrl-C stops it.", simulator.url()));
    say(format_args!("Its history at {}", simulator.history_url().unwrap_or_default()));
    simulator.run(stopped()).await;
    Ok(())
}
