//! Rules for a command: read, checked, told about on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use super::state::State;
use super::{End, complain, files};
use crate::app::Way;
use crate::deliver::{Target, TargetError};
use crate::model::action::{Action, Destination, SecretRef, Span};
use crate::model::secret::{Secret, SecretSource};
use crate::rules::{self, Diagnostic, RuleSet, Severity, Source, Style};
use crate::secrets::{self, SecretError};

/// A rule set and the texts it came from, to show places in them later.
pub(crate) struct Rules {
    pub(crate) set: RuleSet,
    pub(crate) sources: Vec<Source>,
}

/// Reads and checks the rules behind a path. Mistakes and warnings are told; with a mistake there are no rules.
pub(crate) fn load(path: Option<&Path>, state: &State) -> Result<Rules, End> {
    let sources = files::read(path, state).map_err(|error| {
        complain(&error);
        if error.is_about_rules() { End::RulesWrong } else { End::CannotStart }
    })?;
    check(sources)
}

/// As [`load`], but warnings are not told: they are what `birdcall check` is for.
pub(crate) fn load_quietly(path: &Path, state: &State) -> Result<Rules, End> {
    let sources = files::read(Some(path), state).map_err(|error| {
        complain(&error);
        if error.is_about_rules() { End::RulesWrong } else { End::CannotStart }
    })?;
    match rules::load(&sources).ruleset {
        Some(set) => Ok(Rules { set, sources }),
        None => check(sources),
    }
}

/// Checks rules that were already read.
pub(crate) fn check(sources: Vec<Source>) -> Result<Rules, End> {
    let loaded = rules::load(&sources);
    tell(&loaded.diagnostics, &sources);
    match loaded.ruleset {
        Some(set) => Ok(Rules { set, sources }),
        None => Err(End::RulesWrong),
    }
}

/// Shows diagnostics on standard error, coloured on a terminal.
pub(crate) fn tell(diagnostics: &[Diagnostic], sources: &[Source]) {
    if diagnostics.is_empty() {
        return;
    }
    let colourful = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let style = if colourful { Style::Coloured } else { Style::Plain };
    let _ = writeln!(anstream::stderr(), "{}\n", rules::render(diagnostics, sources, style).trim_end());
}

impl Rules {
    /// Reads a secret that the rules refer to.
    pub(crate) fn secret(&self, secret: &SecretRef) -> Result<Secret, End> {
        secrets::read(secret).map_err(|error| self.complain_at(&cannot_start(secret.span, &error, help(&error))))
    }

    /// Reads an action's secrets and checks what it says.
    pub(crate) fn target(&self, action: &Action) -> Result<Target, End> {
        target(action).map_err(|wrong| self.complain_at(&wrong))
    }

    /// One way for each action. Every secret that is missing is told.
    pub(crate) fn ways(&self) -> Result<Vec<Way>, End> {
        ways(&self.set).map_err(|wrong| {
            tell(&wrong, &self.sources);
            End::CannotStart
        })
    }

    /// Tells what went wrong at the place in the rules that it is about.
    fn complain_at(&self, wrong: &Diagnostic) -> End {
        tell(std::slice::from_ref(wrong), &self.sources);
        End::CannotStart
    }
}

/// One way for each action, or every one that cannot be gone: its secrets are read, and what it says is checked.
pub(crate) fn ways(rules: &RuleSet) -> Result<Vec<Way>, Vec<Diagnostic>> {
    let (mut ways, mut wrong) = (Vec::new(), Vec::new());
    for action in &rules.actions {
        if matches!(action.destination, Destination::Console) {
            ways.push(Way::Console);
            continue;
        }
        match target(action) {
            Ok(target) => {
                if let Some(host) = target.in_clear().filter(|_| !is_written_out(&action.destination)) {
                    let action = action.name.as_str();
                    tracing::warn!(action, "http:// to {host}: what is sent can be read and changed on its way; write https://");
                }
                ways.push(Way::Send(Box::new(target)));
            }
            Err(why) => wrong.push(*why),
        }
    }
    if wrong.is_empty() { Ok(ways) } else { Err(wrong) }
}

/// The URL stands in the rules themselves, where `check` has warned of it already.
fn is_written_out(destination: &Destination) -> bool {
    matches!(destination, Destination::Webhook(webhook) if matches!(webhook.url.source, SecretSource::Clear(_)))
}

fn target(action: &Action) -> Result<Target, Box<Diagnostic>> {
    Target::resolve(action, &mut secrets::read).map_err(|error| {
        let help = help_for(&error, action);
        Box::new(cannot_start(error.span(), &error, help))
    })
}

fn cannot_start(span: Span, error: &dyn std::fmt::Display, help: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "cannot-start",
        message: error.to_string(),
        span: Some(span),
        label: "named here".to_owned(),
        more: Vec::new(),
        help: Some(help),
    }
}

/// What to do about an action that cannot be sent to.
pub(crate) fn help_for(error: &TargetError<SecretError>, action: &Action) -> String {
    match error {
        TargetError::Secret { error, .. } => help(error),
        TargetError::Unusable { .. } => format!("change it under [actions.{}]", action.name),
    }
}

/// The feed's key, where the rules name none.
pub(crate) fn usual_key() -> Option<Secret> {
    std::env::var("TWEETSTREAM_API_KEY").ok().filter(|key| !key.trim().is_empty()).map(|key| Secret::new(key.trim()))
}

/// What to do about a secret that cannot be read.
pub(crate) fn help(error: &SecretError) -> String {
    match error {
        SecretError::Unset(name) => format!("set it before you start birdcall: export {name}=…"),
        _ => "put the secret there, or name another place: env:NAME or file:PATH".to_owned(),
    }
}
