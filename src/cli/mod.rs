//! arguments → command → exit code; one file per subcommand.

mod arm;
mod ask;
mod check;
mod completions;
mod deliveries;
mod demo;
mod disarm;
mod explain;
mod files;
mod load;
mod man;
mod moments;
mod mute;
mod mutes;
mod past;
mod progress;
mod record;
mod redeliver;
mod reload;
mod replay;
mod rules_files;
mod run;
mod schema;
mod send;
mod simulate;
mod state;
mod status;
mod stored;
mod switch;
mod table;
mod tail;
mod test;
mod tracked;
mod tree;
mod tweet;
mod unmute;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::model::limits;
use crate::telemetry;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All is well: 0.
    Fine,
    /// The rules are wrong, or a test of them fails: 1.
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
  birdcall test rules.toml         run rules.test.toml; --new RULE writes the first test
  birdcall explain --envelope '{…}'  what every rule makes of an envelope, a file or a tweet, and why
  birdcall check --connect         ask the feed and every destination, too, without sending anything
  birdcall send desk               send one test message to the action called desk
  birdcall run rules.toml          the real thing; Ctrl-C finishes what is under way and stops
  birdcall replay --last 7d        what the rules would have made of the past; nothing is sent

While it runs, from another terminal:
  birdcall status                  feed, orders, journal, gaps, lanes and counts
  birdcall tail                    what passes, as it passes
  birdcall deliveries --failed     what did not arrive, and why
  birdcall redeliver 1041          send it again
  birdcall reload                  read the rules again; saving them does so, too
  birdcall why TWEET               what became of a tweet: why it fired or not, and its deliveries
  birdcall disarm                  stop all orders, at once; birdcall arm lets them go again
  birdcall mute listing --for 2h   hold back what a rule fires; birdcall mutes, birdcall unmute

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

Exit codes: 0 fine, 1 the rules are wrong or a test fails, 2 it cannot start, or what was asked cannot be done.

Environment:
  TWEETSTREAM_API_KEY              the feed's key, where the rules name none
  BIRDCALL_STATE                   the state folder, where --state names none
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
    /// Run the tests beside rules files, or write the first one for a rule
    Test(test::Arguments),
    /// Show what every rule makes of an envelope, a file or a tweet, and why
    Explain(explain::Arguments),
    /// Show what became of a tweet that was heard: each rule's answers, its firings and their deliveries
    Why(why::Arguments),
    /// Watch it work: a simulated feed and the starter rules, printed instead of sent
    Demo(demo::Arguments),
    /// Write the live feed to files that can be replayed
    Record(record::Arguments),
    /// Run rules over the past, without sending: a journal, recordings, standard input
    Replay(replay::Arguments),
    /// Serve a simulated feed for other clients
    Simulate(simulate::Arguments),
    /// Send one test message to one action
    Send(send::Arguments),
    /// Show how a running birdcall is: feed, lanes, backlog, gaps
    Status(status::Arguments),
    /// Show what passes through a running birdcall, as it passes
    Tail(tail::Arguments),
    /// Show deliveries: what was sent, what failed and why, what waits
    Deliveries(deliveries::Arguments),
    /// Send deliveries again that ended without having arrived
    Redeliver(redeliver::Arguments),
    /// Have a running birdcall read its rules files again, now
    Reload(reload::Arguments),
    /// Stop all orders, at once; alerts in chat go on
    Disarm(disarm::Arguments),
    /// Let orders go again
    Arm(arm::Arguments),
    /// Hold back what a rule fires, or what goes to an action, for a while
    Mute(mute::Arguments),
    /// End a mute before its time
    Unmute(unmute::Arguments),
    /// Show what is muted, until when, and what that has held back
    Mutes(mutes::Arguments),
    /// Print the JSON Schema of rules.toml, for editors
    Schema(schema::Arguments),
    /// Print the completions of a shell
    Completions(completions::Arguments),
    /// Print the page of the manual, or write one for each command into a folder
    Man(man::Arguments),
}

/// Runs the program on the process's own arguments.
#[must_use]
pub fn main() -> ExitCode {
    let end = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Why(arguments) => why::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Record(arguments) => record::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Send(arguments) => send::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Tail(arguments) => tail::run(&arguments),
        Command::Deliveries(arguments) => deliveries::run(&arguments),
        Command::Redeliver(arguments) => redeliver::run(&arguments),
        Command::Reload(arguments) => reload::run(&arguments),
        Command::Disarm(arguments) => disarm::run(&arguments),
        Command::Arm(arguments) => arm::run(&arguments),
        Command::Mute(arguments) => mute::run(&arguments),
        Command::Unmute(arguments) => unmute::run(&arguments),
        Command::Mutes(arguments) => mutes::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
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

/// Says to a person what they should know, though all goes on, on standard error.
pub(crate) fn warn(message: impl std::fmt::Display) {
    use std::io::Write as _;
    let style = anstyle::AnsiColor::Yellow.on_default().bold();
    let _ = writeln!(anstream::stderr(), "{style}warning{style:#}: {message}");
}

/// Says more of what went wrong, on standard error.
pub(crate) fn note(message: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(anstream::stderr(), "{message}");
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

/// The last words of a command: standard output may be held, and a program that was asked to end must end. Not taken there within
/// [`LOG_FLUSH`](limits::LOG_FLUSH), they go to standard error; not taken there either, they are lost.
pub(crate) fn say_last(message: impl std::fmt::Display) {
    use std::io::Write as _;
    telemetry::flush();
    let message = message.to_string();
    let again = message.clone();
    if !within_reason(move || say(message)) {
        within_reason(move || _ = writeln!(anstream::stderr(), "{again}"));
    }
}

/// As [`complain`], at the end of a command: not waited for when standard error is held.
pub(crate) fn complain_last(message: impl std::fmt::Display) {
    telemetry::flush();
    let message = message.to_string();
    within_reason(move || complain(message));
}

/// Whether `speak` was done before the reader's patience with us would have ended ours with them.
fn within_reason(speak: impl FnOnce() + Send + 'static) -> bool {
    let (done, spoken) = std::sync::mpsc::sync_channel(1);
    // A thread that is stuck ends with the process.
    let thread = std::thread::Builder::new().spawn(move || {
        speak();
        let _ = done.send(());
    });
    thread.is_ok() && spoken.recv_timeout(limits::LOG_FLUSH).is_ok()
}

/// SIGINT and SIGTERM, heard from the moment that this is made.
pub(crate) struct Signals(tokio::sync::Mutex<Option<[tokio::signal::unix::Signal; 2]>>);

impl Signals {
    /// Within a runtime. Without signals the process can still be killed; it just cannot be asked.
    pub(crate) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let both = signal(SignalKind::interrupt()).and_then(|interrupt| Ok([interrupt, signal(SignalKind::terminate())?]));
        Self(tokio::sync::Mutex::new(both.ok()))
    }

    /// Done at the next signal that no earlier call has taken. Of several that wait, the first one gets it.
    pub(crate) async fn next(&self) {
        let mut both = self.0.lock().await;
        match both.as_mut() {
            Some([interrupt, terminate]) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
            None => std::future::pending().await,
        }
    }
}

/// Done at the first SIGINT or SIGTERM from now on.
pub(crate) async fn stopped() {
    Signals::listen().next().await;
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory as _;
        super::Arguments::command().debug_assert();
    }
}
