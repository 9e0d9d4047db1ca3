//! `birdcall check`: every mistake of a rules file or folder in one run, said to people or to programs; and, if asked, whether all that the
//! rules name is there.

mod connect;
mod github;
mod json;
mod notes;
mod sarif;
mod untracked;

use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use self::connect::Connected;
use super::files::FilesError;
use super::state::State;
use super::tracked::Kept;
use super::{End, complain, files, load, say, table, test, tracked};
use crate::rules::{self, Diagnostic, Loaded, RuleSet, Severity, Source, named_authors};

/// Find every mistake in a rules file or folder
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A rules file, or a folder of them [default: rules.toml, else rules/]
    path: Option<PathBuf>,
    /// Also ask the feed which accounts the key tracks, and every destination whether it can be reached; nothing is sent to anybody
    #[arg(long)]
    connect: bool,
    /// A warning is a mistake, too: exit code 1
    #[arg(long)]
    strict: bool,
    /// For whom mistakes are written; all but `human` write to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Underlined, for a terminal
    Human,
    /// One array of objects
    Json,
    /// Commands of GitHub Actions, which show up beside the lines of a pull request
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

pub(super) fn run(arguments: &Arguments) -> End {
    let format = if arguments.json { Format::Json } else { arguments.format };
    let mut sources = match files::read(arguments.path.as_deref(), &arguments.state) {
        Ok(sources) => sources,
        Err(error) => return unreadable(&error, format, &asked(arguments)),
    };
    let (mut ruleset, mut diagnostics) = examined(arguments, &sources);
    let mut fine = true;
    let connected = match ruleset.as_ref().filter(|_| arguments.connect).map(|set| connected(set)) {
        Some(Ok(connected)) => Some(connected),
        // Who asked for more than the rules is to hear of the rules all the same.
        Some(Err(why)) => {
            fine = false;
            diagnostics.push(notes::cannot_connect(&why));
            None
        }
        None => None,
    };
    if let Some(handles) = connected.as_ref().and_then(|connected| connected.handles.as_ref()) {
        match keep(handles, &sources, arguments) {
            Some(Ok(now)) => {
                sources = now;
                (ruleset, diagnostics) = examined(arguments, &sources);
            }
            Some(Err(why)) => diagnostics.push(notes::cannot_keep(&why)),
            None => {}
        }
        diagnostics.extend(untracked::untracked(&named_authors(&sources), handles));
    }
    match format {
        Format::Human => tell(&diagnostics, &sources, ruleset.as_deref(), connected.as_ref(), arguments.strict),
        machine => {
            diagnostics.extend(connected.iter().flat_map(Connected::diagnostics));
            write(machine, &diagnostics, &sources, &asked(arguments));
        }
    }
    let fine = fine && connected.is_none_or(|connected| connected.is_fine());
    match (ruleset.is_some(), fine, arguments.strict && count(&diagnostics, Severity::Warning) > 0) {
        (false, ..) => End::RulesWrong,
        (true, false, _) => End::CannotStart,
        (true, true, true) => End::RulesWrong,
        (true, true, false) => End::Fine,
    }
}

/// What comes of the rules, and all that there is to say of them.
fn examined(arguments: &Arguments, sources: &[Source]) -> (Option<Arc<RuleSet>>, Vec<Diagnostic>) {
    let Loaded { ruleset, mut diagnostics } = rules::load(sources);
    let ruleset = ruleset.map(Arc::new);
    if let Some(set) = &ruleset {
        diagnostics.extend(notes::notes(set));
        diagnostics.extend(test::untested(arguments.path.as_deref(), set).and_then(|rules| notes::untested(&rules)));
    }
    (ruleset, diagnostics)
}

/// Keeps what the feed has just said for lists with `tracked = true`, if there are any; then all texts as they are now.
fn keep(handles: &HashSet<String>, sources: &[Source], arguments: &Arguments) -> Option<Result<Vec<Source>, String>> {
    if !sources.iter().any(Source::is_tracked) {
        return None;
    }
    let Some(state) = arguments.state.place() else {
        return Some(Err("there is no state folder; name one with --state".to_owned()));
    };
    let kept = tracked::keep(&state, handles).map_err(|error| format!("{}: {error}", state.display()));
    if kept == Ok(Kept::NotEmptied) {
        return Some(Err(tracked::not_emptied(&state)));
    }
    Some(kept.and_then(|_| files::read(arguments.path.as_deref(), &arguments.state).map_err(|error| error.to_string())))
}

/// Asks all that the rules name. Who waits at a terminal sees what for.
fn connected(set: &RuleSet) -> Result<Connected, String> {
    let mut terminal = Some(std::io::stderr()).filter(std::io::IsTerminal::is_terminal);
    if let Some(terminal) = &mut terminal {
        let _ = write!(terminal, "asking the feed and {} …", plural(set.actions.len(), "action"));
        let _ = terminal.flush();
    }
    let connected = connect::connect(set);
    if let Some(terminal) = &mut terminal {
        let _ = write!(terminal, "\r\x1b[2K");
    }
    connected
}

/// Says it to a person: mistakes on standard error, what came of it on standard output.
fn tell(diagnostics: &[Diagnostic], sources: &[Source], set: Option<&RuleSet>, connected: Option<&Connected>, strict: bool) {
    load::tell(diagnostics, sources);
    let (errors, warnings) = (count(diagnostics, Severity::Error), count(diagnostics, Severity::Warning));
    let Some(set) = set else {
        let warnings = if warnings > 0 { format!(" and {}", plural(warnings, "warning")) } else { String::new() };
        return complain(format_args!("{}{warnings} in {}", plural(errors, "mistake"), files_named(sources)));
    };
    let (rules, actions) = (plural(set.rules.len(), "rule"), plural(set.actions.len(), "action"));
    match warnings {
        0 => say(format_args!("{rules} and {actions} are fine")),
        some if strict => {
            complain(format_args!("{} in {}, and --strict was asked for", plural(some, "warning"), files_named(sources)))
        }
        some => say(format_args!("{rules} and {actions} are fine, but for {}", plural(some, "warning"))),
    }
    if let Some(connected) = connected {
        let _ = write!(anstream::stdout(), "{}", connected.table());
    }
}

fn files_named(sources: &[Source]) -> String {
    match sources {
        [one] => table::clean(&one.name),
        many => plural(many.len(), "file"),
    }
}

/// Says it to a program.
fn write(format: Format, diagnostics: &[Diagnostic], sources: &[Source], asked: &str) {
    let text = match format {
        Format::Human | Format::Json => json::written(diagnostics, sources),
        Format::Github => github::written(diagnostics, sources),
        Format::Sarif => sarif::written(diagnostics, sources, asked),
    };
    let mut out = std::io::stdout().lock();
    // A reader that has gone away is no reason to fail differently.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// What was asked to be checked, as it was written.
fn asked(arguments: &Arguments) -> String {
    arguments.path.as_ref().map_or_else(|| "rules.toml".to_owned(), |path| path.display().to_string())
}

fn unreadable(error: &FilesError, format: Format, asked: &str) -> End {
    if format == Format::Human {
        complain(error);
    } else {
        let mistake = Diagnostic {
            severity: Severity::Error,
            code: "cannot-read",
            message: error.to_string(),
            span: None,
            label: String::new(),
            more: Vec::new(),
            help: None,
        };
        write(format, &[mistake], &[], asked);
    }
    if error.is_about_rules() { End::RulesWrong } else { End::CannotStart }
}

fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

fn plural(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// As all formats for programs spell it.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
