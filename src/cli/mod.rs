//! arguments → command → exit code; one file per subcommand.

mod check;
mod demo;
mod files;
mod load;
mod run;
mod send;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All is well: 0.
    Fine,
    /// The rules are wrong: 1.
    RulesWrong,
    /// It could not start, or what it was asked to do could not be done: 2.
    CannotStart,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Fine => 0,
            End::RulesWrong => 1,
            End::CannotStart => 2,
        })
    }
}

const HELP: &str = "\
How to begin:
  birdcall demo                    watch it work: a simulated feed, the starter rules, no key needed
  birdcall check rules.toml        find every mistake in your rules, and what to do about it
  birdcall send desk               send one test message to the action called desk
  birdcall run rules.toml          the real thing; Ctrl-C finishes what is under way and stops

A rules file in short:
  [feed]
  key = \"env:TWEETSTREAM_API_KEY\"
  [actions.desk]
  type = \"discord\"
  url  = \"env:DISCORD_DESK\"
  [[rule]]
  name = \"listing\"
  send = [\"desk\"]
  when = { handle = [\"binance\", \"coinbase\"], keyword = [\"listing\", \"will list\"] }

Exit codes: 0 fine, 1 the rules are wrong, 2 it cannot start.

Environment:
  TWEETSTREAM_API_KEY              the feed's key, where the rules name none
  BIRDCALL_LOG                     what is logged: warn, info, birdcall=debug, ...
  SSL_CERT_FILE                    other authorities to trust than the system's
  NO_COLOR                         no colours";

/// Alerts and orders from a live feed of tweets, by rules that you write.
///
/// birdcall holds one connection to the TweetStream feed, evaluates a rules file against every envelope and sends what fires to
/// Discord, Telegram, Slack and webhooks.
#[derive(Debug, Parser)]
#[command(name = "birdcall", version, after_long_help = HELP, after_help = HELP, max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Connect to the feed, evaluate the rules and deliver until stopped
    Run(run::Arguments),
    /// Find every mistake in a rules file or folder
    Check(check::Arguments),
    /// Watch it work: a simulated feed and the starter rules, printed instead of sent
    Demo(demo::Arguments),
    /// Serve a simulated feed for other clients
    Simulate(simulate::Arguments),
    /// Send one test message to one action
    Send(send::Arguments),
}

/// Runs the program on the process's own arguments.
#[must_use]
pub fn main() -> ExitCode {
    let end = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Send(arguments) => send::run(&arguments),
    };
    end.into()
}

/// Says to a person what went wrong, on standard error.
pub(crate) fn complain(message: impl std::fmt::Display) {
    use std::io::Write as _;
    let style = anstyle::AnsiColor::Red.on_default().bold();
    // A reader that has gone away is no reason to fail differently.
    let _ = writeln!(anstream::stderr(), "{style}error{style:#}: {message}");
}

/// Says something on standard output.
pub(crate) fn say(message: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(anstream::stdout(), "{message}");
}

/// A runtime on this thread: one loop does the work, and a hand-over between threads would cost more than it gains.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Done at the first SIGINT or SIGTERM; a second one ends the process at once.
pub(crate) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        // Without signals the process can still be killed; it just cannot be asked.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory as _;
        super::Arguments::command().debug_assert();
    }
}
