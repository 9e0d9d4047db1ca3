//! Log set-up and redaction: to standard error, one line an event, never a secret. Lines go out through `writer`, which never waits.

mod writer;

use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, filter};

/// Libraries that print URLs, headers or whole handshakes in their finer levels (the feed's key travels in a header, bot tokens and
/// webhooks in URLs). They stay at `warn` whatever the user asks for.
const TALKATIVE: [&str; 9] =
    ["tungstenite", "tokio_tungstenite", "hyper", "hyper_util", "h2", "reqwest", "rustls", "tokio_rustls", "minijinja"];

/// The way out of the one log that a process has.
static WAY_OUT: OnceLock<writer::Lines> = OnceLock::new();

/// Starts logging. `BIRDCALL_LOG`, else `RUST_LOG`, sets the levels (`info`, `birdcall=debug`, …); without either, `default`.
pub fn start(default: LevelFilter) {
    let asked = std::env::var("BIRDCALL_LOG").or_else(|_| std::env::var("RUST_LOG")).unwrap_or_default();
    let levels = EnvFilter::builder().with_default_directive(default.into()).parse_lossy(asked);
    let layer = tracing_subscriber::fmt::layer().with_ansi(is_colourful()).with_target(false);
    let layer = match writer::Lines::open(Box::new(std::io::stderr())) {
        Ok(lines) => layer.with_writer(WAY_OUT.get_or_init(|| lines).clone()).boxed(),
        // Without a thread of its own a log that may wait is better than none.
        Err(_) => layer.with_writer(std::io::stderr).boxed(),
    };
    let lines = layer.with_filter(filter::filter_fn(may_be_logged));
    // A second start (in tests) changes nothing.
    let _ = tracing_subscriber::registry().with(levels).with(lines).try_init();
}

/// Waits until what was logged is written. Says no when standard error is held: when for [`LOG_FLUSH`](crate::model::limits::LOG_FLUSH)
/// little or nothing was taken.
pub fn flush() -> bool {
    WAY_OUT.get().is_none_or(writer::Lines::flush)
}

fn is_colourful() -> bool {
    use std::io::IsTerminal as _;
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

fn may_be_logged(event: &Metadata<'_>) -> bool {
    let talkative = TALKATIVE
        .iter()
        .any(|library| event.target().strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")));
    !talkative || *event.level() <= Level::WARN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_print_secrets_are_held_at_warn_and_others_are_not() {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let note = std::sync::Arc::clone(&seen);
        let spy = tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(filter::filter_fn(move |event| {
            let may = may_be_logged(event);
            note.lock().unwrap().push((event.target().to_owned(), *event.level(), may));
            may
        }));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(spy), || {
            tracing::trace!(target: "tungstenite::handshake::client", "Request: secret");
            tracing::debug!(target: "hyper_util::client", "secret");
            tracing::warn!(target: "rustls", "certificate expired");
            tracing::trace!(target: "hyperion", "another library");
            tracing::trace!(target: "birdcall::feed", "ours");
        });
        let seen: Vec<_> = seen.lock().unwrap().iter().map(|(target, _, may)| (target.clone(), *may)).collect();
        for expected in [
            ("tungstenite::handshake::client", false),
            ("hyper_util::client", false),
            ("rustls", true),
            ("hyperion", true),
            ("birdcall::feed", true),
        ] {
            assert!(seen.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {seen:?}");
        }
    }
}
